"""Which templates fit a conversation, the best first, each with its reasons in words (brief A18)."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from django.conf import settings

from engagement.models import Audience, Purpose, Template, TemplateVariant, TemplateWord
from engagement.services.checks import capabilities_of
from engagement.services.filling import Filled, company_name, fill, values_for
from engagement.services.templates import find_wordings, languages_for
from listening.models import Conversation, ConversationTopic, Sentiment, Status
from profiles.models import Agent
from socialdesk.lib.text import fold

MOST_WORDS = 40  # of a post that are compared
_NOT_WORDS = re.compile(r"https?://\S+|[@#]\w+|\w*\d\w*")  # addresses, names and numbers say nothing of the matter
_WORD = re.compile(r"\w{4,40}")
_MOST_FOR_WORDS = 3.0
_OWN_LANGUAGE, _ITS_TOPIC, _OTHER_TOPIC = 2.0, 3.0, -2.0


@dataclass(frozen=True, slots=True)
class Suggestion:
    """A template as it would be inserted here. `reasons` are the parts of its points, in words, the strongest first."""

    variant: TemplateVariant
    filled: Filled
    points: float
    reasons: tuple[str, ...]

    @property
    def name(self) -> str:
        return self.variant.template.name


def rank_templates(
    *, conversation: Conversation, agent: Agent, audience: str, purpose: str = "", promise_minutes: int | None = None
) -> list[Suggestion]:
    """The templates that can be used here, filled in, the best first. Five queries however many there are.

    `conversation` should have author, account and last_mention loaded. With `purpose` only those of that purpose. Points are given
    for the topic, the words that the post shares with posts that the template was used on, the customer's language, what is called for
    now, and how it went before. In public, acknowledgements promise an answer in `promise_minutes`, or in the usual time.
    """
    wordings = find_wordings(conversation, audience=audience)
    if purpose:
        wordings = {pk: variant for pk, variant in wordings.items() if variant.template.purpose == purpose}
    if not capabilities_of(conversation.network).follow_first:
        wordings = {pk: variant for pk, variant in wordings.items() if variant.template.purpose != Purpose.ASK_TO_FOLLOW}
    own_topics, topics_of = _read_topics(conversation, wordings)
    shared = _shared_words(conversation, wordings)
    own_language = languages_for(conversation)[0]
    usual, company = int(settings.PROMISE_MINUTES), company_name(conversation)
    found = []
    for pk, variant in wordings.items():
        parts = [
            _by_topic(own_topics, topics_of[pk]),
            _by_words(shared.get(pk, {})),
            _by_language(variant.language, own_language),
            _by_state(variant.template.purpose, conversation),
            _by_outcome(variant.template.went_well, variant.template.went_badly),
        ]
        told = sorted((part for part in parts if part[1]), key=lambda part: -part[0])
        acknowledges = audience == Audience.PUBLIC and variant.template.purpose == Purpose.ACKNOWLEDGE
        minutes = promise_minutes or (usual if acknowledges else None)
        values = values_for(conversation=conversation, agent=agent, company=company, language=variant.language, promise_minutes=minutes)
        found.append(Suggestion(variant, fill(variant.text, values), sum(points for points, _ in parts), tuple(words for _, words in told)))
    return sorted(found, key=lambda suggestion: (-suggestion.points, suggestion.name))


def words_of(text: str) -> list[str]:
    """The words of a post by which it is compared: folded, of four letters or more, without names, numbers and addresses."""
    return list(dict.fromkeys(_WORD.findall(fold(_NOT_WORDS.sub(" ", text)))))[:MOST_WORDS]


def _read_topics(conversation: Conversation, wordings: Iterable[int]) -> tuple[dict[int, str], dict[int, list[int]]]:
    """The conversation's topics by id, and the ids of each template's."""
    own = ConversationTopic.objects.filter(conversation=conversation).values_list("topic_id", "topic__name")
    through = Template.topics.through
    topics_of: dict[int, list[int]] = defaultdict(list)
    for template_id, topic_id in through.objects.filter(template__in=list(wordings)).values_list("template_id", "topic_id"):
        topics_of[template_id].append(topic_id)
    return dict(own), topics_of


def _shared_words(conversation: Conversation, wordings: Iterable[int]) -> dict[int, dict[str, float]]:
    """By template, the words that the post shares with posts that it was used on: worth more the fewer templates have them."""
    post = conversation.last_mention
    words = words_of(post.text if post else conversation.excerpt)
    rows = TemplateWord.objects.filter(word__in=words, template__in=list(wordings)).values_list("template_id", "word")
    pairs = list(rows)
    spread = Counter(word for _, word in pairs)
    shared: dict[int, dict[str, float]] = defaultdict(dict)
    for template_id, word in pairs:
        shared[template_id][word] = 1 / spread[word]
    return shared


def _by_topic(own: dict[int, str], topics: list[int]) -> tuple[float, str]:
    common = [own[topic] for topic in topics if topic in own]
    if common:
        return _ITS_TOPIC, f"topic {sorted(common)[0]}"
    return (_OTHER_TOPIC, "for another topic") if topics else (0.0, "")


def _by_words(shared: dict[str, float]) -> tuple[float, str]:
    if not shared:
        return 0.0, ""
    telling = sorted(shared, key=lambda word: (-shared[word], word))[:3]
    return min(_MOST_FOR_WORDS, sum(shared.values())), f"used on posts with {', '.join(telling)}"


def _by_language(language: str, wanted: str) -> tuple[float, str]:
    if language.split("-")[0] == wanted.split("-")[0]:
        return _OWN_LANGUAGE, ""
    return 0.0, f"in {language}, the customer writes {wanted}"


def _by_state(purpose: str, conversation: Conversation) -> tuple[float, str]:
    """What is called for now."""
    is_pleased = conversation.sentiment == Sentiment.POSITIVE
    answered = conversation.first_answered_at is not None
    if purpose == Purpose.ACKNOWLEDGE:
        if conversation.acknowledged_at is not None:
            return -3.0, "acknowledged already"
        return (0.0, "") if is_pleased else (2.0, "not acknowledged yet")
    if purpose == Purpose.THANK_YOU:
        return (3.0, "the customer is pleased") if is_pleased else (-1.0, "")
    if purpose == Purpose.OFFER_CHOICE:
        if conversation.sentiment == Sentiment.NEGATIVE and answered:
            return 2.0, "still unhappy after an answer"
        return 0.0, ""
    if purpose == Purpose.CLOSING:
        return (2.0, "it has been answered") if answered and conversation.status != Status.NEW and is_pleased else (-1.0, "")
    return (-1.0, "") if is_pleased else (1.0, "")


def _by_outcome(well: int, badly: int) -> tuple[float, str]:
    """From -1 to 1; one good or bad end says little."""
    known = well + badly
    if not known:
        return 0.0, ""
    return 2 * (well + 1) / (known + 2) - 1, f"went well {well} of {known} times"
