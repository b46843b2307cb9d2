"""Who may be the same person: proposed with what speaks for it, found as people and their coordinates come in, and decided by people.

Nobody is compared with everybody. Candidates are found along indexes: whoever has the same coordinate, the same handle on another
network, the same whole name, or an account that a biography names; and what they have is then compared (services/likeness.py).
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import asdict
from datetime import datetime, timedelta

from celery import current_app
from django.db import transaction

from profiles.models import Agent, ContactPoint, Counter, Handle, MatchSuggestion, Profile, SearchTerm
from profiles.services import likeness
from profiles.services.later import is_put_off
from profiles.services.likeness import MANY, PROPOSED_FROM, Account, Coordinate, Evidence, Person
from profiles.services.words import LONGEST, normal
from socialdesk.lib import bulk
from socialdesk.lib.clock import now as current_time
from socialdesk.lib.errors import Conflict, NotFound
from socialdesk.networks.registry import NETWORKS

AT_ONCE = 200  # new people of one round
AGAIN = 20  # of those who were looked at before: what others say of themselves may name them by now
MOST_ALIKE = 20  # people with one name or handle who are looked at, the newest
_COMPARED = 25  # people who are read with all their likes at once
_SHARERS = 8 * MANY  # rows of one coordinate that are read to tell whether it is of many
_TERMS_WAIT = timedelta(minutes=1)
_NEW, _AGAIN = "people matched", "people matched again"
_NAMED = re.compile(r"@([\w.-]{2,60})|https?://\S*?/@?([\w.-]{2,60})/?(?=\s|$|[,;)])")
_STATE = MatchSuggestion.State

Pair = tuple[int, int]


def match_later(*profile_ids: int) -> None:
    """What these people are told by changed: look for who they may be, once this transaction is done."""
    if is_put_off(*profile_ids):
        return
    ids = list(profile_ids)
    transaction.on_commit(lambda: current_app.send_task("profiles.match_tasks.match_people", (ids,)), robust=True)


def match_people(profile_ids: Iterable[int]) -> int:
    """Propose whom these people may be, and take back what speaks for nothing any more; how many proposals stand for them."""
    asked = set(Profile.objects.filter(pk__in=list(profile_ids), erased_at=None, is_ours=False).values_list("person", flat=True))
    if not asked:
        return 0
    pairs, sharers = _find_pairs(_read_people(asked, {}))
    pairs |= _standing(asked)
    people = _read_people({pk for pair in pairs for pk in pair}, sharers)
    refused = _refused(people)
    scored: dict[Pair, list[Evidence]] = {}
    weak: list[Pair] = []
    for pair in pairs:
        if pair[0] not in people or pair[1] not in people or pair in refused:
            continue
        evidence = likeness.compare(people[pair[0]], people[pair[1]])
        if likeness.score(evidence) >= PROPOSED_FROM:
            scored[pair] = evidence
        else:
            weak.append(pair)
    _store(scored, weak)
    return len(scored)


def match_new_people() -> int:
    """The next people in the order in which they came, and a few of the others once more; how many were looked at. Its own transactions."""
    fresh = _next_people(_NEW, AT_ONCE, is_round=False)
    again = _next_people(_AGAIN, AGAIN, is_round=True)
    ids = sorted({*fresh, *again})
    for place in range(0, len(ids), _COMPARED):
        match_people(ids[place : place + _COMPARED])
    return len(ids)


def dismiss_suggestion(*, suggestion_id: int, agent: Agent | None, at: datetime | None = None) -> MatchSuggestion:
    """These two are not the same, and nobody proposes it again. Raises NotFound, and Conflict if somebody merged them meanwhile."""
    suggestion = MatchSuggestion.objects.filter(pk=suggestion_id).first()
    if suggestion is None:
        raise NotFound("There is no such proposal.")
    open_one = MatchSuggestion.objects.filter(pk=suggestion_id, state=_STATE.OPEN)
    if not open_one.update(state=_STATE.DISMISSED, decided_at=at or current_time(), decided_by=agent):
        suggestion.refresh_from_db()
        if suggestion.state == _STATE.MERGED:
            raise Conflict("They were merged meanwhile. Take the merge back if that was wrong.")
    suggestion.refresh_from_db()
    return suggestion


def _next_people(name: str, limit: int, *, is_round: bool) -> list[int]:
    """The next profiles after where the counter stands, which moves with them. At the end of a round it begins anew."""
    with transaction.atomic():
        Counter.objects.get_or_create(name=name)
        counter = Counter.objects.select_for_update().get(name=name)
        waiting = Profile.objects.filter(pk__gt=counter.last)
        if not is_round:
            # Nobody is found before their words are written, which is a matter of seconds; whoever waits longer holds nobody up.
            held = waiting.filter(terms_at=None).order_by("pk").values_list("pk", "created_at").first()
            if held and held[1] > current_time() - _TERMS_WAIT:
                waiting = waiting.filter(pk__lt=held[0])
        found = list(waiting.order_by("pk").values_list("pk", flat=True)[:limit])
        if found or is_round:
            counter.last = found[-1] if found else 0
            counter.save(update_fields=["last"])
    return found


def _read_people(wanted: Iterable[int], sharers: dict[tuple[str, str], int]) -> dict[int, Person]:
    """These persons with what they are compared by, over all their profiles. Three queries."""
    ids = list(wanted)
    people: dict[int, Person] = {}
    person_of: dict[int, int] = {}
    for pk, person, name, company in Profile.objects.filter(person__in=ids, erased_at=None, is_ours=False).values_list(
        "pk", "person", "name", "company"
    ):
        person_of[pk] = person
        who = people.setdefault(person, Person(person))
        if name and name != company:
            who.names.append(name)
    handles = Handle.objects.filter(profile__in=person_of).values_list("profile", "id", "network", "username", "url", "bio", "display_name")
    for profile, pk, network, username, url, bio, display_name in handles:
        who = people[person_of[profile]]
        who.accounts.append(Account(pk, network, username, url, bio))
        if display_name:
            who.names.append(display_name)
    points = ContactPoint.objects.filter(profile__in=person_of, problem="").values_list("profile", "id", "kind", "value", "state", "source")
    for profile, pk, kind, value, state, source in points:
        by_form = source.startswith("form") or source.endswith(" form")
        coordinate = Coordinate(pk, kind, value, state, by_form, sharers.get((kind, value), 2))
        people[person_of[profile]].coordinates.append(coordinate)
    return people


def _find_pairs(people: dict[int, Person]) -> tuple[set[Pair], dict[tuple[str, str], int]]:
    """Who is worth comparing with these, and of how many people each of their coordinates is."""
    pairs: set[Pair] = set()
    sharers: dict[tuple[str, str], int] = {}

    def add(person: int, others: Iterable[int]) -> None:
        pairs.update((min(person, other), max(person, other)) for other in others if other != person)

    for person in people.values():
        for point in person.coordinates:
            if point.kind == ContactPoint.Kind.ADDRESS:
                continue
            same = ContactPoint.objects.filter(kind=point.kind, value=point.value).order_by("-pk")
            whose = set(same.values_list("profile__person", flat=True)[:_SHARERS])
            sharers[point.kind, point.value] = len(whose)
            if len(whose) <= MANY:
                add(person.pk, whose)
        spoken = {("handle", normal(account.username)[:LONGEST]) for account in person.accounts}
        spoken |= {("name", normal(name)[:LONGEST]) for name in person.names}
        for kind, word in spoken:
            alike = SearchTerm.objects.filter(term=word, kind=kind).order_by("-profile_id")
            add(person.pk, alike.values_list("profile__person", flat=True)[:MOST_ALIKE])
        named = {account.username for account in person.accounts}
        for account in person.accounts:
            named |= {first or second for first, second in _NAMED.findall(account.bio)}
        if named:
            spelled = {*named, *(name.lower() for name in named), *(name.rstrip(".-") for name in named)}
            known = Handle.objects.filter(network__in=list(NETWORKS), username__in=spelled)
            add(person.pk, known.values_list("profile__person", flat=True)[:MOST_ALIKE])
    return pairs, sharers


def _standing(people: set[int]) -> set[Pair]:
    """The open proposals for these: they are weighed anew."""
    ids = list(people)
    found = MatchSuggestion.objects.filter(state=_STATE.OPEN)
    rows = [*found.filter(first__in=ids).values_list("first", "second"), *found.filter(second__in=ids).values_list("first", "second")]
    return set(rows)


def _refused(people: dict[int, Person]) -> set[Pair]:
    """Pairs of which somebody said that they are not one, of any of the profiles that they are made of."""
    person_of = dict(Profile.objects.filter(person__in=list(people)).values_list("pk", "person"))
    said = MatchSuggestion.objects.filter(state=_STATE.DISMISSED, first__in=list(person_of)).values_list("first", "second")
    pairs = ((person_of[first], person_of[second]) for first, second in said if second in person_of)
    return {(min(pair), max(pair)) for pair in pairs}


def _store(scored: dict[Pair, list[Evidence]], weak: list[Pair]) -> None:
    moment = current_time()
    with transaction.atomic():
        known: dict[Pair, MatchSuggestion] = {}
        by_first: defaultdict[int, set[int]] = defaultdict(set)
        for first, second in [*scored, *weak]:
            by_first[first].add(second)
        for row in MatchSuggestion.objects.filter(first__in=list(by_first)):
            if row.second_id in by_first[row.first_id]:
                known[row.first_id, row.second_id] = row
        fresh = []
        for pair, evidence in scored.items():
            told, score = [asdict(piece) for piece in evidence], likeness.score(evidence)
            there = known.get(pair)
            if there is None:
                fresh.append((*pair, score, told, _STATE.OPEN.value, moment))
            elif there.state == _STATE.OPEN and abs(there.score - score) > 1e-6:
                MatchSuggestion.objects.filter(pk=there.pk, state=_STATE.OPEN).update(score=score, evidence=told)
            elif there.state == _STATE.MERGED:
                # They are two again without a merge between them that was taken back: one of them was merged further, and that undone.
                MatchSuggestion.objects.filter(pk=there.pk, state=_STATE.MERGED).update(state=_STATE.OPEN, score=score, evidence=told)
        bulk.insert_missing(MatchSuggestion, ["first_id", "second_id", "score", "evidence", "state", "made_at"], fresh)
        gone = [weaker.pk for pair in weak if (weaker := known.get(pair)) and weaker.state == _STATE.OPEN]
        MatchSuggestion.objects.filter(pk__in=gone, state=_STATE.OPEN).delete()
