"""Nothing goes out unasked to somebody who wants to be left alone, by any door; what they begin is answered."""

from __future__ import annotations

from datetime import timedelta
from random import Random
from typing import Any

import pytest
from django.db import transaction

from engagement.models import CallAttempt, Message, Notice
from engagement.services.calls import begin_call
from engagement.services.compliments import forward_compliment
from engagement.services.follow_requests import ask_to_follow
from engagement.services.left_alone import LeftAlone
from engagement.services.notices import deliver_notice
from engagement.services.outbound import send_notice
from engagement.services.praise_replies import ask_permission
from engagement.services.send import send_direct_message, send_reply
from engagement.services.tickets import add_update, open_ticket
from listening.models import Mention
from profiles.models import Agent, Profile, ProfileEvent, Role
from profiles.services.do_not_contact import left_alone_since, lift_do_not_contact, set_do_not_contact
from profiles.services.merge import merge_profiles
from socialdesk.lib.clock import now
from socialdesk.lib.errors import DeskError, NotAllowed
from tests.engagement.calls import ask_for_call, give_consent, open_day
from tests.engagement.desk import Desk, work
from tests.factories import make_agent, make_author, make_post, push

pytestmark = pytest.mark.django_db


@pytest.fixture
def desk() -> Desk:
    open_day()
    return Desk()


@pytest.fixture
def agent() -> Agent:
    return make_agent(Role.LEAD)


def leave_alone(mention: Mention, agent: Agent) -> Profile:
    return set_do_not_contact(profile_id=mention.author.profile_id, why="asked not to be called again", agent=agent)


def test_no_mail_and_no_text_message_though_they_had_agreed(desk: Desk, agent: Agent) -> None:
    mention = desk.mention()
    profile = mention.author.profile
    give_consent(profile, "sms")
    waiting = send_notice(profile=profile, medium="sms", purpose="this matter", text="News", agent=agent)
    leave_alone(mention, agent)
    with pytest.raises(LeftAlone):
        send_notice(profile=profile, medium="sms", purpose="this matter", text="More news", agent=agent)
    deliver_notice(waiting.pk)
    waiting.refresh_from_db()
    assert (waiting.state, Notice.objects.count()) == ("refused", 1)
    give_consent(profile, "email")  # they asked for it since
    assert send_notice(profile=profile, medium="email", purpose="this matter", text="News", subject="News", agent=agent).state == "queued"


def test_no_call_that_they_asked_for_before(desk: Desk, agent: Agent) -> None:
    mention = desk.mention()
    assert mention.conversation is not None
    before = ask_for_call(mention.conversation)
    leave_alone(mention, agent)
    with pytest.raises(LeftAlone):
        begin_call(callback_id=before.pk, agent=agent)
    after = ask_for_call(mention.conversation, form_key="9" * 32)
    assert begin_call(callback_id=after.pk, agent=agent).state == "calling"


def test_no_public_word_below_a_post_that_only_speaks_of_us(desk: Desk, agent: Agent) -> None:
    mention = desk.mention("my tidewheel bike is broken, any advice?", author="mara")
    leave_alone(mention, agent)
    for send in (send_reply, send_direct_message):
        with pytest.raises(LeftAlone):
            send(conversation_id=mention.conversation_id or 0, agent=agent, text="May we help?")
    assert not Message.objects.filter(conversation=mention.conversation).exists()
    desk.mention("@tidewheel please help then", author="mara")
    theirs = Mention.objects.filter(author=mention.author).latest("pk")
    assert send_reply(conversation_id=theirs.conversation_id or 0, agent=agent, text="Gladly.").pk


def test_what_still_waits_when_they_ask_for_it_stays(desk: Desk, agent: Agent) -> None:
    mention = desk.mention("my tidewheel bike is broken", author="mara")
    waits = send_reply(conversation_id=mention.conversation_id or 0, agent=agent, text="May we help?", hold=60)
    leave_alone(mention, agent)
    work(now() + timedelta(seconds=61))
    assert desk.state(waits) == "failed"
    assert not desk.answers(mention)
    asked = desk.mention("@tidewheel my bike is broken", author="tom")
    answer = send_reply(conversation_id=asked.conversation_id or 0, agent=agent, text="We look.", hold=60)
    leave_alone(asked, agent)
    work(now() + timedelta(seconds=61))
    assert desk.state(answer) == "sent"


def test_nobody_asks_them_to_follow_or_for_their_praise(desk: Desk, agent: Agent) -> None:
    praise = desk.mention("@tidewheel wonderful, thank you so much!")
    compliment = forward_compliment(mention_id=praise.pk, agent=agent)
    leave_alone(praise, agent)
    with pytest.raises(LeftAlone):
        ask_permission(compliment_id=compliment.pk, agent=agent, purpose="repost")
    asked = desk.mention("@tidewheel my bike is late", author=praise.author.username)
    with pytest.raises((LeftAlone, DeskError)):
        ask_to_follow(conversation_id=asked.conversation_id or 0, agent=agent)
    assert not Message.objects.exclude(kind="note").exists()


def test_a_ticket_goes_on_without_mail(desk: Desk, agent: Agent) -> None:
    mention = desk.mention()
    leave_alone(mention, agent)
    ticket = open_ticket(conversation_id=mention.conversation_id or 0, agent=agent, reason="complex")
    add_update(ticket_id=ticket.pk, agent=agent, text="It is on its way.", audience="public")
    assert not Notice.objects.exists()


def test_who_became_one_with_them_is_left_alone_too(desk: Desk, agent: Agent) -> None:
    mention, other = desk.mention(), desk.mention()
    leave_alone(mention, agent)
    merge_profiles(survivor_id=other.author.profile_id, other_id=mention.author.profile_id, agent=agent)
    give_consent(other.author.profile, "sms")
    assert left_alone_since(other.author.profile_id)
    ask: dict[str, Any] = {"profile": other.author.profile, "medium": "sms", "purpose": "this matter", "agent": agent}
    Profile.objects.filter(pk=mention.author.profile_id).update(do_not_contact_at=now() + timedelta(seconds=1))
    with pytest.raises(LeftAlone):
        send_notice(text="News", **ask)
    lift_do_not_contact(profile_id=other.author.profile_id, agent=agent)
    assert left_alone_since(other.author.profile_id) is None
    assert send_notice(text="News", **ask).state == "queued"


def test_who_said_it_when_and_why_is_kept_and_told(agent: Agent) -> None:
    push(make_post(author=make_author("mara_k")))
    person = Mention.objects.get().author.profile
    set_do_not_contact(profile_id=person.pk, why="asked by telephone", agent=agent)
    lift_do_not_contact(profile_id=person.pk, agent=agent)
    person.refresh_from_db()
    assert person.sources["do_not_contact"]["by"] == agent.pk
    assert [row.do_not_contact_why for row in person.history.order_by("history_date")] == ["", "asked by telephone", ""]
    assert list(ProfileEvent.objects.filter(profile=person, kind="changed").values_list("fields", flat=True)) == [["do_not_contact"]] * 2
    with pytest.raises(DeskError, match="Say why"):
        set_do_not_contact(profile_id=person.pk, why=" ", agent=agent)
    with pytest.raises(NotAllowed):
        set_do_not_contact(profile_id=person.pk, why="x", agent=make_agent(Role.MARKETING))


@pytest.mark.parametrize("seed", range(4))
def test_at_random_nothing_goes_out_that_they_did_not_begin(desk: Desk, agent: Agent, seed: int) -> None:
    """After each step the database is asked: whatever was ordered while they were to be left alone was begun by them."""
    random = Random(seed)
    posts = [desk.mention("my tidewheel bike is broken", author="mara"), desk.mention("my tidewheel squeaks", author="tom")]
    refused = 0
    for number in range(60):
        mention = random.choice(posts)
        conversation, profile = Mention.objects.get(pk=mention.pk).conversation, mention.author.profile
        assert conversation is not None
        before = (Message.objects.count(), Notice.objects.count(), CallAttempt.objects.count())
        act = random.choice(["reply", "private", "mail", "call", "set", "set", "lift", "write", "agree", "ask"])
        since = left_alone_since(profile.pk)
        begun = Mention.objects.filter(conversation=conversation, is_own=False, is_addressed=True).exists()
        agreed = profile.consents.filter(medium="email", revoked_at=None).order_by("-given_at").first()
        call = conversation.callbacks.filter(state="waiting").order_by("-pk").first()
        try:
            with transaction.atomic():
                if act == "reply":
                    answers = Message.objects.filter(mention=mention, kind="reply").count()
                    send_reply(
                        conversation_id=conversation.pk, agent=agent, text=f"Hello {number}", answer_seen=answers, mention_id=mention.pk
                    )
                elif act == "private":
                    send_direct_message(conversation_id=conversation.pk, agent=agent, text=f"Hello {number}", waiver="they asked")
                elif act == "mail":
                    send_notice(profile=profile, medium="email", purpose="this matter", text="News", subject=f"{number}", agent=agent)
                elif act == "call" and call:
                    begin_call(callback_id=call.pk, agent=agent)
                elif act == "set":
                    set_do_not_contact(profile_id=profile.pk, why="asked", agent=agent)
                elif act == "lift":
                    lift_do_not_contact(profile_id=profile.pk, agent=agent)
                elif act == "write" and random.random() < 0.3:
                    desk.world.reply_as(mention.author.username, mention.external_id, "@tidewheel what about it")
                    desk.read()
                elif act == "agree":
                    give_consent(profile, "email", typed=f"{profile.pk}@example.com")
                elif act == "ask":
                    ask_for_call(conversation, form_key=f"{number:032}")
        except LeftAlone:
            refused += 1
        except DeskError:
            pass
        after = (Message.objects.count(), Notice.objects.count(), CallAttempt.objects.count())
        if since is None:
            continue
        if after[0] > before[0]:
            assert begun
        if after[1] > before[1]:
            assert agreed is not None
            assert agreed.given_at > since
        if after[2] > before[2]:
            assert call is not None
            assert call.created_at > since
    assert refused, "nothing was ever refused: the run proves nothing"
