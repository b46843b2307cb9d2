"""The REST doors over what comes in: mentions, conversations, topics, sources, accounts, trends."""

from __future__ import annotations

from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Prefetch, ProtectedError, Q, QuerySet
from django.utils import timezone
from django.utils.dateparse import parse_date, parse_datetime
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from kombu.exceptions import OperationalError as BrokerAway
from rest_framework import mixins, serializers, viewsets
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from listening.models import Conversation, Mention, MentionTopic, NetworkAccount, Sentiment, Source, Status, Topic
from listening.query import Doc, QueryError, parse
from listening.search import newest_matching
from listening.segments import written_by
from listening.serializers import (
    AccountSerializer,
    ConversationSerializer,
    MentionSerializer,
    SourceSerializer,
    TopicCheckAnswerSerializer,
    TopicCheckSerializer,
    TopicSerializer,
)
from listening.services import conversations, corrections, topics
from listening.tasks import rematch_topic
from profiles.services.people import find_agent
from profiles.services.segments import find_segment
from profiles.signed_in import agent_of
from socialdesk.lib.clock import now
from socialdesk.lib.errors import Conflict, DeskError
from socialdesk.lib.paging import NewestFirst
from socialdesk.networks.registry import NETWORKS

MOST_TEXTS = 1000


class MentionPages(NewestFirst):
    """Pages of mentions. A topic's are walked along the topic's own index, a search finds its own way."""

    field = "posted_at"

    def read(self, queryset: QuerySet[Any], request: Request, upto: Q, limit: int) -> list[Any]:
        words = request.query_params.get("q", "").replace("\x00", "")[:200]
        if words:
            return newest_matching(queryset, words, upto=upto, limit=limit)
        if request.query_params.get("topic"):
            queryset = queryset.order_by("-topic_links__posted_at", "-topic_links__mention_id")
            return list(queryset.filter(_of_links(upto))[:limit])
        return super().read(queryset, request, upto, limit)


def _of_links(upto: Q) -> Q:
    """The same place in the list, asked of the topic's links, which hold the mention's time as well."""
    names = {"pk": "topic_links__mention_id", "posted_at": "topic_links__posted_at"}
    moved = Q(_connector=upto.connector)
    for child in upto.children:
        if isinstance(child, Q):
            moved.children.append(_of_links(child))
        else:
            assert isinstance(child, tuple)
            field, _, lookup = child[0].partition("__")
            moved.children.append(("__".join(filter(None, (names[field], lookup))), child[1]))
    return moved


class ConversationPages(NewestFirst):
    field = "activity_at"


def loaded_mentions() -> QuerySet[Mention]:
    """Mentions with all that their serializer shows, in a fixed number of queries."""
    links = MentionTopic.objects.select_related("topic").order_by("topic__name")
    return (
        Mention.objects.filter(is_own=False)
        .select_related("author__profile", "conversation", "conversation__assignee")
        .prefetch_related(Prefetch("topic_links", queryset=links))
    )


def filter_mentions(found: QuerySet[Mention], query: Any) -> QuerySet[Mention]:
    """Narrow `found` by the query string of `GET /api/mentions/`. Raises DeskError on what cannot be meant."""
    topic = query.get("topic", "")
    if topic:
        chosen = Topic.objects.filter(Q(pk=int(topic)) if topic.isdecimal() and len(topic) < 12 else Q(name__iexact=topic)).first()
        if chosen is None:
            raise DeskError(f"There is no topic {topic[:80]!r}.")
        found = found.filter(topic_links__topic=chosen)
    for name, column, known in (
        ("sentiment", "sentiment", Sentiment.values),
        ("network", "network", list(NETWORKS)),
        ("status", "conversation__status", Status.values),
    ):
        value = query.get(name, "")
        if value:
            if value not in known:
                raise DeskError(f"{value[:40]!r} is no {name}. Use one of: {', '.join(known)}.")
            found = found.filter(**{column: value})
    assignee = query.get("assignee", "")
    if assignee:
        found = found.filter(conversation__assignee=None if assignee == "none" else find_agent(assignee))
    author = query.get("author", "")
    if author:
        by_id = Q(author_id=int(author)) if author.isdecimal() and len(author) < 12 else Q(pk__in=[])
        name = author.removeprefix("@")
        found = found.filter(by_id | Q(author__username=name) | Q(author__external_id=author))
    if segment := query.get("segment", ""):
        found = written_by(found, find_segment(segment.replace("\x00", "")))
    since, until = _moment(query, "since"), _moment(query, "until")
    if since:
        found = found.filter(posted_at__gte=since)
    if until:
        found = found.filter(posted_at__lt=until)
    return found


def _moment(query: Any, name: str) -> datetime | None:
    """A time or a day of the query string, as an aware time."""
    value = query.get(name, "").strip()
    if not value:
        return None
    try:
        moment = parse_datetime(value.replace(" ", "+")) or parse_datetime(value)
        if moment is None:
            day = parse_date(value)
            moment = datetime(day.year, day.month, day.day) if day else None
        if moment is not None:
            return moment if moment.tzinfo else timezone.make_aware(moment)
    except (ValueError, OverflowError):
        pass
    raise DeskError(f"{name} {value[:40]!r} is not a time: write it as 2026-05-04T10:00:00Z or 2026-05-04.")


MENTION_FILTERS = [
    OpenApiParameter("topic", OpenApiTypes.STR, description="Id or name of a topic."),
    OpenApiParameter("sentiment", OpenApiTypes.STR, enum=Sentiment.values, description="The one that counts: an agent's correction first."),
    OpenApiParameter("network", OpenApiTypes.STR, enum=list(NETWORKS)),
    OpenApiParameter("status", OpenApiTypes.STR, enum=Status.values, description="Of its conversation."),
    OpenApiParameter("assignee", OpenApiTypes.STR, description="Id or user name of an agent, or `none`."),
    OpenApiParameter("author", OpenApiTypes.STR, description="Id, external id or user name of a handle."),
    OpenApiParameter("segment", OpenApiTypes.STR, description="Name or id of a segment that the author is in."),
    OpenApiParameter("q", OpenApiTypes.STR, description="Words that the text holds."),
    OpenApiParameter("since", OpenApiTypes.DATETIME, description="Posted then or later."),
    OpenApiParameter("until", OpenApiTypes.DATETIME, description="Posted before then."),
]


def _body(**kinds: str) -> dict[str, Any]:
    """The schema of a small JSON body, from the names of its fields and their kinds."""
    return {"application/json": {"type": "object", "properties": {name: {"type": kind} for name, kind in kinds.items()}}}


class MentionViewSet(mixins.ListModelMixin, mixins.RetrieveModelMixin, viewsets.GenericViewSet[Mention]):
    """Mentions, newest first. Our own posts are context and are not listed."""

    serializer_class = MentionSerializer
    pagination_class = MentionPages
    filter_backends: list[Any] = []
    queryset = Mention.objects.none()
    lookup_value_regex = r"\d{1,18}"

    def get_queryset(self) -> QuerySet[Mention]:
        return loaded_mentions()

    def filter_queryset(self, queryset: Any) -> Any:
        return filter_mentions(queryset, self.request.query_params)

    @extend_schema(parameters=MENTION_FILTERS)
    def list(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        return super().list(request, *args, **kwargs)

    @extend_schema(request=_body(label="string"), responses=MentionSerializer)
    @action(detail=True, methods=["post"])
    def correct(self, request: Request, pk: str) -> Response:
        """Say what the sentiment is: `{"label": "negative"}`. The score stays beside it."""
        corrections.correct_sentiment(mention_id=int(pk), agent=agent_of(request), label=_given(request, "label"))
        return Response(MentionSerializer(self.get_object()).data)


def _given(request: Request, name: str) -> str:
    value = request.data.get(name) if isinstance(request.data, dict) else None
    if not isinstance(value, str) or not value:
        raise DeskError(f"Send {name} as text.")
    return value


class ConversationViewSet(mixins.ListModelMixin, mixins.RetrieveModelMixin, viewsets.GenericViewSet[Conversation]):
    """Conversations, latest activity first, and what can be done with them."""

    serializer_class = ConversationSerializer
    pagination_class = ConversationPages
    filter_backends: list[Any] = []
    queryset = Conversation.objects.none()
    lookup_value_regex = r"\d{1,18}"

    def get_queryset(self) -> QuerySet[Conversation]:
        return Conversation.objects.select_related("author__profile", "assignee", "claimed_by")

    def filter_queryset(self, queryset: Any) -> Any:
        status, assignee = self.request.query_params.get("status", ""), self.request.query_params.get("assignee", "")
        if status:
            if status not in Status.values:
                raise DeskError(f"{status[:40]!r} is no status. Use one of: {', '.join(Status.values)}.")
            queryset = queryset.filter(status=status)
        if assignee:
            queryset = queryset.filter(assignee=None if assignee == "none" else find_agent(assignee))
        if segment := self.request.query_params.get("segment", ""):
            queryset = written_by(queryset, find_segment(segment.replace("\x00", "")))
        return queryset

    @extend_schema(
        parameters=[
            OpenApiParameter("status", OpenApiTypes.STR, enum=Status.values),
            OpenApiParameter("assignee", OpenApiTypes.STR, description="Id or user name of an agent, or `none`."),
            OpenApiParameter("segment", OpenApiTypes.STR, description="Name or id of a segment that the author is in."),
        ]
    )
    def list(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        return super().list(request, *args, **kwargs)

    def _answer(self) -> Response:
        return Response(self.get_serializer(self.get_object()).data)

    @extend_schema(request=None)
    @action(detail=True, methods=["post"])
    def claim(self, request: Request, pk: str) -> Response:
        """Take it, or extend your claim. 409 `claimed` while somebody else's claim is alive."""
        conversations.claim_conversation(conversation_id=int(pk), agent=agent_of(request))
        return self._answer()

    @extend_schema(request=None)
    @action(detail=True, methods=["post"])
    def release(self, request: Request, pk: str) -> Response:
        """Give your claim back."""
        conversations.release_claim(conversation_id=int(pk), agent=agent_of(request))
        return self._answer()

    @extend_schema(request=_body(agent="string"))
    @action(detail=True, methods=["post"])
    def assign(self, request: Request, pk: str) -> Response:
        """Give it to `agent` (id or user name), to yourself if none is named, or to nobody with null."""
        agent = agent_of(request)
        data = request.data if isinstance(request.data, dict) else {}
        given = data.get("agent", data.get("assignee", agent.username))
        to = None if given is None else find_agent(str(given))
        conversations.assign_conversation(conversation_id=int(pk), agent=agent, to=to)
        return self._answer()

    @extend_schema(request=_body(until="string", minutes="integer"))
    @action(detail=True, methods=["post"])
    def snooze(self, request: Request, pk: str) -> Response:
        """Put it away `until` a time within 90 days, or for `minutes`."""
        data = request.data if isinstance(request.data, dict) else {}
        minutes = data.get("minutes")
        if isinstance(minutes, int) and not isinstance(minutes, bool) and 0 < minutes <= 130_000:
            until = now() + timedelta(minutes=minutes)
        else:
            moment = _moment({"until": str(data.get("until") or "")}, "until")
            if moment is None:
                raise DeskError("Say until when: until as 2026-05-04T10:00:00Z, or minutes as a number.")
            until = moment
        conversations.snooze_conversation(conversation_id=int(pk), agent=agent_of(request), until=until)
        return self._answer()

    @extend_schema(request=_body(version="integer"))
    @action(detail=True, methods=["post"])
    def resolve(self, request: Request, pk: str) -> Response:
        """Close it. 409 if somebody did already, or if it changed since the `version` that you saw."""
        version = request.data.get("version") if isinstance(request.data, dict) else None
        if version is not None and (isinstance(version, bool) or not isinstance(version, int)):
            raise DeskError("version must be a whole number.")
        conversations.resolve_conversation(conversation_id=int(pk), agent=agent_of(request), version=version)
        return self._answer()

    @extend_schema(request=None)
    @action(detail=True, methods=["post"])
    def reopen(self, request: Request, pk: str) -> Response:
        """Bring it back to work."""
        conversations.reopen_conversation(conversation_id=int(pk), agent=agent_of(request))
        return self._answer()


class TopicViewSet(viewsets.ModelViewSet[Topic]):
    """Saved queries that are listened for."""

    serializer_class = TopicSerializer
    queryset = Topic.objects.order_by("name")
    filter_backends: list[Any] = []
    lookup_value_regex = r"\d{1,18}"
    http_method_names = ["get", "post", "put", "patch", "delete"]

    def perform_create(self, serializer: serializers.BaseSerializer[Topic]) -> None:
        self._save(serializer, None)

    def perform_destroy(self, instance: Topic) -> None:
        try:
            instance.delete()
        except ProtectedError:
            raise Conflict(f"A rule rests on {instance.name}. Change the rule first, or turn the topic off instead.") from None

    def perform_update(self, serializer: serializers.BaseSerializer[Topic]) -> None:
        self._save(serializer, serializer.instance)

    def _save(self, serializer: serializers.BaseSerializer[Topic], topic: Topic | None) -> None:
        given = serializer.validated_data
        serializer.instance = topics.save_topic(
            topic=topic,
            name=given.get("name", topic.name if topic else ""),
            query=given.get("query", topic.query if topic else ""),
            is_active=given.get("is_active", topic.is_active if topic else True),
            agent=agent_of(self.request),
        )
        with suppress(BrokerAway):  # the topic is kept; it matches what comes from now on
            rematch_topic.delay(serializer.instance.pk)


class TopicCheckView(APIView):
    """Tries a query on texts without keeping it."""

    @extend_schema(request=TopicCheckSerializer, responses=OpenApiResponse(TopicCheckAnswerSerializer))
    def post(self, request: Request) -> Response:
        """`{query, texts}` -> `{error: null or {column, message}, matches: [...]}`."""
        data = request.data if isinstance(request.data, dict) else {}
        query, texts = data.get("query"), data.get("texts", [])
        if not isinstance(query, str) or not isinstance(texts, list) or not all(isinstance(text, str) for text in texts):
            raise DeskError("Send query as text and texts as a list of texts.")
        if len(texts) > MOST_TEXTS:
            raise DeskError(f"At most {MOST_TEXTS} texts at once.")
        try:
            compiled = parse(query)
        except QueryError as error:
            return Response({"error": {"column": error.column, "message": error.message}, "matches": []})
        return Response({"error": None, "matches": [compiled.matches(Doc(text=text)) for text in texts]})


class SourceViewSet(viewsets.ReadOnlyModelViewSet[Source]):
    """Feeds that are read, with their health."""

    serializer_class = SourceSerializer
    queryset = Source.objects.filter(removed_at=None).order_by("id")
    filter_backends: list[Any] = []


class AccountViewSet(viewsets.ReadOnlyModelViewSet[NetworkAccount]):
    """Our own accounts. Credentials never leave the desk."""

    serializer_class = AccountSerializer
    queryset = NetworkAccount.objects.filter(removed_at=None).defer("credentials").order_by("id")
    filter_backends: list[Any] = []
