"""The help pages: articles that everybody can read, and the one that a short link leads to. No sign-in, no cookie, no JavaScript."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import translation
from django.views.decorators.http import require_POST, require_safe

from engagement.models import Article, ArticleLink, ArticleText, ShortLink
from engagement.services.articles import LONGEST_WORDS, find_articles, find_given, read_article, record_vote, text_for
from engagement.services.links import note_sent
from engagement.services.markdown import plain_start, render_markdown
from engagement.services.templates import FALLBACK_LANGUAGE
from engagement.views.visitor import LANGUAGES, visitor_page, visitor_view
from socialdesk.lib.address import client_address, is_link_host
from socialdesk.lib.errors import DeskError
from socialdesk.lib.text import clean
from socialdesk.lib.throttle import take

VOTES_AN_HOUR = 30  # of one address, over all articles


@require_safe
@visitor_view
def help_home(request: HttpRequest) -> HttpResponseBase:
    """Search and list, in the reader's language where an article has it."""
    q = clean(request.GET.get("q", ""))[:100].strip()
    languages = _languages()
    try:
        page = find_articles(q=q, languages=languages, after=request.GET.get("after", "")[:200])
    except DeskError:
        return redirect("help")
    entries = [(article, text, plain_start(text.body)) for article in page.articles if (text := text_for(article, languages))]
    return visitor_page(request, "visitors/help.html", {"entries": entries, "next": page.next, "q": q})


@require_safe
@visitor_view
def help_article(request: HttpRequest, slug: str) -> HttpResponseBase:
    """One article."""
    article = read_article(slug)
    text = text_for(article, _languages()) if article else None
    if article is None or text is None:
        return visitor_page(request, "visitors/help_gone.html", {}, status=404)
    return _show(request, article, text, vote_url=reverse("help_vote", args=[article.slug]))


@require_POST
@visitor_view
def help_vote(request: HttpRequest, slug: str) -> HttpResponseBase:
    """Whether it helped, from a reader who came without a link."""
    article = read_article(slug)
    text = text_for(article, _languages()) if article else None
    if article is None or text is None:
        return visitor_page(request, "visitors/help_gone.html", {}, status=404)
    vote_url = reverse("help_vote", args=[article.slug])
    return _vote(request, article, text, vote_url=vote_url, given=None)


def show_article_by_link(request: HttpRequest, link: ShortLink, step: str) -> HttpResponseBase:
    """The article that an agent gave to one customer; `helped` below it takes their answer."""
    given = find_given(link)
    text = text_for(given.article, _languages()) if given else None
    if given is None or text is None or step not in ("", "helped"):
        return visitor_page(request, "visitors/gone.html", {}, status=404)
    article = given.article
    vote_url = reverse("short_link_step", args=[link.code, "helped"])
    if step == "helped" and request.method == "POST":
        return _vote(request, article, text, vote_url=vote_url, given=given)
    return _show(request, article, text, vote_url=vote_url)


def _languages() -> Sequence[str]:
    """The reader's language, then English."""
    return list(dict.fromkeys([translation.get_language() or FALLBACK_LANGUAGE, FALLBACK_LANGUAGE]))


def _show(request: HttpRequest, article: Article, text: ArticleText, *, vote_url: str, status: int = 200, **more: Any) -> HttpResponse:
    written = [(code, name) for code, name in LANGUAGES.items() if code in {other.language for other in article.texts.all()}]
    context = {
        "article": article,
        "text": text,
        "body": render_markdown(text.body),
        "languages": written,
        # A domain for short links alone answers with no other page.
        "help_url": f"{settings.PUBLIC_URL}{reverse('help')}" if is_link_host(request) else reverse("help"),
        "vote_url": f"{vote_url}?lang={text.language}" if text.language in LANGUAGES else vote_url,
        "longest_words": LONGEST_WORDS,
        **more,
    }
    return visitor_page(request, "visitors/article.html", context, status=status)


def _vote(request: HttpRequest, article: Article, text: ArticleText, *, vote_url: str, given: ArticleLink | None) -> HttpResponse:
    """Count the answer of the form. What a program fills in, or too many of one address, is thanked for and not counted."""
    form = request.POST
    helped, words = form.get("helped", ""), form.get("words", "")
    if helped not in ("yes", "no"):
        return _show(request, article, text, vote_url=vote_url, status=400, missing=True, words=words[:LONGEST_WORDS])
    if not form.get("website") and _may_vote(request, article, given):
        record_vote(article=article, helped=helped == "yes", language=text.language, words=words, given=given)
        if given is not None:
            note_sent(given.link)
    return _show(request, article, text, vote_url=vote_url, thanked=helped)


def _may_vote(request: HttpRequest, article: Article, given: ArticleLink | None) -> bool:
    """A link has one vote, which can be changed. Without a link a browser has one an hour for an article; many may share an address."""
    address = client_address(request)
    if not take(f"votes:{address}", limit=VOTES_AN_HOUR, seconds=3600):
        return False
    browser = sha256(request.headers.get("User-Agent", "").encode()).hexdigest()[:16]
    return given is not None or take(f"vote:{article.pk}:{address}:{browser}", limit=1, seconds=3600)
