"""The REST door over people: profiles with their handles, and what happened with them."""

from __future__ import annotations

from typing import Any

from rest_framework import mixins, viewsets
from rest_framework.request import Request

from profiles.api_editing import EditActions
from profiles.api_merge import MergeActions
from profiles.api_rights import RightsActions
from profiles.api_shapes import ProfileSerializer, put_members
from profiles.api_timeline import TimelineActions
from profiles.models import Profile
from profiles.services.people import find_person
from socialdesk.lib.paging import NewestFirst


class PeoplePages(NewestFirst):
    def paginate_queryset(self, queryset: Any, request: Request, view: Any = None) -> list[Any]:
        return put_members(super().paginate_queryset(queryset, request, view))


class ProfileViewSet(EditActions, MergeActions, RightsActions, TimelineActions, mixins.ListModelMixin, viewsets.GenericViewSet[Profile]):
    """The people behind the handles, newest first. Who was merged into somebody is shown as that person."""

    serializer_class = ProfileSerializer
    pagination_class = PeoplePages
    filter_backends: list[Any] = []
    queryset = Profile.objects.people()
    lookup_value_regex = r"\d{1,18}"

    def get_object(self) -> Profile:
        return put_members([find_person(int(self.kwargs["pk"]))])[0]
