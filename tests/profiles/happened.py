"""A person to whom everything happened that can happen: rows of each kind, made as they are stored."""

from __future__ import annotations

from datetime import datetime, timedelta
from itertools import count
from typing import Any

from engagement.models import (
    CallAttempt,
    CallbackRequest,
    ChatLine,
    ChatSession,
    Message,
    Notice,
    ShortLink,
    SurveyAnswer,
    Ticket,
    TicketUpdate,
)
from listening.models import Conversation, Mention
from profiles.models import Agent, Consent, ContactPoint, Handle, Merge, Profile, ProfileNote, StageChange
from socialdesk.lib.clock import now

_numbers = count(1)
KINDS = (
    *("mention", "direct_message", "note", "callback", "call", "chat", "ticket", "survey", "email", "sms"),
    *("profile_note", "stage", "merge", "unmerge", "consent", "consent_revoked", "verified"),
)


class Person:
    """One person of two profiles with a handle each: the second was merged into the first."""

    def __init__(self, name: str = "Mara", agent: Agent | None = None) -> None:
        self.agent = agent
        self.profile = Profile.objects.create(name=name, created_at=now())
        self.other = Profile.objects.create(name=f"{name} too", created_at=now(), merged_into=self.profile, root=self.profile)
        self.handles = [self._handle(profile, network) for profile, network in ((self.profile, "sandbox"), (self.other, "mastodon"))]
        self.conversations = [self.conversation(handle) for handle in self.handles]

    def _handle(self, profile: Profile, network: str) -> Handle:
        number = next(_numbers)
        return Handle.objects.create(
            profile=profile, network=network, external_id=f"h{number}", username=f"mara{number}", first_seen_at=now()
        )

    def conversation(self, handle: Handle, **fields: Any) -> Conversation:
        given: dict[str, Any] = {"activity_at": now(), "opened_at": now(), "excerpt": "my bike is late", **fields}
        return Conversation.objects.create(network=handle.network, author=handle, **given)

    def happen(self, kind: str, at: datetime, side: int = 0) -> None:
        """Something of this kind at this time, with one of the two sides."""
        getattr(self, f"_{kind}")(at, self.conversations[side], (self.profile, self.other)[side])

    def say(self, kind: str, at: datetime, conversation: Conversation) -> None:
        """A private message or a note in one of their conversations."""
        getattr(self, f"_{kind}")(at, conversation, self.profile)

    def _mention(self, at: datetime, conversation: Conversation, profile: Profile) -> None:
        Mention.objects.create(
            network=conversation.network,
            external_id=f"m{next(_numbers)}",
            author=conversation.author,
            conversation=conversation,
            text="my bike is late",
            folded="my bike is late",
            posted_at=at,
            received_at=at,
            score=-0.5,
            label="negative",
            confidence=0.9,
            scorer="test",
        )

    def _direct_message(self, at: datetime, conversation: Conversation, profile: Profile) -> None:
        Message.objects.create(
            conversation=conversation, kind="direct_message", is_incoming=True, author=conversation.author, text="hello", created_at=at
        )

    def _note(self, at: datetime, conversation: Conversation, profile: Profile) -> None:
        Message.objects.create(conversation=conversation, kind="note", agent=self.agent, text="a note", created_at=at)

    def link(self, conversation: Conversation, kind: str, at: datetime) -> ShortLink:
        number = next(_numbers)
        return ShortLink.objects.create(
            code=f"code{number}", kind=kind, conversation=conversation, created_at=at, expires_at=at + timedelta(days=30)
        )

    def point(self, profile: Profile, at: datetime, kind: str = "phone", **fields: Any) -> ContactPoint:
        number = next(_numbers)
        value = {"phone": f"+4411749{number:05}", "email": f"mara{number}@example.com", "address": f"{number} Harbour Row"}[kind]
        given = {"state": "given", "source": "form: callback", "created_at": at, "changed_at": at, **fields}
        return ContactPoint.objects.create(profile=profile, kind=kind, value=value, **given)

    def consent(self, profile: Profile, at: datetime, medium: str = "phone", **fields: Any) -> Consent:
        """With its coordinate; given long before anything that a test looks at, unless `given_at` says otherwise."""
        point = self.point(profile, at, "email" if medium == "email" else "phone")
        given = {"given_at": at, "scope": "this matter", "text": "You may.", "text_version": "1", "language": "en", **fields}
        return Consent.objects.create(profile=profile, contact_point=point, medium=medium, **given)

    def callback(self, at: datetime, conversation: Conversation, profile: Profile, **fields: Any) -> CallbackRequest:
        consent = Consent.objects.filter(profile=profile, medium="phone").first() or self.consent(profile, at)
        given = {
            "window_from": at,
            "window_until": at + timedelta(hours=2),
            "zone": "Europe/London",
            "reason": "about my bike",
            "call_from": at,
            "due_at": at + timedelta(hours=2),
            **fields,
        }
        return CallbackRequest.objects.create(
            conversation=conversation,
            profile=profile,
            contact_point=consent.contact_point,
            consent=consent,
            link=self.link(conversation, "callback", at),
            form_key=f"key{next(_numbers)}",
            language="en",
            created_at=at,
            **given,
        )

    def _callback(self, at: datetime, conversation: Conversation, profile: Profile) -> None:
        self.callback(at, conversation, profile)

    def _call(self, at: datetime, conversation: Conversation, profile: Profile) -> None:
        asked = CallbackRequest.objects.filter(profile=profile).first() or self.callback(at, conversation, profile)
        CallAttempt.objects.create(callback=asked, agent=self.agent, begun_at=at, ended_at=at, outcome="no_answer")

    def _chat(self, at: datetime, conversation: Conversation, profile: Profile) -> None:
        chat = ChatSession.objects.create(
            conversation=conversation,
            link=self.link(conversation, "chat", at),
            form_key=f"key{next(_numbers)}",
            state="ended",
            language="en",
            started_at=at,
            waiting_since=at,
            last_visitor_at=at,
            visitor_seen_at=at,
            ended_at=at,
            ended_by="visitor",
        )
        ChatLine.objects.create(session=chat, number=1, is_ours=False, text="hello there", client_key="1", at=at)

    def ticket(self, at: datetime, conversation: Conversation, **fields: Any) -> Ticket:
        link = self.link(conversation, "ticket", at)
        return Ticket.objects.create(
            conversation=conversation, link=link, title="The bike is late", created_at=at, case_opened_at=at, **fields
        )

    def _ticket(self, at: datetime, conversation: Conversation, profile: Profile) -> None:
        ticket = Ticket.objects.filter(conversation=conversation).first() or self.ticket(at, conversation)
        TicketUpdate.objects.create(ticket=ticket, audience="internal", text="asked the carrier", agent=self.agent, at=at)

    def _survey(self, at: datetime, conversation: Conversation, profile: Profile) -> None:
        link = self.link(conversation, "survey", at)
        SurveyAnswer.objects.create(conversation=conversation, link=link, score=4, comment="fine", form_key="k", at=at)

    def _notice(self, at: datetime, conversation: Conversation, profile: Profile, medium: str) -> None:
        consent = Consent.objects.filter(profile=profile, medium=medium).first() or self.consent(profile, at, medium)
        Notice.objects.create(
            profile=profile,
            conversation=conversation,
            contact_point=consent.contact_point,
            consent=consent,
            agent=self.agent,
            medium=medium,
            purpose="this matter",
            text="news",
            language="en",
            token=f"token{next(_numbers)}",
            not_before=at,
            created_at=at,
        )

    def _email(self, at: datetime, conversation: Conversation, profile: Profile) -> None:
        self._notice(at, conversation, profile, "email")

    def _sms(self, at: datetime, conversation: Conversation, profile: Profile) -> None:
        self._notice(at, conversation, profile, "sms")

    def _profile_note(self, at: datetime, conversation: Conversation, profile: Profile) -> None:
        ProfileNote.objects.create(profile=profile, agent=self.agent, text="likes the blue one", created_at=at, changed_at=at)

    def _stage(self, at: datetime, conversation: Conversation, profile: Profile) -> None:
        StageChange.objects.create(profile=profile, before="prospect", after="customer", at=at, agent=self.agent, source="agent")

    def _merge(self, at: datetime, conversation: Conversation, profile: Profile, undone_at: datetime | None = None) -> None:
        absorbed = Profile.objects.create(name="Somebody", created_at=at)
        Merge.objects.create(survivor=profile, absorbed=absorbed, agent=self.agent, at=at, undone_at=undone_at)

    def _unmerge(self, at: datetime, conversation: Conversation, profile: Profile) -> None:
        self._merge(at - timedelta(days=1), conversation, profile, undone_at=at)

    def _consent(self, at: datetime, conversation: Conversation, profile: Profile) -> None:
        self.consent(profile, at)

    def _consent_revoked(self, at: datetime, conversation: Conversation, profile: Profile) -> None:
        self.consent(profile, at - timedelta(days=1), revoked_at=at, revoked_how="they wrote STOP")

    def _verified(self, at: datetime, conversation: Conversation, profile: Profile) -> None:
        self.point(profile, at, state="verified", verified_how="code by text message", verified_at=at)
