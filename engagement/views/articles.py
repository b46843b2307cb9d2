"""Articles from the staff's side: the list with what each is worth, those that want another look, the form with a preview."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponseBase, QueryDict
from django.shortcuts import redirect, render
from django.utils.safestring import SafeString
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from engagement.models import Article, ArticleText
from engagement.services.article_figures import WINDOW, Figures, find_stale, read_figures, why_stale
from engagement.services.articles import Written, find_articles, mark_reviewed, save_article, text_for
from engagement.services.markdown import render_markdown
from listening.models import Topic
from listening.views.numbers import read_numbers
from profiles.signed_in import agent_of
from socialdesk.lib.errors import DeskError
from socialdesk.lib.pages import desk_view
from socialdesk.lib.text import clean


@dataclass(frozen=True, slots=True)
class Line:
    """One article of the list. `stale` says why it wants another look, "" if it does not."""

    article: Article
    text: ArticleText | None
    figures: Figures
    stale: str


@dataclass(frozen=True, slots=True)
class Typed:
    """What stands in the form's fields."""

    slug: str
    topics: frozenset[int]
    is_published: bool
    texts: list[Written]


@require_safe
@desk_view
def articles(request: HttpRequest) -> HttpResponseBase:
    """All articles, or those that have the words of `q`; with `stale` those that want another look."""
    q, only_stale = clean(request.GET.get("q", ""))[:100].strip(), request.GET.get("stale") == "1"
    after = request.GET.get("after", "")
    if only_stale:
        found, following = find_stale(), ""
    else:
        page = find_articles(q=q, after=after, only_published=False)
        found, following = page.articles, page.next
    figures = read_figures(found)
    lines = [Line(one, text_for(one, ()), figures[one.pk], why_stale(one, figures[one.pk])) for one in found]
    context = {
        "lines": lines,
        "next": following,
        "is_first": not after,
        "q": q,
        "only_stale": only_stale,
        "days": WINDOW.days,
        "may_change": agent_of(request).may_configure,
    }
    return render(request, "engagement/articles.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
@desk_view
def article_new(request: HttpRequest) -> HttpResponseBase:
    """The form of an article that is not there yet."""
    return _edit(request, None)


@require_http_methods(["GET", "HEAD", "POST"])
@desk_view
def article_edit(request: HttpRequest, pk: int) -> HttpResponseBase:
    """The form of an article that is, with what its readers said."""
    article = Article.objects.filter(pk=pk).first()
    if article is None:
        raise Http404("There is no such article; it may have been deleted.")
    return _edit(request, article)


@require_POST
@desk_view
def article_reviewed(request: HttpRequest, pk: int) -> HttpResponseBase:
    """Somebody read it and found it right."""
    mark_reviewed(article_id=pk)
    messages.success(request, "Marked as reviewed today.")
    return redirect("articles")


@require_POST
@desk_view
def article_preview(request: HttpRequest) -> HttpResponseBase:
    """The texts of the form as readers would see them."""
    return render(request, "engagement/_article_preview.html", {"previews": _preview(_read_texts(request.POST))})


def _edit(request: HttpRequest, article: Article | None) -> HttpResponseBase:
    typed = _read_form(request, article)
    context: dict[str, Any] = {}
    status = 200
    if request.method == "POST" and "more" not in request.POST:
        try:
            save_article(
                article=article,
                slug=typed.slug,
                texts=typed.texts,
                agent=agent_of(request),
                topics=Topic.objects.filter(pk__in=typed.topics),
                is_published=typed.is_published,
            )
        except DeskError as error:
            context["error"], status = error, error.status
        else:
            messages.success(request, "The article is saved.")
            return redirect("articles")
    context |= {
        "article": article,
        "typed": typed,
        "rows": [*typed.texts, Written("", "", "")],
        "topics": Topic.objects.order_by("name"),
        "previews": _preview(typed.texts),
        "said": list(article.votes.exclude(words="").order_by("-at")[:20]) if article else [],
    }
    return render(request, "engagement/article_form.html", context, status=status)


def _read_form(request: HttpRequest, article: Article | None) -> Typed:
    if request.method == "POST":
        post = request.POST
        topics = frozenset(read_numbers(post.getlist("topics")))
        return Typed(clean(post.get("slug", "")), topics, "is_published" in post, _read_texts(post))
    if article is None:
        return Typed("", frozenset(), True, [])
    texts = [Written(text.language, text.title, text.body) for text in article.texts.all()]
    return Typed(article.slug, frozenset(topic.pk for topic in article.topics.all()), article.is_published, texts)


def _read_texts(post: QueryDict) -> list[Written]:
    """The rows of the form that have a title or a body; an emptied one is taken out."""
    columns = (post.getlist("language"), post.getlist("title"), post.getlist("body"))
    return [Written(*(clean(cell) for cell in row)) for row in zip(*columns, strict=False) if (row[1] + row[2]).strip()]


def _preview(texts: list[Written]) -> list[tuple[Written, SafeString]]:
    return [(text, render_markdown(text.body)) for text in texts[:30]]
