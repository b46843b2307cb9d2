"""The REST door over people: profiles with their handles, and what happened with them."""

from __future__ import annotations

from typing import Any

from rest_framework import mixins, viewsets

from profiles.api_editing import EditActions
from profiles.api_find import FindActions, FindPeople
from profiles.api_merge import MergeActions
from profiles.api_rights import RightsActions
from profiles.api_shapes import ProfileSerializer, put_members
from profiles.api_timeline import TimelineActions
from profiles.models import Profile
from profiles.services.people import find_person


class ProfileViewSet(
    EditActions, FindActions, MergeActions, RightsActions, TimelineActions, mixins.ListModelMixin, viewsets.GenericViewSet[Profile]
):
    """The people behind the handles. Who was merged into somebody is shown as that person."""

    serializer_class = ProfileSerializer
    pagination_class = FindPeople
    filter_backends: list[Any] = []
    queryset = Profile.objects.people()
    lookup_value_regex = r"\d{1,18}"

    def get_object(self) -> Profile:
        return put_members([find_person(int(self.kwargs["pk"]))])[0]
