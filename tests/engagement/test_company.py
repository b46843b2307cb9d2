"""The company's settings: one row, kept by admins, with every mistake said beside its field."""

from __future__ import annotations

import json
from datetime import time
from typing import Any

import pytest
from django.conf import settings
from django.db import IntegrityError, transaction

from engagement.models import Company
from profiles.models import Role
from tests.listening.pages import STRANGE, count_queries, sign_in, text_of

pytestmark = pytest.mark.django_db

GOOD = {
    "name": "Tidewheel",
    "public_contacts": "+44 117 496 0140\r\n\r\n  hello@tidewheel.example ",
    "own_patterns": "Order number: \\bTW-\\d{6}\\b\r\nContract: RC\\d{8}",
    "default_region": "gb",
    "accent": "#0f5f73",
    "time_zone": "Europe/London",
    "quiet_from": "21:30",
    "quiet_until": "08:00",
    "outbound_per_week": "2",
}


def save(**changes: str) -> Any:
    return sign_in(Role.ADMIN).post("/settings/company/", GOOD | changes)


def test_what_an_admin_saves_is_what_the_desk_knows():
    assert save().status_code == 302
    company = Company.current()
    assert company.public_contacts == ["+44 117 496 0140", "hello@tidewheel.example"]
    assert company.own_patterns == [{"name": "Order number", "pattern": "\\bTW-\\d{6}\\b"}, {"name": "Contract", "pattern": "RC\\d{8}"}]
    assert (company.name, company.default_region) == ("Tidewheel", "GB")
    assert (company.quiet_from, company.quiet_until, company.outbound_per_week) == (time(21, 30), time(8), 2)
    page = sign_in(Role.ADMIN).get("/settings/company/")
    assert "Order number: \\bTW-\\d{6}\\b" in page.content.decode()


def test_saving_twice_changes_the_one_row():
    save()
    save(name="Tidewheel Ltd")
    assert list(Company.objects.values_list("pk", "name")) == [(1, "Tidewheel Ltd")]
    with pytest.raises(IntegrityError), transaction.atomic():
        Company.objects.create(pk=2)


def test_a_desk_that_nobody_has_set_up_has_defaults_and_costs_one_query():
    assert count_queries(lambda: Company.current()) == 1
    assert (Company.current().name, Company.current().public_contacts, Company.objects.count()) == ("Our company", [], 0)
    Company.current().full_clean(exclude=["id"])


@pytest.mark.parametrize(
    ("field", "typed", "said"),
    [
        ("name", "", "This field is required."),
        ("name", "x" * 100_000, "at most 80 characters"),
        ("public_contacts", "x" * 201, "at most 200 characters"),
        ("public_contacts", "\n".join(f"mail{number}@example.com" for number in range(101)), "At most 100 contacts"),
        ("own_patterns", "TW-\\d{6}", "needs a name and an expression"),
        ("own_patterns", "Order: TW-(\\d{6}", "no regular expression"),
        ("own_patterns", "Order: \\w*", "matches ordinary sentences"),
        ("own_patterns", "Order: [a-z ]+", "matches ordinary sentences"),
        ("own_patterns", "Order: (\\d+)+TW", "takes too long"),
        ("own_patterns", "Order: (a|aa)+TW", "takes too long"),
        ("own_patterns", "Order: " + "x" * 201, "201 characters"),
        ("default_region", "XX", "no country code"),
        ("accent", "teal", "six hexadecimal digits"),
        ("accent", "#ffe600", "hard to read"),
        ("time_zone", "Mars/Olympus", "not one of the available choices"),
        ("quiet_from", "25:00", "valid time"),
        ("outbound_per_week", "-1", "greater than or equal to 0"),
        ("outbound_per_week", "101", "less than or equal to 100"),
    ],
)
def test_a_mistake_is_said_beside_its_field_and_what_was_typed_stays(field, typed, said):
    save()
    answer = save(**{field: typed, "name": typed if field == "name" else "Changed"})
    assert answer.status_code == 400
    assert said in " ".join(answer.context["form"].errors[field])
    assert said in text_of(answer).replace("&quot;", '"')
    assert Company.current().name == "Tidewheel"


def test_strange_text_is_shown_as_text():
    save(name=STRANGE, public_contacts=STRANGE)
    page = sign_in(Role.ADMIN).get("/settings/company/")
    assert "<script>alert(1)</script>" not in page.content.decode()


@pytest.mark.parametrize("role", [role for role in Role.values if role != Role.ADMIN])
def test_only_admins_see_it(role):
    assert sign_in(role).get("/settings/company/").status_code == 403
    assert "/settings/company/" not in sign_in(role).get("/outbox/").content.decode()


def test_the_demo_company_keeps_the_rules_of_the_form():
    desk = json.loads((settings.DEMO_DIR / "company.json").read_text())["desk"]
    Company(name="Tidewheel", **desk).full_clean()
