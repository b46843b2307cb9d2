"""What comes in, and the state of the work on it."""

from listening.models.account import NetworkAccount
from listening.models.account_event import AccountEvent
from listening.models.backfill import Backfill
from listening.models.conversation import ACTIVE, Conversation, ConversationEvent, Priority, Status
from listening.models.ledger import IntakeBatch
from listening.models.mention import Mention, Sentiment
from listening.models.repost import Repost
from listening.models.rollup import Rollup
from listening.models.saved_search import SavedSearch
from listening.models.source import Source
from listening.models.tombstone import Tombstone
from listening.models.topic import ConversationTopic, MentionTopic, Topic

__all__ = [
    "ACTIVE",
    "AccountEvent",
    "Backfill",
    "Conversation",
    "ConversationEvent",
    "ConversationTopic",
    "IntakeBatch",
    "Mention",
    "MentionTopic",
    "NetworkAccount",
    "Priority",
    "Repost",
    "Rollup",
    "SavedSearch",
    "Sentiment",
    "Source",
    "Status",
    "Tombstone",
    "Topic",
]
