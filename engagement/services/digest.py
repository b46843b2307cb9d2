"""The daily e-mail about praise: to marketing what was forwarded to it, to account owners what was forwarded to them."""

from __future__ import annotations

import logging
from datetime import datetime, timedelta
from smtplib import SMTPException

from django.conf import settings
from django.core.mail import send_mail
from django.db import IntegrityError, transaction
from django.db.models import Max, Q
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import timezone

from engagement.models import Compliment, PraiseDigest
from engagement.services.praise_state import State
from profiles.models import Agent, Role
from socialdesk.lib.clock import now as current_time

logger = logging.getLogger(__name__)
AT_FIRST = timedelta(days=7)  # what a person's first e-mail reaches back to
SHOWN = 20  # compliments in one e-mail; of the others it says how many


def send_digests(*, now: datetime | None = None) -> int:
    """Send today's e-mails that are due and not sent, one to each person who has an address and something new. Returns how many.

    The day's row is taken before the e-mail leaves, so that whoever runs this twice, or beside another, sends one. An e-mail that the
    mail server refused is tried again with the next call; one that was interrupted is told with the next day's.
    """
    moment = now or current_time()
    local = timezone.localtime(moment)
    if local.hour < settings.DIGEST_HOUR:
        return 0
    staff = Agent.objects.filter(is_active=True).exclude(email="")
    told = dict(PraiseDigest.objects.exclude(sent_at=None).values_list("agent").annotate(upto=Max("upto")))
    today = set(PraiseDigest.objects.filter(day=local.date()).values_list("agent_id", flat=True))
    return sum(_send(agent, told.get(agent.pk), moment) for agent in staff if agent.pk not in today)


def _send(agent: Agent, since: datetime | None, moment: datetime) -> bool:
    to_them = Q(forwarded_to=agent) | Q(forwarded_to=None) if agent.role == Role.MARKETING else Q(forwarded_to=agent)
    theirs = Compliment.objects.filter(to_them)
    fresh = theirs.filter(forwarded_at__lte=moment, forwarded_at__gt=since or moment - AT_FIRST)
    count = fresh.count()
    if not count:
        return False
    try:
        with transaction.atomic():
            digest = PraiseDigest.objects.create(agent=agent, day=timezone.localtime(moment).date(), upto=moment)
    except IntegrityError:
        return False  # somebody else sends it at this moment
    context = {
        "agent": agent,
        "compliments": fresh.select_related("mention__author", "forwarded_by").order_by("-forwarded_at", "-pk")[:SHOWN],
        "count": count,
        "more": max(0, count - SHOWN),
        "waiting": theirs.filter(state__in=[State.NEW, State.ASKED, State.GRANTED]).count(),
        "board": settings.PUBLIC_URL + reverse("compliments"),
    }
    subject = "One new compliment" if count == 1 else f"{count} new compliments"
    try:
        send_mail(subject, render_to_string("engagement/praise_digest.txt", context), settings.DEFAULT_FROM_EMAIL, [agent.email])
    except (SMTPException, OSError):
        logger.warning("the praise digest of agent %s could not be sent and will be tried again", agent.pk, exc_info=True)
        digest.delete()
        return False
    PraiseDigest.objects.filter(pk=digest.pk).update(sent_at=moment)
    return True
