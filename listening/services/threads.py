"""Which conversation a post falls into: by reply chain and author, for a whole batch at once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from operator import attrgetter
from typing import TYPE_CHECKING, NamedTuple

from django.db.models import Q

from listening.models import ACTIVE, Conversation, ConversationEvent, ConversationTopic, Mention, Priority, Status
from listening.sentiment import Score
from listening.services import clocks, triage
from listening.services.conversations import Threaded, note_answered, note_customer_wrote, note_own_post
from listening.services.parts import excerpt_of
from profiles.services.handles import Key, KnownHandle
from socialdesk.lib import bulk
from socialdesk.networks.base import PostData

if TYPE_CHECKING:
    from listening.services.store import Known

# A customer who writes again, without answering anything, while we still owe or await something goes on in the same conversation:
# two cards would be two agents answering one customer.
SAME_MATTER = timedelta(hours=72)
EXCERPT = 300

_FACTS = (
    *("root", "status", "account_id", "priority", "priority_reasons", "version", "last_mention_id", "excerpt", "language", "sentiment"),
    *("is_proactive", "private_waiting", "activity_at", "opened_at", "acknowledged_at", "first_answered_at", "last_answered_at"),
    *("waiting_since", "unanswered", "parked_at", "parked_seconds", "resolved_at", "snoozed_until", "due_at", "due_kind"),
    *("acknowledging", "promise_due_at"),
)  # fmt: skip
_facts_of = attrgetter(*_FACTS)
_LINK = ("topic_id", "conversation_id", "is_active", "activity_at")


class OwnAccount(NamedTuple):
    """What intake needs to know of one of our accounts."""

    id: int
    username: str
    external_id: str


@dataclass(frozen=True, slots=True)
class Arrival:
    """A customer's post that is being stored, with what intake found out about it."""

    post: PostData
    mention_id: int
    folded: str
    language: str
    score: Score
    is_addressed: bool
    asks_for_help: bool
    topics: Sequence[int]


@dataclass(slots=True)
class NewConversation:
    """A conversation that this batch opens: the columns of the row to come. A model instance would cost ten times as much."""

    id: int
    network: str
    author_id: int
    opened_at: datetime
    activity_at: datetime
    root: str = ""
    status: str = Status.NEW
    account_id: int | None = None
    assignee_id: int | None = None
    priority: int = Priority.LOW
    priority_reasons: list[str] = field(default_factory=list)
    version: int = 0
    last_mention_id: int | None = None
    excerpt: str = ""
    language: str = ""
    sentiment: str = ""
    is_proactive: bool = False
    private_waiting: bool = False
    acknowledged_at: datetime | None = None
    first_answered_at: datetime | None = None
    last_answered_at: datetime | None = None
    waiting_since: datetime | None = None
    unanswered: int = 0
    parked_at: datetime | None = None
    parked_seconds: int = 0
    resolved_at: datetime | None = None
    snoozed_until: datetime | None = None
    due_at: datetime | None = None
    due_kind: str = ""
    acknowledging: str = ""
    promised_at: datetime | None = None
    promise_due_at: datetime | None = None

    @property
    def is_active(self) -> bool:
        return self.status in ACTIVE


class Thread:
    """One conversation while a batch is written into it."""

    __slots__ = ("answers", "events", "id", "is_changed", "is_new", "row", "topics")

    def __init__(self, row: Conversation | NewConversation) -> None:
        self.row = row
        self.id: int = row.id
        self.is_new = isinstance(row, NewConversation)
        self.is_changed = False  # of those there: something was written into it
        self.topics: set[int] = set()
        self.events: list[ConversationEvent] = []
        self.answers: list[datetime] = []  # of ours, that came before the post that they answer

    @property
    def threaded(self) -> Threaded:
        return self.row

    def take(self, arrival: Arrival, accounts: Sequence[OwnAccount]) -> None:
        """The customer's post falls in here: clocks, excerpt, priority."""
        row, at = self.row, arrival.post.posted_at
        self.is_changed = True
        was_active, before = row.is_active, row.status
        is_newest = at >= row.activity_at or row.last_mention_id is None
        if note_customer_wrote(self.threaded, at=at):
            kind = ConversationEvent.Kind.CUSTOMER_WROTE
            self.events.append(ConversationEvent(conversation_id=self.id, kind=kind, at=at, data={"from": before}))
        self.topics.update(arrival.topics)
        if row.account_id is None and accounts:
            row.account_id = accounts[0].id
        if is_newest:
            self._show(arrival, was_active)
        for answered_at in self.answers:
            note_answered(self.threaded, at=answered_at)
        self.answers.clear()

    def _show(self, arrival: Arrival, was_active: bool) -> None:
        """The card shows this post from now on."""
        row, post = self.row, arrival.post
        row.activity_at = max(post.posted_at, row.activity_at)
        row.last_mention_id = arrival.mention_id
        row.excerpt = excerpt_of(post)[:EXCERPT]
        row.language = arrival.language
        row.sentiment = arrival.score.label
        row.is_proactive = arrival.asks_for_help and not arrival.is_addressed
        priority, reasons = triage.find_priority(
            folded=arrival.folded,
            sentiment=arrival.score.label,
            score=arrival.score.score,
            followers=post.author.followers,
            unanswered=row.unanswered,
            is_addressed=arrival.is_addressed,
        )
        if priority >= row.priority or not was_active:
            row.priority, row.priority_reasons = priority, reasons


class Threads:
    """The conversations that a batch touches: those there, loaded and locked in two queries, and those it opens."""

    def __init__(
        self,
        *,
        posts: Sequence[PostData],
        known: Mapping[Key, Known],
        handles: Mapping[Key, KnownHandle],
        received_at: datetime,
        is_history: bool,
    ) -> None:
        self._received_at = received_at
        self._is_history = is_history
        self._threads: dict[int, Thread] = {}
        self._open_by_author: dict[int, Thread] = {}
        self._by_tree: dict[tuple[int, str], Thread] = {}  # author and root
        self._children = _waiting_children(posts)
        self._adopted: list[tuple[int, int, int | None]] = []  # mention, parent, conversation
        self._load(posts, known, handles)

    def _load(self, posts: Sequence[PostData], known: Mapping[Key, Known], handles: Mapping[Key, KnownHandle]) -> None:
        ids = {mention.conversation_id for mention in known.values() if mention.conversation_id}
        ids |= {child.conversation_id for children in self._children.values() for child in children if child.conversation_id}
        authors = {handle.id for handle in handles.values() if not handle.is_new}
        if not ids and not authors:
            return
        wanted = Q(pk__in=ids)
        if authors:
            wanted |= Q(author_id__in=authors) & ~Q(status=Status.RESOLVED)
        # In the order of ids, as everybody who locks several, so that nobody waits in a circle.
        for conversation in Conversation.objects.filter(wanted).select_for_update().order_by("id"):
            thread = self._threads[conversation.pk] = Thread(conversation)
            if conversation.root:
                self._by_tree[conversation.author_id, conversation.root] = thread
            if conversation.status != Status.RESOLVED:
                latest = self._open_by_author.get(conversation.author_id)
                if latest is None or latest.row.activity_at <= conversation.activity_at:
                    self._open_by_author[conversation.author_id] = thread

    def place(self, post: PostData, mention_id: int, parent: Known | None, handle: KnownHandle, spare_ids: Iterator[int]) -> Thread:
        """The conversation of a customer's post, opened with one of `spare_ids` if there is none."""
        thread = self._of_chain(parent, handle.id) or self._of_children(post, handle.id) or self._of_author(post, handle.id)
        if thread is None:
            root = self._root_of(parent) or post.in_reply_to or post.external_id
            start = clocks.start_of_clock(posted_at=post.posted_at, received_at=self._received_at, is_history=self._is_history)
            row = NewConversation(
                next(spare_ids), post.network, handle.id, opened_at=start, activity_at=post.posted_at, waiting_since=start, root=root
            )
            thread = self._threads[row.id] = Thread(row)
            self._by_tree[handle.id, root] = thread
        self._open_by_author[handle.id] = thread
        self._adopt(post, mention_id, thread)
        return thread

    def place_own(self, post: PostData, mention_id: int, parent: Known | None) -> Thread | None:
        """The conversation that our own post answers, if it answers one. An answer given outside the desk is an answer."""
        thread = self._threads.get(parent.conversation_id) if parent and parent.conversation_id else None
        if thread is None:
            thread = next((self._threads[c.conversation_id] for c in self._children.get(_key(post), ()) if c.conversation_id), None)
        if thread is not None:
            note_own_post(thread.threaded, text=post.text, at=post.posted_at)
            thread.is_changed = True
        self._adopt(post, mention_id, thread)
        return thread

    def _of_chain(self, parent: Known | None, author_id: int) -> Thread | None:
        if parent is None or parent.conversation_id is None:
            return None
        thread = self._threads.get(parent.conversation_id)
        if thread is None or thread.row.author_id == author_id:
            return thread
        # An answer to somebody else: the author may have spoken in this thread before.
        return self._by_tree.get((author_id, thread.row.root))

    def _root_of(self, parent: Known | None) -> str:
        thread = self._threads.get(parent.conversation_id) if parent and parent.conversation_id else None
        return thread.row.root if thread is not None else ""

    def _of_children(self, post: PostData, author_id: int) -> Thread | None:
        for child in self._children.get(_key(post), ()):
            thread = self._threads.get(child.conversation_id) if child.conversation_id else None
            if thread is not None and thread.row.author_id == author_id:
                return thread
        return None

    def _of_author(self, post: PostData, author_id: int) -> Thread | None:
        thread = self._open_by_author.get(author_id)
        if thread is None or thread.row.network != post.network or thread.row.status == Status.RESOLVED:
            return None
        return thread if abs(post.posted_at - thread.row.activity_at) <= SAME_MATTER else None

    def _adopt(self, post: PostData, mention_id: int, thread: Thread | None) -> None:
        """Posts that came before the one they answer find it now; our own go where the post is that they answer."""
        for child in self._children.get(_key(post), ()):
            conversation_id = child.conversation_id
            if child.is_own and thread is not None and conversation_id != thread.id:
                conversation_id = thread.id
                thread.answers.append(child.posted_at)
            self._adopted.append((child.id, mention_id, conversation_id))

    # --- Writing --------------------------------------------------------------------------------------------------------

    def insert_new(self) -> None:
        """The rows of the conversations that this batch opens; their mentions may then point at them."""
        rows = []
        for thread in self._threads.values():
            if thread.is_new:
                clocks.set_due(thread.threaded)
                row = thread.row
                rows.append((row.id, row.network, row.author_id, *_facts_of(row)))
        # The last mention is not stored yet: PostgreSQL checks this reference when the transaction ends.
        bulk.insert_rows(Conversation, ("id", "network", "author_id", *_FACTS), rows)

    def update_known(self) -> None:
        """Write what changed in conversations that were there, the topic links of all, and the posts that found their parent."""
        events = [event for thread in self._threads.values() for event in thread.events]
        if events:
            ConversationEvent.objects.bulk_create(events)
        write_changed([thread for thread in self._threads.values() if thread.is_changed and not thread.is_new])
        bulk.insert_rows(ConversationTopic, _LINK, _links_of(thread for thread in self._threads.values() if thread.is_new))
        bulk.update_rows(Mention, ("parent_id", "conversation_id"), self._adopted)

    def opened(self) -> list[int]:
        return [thread.id for thread in self._threads.values() if thread.is_new]

    def touched(self) -> list[int]:
        """The conversations that are new or changed."""
        return [thread.id for thread in self._threads.values() if thread.is_new or thread.is_changed]


def write_changed(changed: Sequence[Thread]) -> None:
    """Write stored conversations, which are locked, with their due times and their topics' links."""
    for thread in changed:
        clocks.set_due(thread.threaded)
    bulk.update_rows(Conversation, _FACTS, [(thread.id, *_facts_of(thread.row)) for thread in changed])
    state = [(thread.id, thread.row.is_active, thread.row.activity_at) for thread in changed]
    bulk.update_rows(ConversationTopic, ("is_active", "activity_at"), state, key="conversation_id")
    bulk.insert_missing(ConversationTopic, _LINK, _links_of(changed))


def _links_of(threads: Iterable[Thread]) -> list[tuple[int, int, bool, datetime]]:
    return [(topic, thread.id, thread.row.is_active, thread.row.activity_at) for thread in threads for topic in sorted(thread.topics)]


@dataclass(frozen=True, slots=True)
class _Child:
    id: int
    conversation_id: int | None
    is_own: bool
    posted_at: datetime


def _key(post: PostData) -> Key:
    return (post.network, post.external_id)


def _waiting_children(posts: Sequence[PostData]) -> dict[Key, list[_Child]]:
    """Stored posts that answer one of `posts`, which came after them."""
    children: dict[Key, list[_Child]] = {}
    for network in {post.network for post in posts}:
        ids = [post.external_id for post in posts if post.network == network]
        columns = ("id", "in_reply_to", "conversation_id", "is_own", "posted_at")
        for pk, parent, *child in bulk.read_rows(Mention, columns, among=("in_reply_to", ids), network=network, parent_id=None):
            children.setdefault((network, parent), []).append(_Child(pk, *child))
    return children
