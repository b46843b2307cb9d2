"""The REST doors that keep other systems in step: people written by another system's numbers, and what changed since a place."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from drf_spectacular.utils import OpenApiParameter, extend_schema, extend_schema_field
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from profiles.models import Agent, Connection, ProfileEvent
from profiles.services.changes import read_events
from profiles.services.looks import record_looks
from profiles.services.record_writing import live_points
from profiles.services.records import FIELDS, PersonRecord, apply_record
from profiles.services.rights import CUSTOM, hidden_fields
from profiles.services.telling import write_events
from socialdesk.lib.clock import now
from socialdesk.lib.errors import DeskError
from socialdesk.lib.paging import MOST, read_page_size

_LISTS = {name: serializers.ListField(child=serializers.CharField(), required=False) for name in ("emails", "phones", "addresses", "tags")}

_SYSTEM = re.compile(r"[a-zA-Z0-9_-]{1,40}")


class PersonRecordSerializer(serializers.Serializer[Any]):
    """A person as systems write them. What is left out is not spoken of; what is empty is said to be empty."""

    name = serializers.CharField(required=False, allow_blank=True, max_length=200)
    company = serializers.CharField(required=False, allow_blank=True, max_length=200)
    language = serializers.CharField(required=False, allow_blank=True, help_text="As in de or pt-BR.")
    time_zone = serializers.CharField(required=False, allow_blank=True, help_text="As in Europe/Berlin.")
    stage = serializers.CharField(required=False, allow_blank=True, help_text="prospect, customer, high_value or former.")
    preferred_channel = serializers.CharField(required=False, allow_blank=True)
    owner = serializers.CharField(required=False, allow_blank=True, help_text="User name of an agent.")
    do_not_contact = serializers.BooleanField(
        required=False, help_text="Once true it becomes false only by hand, or by the system that said so."
    )
    emails = _LISTS["emails"]
    phones = serializers.ListField(child=serializers.CharField(), required=False, help_text="With the country, as in +49 30 23125123.")
    addresses = _LISTS["addresses"]
    tags = _LISTS["tags"]
    custom = serializers.DictField(child=serializers.CharField(allow_blank=True), required=False, help_text="Fields of our own, by key.")
    changed_at = serializers.DictField(
        child=serializers.DateTimeField(), required=False, help_text="When you set a field, by its name. Without it: now."
    )


class _KeptSerializer(serializers.Serializer[Any]):
    field = serializers.CharField()
    ours = serializers.JSONField()
    theirs = serializers.JSONField()
    rule = serializers.CharField(help_text="Why ours stays.")


class _MarkedSerializer(serializers.Serializer[Any]):
    field = serializers.CharField()
    value = serializers.CharField()
    problem = serializers.CharField()


class AppliedSerializer(serializers.Serializer[Any]):
    id = serializers.IntegerField(help_text="Our number of the person.")
    created = serializers.BooleanField()
    changed = serializers.ListField(child=serializers.CharField())
    kept = _KeptSerializer(many=True, help_text="What was not taken.")
    marked = _MarkedSerializer(many=True, help_text="What cannot be: coordinates are kept as text with a mark, the rest was left out.")


@extend_schema_field(PersonRecordSerializer)
class _WrittenRecord(serializers.JSONField):
    pass


class EventSerializer(serializers.Serializer[Any]):
    id = serializers.UUIDField(help_text="Of the event; a webhook of it has the same.")
    type = serializers.CharField()
    number = serializers.IntegerField(help_text="Ask with after= for what has higher ones.")
    kind = serializers.ChoiceField(choices=ProfileEvent.Kind.choices)
    timestamp = serializers.DateTimeField()
    profile = serializers.IntegerField(help_text="The person that this profile is by now.")
    other = serializers.IntegerField(allow_null=True, help_text="Of a merge: the profile that became part of the person.")
    fields = serializers.ListField(child=serializers.CharField())  # type: ignore[assignment]
    source = serializers.CharField()  # type: ignore[assignment]
    record = _WrittenRecord(allow_null=True, help_text="The person now, with what your role may see; null once they were erased.")
    changed_at = serializers.DictField(child=serializers.DateTimeField())
    handles = serializers.ListField(child=serializers.DictField(child=serializers.CharField()))
    known_as = serializers.DictField(child=serializers.CharField(), help_text="The person's numbers on desks, this one among them.")
    external_ids = serializers.DictField(child=serializers.CharField(), help_text="The person's numbers in other systems.")


class ChangesSerializer(serializers.Serializer[Any]):
    results = EventSerializer(many=True)
    last = serializers.IntegerField(help_text="The number to go on from, whether or not there was anything.")
    more = serializers.BooleanField(help_text="There is more already.")


class ByExternalView(APIView):
    """A person by another system's number."""

    @extend_schema(request=PersonRecordSerializer, responses=AppliedSerializer)
    def put(self, request: Request, system: str, external_id: str) -> Response:
        """Write a person by your number of them: found if we know it, made if not. The same again changes nothing.

        Which value counts where ours is another one is said by the rules of the connection of that name, without one by the newer time.
        For leads, managers and admins.
        """
        if not _SYSTEM.fullmatch(system) or len(external_id) > 200:
            raise DeskError("A system is named by up to 40 letters, digits and hyphens; its number of a person has at most 200 characters.")
        values, changed_at = _read_body(request.data)
        connection = Connection.objects.filter(system=system).only("rules").first()
        applied = apply_record(
            record=PersonRecord(values, system, external_id, changed_at),
            source=f"system:{system}",
            agent=_agent_of(request),
            rules=connection.rules if connection else None,
        )
        answer = {
            "id": applied.profile.pk,
            "created": applied.is_new,
            "changed": applied.changed,
            "kept": applied.kept,
            "marked": applied.marked,
        }
        return Response(answer, status=201 if applied.is_new else 200)


class ChangesView(APIView):
    """What changed about people."""

    @extend_schema(
        parameters=[
            OpenApiParameter("after", int, description="The last number that you have; 0 or nothing for all."),
            OpenApiParameter("page_size", int, description=f"Up to {MOST}."),
        ],
        responses=ChangesSerializer,
    )
    def get(self, request: Request) -> Response:
        """Everything that changed after a number, oldest first; whoever goes on from `last` misses nothing.

        For leads, managers and admins.
        """
        given = request.query_params.get("after", "0")
        if not (given.isascii() and given.isdecimal() and len(given) <= 18):
            raise DeskError("after is the number of an event, as in `last`.")
        size = read_page_size(request)
        events = read_events(after=int(given), limit=size + 1)
        agent = _agent_of(request)
        told = write_events(events[:size], agent=agent)
        hidden = hidden_fields(agent)
        shown = [point for point in live_points(event["profile"] for event in told) if point.kind not in hidden]
        record_looks(shown, agent=agent, where="api")
        last = told[-1]["number"] if told else int(given)
        return Response({"results": told, "last": last, "more": len(events) > size})


def _read_body(body: Any) -> tuple[dict[str, Any], dict[str, datetime]]:
    if not isinstance(body, Mapping):
        raise DeskError("The body is an object of fields.")
    given = dict(body)
    times, custom = given.pop("changed_at", None) or {}, given.pop("custom", None) or {}
    if not isinstance(times, Mapping) or not isinstance(custom, Mapping):
        raise DeskError("changed_at and custom are objects.")
    given |= {f"{CUSTOM}{key}": value for key, value in custom.items()}
    unknown = [name for name in times if name not in FIELDS and not str(name).startswith(CUSTOM)]
    if unknown:
        raise DeskError(f"There is no field {str(unknown[0])[:40]!r} in changed_at.")
    moment = now()
    # What is said to be empty without a time is said so now; what has a value is of now anyway.
    timed = [name for name in given if name in times or given[name] in ("", None, False)]
    return given, {name: _read_time(times[name]) if name in times else moment for name in timed}


def _read_time(given: Any) -> datetime:
    try:
        at = datetime.fromisoformat(str(given))
    except ValueError:
        raise DeskError("Times are written as 2026-05-04T10:00:00Z.") from None
    return at if at.tzinfo else at.replace(tzinfo=UTC)


def _agent_of(request: Request) -> Agent:
    assert isinstance(request.user, Agent)
    return request.user
