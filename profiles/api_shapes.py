"""People as the API writes them: briefly in a list, in full one by one."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from profiles.models import Agent, Consent, ContactPoint, ExternalRef, Handle, Profile
from profiles.services.looks import record_looks
from profiles.services.record_writing import live_points, read_customs
from profiles.services.rights import CUSTOM, hidden_fields
from profiles.services.tags import tags_of


class HandleSerializer(serializers.ModelSerializer[Handle]):
    class Meta:
        model = Handle
        fields = ["id", "network", "external_id", "username", "display_name", "followers", "url", "first_seen_at"]


class ProfileSerializer(serializers.ModelSerializer[Profile]):
    handles = HandleSerializer(many=True, read_only=True, source="all_handles")
    merged_ids = serializers.ListField(child=serializers.IntegerField(), read_only=True, help_text="Profiles that became part of this one.")

    class Meta:
        model = Profile
        fields = ["id", "name", "language", "stage", "created_at", "version", "handles", "merged_ids"]
        read_only_fields = fields


class ContactPointSerializer(serializers.ModelSerializer[ContactPoint]):
    class Meta:
        model = ContactPoint
        fields = ["id", "kind", "value", "typed", "state", "source", "problem", "verified_how", "verified_at", "created_at", "changed_at"]
        read_only_fields = fields


class ConsentSerializer(serializers.ModelSerializer[Consent]):
    contact_point = serializers.IntegerField(source="contact_point_id", read_only=True)

    class Meta:
        model = Consent
        fields = ["id", "contact_point", "medium", "scope", "given_at", "revoked_at"]
        read_only_fields = fields


class ExternalRefSerializer(serializers.ModelSerializer[ExternalRef]):
    class Meta:
        model = ExternalRef
        fields = ["system", "external_id"]
        read_only_fields = fields


class ProfileDetailSerializer(ProfileSerializer):
    owner = serializers.CharField(source="owner.username", default=None, read_only=True, help_text="User name; null: nobody's.")
    do_not_contact = serializers.BooleanField(read_only=True)
    tags = serializers.ListField(child=serializers.CharField(), read_only=True, source="all_tags")
    custom = serializers.DictField(child=serializers.CharField(), read_only=True, help_text="{key: value} of what your role sees.")
    contact_points = ContactPointSerializer(
        many=True,
        read_only=True,
        source="live_points",
        help_text="Those that stand and that your role sees. That you looked is kept.",
    )
    consents = ConsentSerializer(many=True, read_only=True, source="all_consents")
    external_refs = ExternalRefSerializer(many=True, read_only=True, source="all_refs")

    class Meta:
        model = Profile
        fields = [
            *("id", "name", "company", "language", "time_zone", "stage", "preferred_channel", "implied_channel", "owner"),
            *("do_not_contact", "created_at", "changed_at", "version", "tags", "custom", "contact_points", "consents"),
            *("handles", "external_refs", "merged_ids"),
        ]
        read_only_fields = fields


def put_members(people: list[Profile]) -> list[Profile]:
    """Put `all_handles` and `merged_ids` on each: what it is by all profiles that it is made of. Two queries."""
    by_id = {person.pk: person for person in people}
    for person in people:
        person.all_handles, person.merged_ids = [], []  # type: ignore[attr-defined]
    for pk, person_id in Profile.objects.filter(person__in=by_id).exclude(root=None).order_by("pk").values_list("pk", "person"):
        by_id[person_id].merged_ids.append(pk)  # type: ignore[attr-defined]
    for handle in Handle.objects.filter(profile__person__in=by_id).select_related("profile").order_by("first_seen_at", "pk"):
        by_id[handle.profile.person].all_handles.append(handle)  # type: ignore[attr-defined]
    return people


def write_detail(person: Profile, *, agent: Agent) -> dict[str, Any]:
    """The person in full, as far as `agent` may see them; that the coordinates in it were looked at is written down."""
    hidden = hidden_fields(agent)
    points = [point for point in live_points([person.pk]) if point.kind not in hidden]
    customs = read_customs([person.pk])[person.pk]
    put_members([person])
    person.live_points = points  # type: ignore[attr-defined]
    person.all_tags = [tag.name for tag in tags_of(person)]  # type: ignore[attr-defined]
    person.custom = {key: value.text for key, value in customs.items() if value.text and CUSTOM + key not in hidden}  # type: ignore[attr-defined]
    members = Profile.objects.filter(person=person.pk)
    person.do_not_contact = members.filter(do_not_contact_at__isnull=False).exists()  # type: ignore[attr-defined]
    consents = Consent.objects.filter(profile__person=person.pk).exclude(contact_point__kind__in=hidden)
    person.all_consents = list(consents.order_by("pk"))  # type: ignore[attr-defined]
    person.all_refs = list(ExternalRef.objects.filter(profile__person=person.pk).order_by("system", "external_id"))  # type: ignore[attr-defined]
    record_looks(points, agent=agent, where="api")
    return ProfileDetailSerializer(person).data
