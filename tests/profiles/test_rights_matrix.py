"""Whatever a role may not see stands nowhere: every page and every answer of the API that it may ask for is read and searched for it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import quote_plus, unquote_plus

import pytest
from django.db import transaction
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver
from hypothesis import HealthCheck, example, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from engagement.services.outbound import send_notice
from profiles.models import Agent, ContactLook, ContactPoint, CustomField, DeepLink, ExternalRef, Role
from profiles.services.contacts import record_consent, record_contact_point, verify_contact_point
from profiles.services.custom import set_custom
from profiles.services.edit import edit_profile
from profiles.services.exporting import export_people
from profiles.services.looks import record_looks
from profiles.services.matching import match_people
from profiles.services.merge import merge_profiles
from profiles.services.notes import write_note
from profiles.services.rights import hidden_fields, save_right
from profiles.services.tags import add_tag
from socialdesk.access import ACCESS, find_rule
from socialdesk.lib.clock import now
from tests.factories import make_agent, make_author, make_mention

pytestmark = pytest.mark.django_db

ORDER = "custom:order"
# What a field holds, of the person and of the one who became a part of them, in every spelling in which it could stand somewhere.
SPELLINGS = {
    "phone": ["441174960140", "1174960140", "0117 496 0140", "117 496 0140", "441174960141", "117 496 0141"],
    "email": ["mara.k@", "second.mara@"],
    "address": ["Harbour Road", "Dock Street"],
    ORDER: ["ZX-4711"],
}
# As much as others may see of them to know them again.
MASKED = {"phone": ["•••• 140", "•••• 141"], "email": ["m•••@", "s•••@"]}
# Where a part still stands for whoever works there, whatever their role may see. A list to make shorter.
PARTS_STAND_AT = {"api_conversation_verifications", "api_notices", "conversation_contacts", "looks", "notices", "profile_looks"}
ROLES = list(Role)
NOT_READ = {"docs", "schema", "metrics", "sign_in", "deep_link_follow"}  # say nothing of anybody; the link has a test of its own


@pytest.fixture
def desk() -> dict[str, int]:
    """A person of two profiles with something of everything, somebody who may be the same, and the ids by which addresses name it."""
    lead = make_agent(Role.LEAD, username="lena")
    mention = make_mention(author=make_author("mara_k"))
    conversation = mention.conversation
    assert conversation is not None
    person, other = mention.author.profile, make_mention(author=make_author("mara_x")).author.profile
    CustomField.objects.create(key="order", label="Order number", kind="text")
    for owner, (phone, email, street) in (
        (person, ("0117 496 0140", "mara.k@example.com", "1 Harbour Road, Bristol")),
        (other, ("0117 496 0141", "second.mara@example.com", "2 Dock Street, Bristol")),
    ):
        for kind, typed in (("phone", phone), ("email", email), ("address", street)):
            record_contact_point(profile=owner, kind=kind, typed=typed, state="given", source="form: callback", region="GB")
    point = ContactPoint.objects.filter(profile=person, kind="phone").get()
    verify_contact_point(contact_point=point, how="code by sms", by=lead)
    record_consent(contact_point=point, medium="phone", text="You may call me.", text_version="1", language="en", evidence={"link": 1})
    mail = ContactPoint.objects.filter(profile=person, kind="email").get()
    given: dict[str, Any] = {"text": "You may write to me.", "text_version": "1", "language": "en", "evidence": {"link": 1}}
    record_consent(contact_point=mail, medium="email", **given)
    send_notice(profile=person, medium="email", purpose="this matter", subject="Hello", text="We look into it.", agent=lead)
    record_looks([point, mail], agent=lead, where="page")
    set_custom(profile_id=person.pk, values={"order": "ZX-4711"}, source="agent", agent=lead)
    edit_profile(profile_id=person.pk, changes={"company": "Köhler", "owner": lead.pk}, source="agent", agent=lead)
    note = write_note(profile_id=person.pk, text="Prefers mornings.", agent=lead, is_pinned=True)
    add_tag(person=person, name="VIP", agent=lead)
    ExternalRef.objects.create(profile=person, system="crm", external_id="77", made_at=now())
    link = DeepLink.objects.create(name="CRM", template="https://crm.example.com/{external:crm}")
    DeepLink.objects.create(name="Order", template="https://shop.example.com/{custom:order}")
    merge_profiles(survivor_id=person.pk, other_id=other.pk, agent=lead)
    alike = make_mention(author=make_author("jo_h")).author.profile
    for kind, typed in (("phone", "0117 496 0141"), ("email", "mara.k@example.com")):
        record_contact_point(profile=alike, kind=kind, typed=typed, state="given", source="form: callback", region="GB")
    assert match_people([person.pk]) == 1
    return {
        "profile": person.pk,
        "conversation": conversation.pk,
        "mention": mention.pk,
        "contact": point.pk,
        "note": note.pk,
        "link": link.pk,
        "custom_field": CustomField.objects.get().pk,
        "alike": alike.pk,
    }


def addresses(ids: dict[str, int]) -> list[tuple[str, str]]:
    """(name, path) of everything that can be asked for about these things, with and without a search that would find them."""
    found: list[tuple[str, str]] = []
    for name, path in _patterns():
        if name in NOT_READ or "format" in path or name not in ACCESS:
            continue
        text = path.replace("^", "").replace("$", "").replace("\\", "")
        kinds = ("conversation", "mention", "contact", "custom_field", "note")
        key = next((kind for kind in kinds if kind in name.replace("profile_", "")), "profile")
        if text.startswith(("profiles/", "api/profiles/")):
            key = "profile"
        text = re.sub(r"<int:pk>|\(\?P<pk>[^)]*\)", str(ids[key]), text, count=1)
        text = re.sub(r"<int:\w+>", str(ids["note"]), text)
        text = text.replace("<str:system>", "crm").replace("<str:external_id>", "77")
        text = re.sub(r"\(\?P<\w+>[^)]*\)", str(ids["note"]), text)
        if "<" not in text:
            found.append((name, "/" + text))
    found += [(name, path + query) for name, path in found if name in ("people", "api_profile-list") for query in SEARCHES]
    found += [(name, f"{path}?other={ids['alike']}") for name, path in found if name == "profile_merge"]
    return found


SEARCHES = ["?q=0117+496+0140", "?q=mara.k@example.com", "?q=ZX-4711", "?q=Mara"]


def _patterns(patterns: Any = None, before: str = "") -> Iterator[tuple[str, str]]:
    for item in patterns if patterns is not None else get_resolver().url_patterns:
        if isinstance(item, URLResolver):
            yield from _patterns(item.url_patterns, before + str(item.pattern))
        elif isinstance(item, URLPattern) and item.name:
            yield item.name, before + str(item.pattern)


def read(client: Client, path: str) -> tuple[int, str]:
    answer = client.get(path)
    body = b"".join(answer.streaming_content) if answer.streaming else answer.content  # type: ignore[attr-defined]
    return answer.status_code, body.decode(errors="replace") + answer.headers.get("Location", "")


def shown(text: str, path: str) -> set[str]:
    """The fields of which something stands in what was answered. What was asked for comes back in the search box; that is no answer."""
    asked = unquote_plus(path.partition("?q=")[2])
    text = text.replace(quote_plus(asked), "").replace(asked, "") if asked else text
    return {field for field, spellings in SPELLINGS.items() if any(spelling in text for spelling in spellings)}


def hinted(text: str) -> set[str]:
    """The fields of which a part stands in what was answered."""
    return {field for field, parts in MASKED.items() if any(part in text for part in parts)}


@contextmanager
def taken_back() -> Iterator[None]:
    """What is done inside is undone: the next example begins with the same desk."""
    with transaction.atomic():
        yield
        transaction.set_rollback(True)


@hypothesis_settings(max_examples=6, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(role=st.sampled_from(ROLES), hidden=st.sets(st.sampled_from(sorted(SPELLINGS))))
@example(role=Role.ADMIN, hidden=set(SPELLINGS))
@example(role=Role.MARKETING, hidden=set(SPELLINGS))
def test_what_a_role_may_not_see_stands_nowhere(desk: dict[str, int], role: str, hidden: set[str]) -> None:
    with taken_back():
        for field in SPELLINGS:
            save_right(role=role, field=field, may_see=field not in hidden)
        client, agent = sign_in(role)
        read_paths = 0
        for name, path in addresses(desk):
            if not find_rule(name).allows(role, "GET"):
                continue
            status, text = read(client, path)
            read_paths += status == 200
            assert not shown(text, path) & hidden, f"{role} sees {shown(text, path) & hidden} at {path}"
            parts = set() if name in PARTS_STAND_AT else hinted(text) & hidden
            assert not parts, f"{role} sees a part of {parts} at {path}"
        assert read_paths > 30
        for form in ("csv", "vcf"):
            text = "".join(export_people(form=form, agent=agent)).replace("\r\n ", "")
            assert not shown(text, "") & hidden, f"{role} takes {shown(text, '') & hidden} away in a {form}"
        looked = set(ContactLook.objects.filter(agent=agent).values_list("kind", flat=True))
        assert not looked & hidden


@pytest.mark.parametrize("role", ROLES)
def test_what_a_role_may_see_it_sees_in_full_where_it_asks_for_it(desk: dict[str, int], role: str) -> None:
    client, agent = sign_in(role)
    _, text = read(client, f"/api/profiles/{desk['profile']}/")
    assert shown(text, "") == {*SPELLINGS} - hidden_fields(agent)
    assert hidden_fields(agent) == ({"phone"} if role == Role.MARKETING else set())
    for point in ContactPoint.objects.filter(profile__person=desk["profile"]):
        answer = client.post(f"/contact-points/{point.pk}/show/")
        assert (point.value in answer.content.decode()) == (point.kind not in hidden_fields(agent))


@pytest.mark.parametrize("role", [Role.AGENT, Role.ADMIN])
def test_pages_hold_no_coordinate_in_full_before_somebody_asks_for_it(desk: dict[str, int], role: str) -> None:
    client, agent = sign_in(role)
    for name, path in addresses(desk):
        if name.startswith("api_") or not find_rule(name).allows(role, "GET") or name in ("profile_merge", "callback_call"):
            continue
        _, text = read(client, path)
        assert not shown(text, path) & {"phone", "email", "address"}, f"{path} shows {shown(text, path)}"
    assert not ContactLook.objects.filter(agent=agent).exists()


def sign_in(role: str) -> tuple[Client, Agent]:
    agent, client = make_agent(role), Client()
    client.force_login(agent)
    return client, agent
