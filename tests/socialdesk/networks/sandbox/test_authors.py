"""How people answer: to a reply, to a message, to a request to follow, to silence; each once, and not for ever."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from socialdesk.networks.sandbox.authors import answer_to_permission, asks_permission, asks_to_follow
from socialdesk.networks.sandbox.client import Client
from socialdesk.networks.sandbox.publisher import SandboxPublisher
from socialdesk.networks.sandbox.script import set_speed
from socialdesk.networks.sandbox.world import World
from tests.socialdesk.networks.sandbox.play import Clock, author, line, write_script


class Play:
    """A world with one person who has posted once, and enough chatter of others to let time pass."""

    def __init__(self, world: World, folder: Path, mood: str, *, then: list[dict[str, str]] | None = None, **values: Any) -> None:
        kind, lang = values.pop("kind", "complaint"), values.get("lang", "en")
        people = [author("ana", mood, **values), author("cy", "silent")]
        lines = [line(0, "ana", kind=kind, lang=lang, then=then or []), *(line(i, "cy", "x", kind="chatter") for i in range(1, 400))]
        self.world, self.clock = world, Clock(world, write_script(folder / "demo", lines, people))
        self.publisher = SandboxPublisher(Client(world, "tidewheel"))
        self.clock.tick()
        self.post = world.posts_by("ana")[0]
        self._sent = 0

    def reply(self, text: str = "We are sorry.", *, to: str = "") -> str:
        """The desk replies to the last post of theirs, or to that one, and time goes by. Returns what they then said."""
        said = len(self.world.posts_by("ana"))
        self._sent += 1
        self.publisher.reply(in_reply_to=to or self.world.posts_by("ana")[-1].id, text=text, token=f"t{self._sent}")
        self.clock.run(40)
        return " / ".join(post.text for post in self.world.posts_by("ana")[said:])

    def message(self, text: str = "Your order number, please?") -> str:
        said = len(self.world.messages_between("ana"))
        self._sent += 1
        self.publisher.direct_message(to=self.post.author.id, text=text, token=f"t{self._sent}")
        self.clock.run(40)
        return " / ".join(message.text for message in self.world.messages_between("ana")[said + 1 :])


@pytest.mark.parametrize(
    ("mood", "said"),
    [
        ("grateful", ["thanks", "bye", ""]),
        ("patient", ["more", "thanks", "bye", ""]),
        ("impatient", ["more", "thanks", ""]),
        ("hostile", ["impatient", "more", "bye", ""]),
        ("silent", ["", ""]),
    ],
)
def test_people_answer_by_their_mood_until_the_thread_ends(world: World, tmp_path: Path, mood: str, said: list[str]) -> None:
    play = Play(world, tmp_path, mood)
    assert [play.reply() for _ in said] == [f"en {mood} {phrase}" if phrase else "" for phrase in said]


def test_an_answer_replies_to_our_reply_in_the_same_thread_after_a_human_while(world: World, tmp_path: Path) -> None:
    play = Play(world, tmp_path, "grateful")
    sent = play.publisher.reply(in_reply_to=play.post.id, text="Here is how.", token="t1")
    play.clock.run(5)
    assert len(world.posts_by("ana")) == 1
    play.clock.run(30)
    answer = world.posts_by("ana")[-1]
    assert (answer.in_reply_to, answer.thread, answer.language) == (sent.external_id, play.post.id, "en")


def test_answers_come_sooner_at_a_higher_speed(world: World, tmp_path: Path) -> None:
    play = Play(world, tmp_path, "grateful")
    set_speed(world, 20)
    play.publisher.reply(in_reply_to=play.post.id, text="Here is how.", token="t1")
    play.clock.run(3)
    assert len(world.posts_by("ana")) == 2


def test_the_lines_of_the_script_come_before_the_mood(world: World, tmp_path: Path) -> None:
    then = [{"on": "public_reply", "text": "The grey button worked."}, {"on": "public_reply", "text": "Until now."}]
    play = Play(world, tmp_path, "patient", then=then)
    assert [play.reply() for _ in range(4)] == ["The grey button worked.", "Until now.", "en patient bye", ""]


def test_people_speak_their_own_language_and_english_where_there_are_no_words(world: World, tmp_path: Path) -> None:
    assert Play(world, tmp_path, "grateful", lang="de").reply() == "de grateful thanks"
    world.reset()
    assert Play(world, tmp_path, "grateful", lang="fr").reply() == "en grateful thanks"


def test_thanks_for_a_compliment_ask_for_nothing_more(world: World, tmp_path: Path) -> None:
    play = Play(world, tmp_path, "patient", kind="compliment")
    assert [play.reply(), play.reply()] == ["en patient thanks", ""]


def test_spam_does_not_answer(world: World, tmp_path: Path) -> None:
    assert Play(world, tmp_path, "patient", kind="spam").reply() == ""


def test_a_reply_is_answered_once_however_often_the_play_goes_on(world: World, tmp_path: Path) -> None:
    play = Play(world, tmp_path, "patient")
    assert play.reply() == "en patient more"
    play.clock.run(300)
    assert len(world.posts_by("ana")) == 2


def test_two_replies_to_one_post_get_one_answer_each(world: World, tmp_path: Path) -> None:
    play = Play(world, tmp_path, "patient")
    play.publisher.reply(in_reply_to=play.post.id, text="One.", token="a")
    play.publisher.reply(in_reply_to=play.post.id, text="Two.", token="b")
    play.clock.run(60)
    assert sorted(post.text for post in world.posts_by("ana")[1:]) == ["en patient more", "en patient thanks"]


def test_nobody_answers_a_reply_that_was_deleted_in_time(world: World, tmp_path: Path) -> None:
    play = Play(world, tmp_path, "grateful")
    sent = play.publisher.reply(in_reply_to=play.post.id, text="Wrong window.", token="t1")
    play.clock.run(2)
    play.publisher.delete(external_id=sent.external_id)
    play.clock.run(60)
    assert len(world.posts_by("ana")) == 1


def test_replies_that_the_script_wrote_are_left_to_the_script(world: World, tmp_path: Path) -> None:
    lines = [line(0, "ana"), line(1, "tidewheel", "Sorry.", reply_to="p0"), *(line(i, "cy", "x") for i in range(2, 99))]
    clock = Clock(world, write_script(tmp_path / "demo", lines, backlog=2))
    clock.tick()
    clock.run(120)
    assert len(world.posts_by("ana")) == 1


def test_who_is_asked_to_follow_follows_says_so_and_can_be_written_to(world: World, tmp_path: Path) -> None:
    play = Play(world, tmp_path, "patient", follows_when_asked=True, then=[{"on": "message", "text": "It is 4711."}])
    assert play.reply("Could you follow us? Then we can write to you privately.") == "en patient followed"
    assert play.publisher.follows_us(play.post.author.id)
    assert [play.message() for _ in range(4)] == ["It is 4711.", "en patient thanks", "", ""]


def test_who_is_asked_for_permission_says_yes_no_or_something_else_and_always_the_same(world: World, tmp_path: Path) -> None:
    play = Play(world, tmp_path, "patient", kind="compliment")
    question = "Thank you, Ana! May we repost this on our account? A simple yes or no is enough."
    meant = answer_to_permission(play.post.author.id)
    assert [play.reply(question), play.reply(question)] == [f"en patient {meant}"] * 2
    assert play.reply("Thank you so much!") == "en patient thanks"
    assert {answer_to_permission(str(number)) for number in range(40)} == {"permission_yes", "permission_no", "permission_unclear"}


def test_people_who_have_no_words_for_it_do_not_answer_the_question(world: World, tmp_path: Path) -> None:
    people, lines = [author("ana"), author("cy")], [line(0, "ana"), *(line(i, "cy", "x", kind="chatter") for i in range(1, 99))]
    script = write_script(tmp_path / "demo", lines, people, {"en": {"patient": {"thanks": ["ta"]}}})
    clock = Clock(world, script)
    clock.tick()
    world.reply_as("tidewheel", world.posts_by("ana")[0].id, "May we quote your words, with your name and a link?")
    clock.run(60)
    assert len(world.posts_by("ana")) == 1


def test_who_follows_already_is_not_told_twice(world: World, tmp_path: Path) -> None:
    play = Play(world, tmp_path, "patient", follows_when_asked=True)
    assert [play.reply("Please follow us."), play.reply("Please follow us.")] == ["en patient followed", "en patient more"]


def test_who_does_not_want_to_does_not_follow(world: World, tmp_path: Path) -> None:
    play = Play(world, tmp_path, "hostile", follows_when_asked=False)
    assert play.reply("Could you follow us?") == "en hostile impatient"
    assert not play.publisher.follows_us(play.post.author.id)


def test_who_says_that_they_will_follow_does(world: World, tmp_path: Path) -> None:
    then = [{"on": "public_reply", "text": "Thank you. I'll follow so we can do it privately."}]
    play = Play(world, tmp_path, "grateful", follows_when_asked=True, then=then)
    assert play.reply() == then[0]["text"]
    assert world.follows("ana")


def test_the_impatient_lose_patience_once_when_nobody_answers(world: World, tmp_path: Path) -> None:
    play = Play(world, tmp_path, "impatient")
    play.clock.run(170)
    assert len(world.posts_by("ana")) == 1
    play.clock.run(900)
    assert [(post.text, post.in_reply_to) for post in world.posts_by("ana")[1:]] == [("en impatient impatient", play.post.id)]


def test_the_script_says_what_is_said_into_silence(world: World, tmp_path: Path) -> None:
    play = Play(world, tmp_path, "grateful", then=[{"on": "silence", "text": "Got the bus."}, {"on": "silence", "text": "Day 2."}])
    play.clock.run(1000)
    assert [post.text for post in world.posts_by("ana")[1:]] == ["Got the bus.", "Day 2."]


@pytest.mark.parametrize("mood", ["grateful", "patient", "silent"])
def test_others_wait(world: World, tmp_path: Path, mood: str) -> None:
    play = Play(world, tmp_path, mood)
    play.clock.run(600)
    assert len(world.posts_by("ana")) == 1


def test_who_was_answered_does_not_lose_patience(world: World, tmp_path: Path) -> None:
    play = Play(world, tmp_path, "impatient")
    assert play.reply() == "en impatient more"
    play.clock.run(600)
    assert len(world.posts_by("ana")) == 2


def test_who_was_written_to_privately_does_not_lose_patience(world: World, tmp_path: Path) -> None:
    play = Play(world, tmp_path, "impatient")
    world.follow("ana")
    play.message()
    play.clock.run(600)
    assert len(world.posts_by("ana")) == 1


def test_a_person_from_outside_the_script_answers_too(world: World, tmp_path: Path) -> None:
    play = Play(world, tmp_path, "silent")
    stranger = world.publish("stranger", "hello @tidewheel")
    play.publisher.reply(in_reply_to=stranger.id, text="Please follow us.", token="t1")
    play.clock.run(40)
    assert [post.text for post in world.posts_by("stranger")] == ["hello @tidewheel", "en patient followed"]
    assert world.follows("stranger")


def test_an_answer_is_dated_after_what_it_answers(world: World, tmp_path: Path) -> None:
    play = Play(world, tmp_path, "grateful")
    world.publish("tidewheel", "Sorry.", in_reply_to=play.post.id, posted_at=play.clock.now)
    asked = play.clock.now
    play.clock.tick(1)
    play.clock.tick(3600)
    answer = world.posts_by("ana")[-1]
    assert asked < answer.posted_at <= play.clock.now
    assert play.clock.now - answer.posted_at < timedelta(seconds=30)


@pytest.mark.parametrize(
    "text",
    [
        "Could you follow us? Then we can message you.",
        "Please follow @tidewheel so that we can write to you",
        "If you give us a follow we'll take it from there",
        "would you mind following us for a moment",
        "Follow back please!",
        "Folge uns bitte kurz, dann schreiben wir dir.",
        "Folgen Sie uns, dann melden wir uns privat.",
        "Wenn du uns kurz folgst, schreiben wir dir",
        "Könnten Sie uns bitte folgen?",
        "Suis-nous et on t'écrit en privé",
        "Pouvez-vous nous suivre un instant ?",
        "Suivez notre compte et nous vous écrirons",
        "Abonnez-vous à notre compte, s'il vous plaît",
        "¿Nos sigues un momento y te escribo?",
        "Síguenos y te escribimos por privado",
        "¿Podrías seguirnos?",
        "تابعنا من فضلك حتى نراسلك على الخاص",
        "ممكن متابعتنا ونكلمك على الخاص؟",
        "تابع حسابنا لو سمحت",
    ],
)
def test_a_request_to_follow_is_recognised(text: str) -> None:
    assert asks_to_follow(text)


@pytest.mark.parametrize(
    "text",
    [
        "We'll follow up with you tomorrow.",
        "Expect a follow-up by Friday",
        "Please follow the steps on the display",
        "Follow these instructions, then restart",
        "the following hubs are open",
        "Wir melden uns in der Folge bei Ihnen",
        "Folgende Schritte helfen: App schließen, neu starten",
        "Folgen Sie bitte den Schritten in der App",
        "Je suis désolée pour cette attente",
        "Votre abonnement est bien résilié",
        "Je suis votre dossier personnellement",
        "Si el problema sigue, avísanos",
        "Sigue los pasos de la pantalla",
        "نتابع ملاحظتك الآن",
        "تابع الخطوات على الشاشة",
        "سنرد عليك في رسالة متابعة",
    ],
)
def test_what_only_sounds_like_one_is_not(text: str) -> None:
    assert not asks_to_follow(text)


@pytest.mark.parametrize(
    "text",
    [
        "May we repost this on our account?",
        "Could we share your post with our followers?",
        "can we quote your words",
        "Dürfen wir diesen Beitrag teilen?",
        "Dürften wir Ihre Worte auf unserer Seite zitieren?",
        "Pouvons-nous partager votre message ?",
        "Peut-on citer vos mots ?",
        "¿Podemos compartir tu publicación?",
        "¿Podríamos citar tus palabras?",
        "هل تسمحون لنا بإعادة نشر هذه المشاركة؟",
    ],
)
def test_a_request_for_permission_is_recognised(text: str) -> None:
    assert asks_permission(text)


@pytest.mark.parametrize(
    "text",
    [
        "Can we share your order number with the hub?",
        "May we call you?",
        "Thank you for sharing!",
        "Dürfen wir Sie anrufen?",
        "Wir haben Ihren Beitrag gelesen",
        "Pouvons-nous vous appeler ?",
        "¿Podemos llamarle?",
        "شكرًا على المشاركة",
        "We quote our prices with tax",
    ],
)
def test_what_only_sounds_like_asking_is_not(text: str) -> None:
    assert not asks_permission(text)
