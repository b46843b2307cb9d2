"""The REST door over people: profiles with their handles, and what happened with them."""

from __future__ import annotations

from typing import Any

from rest_framework import mixins, serializers, viewsets
from rest_framework.request import Request

from profiles.api_merge import MergeActions
from profiles.api_rights import RightsActions
from profiles.api_timeline import TimelineActions
from profiles.models import Handle, Profile
from profiles.services.people import find_person
from socialdesk.lib.paging import NewestFirst


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


class PeoplePages(NewestFirst):
    def paginate_queryset(self, queryset: Any, request: Request, view: Any = None) -> list[Any]:
        return put_members(super().paginate_queryset(queryset, request, view))


class ProfileViewSet(
    MergeActions, RightsActions, TimelineActions, mixins.ListModelMixin, mixins.RetrieveModelMixin, viewsets.GenericViewSet[Profile]
):
    """The people behind the handles, newest first. Who was merged into somebody is shown as that person."""

    serializer_class = ProfileSerializer
    pagination_class = PeoplePages
    filter_backends: list[Any] = []
    queryset = Profile.objects.people()
    lookup_value_regex = r"\d{1,18}"

    def get_object(self) -> Profile:
        return put_members([find_person(int(self.kwargs["pk"]))])[0]


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
