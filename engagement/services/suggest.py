"""What the composer offers at `/`: templates and articles that fit the conversation, the best first."""

from __future__ import annotations

from dataclasses import dataclass

from engagement.models import Article, ArticleText, Audience
from engagement.services.ranking import Suggestion, rank_templates, words_of
from engagement.services.templates import languages_for
from listening.models import Conversation, ConversationTopic
from profiles.models import Agent
from socialdesk.lib.text import fold

MOST_TEMPLATES, MOST_ARTICLES = 50, 20


@dataclass(frozen=True, slots=True)
class Reading:
    """An article that may help here, in the language that the customer would get. `reason` says why, "" for none."""

    article: Article
    text: ArticleText
    reason: str


def suggest_templates(*, conversation: Conversation, agent: Agent, audience: str) -> list[Suggestion]:
    """At most MOST_TEMPLATES of `rank_templates`."""
    if audience not in Audience.values:
        return []
    return rank_templates(conversation=conversation, agent=agent, audience=audience)[:MOST_TEMPLATES]


def suggest_articles(*, conversation: Conversation) -> list[Reading]:
    """Articles in the customer's language or English: first those of its topics, then by the words of the post that they have in their
    title. Three queries. `conversation` should have last_mention loaded."""
    languages = languages_for(conversation)
    topics = set(ConversationTopic.objects.filter(conversation=conversation).values_list("topic_id", flat=True))
    texts = ArticleText.objects.filter(language__in=languages, article__is_published=True).select_related("article").defer("body", "folded")
    best: dict[int, ArticleText] = {}
    for text in texts:
        known = best.get(text.article_id)
        if known is None or languages.index(text.language) < languages.index(known.language):
            best[text.article_id] = text
    of_topic = set(Article.topics.through.objects.filter(topic__in=topics, article__in=best).values_list("article_id", flat=True))
    post = conversation.last_mention
    words = set(words_of(post.text if post else conversation.excerpt))
    found = []
    for pk, text in best.items():
        shared = sorted(word for word in words_of(text.title) if word in words)
        reason = "its topic" if pk in of_topic else f"its title has {', '.join(shared)}" if shared else ""
        found.append(((-2 * (pk in of_topic) - len(shared), fold(text.title)), Reading(text.article, text, reason)))
    return [reading for _, reading in sorted(found, key=lambda pair: pair[0])[:MOST_ARTICLES]]
