"""What the tests of pages begin with: a browser without JavaScript, signed in, and what it reads."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from listening.models import Topic
from listening.services.topics import save_topic
from profiles.models import Role
from tests.factories import make_agent

STRANGE = '<script>alert(1)</script> "&\u202e مرحبا'


def sign_in(role: str = Role.LEAD) -> Client:
    client = Client()
    client.force_login(make_agent(role), backend="django.contrib.auth.backends.ModelBackend")
    return client


def text_of(response: Any) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", response.content.decode()))


def make_topic(name: str = "Battery", query: str = "battery") -> Topic:
    return save_topic(topic=None, name=name, query=query, agent=make_agent(Role.LEAD))


def count_queries(work: Callable[[], Any]) -> int:
    with CaptureQueriesContext(connection) as context:
        work()
    return len(context)
