"""Articles that customers read to help themselves: kept, found in their language, given by link, judged (brief A9, E11)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from django.db import IntegrityError, transaction
from django.db.models import Exists, OuterRef, Prefetch, QuerySet
from django.utils.text import slugify

from engagement.models import Article, ArticleLink, ArticleText, ArticleVote, ShortLink
from engagement.models.article import LONGEST_BODY, LONGEST_TITLE
from engagement.services.links import create_link
from engagement.services.templates import FALLBACK_LANGUAGE
from listening.models import Topic
from profiles.models import Agent
from socialdesk.lib.clock import now as current_time
from socialdesk.lib.errors import DeskError, NotFound
from socialdesk.lib.paging import page_of
from socialdesk.lib.text import clean, fold

PAGE = 30
LONGEST_WORDS = 500
MOST_TEXTS = 30


@dataclass(frozen=True, slots=True)
class Written:
    """A text as it is typed."""

    language: str
    title: str
    body: str


@dataclass(frozen=True, slots=True)
class ArticlePage:
    """Articles with `texts` loaded, newest change first; `next` is the key of the page after them, "" at the end."""

    articles: list[Article]
    next: str


# --- Reading ------------------------------------------------------------------------------------------------------------


def find_articles(*, q: str = "", languages: Sequence[str] = (), after: str = "", only_published: bool = True) -> ArticlePage:
    """Articles that have all words of `q` in one text; with `languages`, only texts in these count and are loaded. Two queries."""
    articles = Article.objects.filter(is_published=True) if only_published else Article.objects.all()
    texts = ArticleText.objects.filter(language__in=languages) if languages else ArticleText.objects.all()
    matching = _with_words(texts, q)
    articles = articles.filter(Exists(matching.filter(article=OuterRef("pk")))).prefetch_related(Prefetch("texts", texts))
    return ArticlePage(*page_of(articles, field="changed_at", after=after, limit=PAGE))


def read_article(slug: str) -> Article | None:
    """The published article of that address, with its texts; two queries."""
    return Article.objects.filter(slug=slug[:80], is_published=True).prefetch_related("texts").first()


def text_for(article: Article, languages: Sequence[str]) -> ArticleText | None:
    """The text in the first of `languages` that it is written in, else in English, else the first there is. `texts` should be loaded."""
    texts = {text.language: text for text in article.texts.all()}
    for language in (*languages, FALLBACK_LANGUAGE):
        if language in texts:
            return texts[language]
    return next(iter(texts.values()), None)


def _with_words(texts: QuerySet[ArticleText], q: str) -> QuerySet[ArticleText]:
    for word in fold(q.replace("\x00", ""))[:200].split()[:8]:
        texts = texts.filter(folded__contains=word)
    return texts


# --- Writing ------------------------------------------------------------------------------------------------------------


def save_article(
    *,
    article: Article | None,
    slug: str,
    texts: Sequence[Written],
    agent: Agent | None,
    topics: Iterable[Topic] = (),
    is_published: bool = True,
) -> Article:
    """Make an article, or change `article`: its texts become these, and it counts as reviewed now.

    An empty `slug` is made from the first title. Raises DeskError with what is wrong and, in `place`, the number of the text that it
    is about.
    """
    kept = [_check_text(text, place) for place, text in enumerate(texts)]
    if not kept:
        raise DeskError("An article needs at least one text.")
    if len(kept) > MOST_TEXTS:
        raise DeskError(f"An article has at most {MOST_TEXTS} texts.")
    languages = [text.language for text in kept]
    if len(set(languages)) < len(languages):
        raise DeskError("Two texts are in the same language. Keep one of them.")
    address = slugify(slug.strip() or kept[0].title)[:80].strip("-")
    if not address:
        raise DeskError("Give the article an address of Latin letters, digits and hyphens.")
    saved = article or Article(created_by=agent)
    saved.slug, saved.is_published, saved.reviewed_at = address, is_published, current_time()
    try:
        with transaction.atomic():
            saved.save()
            saved.topics.set(topics)
            saved.texts.exclude(language__in=languages).delete()
            for text in kept:
                row = {"title": text.title, "body": text.body, "folded": fold(f"{text.title}\n{text.body}")}
                saved.texts.update_or_create(language=text.language, defaults=row)
    except IntegrityError:
        raise DeskError(f"There is an article at “{address}” already. Change that one, or choose another address.") from None
    return saved


def mark_reviewed(*, article_id: int) -> None:
    """Somebody read it and found it right. Raises NotFound."""
    if not Article.objects.filter(pk=article_id).update(reviewed_at=current_time()):
        raise NotFound("There is no such article; it may have been deleted.")


def _check_text(text: Written, place: int) -> Written:
    def refuse(words: str) -> DeskError:
        return DeskError(f"Text {place + 1}: {words}", place=place)

    language = text.language.strip().lower()
    if not 2 <= len(language) <= 12 or not language.replace("-", "").isalnum() or not language.isascii():
        raise refuse("give its language as a code such as en, de or pt-br.")
    title, body = clean(text.title).strip(), clean(text.body.replace("\r\n", "\n")).strip()
    if not 1 <= len(title) <= LONGEST_TITLE:
        raise refuse(f"give it a title of at most {LONGEST_TITLE} characters.")
    if not 1 <= len(body) <= LONGEST_BODY:
        raise refuse(f"write 1 to {LONGEST_BODY} characters; there are {len(body)}.")
    return Written(language, title, body)


# --- Given to customers -------------------------------------------------------------------------------------------------


def give_article(*, article_id: int, conversation_id: int, agent: Agent) -> ShortLink:
    """A short link to the article for one customer. Raises NotFound."""
    article = Article.objects.filter(pk=article_id, is_published=True).first()
    if article is None:
        raise NotFound("There is no such article, or it is not published.")
    with transaction.atomic():
        link = create_link(conversation_id=conversation_id, kind=ShortLink.Kind.ARTICLE, agent=agent, target={"article": article.pk})
        ArticleLink.objects.create(article=article, link=link, given_at=link.created_at)
    return link


def find_given(link: ShortLink) -> ArticleLink | None:
    """What a link of kind article gives: None if the article is gone or not published. Also of links that a program made."""
    given = ArticleLink.objects.select_related("article").filter(link=link).first()
    if given is None:
        wanted = link.target.get("article")
        article = Article.objects.filter(pk=wanted).first() if isinstance(wanted, int) else None
        if article is None:
            return None
        given, _ = ArticleLink.objects.get_or_create(link=link, defaults={"article": article, "given_at": link.created_at})
    return given if given.article.is_published else None


def record_vote(*, article: Article, helped: bool, language: str, words: str = "", given: ArticleLink | None = None) -> None:
    """A reader says whether it helped. By one link once: who answers again changes their answer, and keeps their words if they give
    none."""
    said = " ".join(clean(words, limit=LONGEST_WORDS).split())
    row = {"article": article, "language": language, "helped": helped, "at": current_time(), **({"words": said} if said else {})}
    if given is None:
        ArticleVote.objects.create(**row)
    else:
        ArticleVote.objects.update_or_create(by_link=given, defaults=row)
