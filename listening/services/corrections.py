"""An agent's word on a sentiment: it stands beside the score and counts in every figure."""

from __future__ import annotations

from django.db import transaction

from listening.models import Conversation, ConversationEvent, Mention, MentionTopic, Sentiment
from listening.services.conversations import add_event, conversation_state, save_conversation
from listening.trends.rollups import append_deltas, count_deltas
from profiles.models import Agent
from socialdesk.lib import live
from socialdesk.lib.clock import now
from socialdesk.lib.errors import DeskError, NotFound


def correct_sentiment(*, mention_id: int, agent: Agent, label: str) -> Mention:
    """Set what `agent` says of a mention's sentiment; the scorer's label again takes the correction back.

    The score itself is never changed. Figures move from the old to the new label in the same transaction.
    """
    if label not in (Sentiment.NEGATIVE, Sentiment.NEUTRAL, Sentiment.POSITIVE):
        raise DeskError("Say negative, neutral or positive.")
    with transaction.atomic():
        try:
            mention = Mention.objects.select_for_update(of=("self",)).get(pk=mention_id, is_own=False)
        except Mention.DoesNotExist:
            raise NotFound("There is no such mention.") from None
        before = mention.sentiment
        topics = list(MentionTopic.objects.filter(mention=mention).values_list("topic_id", flat=True))
        mention.corrected_label = "" if label == mention.label else label
        mention.corrected_by, mention.corrected_at = agent, now()
        mention.save(update_fields=["corrected_label", "corrected_by", "corrected_at"])
        mention.refresh_from_db(fields=["sentiment"])
        if mention.sentiment != before:
            append_deltas(
                count_deltas([(mention.posted_at, mention.network, before, topics)], sign=-1),
                count_deltas([(mention.posted_at, mention.network, mention.sentiment, topics)]),
            )
        if mention.conversation_id:
            conversation = Conversation.objects.select_for_update(of=("self",)).get(pk=mention.conversation_id)
            if conversation.last_mention_id == mention.pk:
                conversation.sentiment = mention.sentiment
                save_conversation(conversation)
            data = {"mention": mention.pk, "from": before, "to": mention.sentiment}
            add_event(conversation, ConversationEvent.Kind.SENTIMENT_CORRECTED, at=now(), agent=agent, data=data)
            live.publish(live.ConversationsChanged([conversation_state(conversation)], by=agent.pk))
    return mention
