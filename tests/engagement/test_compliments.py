"""Praise from the agent's hand to the thank-you: who may do what, what is recorded, and what the author is asked."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import IntegrityError, transaction

from engagement.models import Compliment, Delivery, Draft, Message, Permission
from engagement.services.answers import AlreadyAnswered
from engagement.services.compliments import MAX_NOTE, accept_compliment, choose_praise, forward_compliment
from engagement.services.delivery import undo_delivery
from engagement.services.permissions import decline_compliment, read_answers, record_answer
from engagement.services.praise_replies import ask_permission, hand_thanks, note_thanked, thank_author
from engagement.services.praise_state import MovedOn
from engagement.services.send import send_direct_message, send_reply
from engagement.services.shares import take_back
from listening.models import Mention, NetworkAccount
from listening.services.conversations import claim_conversation
from profiles.models import Agent, Role
from socialdesk.lib.clock import now
from socialdesk.lib.errors import Conflict, DeskError, NotAllowed, NotFound
from tests.engagement.desk import Desk, work
from tests.engagement.praise import PRAISE, Praise, fresh, history
from tests.engagement.threads import at_once
from tests.factories import make_agent, make_mention, make_post, push

pytestmark = pytest.mark.django_db


@pytest.fixture
def rafa(db: None) -> Agent:
    return make_agent(Role.MARKETING, username="rafa")


@pytest.fixture
def praise(sam: Agent, rafa: Agent) -> Praise:
    return Praise(sam, rafa)


def lines(compliment: Compliment) -> list[str]:
    """What the team reads of it in the conversation."""
    notes = Message.objects.filter(conversation=compliment.conversation, kind=Message.Kind.NOTE)
    return list(notes.order_by("pk").values_list("text", flat=True))


# --- Forwarding ---------------------------------------------------------------------------------------------------------


def test_forwarding_hands_the_post_its_note_and_its_thread_over(praise: Praise, sam: Agent) -> None:
    compliment = praise.forward(note="  the  hub\nwill love this ")
    assert (compliment.state, compliment.forwarded_by, compliment.forwarded_to, compliment.note) == (
        "new",
        sam,
        None,
        "the hub will love this",
    )
    assert compliment.conversation == compliment.mention.conversation
    assert history(compliment) == ["forwarded"]
    assert lines(compliment) == ["Praise forwarded to marketing. the hub will love this"]


def test_forwarding_twice_forwards_one_and_keeps_both_notes(praise: Praise, ana: Agent) -> None:
    first = praise.forward(note="look")
    again = forward_compliment(mention_id=first.mention_id, agent=ana, note="from me too")
    assert forward_compliment(conversation_id=first.conversation_id, agent=ana).pk == again.pk == first.pk
    assert Compliment.objects.count() == 1
    assert history(first) == ["forwarded", "noted"]
    assert first.events.get(kind="noted").note == "from me too"


@pytest.mark.django_db(transaction=True)
def test_forwarding_at_the_same_moment_forwards_one(sam: Agent, rafa: Agent) -> None:
    praise = Praise(sam, rafa)
    mention = praise.mention(PRAISE)
    made = at_once([lambda: forward_compliment(mention_id=mention.pk, agent=sam).pk] * 6)
    assert len(set(made)) == 1
    assert history(Compliment.objects.get()) == ["forwarded"]


def test_of_a_conversation_the_newest_praise_is_meant(praise: Praise, sam: Agent) -> None:
    texts = ["@tidewheel hello, where is the hub?", PRAISE, "@tidewheel another question: when do you open?"]
    mentions = [praise.mention(text, author="mara") for text in texts]
    assert len({mention.conversation_id for mention in mentions}) == 1
    compliment = forward_compliment(conversation_id=mentions[0].conversation_id, agent=sam)
    assert compliment.mention == mentions[1]
    assert choose_praise([mentions[0], mentions[2]]) == mentions[2]
    assert choose_praise([]) is None


def test_an_account_owner_can_be_named_and_works_on_it(praise: Praise, sam: Agent, ana: Agent) -> None:
    compliment = praise.forward(to=ana)
    assert lines(compliment) == ["Praise forwarded to Ana."]
    assert accept_compliment(compliment_id=compliment.pk, agent=ana).accepted_by == ana
    with pytest.raises(NotAllowed):
        accept_compliment(compliment_id=compliment.pk, agent=sam)


@pytest.mark.parametrize(
    "given", [{}, {"conversation_id": 10**9}, {"mention_id": 10**30}, {"mention_id": 10**9}, {"conversation_id": 10**30}]
)
def test_what_is_not_there_cannot_be_forwarded(sam: Agent, given: dict[str, Any]) -> None:
    with pytest.raises(NotFound):
        forward_compliment(agent=sam, **given)


def test_nobody_gives_themselves_what_only_marketing_may_do(praise: Praise, sam: Agent, rafa: Agent) -> None:
    mention = praise.mention(PRAISE)
    with pytest.raises(NotAllowed, match="cannot make yourself its owner"):
        forward_compliment(mention_id=mention.pk, agent=sam, to=sam)
    assert not Compliment.objects.exists()
    assert forward_compliment(mention_id=mention.pk, agent=rafa, to=rafa).forwarded_to == rafa


def test_what_cannot_be_forwarded_says_why(praise: Praise, sam: Agent, ana: Agent) -> None:
    mention = praise.mention(PRAISE)
    with pytest.raises(DeskError, match="at most 500"):
        forward_compliment(mention_id=mention.pk, agent=sam, note="x" * (MAX_NOTE + 1))
    ana.is_active = False
    ana.save()
    with pytest.raises(DeskError, match="does not work here"):
        forward_compliment(mention_id=mention.pk, agent=sam, to=ana)
    praise.author_deletes(mention)
    with pytest.raises(Conflict, match="deleted"):
        forward_compliment(mention_id=mention.pk, agent=sam)
    with pytest.raises(DeskError, match="no public post"):
        forward_compliment(conversation_id=mention.conversation_id, agent=sam)
    assert not Compliment.objects.exists()


def test_our_own_post_is_no_praise(praise: Praise, sam: Agent) -> None:
    compliment = praise.asked()
    own = Mention.objects.get(is_own=True)
    with pytest.raises(NotFound):
        forward_compliment(mention_id=own.pk, agent=sam)
    assert compliment.conversation == own.conversation


# --- Asking -------------------------------------------------------------------------------------------------------------


def test_permission_is_asked_in_public_by_the_same_outbox_in_the_authors_language(praise: Praise, rafa: Agent) -> None:
    praise.world.add_account("greta", display_name="Greta N.", language="de")
    text = "@tidewheel Der Fahrer war wirklich sehr freundlich, vielen herzlichen Dank dafür!"
    compliment = praise.asked(text=text, author="greta")
    (post,) = praise.answers(compliment.mention)
    assert post.text == "Vielen Dank, Greta N.! Dürfen wir diesen Beitrag auf unserem Konto teilen? Ein kurzes Ja oder Nein genügt."
    message = compliment.asking
    assert message is not None
    assert (message.kind, message.answer_number, message.agent, message.delivery.state) == ("reply", 1, rafa, "sent")
    assert (compliment.state, compliment.purpose, compliment.accepted_by) == ("permission_asked", "repost", rafa)
    conversation = compliment.conversation
    conversation.refresh_from_db()
    assert (conversation.status, conversation.claimed_by, conversation.assignee) == ("waiting", None, None)


def test_asking_twice_asks_once(praise: Praise, rafa: Agent) -> None:
    compliment = praise.forward()
    for _ in range(3):
        ask_permission(compliment_id=compliment.pk, agent=rafa, purpose="repost", hold=0)
    work(now())
    assert len(praise.answers(compliment.mention)) == 1
    assert history(compliment) == ["forwarded", "asked"]


@pytest.mark.django_db(transaction=True)
def test_asking_at_the_same_moment_asks_once(sam: Agent, rafa: Agent) -> None:
    praise = Praise(sam, rafa)
    compliment = praise.forward()
    at_once([lambda: ask_permission(compliment_id=compliment.pk, agent=rafa, purpose="quote", hold=0)] * 5)
    assert Message.objects.filter(kind="reply").count() == 1


def test_marketing_writes_nothing_but_the_fixed_wording(praise: Praise, rafa: Agent) -> None:
    compliment = praise.forward()
    for send in (send_reply, send_direct_message):
        with pytest.raises(NotAllowed):
            send(conversation_id=compliment.conversation_id, agent=rafa, text="Buy our bikes!")
    ask_permission(compliment_id=compliment.pk, agent=rafa, purpose="repost")
    assert Message.objects.filter(agent=rafa, kind="reply").count() == 1


@pytest.mark.parametrize("role", [Role.AGENT, Role.MANAGER])
def test_who_does_not_work_the_board_asks_nobody(praise: Praise, role: str) -> None:
    compliment = praise.forward()
    with pytest.raises(NotAllowed):
        ask_permission(compliment_id=compliment.pk, agent=make_agent(role), purpose="repost")
    assert not Message.objects.filter(kind="reply").exists()


def test_a_second_public_answer_is_refused_until_the_first_was_seen(praise: Praise, sam: Agent, rafa: Agent) -> None:
    compliment = praise.forward()
    send_reply(conversation_id=compliment.conversation_id, agent=sam, text="Thank you!", hold=0)
    work(now())
    with pytest.raises(AlreadyAnswered):
        ask_permission(compliment_id=compliment.pk, agent=rafa, purpose="repost")
    assert fresh(compliment).state == "new"
    ask_permission(compliment_id=compliment.pk, agent=rafa, purpose="repost", answer_seen=1, hold=0)
    asked = fresh(compliment)
    assert asked.asking is not None
    assert asked.asking.answer_number == 2


def test_whoever_has_the_conversation_in_hand_is_waited_for(praise: Praise, sam: Agent, rafa: Agent) -> None:
    compliment = praise.forward()
    claim_conversation(conversation_id=compliment.conversation_id, agent=sam)
    with pytest.raises(Conflict, match="Sam is working on this"):
        ask_permission(compliment_id=compliment.pk, agent=rafa, purpose="repost")


def test_an_account_that_cannot_speak_says_so_and_nothing_changes(praise: Praise, rafa: Agent) -> None:
    compliment = praise.forward()
    NetworkAccount.objects.update(state="revoked")
    with pytest.raises(DeskError, match="connected again"):
        ask_permission(compliment_id=compliment.pk, agent=rafa, purpose="repost")
    assert fresh(compliment).state == "new"
    assert not Draft.objects.exists()


def test_a_network_that_takes_nothing_from_here_is_not_asked_on(sam: Agent, rafa: Agent) -> None:
    compliment = forward_compliment(mention_id=make_mention(PRAISE, network="web").pk, agent=sam)
    with pytest.raises(DeskError, match="Web reviews"):
        ask_permission(compliment_id=compliment.pk, agent=rafa, purpose="repost")
    with pytest.raises(DeskError, match="Say what you ask for"):
        ask_permission(compliment_id=compliment.pk, agent=rafa, purpose="tattoo")


def test_a_question_is_taken_back_while_it_is_held(praise: Praise, rafa: Agent) -> None:
    compliment = praise.forward()
    ask_permission(compliment_id=compliment.pk, agent=rafa, purpose="repost", hold=60)
    take_back(compliment_id=compliment.pk, agent=rafa)
    assert (fresh(compliment).state, fresh(compliment).asking) == ("new", None)
    assert Delivery.objects.get().state == "aborted"
    assert not Draft.objects.exists()
    ask_permission(compliment_id=compliment.pk, agent=rafa, purpose="quote", hold=0)
    work(now())
    assert len(praise.answers(compliment.mention)) == 1
    with pytest.raises(Conflict, match="too late"):
        take_back(compliment_id=compliment.pk, agent=rafa)


def test_a_question_that_never_went_out_is_asked_again(praise: Praise, rafa: Agent) -> None:
    compliment = praise.forward()
    ask_permission(compliment_id=compliment.pk, agent=rafa, purpose="repost", hold=60)
    undo_delivery(message_id=Message.objects.get(kind="reply").pk, agent=make_agent(Role.LEAD))
    ask_permission(compliment_id=compliment.pk, agent=rafa, purpose="repost", hold=0)
    work(now())
    assert len(praise.answers(compliment.mention)) == 1


# --- The author's answer ------------------------------------------------------------------------------------------------


def test_the_desk_reads_the_answer_and_takes_nothing_by_itself(praise: Praise, rafa: Agent) -> None:
    compliment = praise.asked()
    praise.says(compliment, "Yes, go ahead!")
    (answer,) = read_answers([fresh(compliment)])[compliment.pk]
    assert (answer.reading, answer.text, answer.is_private) == ("yes", "Yes, go ahead!", False)
    assert (fresh(compliment).state, Permission.objects.count()) == ("permission_asked", 0)
    record_answer(compliment_id=compliment.pk, agent=rafa, granted=True, evidence=answer.evidence)
    permission = Permission.objects.get()
    assert (permission.purpose, permission.granted_by, permission.recorded_by, permission.read_as) == (
        "repost",
        compliment.mention.author,
        rafa,
        "yes",
    )
    assert permission.post is not None
    assert permission.post.text == "Yes, go ahead!"
    assert fresh(compliment).state == "granted"
    assert lines(compliment)[-1].endswith("agrees that the post is reposted.")


def test_a_private_message_can_be_the_answer(praise: Praise, rafa: Agent) -> None:
    compliment = praise.asked(author="mara")
    praise.world.message_as("mara", "yes but I'd rather write it here")
    praise.read()
    (answer,) = read_answers([fresh(compliment)])[compliment.pk]
    assert (answer.reading, answer.is_private) == ("unclear", True)
    record_answer(compliment_id=compliment.pk, agent=rafa, granted=True, evidence=answer.evidence)
    assert Permission.objects.get().message is not None


def test_a_no_is_recorded_and_leaves_no_permission(praise: Praise, rafa: Agent) -> None:
    compliment = praise.asked()
    evidence = praise.says(compliment, "No, please don't.")
    record_answer(compliment_id=compliment.pk, agent=rafa, granted=False, evidence=evidence)
    assert (fresh(compliment).state, fresh(compliment).answer) == ("declined", "refused")
    assert not Permission.objects.exists()
    assert compliment.events.get(kind="refused").post is not None


def test_answers_are_read_for_many_with_two_queries(praise: Praise, django_assert_num_queries: Any) -> None:
    asked = [praise.asked() for _ in range(4)]
    for compliment in asked[:3]:
        praise.says(compliment, "yes")
    waiting = [fresh(compliment) for compliment in asked]
    with django_assert_num_queries(2):
        found = read_answers(waiting)
    assert {pk: [answer.reading for answer in answers] for pk, answers in found.items()} == {c.pk: ["yes"] for c in asked[:3]}


def test_what_was_written_before_the_question_or_by_others_is_no_answer(praise: Praise) -> None:
    praise.mention("yes of course @tidewheel", author="mara")
    compliment = praise.asked(author="mara")
    assert compliment.asking is not None
    praise.world.reply_as("somebody", compliment.asking.external_id, "yes!")
    praise.read()
    assert read_answers([compliment]) == {}


def test_evidence_must_be_the_authors_own(praise: Praise, rafa: Agent) -> None:
    compliment = praise.asked(author="mara")
    stranger = praise.mention("yes yes yes @tidewheel")
    own = Mention.objects.get(is_own=True)
    assert compliment.asking is not None
    for evidence in (f"post:{stranger.pk}", f"post:{own.pk}", f"message:{compliment.asking.pk}", "post:999999"):
        with pytest.raises(NotFound):
            record_answer(compliment_id=compliment.pk, agent=rafa, granted=True, evidence=evidence)
    for nonsense in ("", "post:", "post:x", "letter:1", "post:" + "9" * 40):
        with pytest.raises(DeskError):
            record_answer(compliment_id=compliment.pk, agent=rafa, granted=True, evidence=nonsense)
    assert not Permission.objects.exists()


def test_an_answer_is_recorded_once(praise: Praise, rafa: Agent) -> None:
    compliment = praise.granted()
    evidence = f"post:{compliment.mention_id}"
    for granted in (True, False):
        with pytest.raises(MovedOn):
            record_answer(compliment_id=compliment.pk, agent=rafa, granted=granted, evidence=evidence)
    assert Permission.objects.count() == 1


def test_permission_given_unasked_needs_to_say_what_for(praise: Praise, rafa: Agent) -> None:
    compliment = praise.forward("@tidewheel lovely ride, thank you! Feel free to share this")
    evidence = f"post:{compliment.mention_id}"
    with pytest.raises(DeskError, match="what the author agrees to"):
        record_answer(compliment_id=compliment.pk, agent=rafa, granted=True, evidence=evidence)
    record_answer(compliment_id=compliment.pk, agent=rafa, granted=True, evidence=evidence, purpose="quote")
    assert (fresh(compliment).state, fresh(compliment).purpose) == ("granted", "quote")


def test_we_can_put_it_away_and_take_it_up_with_a_later_yes(praise: Praise, rafa: Agent) -> None:
    compliment = praise.granted()
    decline_compliment(compliment_id=compliment.pk, agent=rafa, note="not our tone")
    assert fresh(compliment).state == "declined"
    assert lines(compliment)[-1] == "Praise: it will not be used. not our tone"
    with pytest.raises(MovedOn):
        decline_compliment(compliment_id=compliment.pk, agent=rafa)
    record_answer(compliment_id=compliment.pk, agent=rafa, granted=True, evidence=f"post:{compliment.mention_id}")
    assert fresh(compliment).state == "granted"
    assert Permission.objects.filter(ended_at=None).count() == 1


# --- Thanking -----------------------------------------------------------------------------------------------------------


def test_the_author_is_thanked_once_in_their_language(praise: Praise, rafa: Agent) -> None:
    praise.world.add_account("lucia", display_name="Lucía", language="es")
    compliment = praise.forward("@tidewheel el chico que me trajo la bici fue muy amable, muchas gracias por todo", author="lucia")
    for _ in range(2):
        thank_author(compliment_id=compliment.pk, agent=rafa, hold=0)
    work(now())
    (post,) = praise.answers(compliment.mention)
    assert post.text == "¡Muchísimas gracias, Lucía! Todo el equipo lo ha leído y nos ha alegrado el día."
    assert fresh(compliment).state == "thanked"


def test_who_said_no_can_be_thanked_and_stays_declined(praise: Praise, rafa: Agent) -> None:
    compliment = praise.asked()
    record_answer(compliment_id=compliment.pk, agent=rafa, granted=False, evidence=praise.says(compliment, "no thanks"))
    thank_author(compliment_id=compliment.pk, agent=rafa, answer_seen=1, hold=60)
    assert fresh(compliment).state == "declined"
    assert history(compliment)[-1] == "thanked"
    take_back(compliment_id=compliment.pk, agent=rafa)
    assert (fresh(compliment).state, fresh(compliment).thanked_at) == ("declined", None)


def test_a_thank_you_taken_back_leaves_it_where_it_was(praise: Praise, rafa: Agent) -> None:
    compliment = praise.granted()
    thank_author(compliment_id=compliment.pk, agent=rafa, answer_seen=1, hold=60)
    assert fresh(compliment).state == "thanked"
    take_back(compliment_id=compliment.pk, agent=rafa)
    assert fresh(compliment).state == "granted"


def test_the_thanking_is_handed_to_the_agent_who_forwarded_it(praise: Praise, sam: Agent, rafa: Agent) -> None:
    compliment = praise.forward()
    hand_thanks(compliment_id=compliment.pk, agent=rafa)
    draft = Draft.objects.get(agent=sam)
    assert (draft.kind, draft.conversation) == ("reply", compliment.conversation)
    assert note_thanked() == 0
    send_reply(conversation_id=compliment.conversation_id, agent=sam, text="Thank you, from all of us!", hold=0)
    work(now())
    assert note_thanked() == 1
    assert note_thanked() == 0
    thanked = fresh(compliment)
    assert (thanked.state, thanked.thanks and thanked.thanks.agent) == ("thanked", sam)


def test_one_answer_thanks_for_every_post_of_the_conversation(praise: Praise, sam: Agent, rafa: Agent) -> None:
    compliments = [praise.forward(PRAISE, author="mara"), praise.forward("@tidewheel and a great bike, I love it!", author="mara")]
    assert compliments[0].conversation == compliments[1].conversation
    for compliment in compliments:
        hand_thanks(compliment_id=compliment.pk, agent=rafa)
    send_reply(conversation_id=compliments[0].conversation_id, agent=sam, text="Thank you for all of it!", hold=0)
    work(now())
    assert note_thanked() == 2
    assert [fresh(compliment).thanks for compliment in compliments] == [Message.objects.get(kind="reply")] * 2


def test_a_question_for_permission_thanks_for_nothing(praise: Praise, rafa: Agent) -> None:
    lead = make_agent(Role.LEAD)
    mentions = [praise.mention(text, author="mara") for text in (PRAISE, "@tidewheel and a great bike, I love it!")]
    handed, other = (forward_compliment(mention_id=mention.pk, agent=lead) for mention in mentions)
    hand_thanks(compliment_id=handed.pk, agent=rafa)
    ask_permission(compliment_id=other.pk, agent=lead, purpose="repost", hold=0)
    work(now())
    assert note_thanked() == 0
    assert fresh(handed).thanked_at is None


def test_handing_over_overwrites_nothing_that_the_agent_types(praise: Praise, sam: Agent, rafa: Agent) -> None:
    compliment = praise.forward()
    Draft.objects.create(agent=sam, conversation=compliment.conversation, kind="reply", text="Dear")
    hand_thanks(compliment_id=compliment.pk, agent=rafa)
    assert Draft.objects.get().text == "Dear"
    with pytest.raises(DeskError, match="Thank the author yourself"):
        hand_thanks(compliment_id=forward_compliment(mention_id=praise.mention(PRAISE).pk, agent=rafa).pk, agent=rafa)


# --- What the database itself refuses -----------------------------------------------------------------------------------


def test_the_database_holds_no_repost_without_a_permission_and_no_permission_without_evidence(praise: Praise, rafa: Agent) -> None:
    compliment = praise.granted()
    permission = Permission.objects.get()
    common: dict[str, Any] = {"conversation": compliment.conversation, "mention": compliment.mention, "created_at": now(), "text": "x"}
    whose = {"compliment": compliment, "purpose": "repost", "granted_by": compliment.mention.author, "recorded_at": now()}
    refused = [
        lambda: Message.objects.create(kind="repost", **common),
        lambda: Message.objects.create(kind="quote", **common),
        lambda: Message.objects.create(kind="note", permission=permission, **common),
        lambda: Permission.objects.create(**whose, recorded_by=rafa, ended_at=now()),
        lambda: Permission.objects.create(**whose, recorded_by=rafa, post=compliment.mention),
        lambda: Permission.objects.create(**whose, recorded_by=None, post=compliment.mention, ended_at=now()),  # type: ignore[misc]
        lambda: Compliment.objects.filter(pk=compliment.pk).update(answer="", state="reposted"),
        lambda: [Message.objects.create(kind="repost", permission=permission, **common) for _ in range(2)],
    ]
    for write in refused:
        with pytest.raises(IntegrityError), transaction.atomic():
            write()


def test_a_post_pushed_by_a_program_can_be_forwarded_and_asked_about(desk: Desk, sam: Agent, rafa: Agent) -> None:
    post = make_post(PRAISE)
    pk = push(post).ids[post.external_id]
    compliment = forward_compliment(mention_id=pk, agent=sam)
    ask_permission(compliment_id=compliment.pk, agent=rafa, purpose="repost", hold=0)
    work(now())
    assert Delivery.objects.get().state == "sent"
