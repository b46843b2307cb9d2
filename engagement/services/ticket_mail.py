"""Mail about a ticket: asked for on its status page, confirmed from the mailbox, one for each public update (brief C15)."""

from __future__ import annotations

import secrets
from contextlib import suppress

from django.db import transaction
from django.utils import translation
from django.utils.translation import gettext

from engagement.models import Company, Notice, Ticket, TicketSubscription, TicketUpdate
from engagement.services.consent_texts import ConsentText
from engagement.services.left_alone import LeftAlone
from engagement.services.links import link_url
from engagement.services.outbound import CONFIRMATION, NoConsent, TooMany, send_notice
from profiles.models import STATUS_UPDATES, UNCONFIRMED, Consent, ContactPoint, Medium, Profile
from profiles.services.contacts import record_consent, record_contact_point, verify_contact_point
from socialdesk.lib.clock import now
from socialdesk.lib.errors import DeskError

MOST = 20  # addresses of one ticket
_NOT_ARRIVED = (Notice.State.FAILED, Notice.State.REFUSED, Notice.State.UNCONFIRMED)


def subscribe(*, ticket: Ticket, address: str, consent: ConsentText) -> TicketSubscription | None:
    """Ask the address whether it wants to hear of the ticket; None if it cannot be written to.

    An address that was given before is asked again with the same subscription. Whoever has the link never learns who else gave one.
    The link stands in a public reply, so that anybody may give an address: until it is confirmed, the consent covers nothing but that mail.
    """
    profile = ticket.conversation.author.profile
    with transaction.atomic():
        # no_key: the conversation of a notice is looked at only when this commits, and whoever has it may wait for the profile.
        Profile.objects.select_for_update(no_key=True).get(pk=profile.pk)
        if TicketSubscription.objects.filter(ticket=ticket).count() >= MOST:
            raise DeskError("So many addresses were given for this already that no more are taken.")
        point = record_contact_point(
            profile=profile, kind=ContactPoint.Kind.EMAIL, typed=address, state=ContactPoint.State.GIVEN, source="ticket status page"
        )
        if point.problem:
            return None
        known = TicketSubscription.objects.filter(ticket=ticket, consent__contact_point=point, consent__revoked_at=None).first()
        subscription = known or TicketSubscription.objects.create(
            ticket=ticket,
            consent=record_consent(
                contact_point=point,
                medium=Medium.EMAIL,
                text=consent.text,
                text_version=consent.version,
                language=consent.language,
                scope=UNCONFIRMED,
                evidence={"link": ticket.link_id},
            ),
            token=secrets.token_urlsafe(24),
            created_at=now(),
        )
        if subscription.confirmed_at is None:
            _ask(subscription, consent.language)
    return subscription


def confirm(*, ticket: Ticket, token: str) -> bool:
    """They pressed the button in their mailbox: the address is theirs, and may have the news. True also for a second press."""
    subscription = TicketSubscription.objects.filter(ticket=ticket, token=token[:40]).select_related("consent__contact_point").first()
    if subscription is None or subscription.consent.revoked_at is not None:
        return False
    with transaction.atomic():
        if TicketSubscription.objects.filter(pk=subscription.pk, confirmed_at=None).update(confirmed_at=now()):
            Consent.objects.filter(pk=subscription.consent_id, scope=UNCONFIRMED).update(scope=STATUS_UPDATES)
            verify_contact_point(contact_point=subscription.consent.contact_point, how="confirmed by e-mail", by=None)
    return True


def tell_subscribers(update: TicketUpdate) -> None:
    """One mail to each confirmed address for one public update. In the transaction that stores it."""
    ticket = update.ticket
    confirmed = TicketSubscription.objects.filter(ticket=ticket, confirmed_at__isnull=False, consent__revoked_at=None)
    for subscription in confirmed.select_related("consent__contact_point", "consent__profile"):
        with translation.override(subscription.consent.language or "en"):
            heading = gettext("%(ticket)s: there is news") % {"ticket": ticket.name}
            # Not the text itself: a mailbox is read by more people than the status page is meant for.
            text = gettext("There is news about %(ticket)s. Read it here: %(url)s") % {"ticket": ticket.name, "url": link_url(ticket.link)}
        _send(subscription, heading, text, purpose=STATUS_UPDATES, key=f"ticket-update-{update.pk}-{subscription.pk}")


def _ask(subscription: TicketSubscription, language: str) -> None:
    ticket = subscription.ticket
    url = f"{link_url(ticket.link)}/confirm?k={subscription.token}"
    with translation.override(language or "en"):
        company = Company.current().name
        heading = gettext("Please confirm: news about %(ticket)s") % {"ticket": ticket.name}
        text = gettext("Do you want %(company)s to write to this address about %(ticket)s? Then confirm it here: %(url)s") % {
            "company": company,
            "ticket": ticket.name,
            "url": url,
        }
    # One that did not arrive is sent again when they ask again; of one that is under way a second press makes no other.
    lost = Notice.objects.filter(consent=subscription.consent_id, purpose=CONFIRMATION, state__in=_NOT_ARRIVED).count()
    key = f"ticket-confirm-{subscription.pk}" + (f"-{lost}" if lost else "")
    _send(subscription, heading, text, purpose=CONFIRMATION, key=key)


def _send(subscription: TicketSubscription, subject: str, text: str, *, purpose: str, key: str) -> None:
    # Who may not be written to any more, or has had enough this week, is left out: the update itself must not fail for that.
    with suppress(NoConsent, LeftAlone, TooMany):
        send_notice(
            profile=subscription.consent.profile,
            medium=Medium.EMAIL,
            purpose=purpose,
            subject=subject,
            text=text,
            conversation=subscription.ticket.conversation,
            contact_point_id=subscription.consent.contact_point_id,
            request_key=key,
        )
