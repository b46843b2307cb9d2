"""What polling, streams, webhooks and back-fills have in common: what a connector is told, and its batches taken in as they came."""

from __future__ import annotations

from dataclasses import replace

from listening.models import NetworkAccount, Source
from listening.services.acceptance import Rejection
from listening.services.words import find_words
from socialdesk.intake import Result, take_in
from socialdesk.lib.text import clean
from socialdesk.networks.base import AccountConfig, Batch


def config_of(account: NetworkAccount) -> AccountConfig:
    """What a connector that reads is told of our account: the words of the desk's topics too."""
    return replace(account.config, terms=find_words().terms)


def take_batch(batch: Batch, *, source: Source, cursor: str | None, is_history: bool = False) -> Result:
    """Take in what a connector brought. What it could not read is rejected in the ledger, and costs nothing that stands beside it."""
    refused = [
        Rejection(place, clean(f"{entry.reason} ({entry.external_id})" if entry.external_id else entry.reason, limit=300))
        for place, entry in enumerate(batch.unreadable, start=len(batch.posts))
    ]
    return take_in(batch.posts, batch.messages, source=source, cursor=cursor, is_history=is_history, refused=refused)
