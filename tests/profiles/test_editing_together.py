"""Two people, one form: what one of them wrote and the other never saw is never overwritten, however their looks and saves interleave."""

from __future__ import annotations

import html
import re
from collections.abc import Sequence
from typing import Any

import pytest
from django.test import Client
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from profiles.editing_forms import Box
from profiles.models import Agent, CustomField, Profile
from profiles.services.custom import list_custom, save_field
from profiles.services.edit import edit_profile, read_field
from profiles.services.history import read_history
from tests.factories import make_agent, make_author, make_mention

pytestmark = pytest.mark.django_db

# What is typed into each field: few words into few fields, so that the two meet; three at least, for what was, theirs and mine.
TYPED = {"company": ["A", "B", "C", "D"], "language": ["de", "fr", "xx!"], "custom:plan": ["", "Gold", "Silver"]}  # xx! is refused


@pytest.fixture
def person() -> Profile:
    return make_mention(author=make_author("mara_k")).author.profile


def client_of(agent: Agent) -> Client:
    client = Client()
    client.force_login(agent, backend="django.contrib.auth.backends.ModelBackend")
    return client


def read_form(page: Any) -> dict[str, str]:
    """What a browser would send of the form as it was shown."""
    text = page.content.decode()
    fields = dict(re.findall(r'<input type="hidden" name="(seen:[^"]+)"\s+value="([^"]*)"', text))
    fields |= dict(re.findall(r'<input id="field-\d+"\s+name="([^"]+)"[^>]*?value="([^"]*)"', text))
    for name, options in re.findall(r'<select id="field-\d+"\s+name="([^"]+)".*?>(.*?)</select>', text, re.DOTALL):
        chosen = re.search(r'value="([^"]*)"\s+selected', options) or re.search(r'value="([^"]*)"', options)
        assert chosen
        fields[name] = chosen[1]
    assert {name.removeprefix("seen:") for name in fields if name.startswith("seen:")} == {n for n in fields if ":" not in n or n[0] == "c"}
    return {name: html.unescape(value) for name, value in fields.items()}


def test_a_field_that_was_left_alone_shows_what_stands_now_after_a_conflict(person: Profile) -> None:
    edit_profile(profile_id=person.pk, changes={"language": "de"}, source="agent", agent=None)
    agent, lead = make_agent(username="sam"), make_agent(username="lena")
    path, clients = f"/profiles/{person.pk}/edit/", (client_of(agent), client_of(lead))
    mine, theirs = (read_form(client.get(path)) for client in clients)
    assert clients[1].post(path, {**theirs, "company": "Lead2", "language": "fr"}).status_code == 302

    conflict = clients[0].post(path, {**mine, "company": "Agent2"})
    assert conflict.status_code == 409
    again = read_form(conflict)
    assert (again["language"], again["seen:language"]) == ("fr", "fr")
    assert (again["company"], again["seen:company"]) == ("Agent2", "Lead2")
    assert clients[0].post(path, {**again, "choice:company": "theirs"}).status_code == 302
    person.refresh_from_db()
    assert (person.company, person.language) == ("Lead2", "fr")
    assert "Sam" not in {change.who for change in read_history(person, agent=agent)[0]}


def test_a_mistake_elsewhere_does_not_hide_what_a_colleague_wrote(person: Profile) -> None:
    agent, lead = make_agent(username="sam"), make_agent(username="lena")
    path, clients = f"/profiles/{person.pk}/edit/", (client_of(agent), client_of(lead))
    mine, theirs = (read_form(client.get(path)) for client in clients)
    assert clients[1].post(path, {**theirs, "company": "Lead2", "time_zone": "Europe/Paris"}).status_code == 302

    refused = clients[0].post(path, {**mine, "company": "Agent2", "language": "xx!"})
    assert refused.status_code == 400
    again = read_form(refused)
    assert (again["company"], again["seen:company"]) == ("Agent2", ""), "not saved, and what it would overwrite was not seen yet"
    assert (again["time_zone"], again["seen:time_zone"]) == ("Europe/Paris", "Europe/Paris")
    conflict = clients[0].post(path, {**again, "language": "fr"})
    assert conflict.status_code == 409
    assert "Lena</bdi> wrote: <bdi>Lead2" in conflict.content.decode()
    person.refresh_from_db()
    assert (person.company, person.language, person.time_zone) == ("Lead2", "fr", "Europe/Paris")


def test_who_chose_theirs_keeps_it_through_a_mistake_elsewhere(person: Profile) -> None:
    client, path = client_of(make_agent(username="sam")), f"/profiles/{person.pk}/edit/"
    mine = read_form(client.get(path))
    edit_profile(profile_id=person.pk, changes={"company": "Lead2"}, source="agent", agent=make_agent(username="lena"))
    conflict = client.post(path, {**mine, "company": "Agent2"})
    refused = client.post(path, {**read_form(conflict), "choice:company": "theirs", "language": "xx!"})
    assert refused.status_code == 400
    again = read_form(refused)
    assert (again["company"], again["seen:company"]) == ("Lead2", "Lead2")
    assert client.post(path, {**again, "language": "fr"}).status_code == 302
    person.refresh_from_db()
    assert (person.company, person.language) == ("Lead2", "fr")


class Screen:
    """Somebody at the form: what they typed, and for each field what they know to stand there, which is what they were shown last."""

    def __init__(self, agent: Agent, person: Profile) -> None:
        self.client, self.path = client_of(agent), f"/profiles/{person.pk}/edit/"
        self.boxes: dict[str, Box] = {}
        self.typed: dict[str, str] = {}
        self.knows: dict[str, str] = {}
        self.theirs: set[str] = set()

    def open(self) -> None:
        self.typed, self.theirs = {}, set()
        self._look(self.client.get(self.path).context["boxes"], is_refused=False)

    def save(self) -> int:
        sent: dict[str, str] = {}
        for name, box in self.boxes.items():
            sent |= {name: self.typed.get(name, box.value), f"seen:{name}": box.seen}
            if box.conflict:
                sent[f"choice:{name}"] = "theirs" if name in self.theirs else "mine"
        answer = self.client.post(self.path, sent)
        self.typed = {name: value for name, value in self.typed.items() if name not in self.theirs}
        self.theirs = set()
        if answer.status_code != 302:
            self._look(answer.context["boxes"], is_refused=answer.status_code == 400)
        return answer.status_code

    def _look(self, boxes: Sequence[Box], *, is_refused: bool) -> None:
        self.boxes = {box.name: box for box in boxes}
        for name, box in self.boxes.items():
            if box.conflict:
                words = {word: value for value, word in box.options}
                self.knows[name] = words.get(box.conflict["theirs"], box.conflict["theirs"]) if box.options else box.conflict["theirs"]
            elif not (is_refused and self.typed.get(name) == box.value):
                self.knows[name] = box.value
                self.typed.pop(name, None)


def standing(person: Profile) -> dict[str, str]:
    now = Profile.objects.get(pk=person.pk)
    own = {name: str(read_field(now, name) or "") for name in TYPED if ":" not in name}
    return own | {f"custom:{one.field.key}": one.value.text if one.value else "" for one in list_custom(now, agent=None)}


_EDIT = st.sampled_from(sorted(TYPED)).flatmap(lambda name: st.tuples(st.just(name), st.sampled_from(TYPED[name])))
# Who saves, after what was typed; for which conflicts theirs are chosen; and whether they looked at the form anew before.
_STEP = st.tuples(
    st.integers(0, 1), st.lists(_EDIT, max_size=3), st.sets(st.sampled_from(sorted(TYPED))), st.sampled_from([False] * 6 + [True])
)


# No shrinking: it takes minutes of saves, and a step begins with what those before it left behind.
@settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
)
@given(steps=st.lists(_STEP, min_size=8, max_size=14))
def test_what_somebody_never_saw_they_never_overwrite(
    person: Profile, steps: list[tuple[int, list[tuple[str, str]], set[str], bool]]
) -> None:
    if not CustomField.objects.exists():
        save_field(field=None, label="Plan", kind="choice", choices="Gold\nSilver")
        make_agent(username="sam")
        make_agent(username="lena")
    screens = [Screen(agent, person) for agent in Agent.objects.filter(username__in=["sam", "lena"])]
    for screen in screens:
        screen.open()
    for who, edits, theirs, looks_anew in steps:
        screen = screens[who]
        if looks_anew:
            screen.open()
        screen.typed |= dict(edits)
        screen.theirs = {name for name in theirs if screen.boxes[name].conflict}
        before, knew = standing(person), dict(screen.knows)
        meant = {name: value for name, value in screen.typed.items() if name not in screen.theirs}
        status = screen.save()
        after = standing(person)
        changed = {name for name in before if before[name] != after[name]}
        assert {name: before[name] for name in changed} == {name: knew[name] for name in changed}, "they had never seen it"
        assert {name: after[name] for name in changed}.items() <= meant.items(), "they had not typed it"
        waiting = {name: value for name, value in meant.items() if value != knew[name]}
        if status == 302:
            assert {name: after[name] for name in waiting} == waiting
            screen.open()
        elif status == 400:
            assert not changed
            assert {name: screen.boxes[name].value for name in waiting} == waiting, "what was typed is still there"
