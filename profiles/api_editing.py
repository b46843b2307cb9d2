"""The REST door to what people write down about a person: fields, contact points, notes and tags."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from drf_spectacular.utils import OpenApiParameter, extend_schema, inline_serializer
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.utils.urls import replace_query_param

from profiles.api_shapes import ContactPointSerializer, ProfileDetailSerializer, write_detail
from profiles.models import ContactPoint, ProfileNote
from profiles.services.contacts import mark_wrong, record_contact_point
from profiles.services.edit import EDITABLE, FROM_AGENT
from profiles.services.editing import edit_person
from profiles.services.looks import record_looks
from profiles.services.notes import edit_note, pin_note, write_note
from profiles.services.people import find_agent, find_person
from profiles.services.rights import CUSTOM, hidden_fields
from profiles.services.tags import set_tags, tags_of
from profiles.signed_in import agent_of
from socialdesk.lib.errors import DeskError, NotAllowed, NotFound
from socialdesk.lib.paging import page_of, read_page_size

_ID = r"\d{1,18}"
State = ContactPoint.State


class ProfileEditOrder(serializers.Serializer[Any]):
    """Only what is sent is changed."""

    name = serializers.CharField(required=False, allow_blank=True)
    company = serializers.CharField(required=False, allow_blank=True)
    language = serializers.CharField(required=False, allow_blank=True, help_text="A code such as de or pt-BR.")
    time_zone = serializers.CharField(required=False, allow_blank=True, help_text="A name such as Europe/Berlin.")
    stage = serializers.CharField(required=False)
    preferred_channel = serializers.CharField(required=False, allow_blank=True)
    owner = serializers.CharField(required=False, allow_blank=True, allow_null=True, help_text="User name or id of an agent.")
    custom = serializers.DictField(child=serializers.JSONField(), required=False, help_text="{key: value}; an empty value empties it.")
    seen = serializers.JSONField(
        required=False, help_text="The same fields as you saw them: refused with `conflicts` where something else stands by now."
    )


class ContactPointOrder(serializers.Serializer[Any]):
    kind = serializers.ChoiceField(ContactPoint.Kind.choices)
    value = serializers.CharField(max_length=500, help_text="As it is written; a telephone number with + and its country.")
    region = serializers.RegexField(r"^[A-Z]{2}$", required=False, default="", help_text="The country of a number without one, as in GB.")


class RevokeOrder(serializers.Serializer[Any]):
    state = serializers.ChoiceField([State.REVOKED.value])
    why = serializers.CharField(required=False, max_length=100, default="taken back")


class ProfileNoteSerializer(serializers.ModelSerializer[ProfileNote]):
    agent = serializers.CharField(source="agent.username", default=None, read_only=True)

    class Meta:
        model = ProfileNote
        fields = ["id", "agent", "text", "pinned_at", "created_at", "changed_at"]
        read_only_fields = fields


class NoteOrder(serializers.Serializer[Any]):
    text = serializers.CharField(trim_whitespace=False)
    pinned = serializers.BooleanField(default=False)


class NoteChange(serializers.Serializer[Any]):
    text = serializers.CharField(required=False, trim_whitespace=False)
    pinned = serializers.BooleanField(required=False)
    seen = serializers.CharField(required=False, allow_blank=True, trim_whitespace=False, help_text="The text that you began with.")


class TagsOrder(serializers.Serializer[Any]):
    tags = serializers.ListField(child=serializers.CharField(), max_length=200)


_POINTS = inline_serializer("ContactPoints", {"results": ContactPointSerializer(many=True)})
_NOTES = inline_serializer("ProfileNotePage", {"results": ProfileNoteSerializer(many=True), "next": serializers.URLField(allow_null=True)})
_PAGING = [OpenApiParameter("after", str, description="Taken from `next`."), OpenApiParameter("page_size", int, description="Up to 500.")]


class EditActions:
    """What the profiles' door has of it."""

    @extend_schema(responses=ProfileDetailSerializer)
    def retrieve(self, request: Request, pk: str) -> Response:
        """The person in full, as far as your role sees them. That you looked at their coordinates is kept."""
        return Response(write_detail(find_person(int(pk)), agent=agent_of(request)))

    @extend_schema(request=ProfileEditOrder, responses=ProfileDetailSerializer)
    def partial_update(self, request: Request, pk: str) -> Response:
        """Change fields: all that is sent, or nothing."""
        order = ProfileEditOrder(data=_refuse_unknown(request.data))
        order.is_valid(raise_exception=True)
        given = dict(order.validated_data)
        seen = given.pop("seen", None)
        if seen is not None and not isinstance(seen, Mapping):
            raise DeskError("seen is an object of fields, as you saw them.")
        edit_person(
            profile_id=find_person(int(pk)).pk,
            changes=_read_fields(given),
            seen=None if seen is None else _read_fields(seen),
            agent=agent_of(request),
        )
        return Response(write_detail(find_person(int(pk)), agent=agent_of(request)))

    @extend_schema(responses=_POINTS)
    @action(detail=True, url_name="contact-points", pagination_class=None)
    def contact_points(self, request: Request, pk: str) -> Response:
        """Where the person was ever to be reached, what was taken back too, of the kinds that your role sees."""
        agent = agent_of(request)
        points = ContactPoint.objects.filter(profile__person=find_person(int(pk)).pk).exclude(kind__in=hidden_fields(agent))
        found = list(points.order_by("created_at", "pk"))
        record_looks(found, agent=agent, where="api")
        return Response({"results": ContactPointSerializer(found, many=True).data})

    @extend_schema(request=ContactPointOrder, responses={201: ContactPointSerializer})
    @contact_points.mapping.post
    def add_contact_point(self, request: Request, pk: str) -> Response:
        """Keep a coordinate, unverified. What cannot be one is kept as text with its `problem`, and never used."""
        agent = agent_of(request)
        order = ContactPointOrder(data=request.data)
        order.is_valid(raise_exception=True)
        given = order.validated_data
        if given["kind"] in hidden_fields(agent):
            raise NotAllowed("Your role does not see contacts of this kind.")
        point = record_contact_point(
            profile=find_person(int(pk)),
            kind=given["kind"],
            typed=given["value"],
            state=State.UNVERIFIED,
            source=FROM_AGENT,
            agent=agent,
            region=given["region"],
        )
        return Response(ContactPointSerializer(point).data, status=201)

    @extend_schema(request=RevokeOrder, responses=ContactPointSerializer)
    @action(detail=True, methods=["patch"], url_path=rf"contact_points/(?P<point>{_ID})", url_name="contact-point")
    def contact_point(self, request: Request, pk: str, point: str) -> Response:
        """Take a coordinate back, with the consents for it: nobody is called or written to there any more."""
        agent = agent_of(request)
        order = RevokeOrder(data=request.data)
        order.is_valid(raise_exception=True)
        theirs = ContactPoint.objects.filter(profile__person=find_person(int(pk)).pk).exclude(kind__in=hidden_fields(agent))
        found = theirs.filter(pk=int(point)).first()
        if found is None:
            raise NotFound("This person has no such contact, or your role does not see it.")
        if found.state != State.REVOKED:
            mark_wrong(contact_point=found, problem=order.validated_data["why"], agent=agent)
            found.refresh_from_db()
        return Response(ContactPointSerializer(found).data)

    @extend_schema(parameters=_PAGING, responses=_NOTES)
    @action(detail=True, pagination_class=None)
    def notes(self, request: Request, pk: str) -> Response:
        """What colleagues wrote down about the person, the newest first."""
        notes = ProfileNote.objects.filter(profile__person=find_person(int(pk)).pk).select_related("agent")
        given = request.query_params
        page, key = page_of(notes, field="created_at", after=given.get("after", ""), limit=read_page_size(request))
        following = replace_query_param(request.build_absolute_uri(), "after", key) if key else None
        return Response({"results": ProfileNoteSerializer(page, many=True).data, "next": following})

    @extend_schema(request=NoteOrder, responses={201: ProfileNoteSerializer})
    @notes.mapping.post
    def add_note(self, request: Request, pk: str) -> Response:
        """Write a note, for colleagues only; @user names who is told of it."""
        order = NoteOrder(data=request.data)
        order.is_valid(raise_exception=True)
        given = order.validated_data
        person = find_person(int(pk))
        note = write_note(profile_id=person.pk, text=given["text"], agent=agent_of(request), is_pinned=given["pinned"])
        return Response(ProfileNoteSerializer(note).data, status=201)

    @extend_schema(request=NoteChange, responses=ProfileNoteSerializer)
    @action(detail=True, methods=["patch"], url_path=rf"notes/(?P<note>{_ID})", url_name="note")
    def note(self, request: Request, pk: str, note: str) -> Response:
        """Put other words into a note of your own (leads: into anybody's), or pin it."""
        order = NoteChange(data=request.data)
        order.is_valid(raise_exception=True)
        given = order.validated_data
        found = ProfileNote.objects.filter(pk=int(note), profile__person=find_person(int(pk)).pk).first()
        if found is None:
            raise NotFound("This person has no such note.")
        if "text" in given:
            edit_note(note_id=found.pk, text=given["text"], agent=agent_of(request), seen=given.get("seen"))
        if "pinned" in given:
            pin_note(note_id=found.pk, is_pinned=given["pinned"])
        return Response(ProfileNoteSerializer(ProfileNote.objects.select_related("agent").get(pk=found.pk)).data)

    @extend_schema(responses=TagsOrder)
    @action(detail=True, pagination_class=None)
    def tags(self, request: Request, pk: str) -> Response:
        return Response({"tags": [tag.name for tag in tags_of(find_person(int(pk)))]})

    @extend_schema(request=TagsOrder, responses=TagsOrder)
    @tags.mapping.put
    def put_tags(self, request: Request, pk: str) -> Response:
        """The person has these tags and no others. One tag, however it is written."""
        order = TagsOrder(data=request.data)
        order.is_valid(raise_exception=True)
        person = find_person(int(pk))
        set_tags(person=person, names=order.validated_data["tags"], agent=agent_of(request))
        return Response({"tags": [tag.name for tag in tags_of(person)]})


def _refuse_unknown(given: Any) -> Mapping[str, Any]:
    """A field that is misspelt is said, not passed over."""
    if not isinstance(given, Mapping):
        raise DeskError("Send an object of fields.")
    known = [*EDITABLE, "custom", "seen"]
    unknown = [str(name) for name in given if name not in known]
    if unknown:
        raise DeskError(f"There is no field {unknown[0][:40]!r} to change here. Fields: {', '.join(known)}.")
    return given


def _read_fields(given: Mapping[str, Any]) -> dict[str, Any]:
    """As the services name them: custom:<key>, and the owner as an id."""
    fields = {name: value for name, value in given.items() if name != "custom"}
    custom = given.get("custom", {})
    if not isinstance(custom, Mapping):
        raise DeskError("custom is an object, {key: value}.")
    if fields.get("owner"):
        fields["owner"] = find_agent(str(fields["owner"])).pk
    return {**fields, **{f"{CUSTOM}{key}": value for key, value in custom.items()}}
