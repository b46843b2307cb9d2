"""Makes what tests begin with: agents, accounts, posts as a network would give them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from itertools import count
from typing import Any

from listening.models import Conversation, Mention, NetworkAccount
from profiles.models import Agent, Role
from socialdesk.intake import Result, take_in
from socialdesk.lib.clock import now
from socialdesk.networks.base import AuthorData, PostData

_numbers = count(1)
PASSWORD = "a password for tests"


def make_agent(role: str = Role.AGENT, *, username: str = "", **fields: Any) -> Agent:
    name = username or f"{role}{next(_numbers)}"
    agent = Agent(username=name, display_name=name.title(), role=role, **fields)
    agent.set_password(PASSWORD)
    agent.save()
    return agent


def make_account(network: str = "sandbox", username: str = "tidewheel", **fields: Any) -> NetworkAccount:
    return NetworkAccount.objects.create(network=network, username=username, **fields)


def make_author(username: str = "mara_k", **fields: Any) -> AuthorData:
    return AuthorData(
        **{"external_id": f"id-{username}", "username": username, "display_name": username.title(), "followers": 120, **fields}
    )


def make_post(text: str = "@tidewheel my bike is late", *, author: str | AuthorData = "mara_k", ago: float = 5, **fields: Any) -> PostData:
    """A post of `ago` minutes ago."""
    who = author if isinstance(author, AuthorData) else make_author(author)
    given: dict[str, Any] = {"network": "sandbox", "external_id": f"p{next(_numbers)}", "posted_at": now() - timedelta(minutes=ago)}
    return PostData(text=text, author=who, **{**given, **fields})


def push(*posts: PostData, **options: Any) -> Result:
    return take_in(posts, **options)


def make_mention(text: str = "@tidewheel my bike is late", **fields: Any) -> Mention:
    """One stored mention, by the way that everything comes in."""
    post = make_post(text, **fields)
    result = take_in([post])
    assert not result.rejected, result.rejected
    return Mention.objects.select_related("conversation", "author").get(pk=result.ids[post.external_id])


def make_conversation(text: str = "@tidewheel my bike is late", **fields: Any) -> Conversation:
    conversation = make_mention(text, **fields).conversation
    assert conversation is not None
    return conversation


def raw_post(**fields: Any) -> Mapping[str, Any]:
    """A post as a program pushes it."""
    number = next(_numbers)
    return {
        "network": "sandbox",
        "external_id": f"raw{number}",
        "text": "@tidewheel where is my bike?",
        "author": {"external_id": f"a{number}", "username": f"writer{number}", "display_name": "Writer", "followers": 10},
        "posted_at": (now() - timedelta(minutes=1)).isoformat(),
        **fields,
    }


def at(text: str) -> datetime:
    return datetime.fromisoformat(text)
