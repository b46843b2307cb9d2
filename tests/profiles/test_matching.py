"""Who may be the same person: found along indexes, weighed, proposed and never merged by itself."""

from __future__ import annotations

import random
from typing import Any

import pytest
from django.test import Client
from knox.models import AuthToken

from profiles.models import Agent, ContactPoint, Counter, Handle, MatchSuggestion, Merge, Profile, Role
from profiles.services import likeness
from profiles.services.contacts import record_contact_point, verify_contact_point
from profiles.services.likeness import Account, Coordinate, Person, compare, score
from profiles.services.matching import dismiss_suggestion, match_new_people, match_people
from profiles.services.merge import merge_profiles, undo_merge
from profiles.services.terms import renew_terms
from socialdesk.lib.errors import Conflict, NotFound
from tests.factories import make_agent, make_author, make_mention

pytestmark = pytest.mark.django_db
State = MatchSuggestion.State


@pytest.fixture
def agent() -> Agent:
    return make_agent()


def make_person(username: str, *, network: str = "sandbox", **fields: Any) -> Profile:
    """Somebody who wrote to us, with their words in place."""
    mention = make_mention(author=make_author(username, **{"external_id": f"{network}-{username}", **fields}), network=network)
    profile = mention.author.profile
    renew_terms(profile.pk)
    return profile


def give(profile: Profile, kind: str, typed: str, source: str = "callback form", state: str = "given") -> ContactPoint:
    return record_contact_point(profile=profile, kind=kind, typed=typed, state=state, source=source)


def proposed() -> list[tuple[int, int, list[str]]]:
    rows = MatchSuggestion.objects.filter(state=State.OPEN).order_by("pk")
    return [(row.first_id, row.second_id, [piece["kind"] for piece in row.evidence]) for row in rows]


# --- What is proposed, and why ---------------------------------------------------------------------------------------


def test_the_same_verified_address_is_proposed_with_its_evidence(agent: Agent) -> None:
    a, b = make_person("mara_k"), make_person("quietrider", network="web")
    one, other = (give(person, "email", "mara@example.com") for person in (a, b))
    verify_contact_point(contact_point=one, how="code", by=None)
    assert match_people([b.pk]) == 1
    row = MatchSuggestion.objects.get()
    assert (row.first_id, row.second_id, row.state) == (a.pk, b.pk, State.OPEN)
    assert [piece["kind"] for piece in row.evidence] == ["verified_email", "same_form"]
    assert sorted(row.evidence[0]["rows"]) == sorted([one.pk, other.pk])
    assert "mara@example.com" not in str(row.evidence)
    assert row.score > 0.9


def test_nothing_is_ever_merged_by_itself(agent: Agent) -> None:
    a = make_person("mara_klein", display_name="Mara Klein", url="https://s.example/mara_klein", bio="web: @mara_klein")
    b = make_person("mara_klein", network="web", display_name="Mara Klein", bio="see https://s.example/mara_klein")
    for person in (a, b):
        for kind, typed in (("email", "mara@example.com"), ("phone", "+441174960140")):
            verify_contact_point(contact_point=give(person, kind, typed), how="code", by=agent)
    match_people([a.pk, b.pk])
    match_new_people()
    assert MatchSuggestion.objects.get().score > 0.99
    assert Merge.objects.count() == 0
    assert Profile.objects.people().count() == 2


def test_one_handle_on_two_networks_and_one_name() -> None:
    a = make_person("mara_rides", display_name="Mara Klein")
    b = make_person("mara_rides", network="web", display_name="Klein, Mara")
    make_person("mara_ridez", display_name="Mara Klain")
    match_people([b.pk])
    assert proposed() == [(a.pk, b.pk, ["same_handle", "same_name"])]


def test_handles_that_are_alike_and_one_name() -> None:
    a = make_person("MaraRides92", display_name="Mara Klein")
    b = make_person("mara.rides", network="web", display_name="Mara Klein")
    match_people([b.pk])
    assert proposed() == [(a.pk, b.pk, ["same_name", "like_handle"])]


def test_a_biography_names_an_account_elsewhere() -> None:
    a = make_person("siobhan", display_name="Siobhan Q", url="https://sandbox.example/@siobhan")
    b = make_person("nightnurse", network="web", display_name="Nurse", bio="Also at https://sandbox.example/@siobhan.")
    match_people([b.pk])
    assert proposed() == [(a.pk, b.pk, ["link"])]


def test_both_biographies_name_the_other_whoever_comes_first() -> None:
    make_person("bystander", network="web", bio="friends with @siobhan on sandbox")
    b = make_person("siobhan", url="https://sandbox.example/@siobhan", bio="web: @nightnurse")
    c = make_person("nightnurse", network="web", bio="sandbox: @siobhan")
    match_people([c.pk])
    row = MatchSuggestion.objects.get(first=b.pk, second=c.pk)
    assert row.evidence[0]["kind"] == "links_both"


@pytest.mark.parametrize("change", ["common name", "common handle", "one network", "family"])
def test_what_speaks_for_little_is_not_proposed(change: str) -> None:
    if change == "common name":
        a, b = make_person("first_one", display_name="Chris Smith"), make_person("other_one", network="web", display_name="Chris Smith")
    elif change == "common handle":
        a, b = make_person("chris", display_name="Chris Tallow"), make_person("chris", network="web", display_name="Chris Nolan")
    elif change == "one network":
        a, b = make_person("mara_klein", display_name="Mara Klein"), make_person("maraklein", display_name="Mara Klein")
    else:
        a, b = make_person("anna_b", display_name="Anna Berg"), make_person("tomtom", network="web", display_name="Thomas Weiland")
        give(a, "phone", "+441174960140")
        give(b, "phone", "+441174960140")
    match_people([a.pk, b.pk])
    assert proposed() == []


def test_a_shops_number_speaks_for_nothing() -> None:
    people = [make_person(f"rider{letter}", display_name=f"{letter * 5} {letter * 7}") for letter in "abcdefgh"]
    for person in people:
        give(person, "email", "front-desk@shop.example")
    for person in people:
        match_people([person.pk])
    assert proposed() == []


# --- What becomes of a proposal --------------------------------------------------------------------------------------


def make_pair() -> tuple[Profile, Profile]:
    a, b = make_person("mara_k"), make_person("quietrider", network="web")
    for person in (a, b):
        give(person, "email", "mara@example.com")
    match_people([a.pk])
    return a, b


def test_what_was_dismissed_is_not_proposed_again(agent: Agent) -> None:
    a, b = make_pair()
    dismiss_suggestion(suggestion_id=MatchSuggestion.objects.get().pk, agent=agent)
    verify_contact_point(contact_point=ContactPoint.objects.filter(profile=a).get(), how="code", by=agent)
    assert match_people([a.pk, b.pk]) == 0
    assert MatchSuggestion.objects.get().state == State.DISMISSED


def test_a_dismissal_holds_for_who_was_merged_into_one_of_them(agent: Agent) -> None:
    a, b = make_pair()
    dismiss_suggestion(suggestion_id=MatchSuggestion.objects.get().pk, agent=agent)
    c = make_person("third")
    give(c, "email", "mara@example.com")
    merge_profiles(survivor_id=c.pk, other_id=b.pk, agent=agent)
    match_people([a.pk, c.pk])
    assert proposed() == []


def test_a_merge_settles_the_proposal_and_undoing_it_says_no(agent: Agent) -> None:
    a, b = make_pair()
    merge = merge_profiles(survivor_id=a.pk, other_id=b.pk, agent=agent)
    assert MatchSuggestion.objects.get().state == State.MERGED
    with pytest.raises(Conflict, match="merged"):
        dismiss_suggestion(suggestion_id=MatchSuggestion.objects.get().pk, agent=agent)
    undo_merge(merge_id=merge.pk, agent=agent)
    match_people([a.pk, b.pk])
    assert MatchSuggestion.objects.get().state == State.DISMISSED


def test_what_speaks_for_nothing_any_more_is_taken_back() -> None:
    a, b = make_pair()
    ContactPoint.objects.filter(profile=a).update(state="revoked")
    match_people([b.pk])
    assert MatchSuggestion.objects.count() == 0


def test_erased_people_are_not_compared() -> None:
    a, b = make_pair()
    MatchSuggestion.objects.all().delete()
    Profile.objects.filter(pk=b.pk).update(erased_at=a.created_at)
    assert match_people([a.pk, b.pk]) == 0


def test_new_people_are_looked_at_once_in_their_order() -> None:
    a = make_person("mara_rides", display_name="Mara Klein")
    b = make_person("mara_rides", network="web", display_name="Mara Klein")
    match_new_people()
    assert [row[:2] for row in proposed()] == [(a.pk, b.pk)]
    waiting = make_mention(
        author=make_author("mara_rides", external_id="third", display_name="Mara Klein"), network="bluesky"
    ).author.profile
    match_new_people()
    assert Counter.objects.get(name="people matched").last == b.pk  # the words of the third are not written yet
    renew_terms(waiting.pk)
    match_new_people()
    assert {row[:2] for row in proposed() if waiting.pk in row[:2]} == {(a.pk, waiting.pk), (b.pk, waiting.pk)}


def test_a_new_coordinate_sends_for_the_comparison(monkeypatch: pytest.MonkeyPatch, django_capture_on_commit_callbacks: Any) -> None:
    sent: list[Any] = []
    monkeypatch.setattr("profiles.services.matching.current_app.send_task", lambda name, args: sent.append((name, args)))
    person = make_person("mara_k")
    with django_capture_on_commit_callbacks(execute=True):
        give(person, "email", "mara@example.com")
        give(person, "email", "mara@example.com")  # nothing new
    assert sent == [("profiles.match_tasks.match_people", ([person.pk],))]


def test_what_they_say_of_themselves_is_kept_and_renewed() -> None:
    author = make_author("mara_k", bio="x" * 1500)
    make_mention(author=author)
    assert Handle.objects.get().bio == "x" * 1000
    make_mention(author=make_author("mara_k", bio="web: @nightnurse"))
    make_mention(author=make_author("mara_k"))  # a network that does not say
    assert Handle.objects.get().bio == "web: @nightnurse"


def test_the_api_lists_and_dismisses(agent: Agent) -> None:
    a, b = make_pair()
    client = Client(headers={"Authorization": f"Token {AuthToken.objects.create(agent)[1]}"})
    [row] = client.get("/api/profiles/suggestions/").json()["results"]
    assert (row["first"], row["second"], row["evidence"][0]["kind"]) == (a.pk, b.pk, "given_email")
    assert client.get(f"/api/profiles/suggestions/?profile={b.pk}").json()["results"][0]["id"] == row["id"]
    assert client.post(f"/api/profiles/suggestions/{row['id']}/dismiss/").status_code == 200
    assert client.get("/api/profiles/suggestions/").json()["results"] == []
    reader = Client(headers={"Authorization": f"Token {AuthToken.objects.create(make_agent(Role.MARKETING))[1]}"})
    assert reader.post(f"/api/profiles/suggestions/{row['id']}/dismiss/").status_code == 403
    with pytest.raises(NotFound):
        dismiss_suggestion(suggestion_id=10**9, agent=agent)


# --- How good it is --------------------------------------------------------------------------------------------------

FIRST = "Anna Ben Carla David Elif Farid Greta Hugo Ines Jonas Katrin Liam Mona Noah Olga Paul Rosa Samir Tara Viktor"
LAST = "Berger Cohen Duarte Eriksen Farrow Gruber Haddad Ivanova Jansen Keller Lopez Moreau Nowak Okafor Petrov Quinn Rossi"


class Town:
    """Labelled people: some have two accounts, with more or less in common, and all live beside lookalikes."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.ids = 0
        self.pairs: list[tuple[Person, Person, bool]] = []

    def number(self) -> int:
        self.ids += 1
        return self.ids

    def name(self) -> tuple[str, str]:
        return self.random.choice(FIRST.split()), self.random.choice(LAST.split())

    def handle(self, first: str, last: str) -> str:
        tail = str(self.random.randint(1, 99))
        return self.random.choice(
            (f"{first}_{last}", f"{first}{last}{tail}", f"{first[0]}{last}", f"{last}.{first}", f"{first}{tail}", f"{first}")
        ).lower()

    def person(self, network: str, first: str, last: str, *, handle: str = "", bio: str = "") -> Person:
        username = handle or self.handle(first, last)
        account = Account(self.number(), network, username, f"https://{network}.example/{username}", bio)
        return Person(self.number(), [self.random.choice((f"{first} {last}", f"{first} {last}", f"{first} {last[0]}.", first))], [account])

    def point(self, kind: str, value: str, state: str = "given") -> Coordinate:
        return Coordinate(self.number(), kind, value, state, by_form=self.random.random() < 0.5)

    def same(self) -> None:
        first, last = self.name()
        handle = self.handle(first, last)
        other = handle if self.random.random() < 0.5 else self.random.choice((handle.replace("_", "."), f"{handle}{self.number()}", ""))
        a, b = self.person("sandbox", first, last, handle=handle), self.person("web", first, last, handle=other)
        roll = self.random.random()
        if roll < 0.35:
            kind = self.random.choice(("email", "email", "phone"))
            for person, state in ((a, self.random.choice(("given", "verified"))), (b, "given")):
                person.coordinates.append(self.point(kind, f"{kind}{a.pk}", state))
        elif roll < 0.55:
            b.accounts = [Account(x.id, x.network, x.username, x.url, f"me: {a.accounts[0].url}") for x in b.accounts]
        self.pairs.append((a, b, True))

    def namesakes(self) -> None:
        first, last = self.name()
        self.pairs.append((self.person("sandbox", first, last), self.person("web", first, last), False))

    def family(self) -> None:
        (first, last), (second, _) = self.name(), self.name()
        a, b = self.person("sandbox", first, last), self.person("web", second if second != first else f"{first}na", last)
        for person in (a, b):
            person.coordinates.append(self.point(self.random.choice(("phone", "phone", "email")), f"home{a.pk}"))
        self.pairs.append((a, b, False))

    def strangers(self) -> None:
        self.pairs.append((self.person("sandbox", *self.name()), self.person("web", *self.name()), False))

    def customers_of_a_shop(self) -> None:
        a, b = self.person("sandbox", *self.name()), self.person("web", *self.name())
        for person in (a, b):
            person.coordinates.append(Coordinate(self.number(), "phone", "shop", "given", sharers=40))
        self.pairs.append((a, b, False))


def measure(seed: int) -> tuple[float, float]:
    town = Town(seed)
    for _ in range(400):
        town.same()
        town.namesakes()
        town.family()
        town.strangers()
        town.customers_of_a_shop()
    said = [(score(compare(a, b)) >= likeness.PROPOSED_FROM, is_same) for a, b, is_same in town.pairs]
    right = sum(proposed and is_same for proposed, is_same in said)
    return right / sum(proposed for proposed, _ in said), right / sum(is_same for _, is_same in said)


def test_most_that_is_proposed_is_right_and_most_that_is_so_is_proposed() -> None:
    figures = [measure(seed) for seed in range(5)]
    assert min(precision for precision, _ in figures) >= 0.75, figures
    assert min(recall for _, recall in figures) >= 0.7, figures
