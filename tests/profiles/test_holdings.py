"""Whether all that is kept about people is known: each table is a holding, or is named here as one that holds nothing personal."""

from __future__ import annotations

import pytest
from django.apps import apps
from django.db import models

from profiles.personal import holdings

OURS = "what the company writes for everybody"
STAFF = "about staff, not about the public"
NUMBERS = "ids, times and counts"
NOBODY = {
    "profiles.Agent": STAFF,
    "profiles.CustomField": OURS,
    "profiles.Counter": NUMBERS,
    "profiles.Connection": "a system of ours and its credentials",
    "profiles.DeepLink": OURS,
    "profiles.FieldRight": STAFF,
    "profiles.RetentionRule": OURS,
    "profiles.Erasure": "that somebody was erased, and counts: never who",
    "profiles.ErasedHandle": "a digest under the desk's secret key",
    "profiles.SeenHook": "ids of events",
    "profiles.NoteMention": "goes with its note",
    "listening.NetworkAccount": "our own accounts",
    "listening.AccountEvent": "what became of our own accounts, and who of the staff did it",
    "listening.Backfill": "how far a source was read; its error is the network's word about our own call",
    "listening.Source": "a feed and where its reading goes on",
    "listening.IntakeBatch": "counts, and where reading went on",
    "listening.Tombstone": "the number of a post that was never stored, for thirty days",
    "listening.Rollup": NUMBERS,
    "listening.Topic": "what is listened for; where it names an account, the app's stop rewrites it",
    "listening.MentionTopic": NUMBERS,
    "listening.ConversationTopic": NUMBERS,
    "engagement.Article": OURS,
    "engagement.ArticleText": OURS,
    "engagement.ArticleLink": NUMBERS,
    "engagement.Company": OURS,
    "engagement.ChatDuty": STAFF,
    "engagement.NumberView": NUMBERS,
    "engagement.PraiseDigest": NUMBERS,
    "engagement.Policy": OURS,
    "engagement.EngagementRule": "what was decided for everybody; where it names an account, the app's stop rewrites it",
    "engagement.Permission": NUMBERS,
    "engagement.Promise": "words of ours, as in “within 2 hours”",
    "engagement.Template": OURS,
    "engagement.TemplateVariant": OURS,
    "engagement.TemplateRight": STAFF,
    "engagement.TemplateUse": NUMBERS,
    "engagement.TemplateWord": "words of many posts; those of one person alone are forgotten by the app's stop",
    # Other people's packages
    "auth.Group": STAFF,
    "auth.Permission": STAFF,
    "contenttypes.ContentType": "names of tables",
    "sessions.Session": "who of the staff is signed in",
    "knox.AuthToken": STAFF,
    "axes.AccessAttempt": "attempts of the staff to sign in",
    "axes.AccessAttemptExpiration": "attempts of the staff to sign in",
    "axes.AccessLog": "sign-ins of the staff",
    "axes.AccessFailureLog": "attempts of the staff to sign in",
}
HELD = {holding.model._meta.label for holding in holdings().values()}


def has_text(model: type[models.Model]) -> bool:
    return any(isinstance(field, models.CharField | models.TextField | models.JSONField) for field in model._meta.concrete_fields)


@pytest.mark.parametrize("label", sorted(model._meta.label for model in apps.get_models() if has_text(model)))
def test_every_table_with_text_is_a_holding_or_says_why_not(label: str) -> None:
    assert (label in HELD) != (label in NOBODY), f"{label}: register a holding (profiles/personal.py), or say here why it need not be one"


def test_no_table_is_named_that_is_gone() -> None:
    assert set(NOBODY) <= {model._meta.label for model in apps.get_models()}


@pytest.mark.parametrize("name", holdings())
def test_a_holding_names_fields_that_there_are(name: str) -> None:
    holding = holdings()[name]
    fields = {field.name for field in holding.model._meta.get_fields()}
    for clear in (holding.clear, holding.aged or {}):
        if not isinstance(clear, str):
            assert set(clear) <= fields
    assert {path.split("__")[0] for path in holding.export} <= fields
    assert bool(holding.age) == (holding.expired is not None)
