"""Every column of every row of a person: filled with a word that is nowhere else, it is empty or gone after the erasure."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from itertools import count
from typing import Any

import pytest
from django.db import models

from engagement.models import (
    Approval,
    ArticleLink,
    ArticleVote,
    Attachment,
    BrakeLift,
    CallbackRequest,
    Compliment,
    ComplimentEvent,
    Delivery,
    Draft,
    FollowRequest,
    Handover,
    Hop,
    Message,
    MustAnswer,
    NetworkAct,
    TakeDown,
    Ticket,
    TicketSubscription,
    Verification,
)
from listening.models import Conversation, ConversationEvent, Mention, Repost, SavedSearch
from profiles import personal
from profiles.models import (
    Connection,
    Consent,
    ContactLook,
    CustomField,
    CustomValue,
    EventDelivery,
    ExternalRef,
    ImportJob,
    ImportRefusal,
    MatchSuggestion,
    Merge,
    Profile,
    ProfileEvent,
    ProfileNote,
    ProfileTag,
    SearchTerm,
    Segment,
    Tag,
)
from profiles.personal import Holding, holdings
from profiles.services.erasure import erase_person
from profiles.services.subjects import read_subject
from socialdesk.lib.clock import now
from tests.engagement.heated import make_rule
from tests.engagement.texts import make_article
from tests.factories import make_agent
from tests.profiles.happened import KINDS, Person
from tests.profiles.leftovers import in_database

pytestmark = pytest.mark.django_db
_numbers = count(1)

# What stays as it is, in words of the desk's own: codes, purposes, versions, languages, names of networks, and random numbers.
STAYS = {
    *("network", "language", "scope", "text_version", "medium", "purpose", "scorer", "region", "kind", "system", "where", "stage"),
    *("form_key", "request_key", "client_key", "token", "code", "claim", "code_hash", "due_kind", "label"),
    *("read_as", "customer_says", "state", "fields", "salt", "stored_as"),
}


class Whole(Person):
    """The person to whom everything happens, with a row in what the timeline does not show."""

    def __init__(self) -> None:
        super().__init__(agent=make_agent("lead"))
        at = now() - timedelta(days=1)
        for kind in KINDS:
            for side in (0, 1):
                self.happen(kind, at, side)
        self._more(at)

    def _more(self, at: Any) -> None:
        profile, conversation, agent = self.other, self.conversations[1], self.agent
        assert agent is not None
        mention = Mention.objects.get(conversation=conversation)
        Repost.objects.create(network="mastodon", external_id="r1", original=mention.external_id, mention=mention, posted_at=at)
        own = {"network": "mastodon", "posted_at": at, "received_at": at, "score": 0, "label": "neutral", "confidence": 1, "scorer": "t"}
        ours, other = Person("Us"), Person("Another")
        Mention.objects.create(
            **own, external_id="o1", author=ours.handles[0], conversation=conversation, is_own=True, text="t", folded="t", parent=mention
        )
        self.reply = Mention.objects.create(
            **own, external_id="o2", author=other.handles[0], conversation=other.conversations[0], text="t", folded="t", parent=mention,
            in_reply_to=mention.external_id,
        )  # fmt: skip
        Conversation.objects.filter(pk=other.conversations[0].pk).update(root=mention.external_id)
        ConversationEvent.objects.create(conversation=conversation, kind="waived", at=at, data={"reason": "x"})
        reply = Message.objects.create(conversation=conversation, kind="reply", text="t", mention=mention, answer_number=1, created_at=at)
        Delivery.objects.create(message=reply, kind="reply", state="sent", token="t1", not_before=at, created_at=at)
        TakeDown.objects.create(message=reply, created_at=at, not_before=at, done_at=at)
        act = {"kind": "hide", "state": "failed", "error": "t", "error_code": "t", "not_before": at, "created_at": at}
        NetworkAct.objects.create(mention=mention, token="n1", **act)
        NetworkAct.objects.create(message=reply, token="n2", **{**act, "kind": "delete"})
        Draft.objects.create(agent=agent, conversation=conversation, kind="reply", text="t")
        Approval.objects.create(conversation=conversation, mention=mention, text="t", agent=agent, created_at=at)
        picture = {"content": b"t", "media_type": "image/png", "width": 1, "height": 1, "alt": "t", "created_at": at}
        Attachment.objects.create(message=reply, conversation=conversation, agent=agent, **picture)
        MustAnswer.objects.create(rule=make_rule("must", lead=agent, query="late"), conversation=conversation, mention=mention)
        BrakeLift.objects.create(conversation=conversation, agent=agent, at=at, reason="t")
        waived = {"state": "waived", "begun_at": at, "waiver": "t", "offered_at": at, "channel": "ticket", "reason": "complex"}
        Hop.objects.create(conversation=conversation, **waived)
        ticket = Ticket.objects.get(conversation=conversation)
        consent = Consent.objects.filter(profile=profile).earliest("pk")
        TicketSubscription.objects.create(ticket=ticket, consent=consent, token="s1", created_at=at)
        given = ArticleLink.objects.create(article=make_article("A"), link=self.link(conversation, "article", at), given_at=at)
        ArticleVote.objects.create(article=given.article, by_link=given, language="en", helped=True, words="t", at=at)
        praise = Compliment.objects.create(mention=mention, conversation=conversation, note="t", forwarded_at=at, changed_at=at)
        ComplimentEvent.objects.create(compliment=praise, kind="noted", at=at, note="t")
        Handover.objects.create(conversation=conversation, note="t", given_at=at)
        code = {"kind": "code", "code_hash": "h", "sent_by": "direct_message", "created_at": at, "expires_at": at}
        Verification.objects.create(conversation=conversation, handle=self.handles[1], **code)
        FollowRequest.objects.create(author=self.handles[1], conversation=conversation, message=reply, asked_at=at)
        tag = Tag.objects.create(name="t", folded="t")
        ProfileTag.objects.create(profile=profile, tag=tag, source="t", at=at)
        shared = Tag.objects.create(name="shared", folded="shared")
        for whose in (profile, other.profile):
            ProfileTag.objects.create(profile=whose, tag=shared, source="t", at=at)
        field = CustomField.objects.create(key="size", label="Size", kind="text")
        CustomValue.objects.create(profile=profile, field=field, text="t", source="t", changed_at=at)
        ExternalRef.objects.create(profile=profile, system="crm", external_id="t", made_at=at)
        event = ProfileEvent.objects.create(profile=profile, kind="changed", source="t", at=at)
        crm = Connection.objects.create(system="crm", name="CRM", kind="webhook", url="https://crm.example.com", made_at=at)
        EventDelivery.objects.create(connection=crm, event=event, profile=profile, state="delivered", made_at=at)
        Merge.objects.create(survivor=self.profile, absorbed=self.other, at=at)
        MatchSuggestion.objects.create(first=self.profile, second=self.other, score=0.9, made_at=at)
        ContactLook.objects.create(profile=profile, kind="phone", agent=agent, where="page", at=at)
        SearchTerm.objects.create(profile=profile, kind="name", term="t")
        job = ImportJob.objects.create(kind="csv", filename="people.csv", state="done", made_at=at)
        self.refusal = ImportRefusal.objects.create(job=job, line=3, reason="no name", raw="t")
        self.segment = Segment.objects.create(name="Some", conditions=[{"field": "name", "is": "equals", "value": "t"}], made_at=at)
        self.search = SavedSearch.objects.create(agent=agent, name="Some", filters={"q": "t"})
        for row in (self.profile, self.other, *profile.notes.all(), *profile.contact_points.all(), *profile.custom_values.all()):
            row.save()  # a version of each
        # And of what was deleted since.
        ProfileNote.objects.create(profile=profile, text="t", created_at=at, changed_at=at).delete()
        other_field = CustomField.objects.create(key="shoe", label="Shoe", kind="text")
        CustomValue.objects.create(profile=profile, field=other_field, text="t", source="t", changed_at=at).delete()


OTHERS = ("answers_of_others", "threads_of_others")  # rows of other people, in which one column names a post of theirs


def word(holding: str, field: str) -> str:
    return f"zq{holding.replace('_', '')}{field.replace('_', '')}{next(_numbers)}qz"


def flood(person: Whole) -> dict[str, list[str]]:
    """A word of its own in every column of text of every row; {holding: words}."""
    found: dict[str, list[str]] = {}
    found["imports"] = found["import_refusals"] = found["segments"] = found["saved_searches"] = []
    subject = read_subject(person.profile)
    rows = {name: list(holding.rows(subject).values_list("pk", flat=True)) for name, holding in holdings().items()}
    done: set[tuple[type[models.Model], int]] = set()
    for name, holding in holdings().items():
        words = found.setdefault(name, [])
        if name in OTHERS:
            continue
        fresh = [pk for pk in rows[name] if (holding.model, pk) not in done]
        for pk in fresh:
            done.add((holding.model, pk))
            values = {field.name: fill(name, field) for field in text_fields(holding)}
            if holding.model is Message and not Message.objects.get(pk=pk).is_incoming:
                del values["external_id"]  # the number of what we wrote ourselves is ours
            if name in ("own_posts", "reposts"):
                del values["external_id"]
            holding.model._base_manager.filter(pk=pk).update(**values)
            words += [str(value[0]) if isinstance(value, list) else str(value) for value in values.values()]
    return found


def text_fields(holding: Holding) -> Iterator[models.Field[Any, Any]]:
    for field in holding.model._meta.concrete_fields:
        is_text = isinstance(field, models.CharField | models.TextField | models.JSONField) and not isinstance(field, models.GeneratedField)
        if is_text and not field.choices and field.name not in STAYS and not field.name.startswith("history_type"):
            yield field


def fill(name: str, field: models.Field[Any, Any]) -> Any:
    text = word(name, field.name)
    if isinstance(field, models.JSONField):
        return [text]
    most = field.max_length or 1000
    return text if len(text) <= most else f"q{next(_numbers)}z"[:most]


def test_every_kind_of_row_is_there() -> None:
    """Or the test below would prove nothing about it."""
    person = Whole()
    name_them(person)
    subject = read_subject(person.profile)
    assert [name for name, holding in holdings().items() if not holding.rows(subject).exists()] == []


def name_them(person: Whole) -> list[str]:
    """Texts without a person of their own that name this one: by an id, an account and a number in another spelling."""
    username = person.handles[1].username
    phone = person.other.contact_points.filter(kind="phone").earliest("pk").value
    ImportRefusal.objects.filter(pk=person.refusal.pk).update(raw=f"zqrowqz,{phone[:3]} {phone[3:6]} {phone[6:]}")
    ImportJob.objects.filter(pk=person.refusal.job_id).update(filename=f"zqfileqz {username}.csv")
    Segment.objects.filter(pk=person.segment.pk).update(name=f"zqsegmentqz {username}")
    SavedSearch.objects.filter(pk=person.search.pk).update(name="zqsearchqz", filters={"author": username})
    return ["zqfileqz", "zqrowqz", "zqsegmentqz", "zqsearchqz", phone, username]


def prepare() -> tuple[Whole, list[str]]:
    person = Whole()
    named = name_them(person)
    found = flood(person)
    assert person.reply.parent is not None
    post = Mention.objects.get(pk=person.reply.parent.pk).external_id
    Mention.objects.filter(pk=person.reply.pk).update(in_reply_to=post)
    Conversation.objects.filter(mentions=person.reply).update(root=post)
    # Found by what they name, they are not flooded over: the identifiers must still be the person's.
    ImportRefusal.objects.filter(pk=person.refusal.pk).update(raw="")
    ImportJob.objects.filter(pk=person.refusal.job_id).update(filename="zqfileqz", mapping={})
    identifiers = read_subject(person.profile).identifiers
    ImportRefusal.objects.filter(pk=person.refusal.pk).update(raw=f"zqrowqz {identifiers[0]}", reason="no")
    ImportJob.objects.filter(pk=person.refusal.job_id).update(filename=f"zqfileqz {identifiers[0]}")
    Segment.objects.filter(pk=person.segment.pk).update(name=f"zqsegmentqz {identifiers[0]}"[:80], conditions=[])
    SavedSearch.objects.filter(pk=person.search.pk).update(name="zqsearchqz", filters={"author": identifiers[0]})
    markers = [text for name, words in found.items() for text in words if len(text) > 6]
    return person, [*markers, *named[:4]]


def test_no_word_is_left() -> None:
    person, markers = prepare()
    assert len(markers) > 150
    before = {name: holding.model._base_manager.count() for name, holding in holdings().items()}
    subject = read_subject(person.profile)
    rows = {name: list(holding.rows(subject).values_list("pk", flat=True)) for name, holding in holdings().items()}
    assert in_database(markers)
    erasure = erase_person(profile_id=person.other.pk, agent=person.agent)
    assert in_database(markers) == []
    for name, holding in holdings().items():
        if holding.clear != personal.DELETE:
            assert holding.model._base_manager.count() >= before[name], f"{name}: the count is another one"
        else:
            assert rows[name], f"{name}: there was none"
            assert not holding.model._base_manager.filter(pk__in=rows[name]).exists(), f"{name}: a row is left"
    assert erasure.counts["mentions"] == 2
    assert Profile.objects.filter(erased_at=None, pk__in=[person.profile.pk, person.other.pk]).count() == 0


BLANK = {"follow_requests", "must_answer", "looks", "chats", "subscriptions"}  # rows of ids, times and random numbers


@pytest.mark.parametrize("name", sorted(set(holdings()) - BLANK))
def test_without_any_one_holding_something_is_left(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Or the search would not notice if somebody forgot it."""
    person, markers = prepare()
    # A copy without it: one that is put back afterwards would stand last, and the others would be cleared in another order.
    monkeypatch.setattr(personal, "_holdings", {key: holding for key, holding in holdings().items() if key != name})
    try:
        erase_person(profile_id=person.profile.pk, agent=person.agent)
    except models.ProtectedError:
        return  # the database itself noticed
    assert in_database(markers), f"{name} could be forgotten"


def test_what_others_wrote_and_have_stays() -> None:
    person, stranger = Whole(), Person("A stranger")
    for kind in KINDS:
        stranger.happen(kind, now() - timedelta(days=1))
    erase_person(profile_id=person.profile.pk, agent=person.agent)
    stranger.profile.refresh_from_db()
    assert (stranger.profile.name, stranger.profile.erased_at) == ("A stranger", None)
    assert Message.objects.filter(conversation=stranger.conversations[0]).exclude(text="").count() == 2
    assert CallbackRequest.objects.get(conversation=stranger.conversations[0]).reason == "about my bike"
    assert ProfileNote.objects.filter(profile=stranger.profile).count() == 1
    person.reply.refresh_from_db()
    assert person.reply.text == "t"
    assert person.reply.parent_id
