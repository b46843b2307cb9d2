"""What the composer fetches and presses: templates and articles that fit, a link to an article, the acknowledgement by one key."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponseBase
from django.shortcuts import render
from django.views.decorators.http import require_GET, require_POST

from engagement.models import Audience
from engagement.services.articles import give_article
from engagement.services.links import link_url
from engagement.services.promises import acknowledge
from engagement.services.suggest import suggest_articles, suggest_templates
from engagement.views.conversation import find_conversation
from listening.views.numbers import read_number
from profiles.signed_in import agent_of
from socialdesk.lib.clock import now
from socialdesk.lib.errors import DeskError
from socialdesk.lib.pages import desk_view, done


@require_GET
@desk_view
def suggestions(request: HttpRequest, pk: int) -> HttpResponseBase:
    """The options of the listbox: `audience` is public or private."""
    audience = request.GET.get("audience", "")
    if audience not in Audience.values:
        raise DeskError("Templates are for public replies and private messages.")
    found = find_conversation(pk)
    context = {
        "conversation": found,
        "templates": suggest_templates(conversation=found, agent=agent_of(request), audience=audience),
        "articles": suggest_articles(conversation=found),
    }
    return render(request, "engagement/_suggestions.html", context)


@require_POST
@desk_view
def conversation_article(request: HttpRequest, pk: int, article: int) -> HttpResponseBase:
    """Make a short link to the article; the open composer puts its address into the text."""
    link = give_article(article_id=article, conversation_id=pk, agent=agent_of(request))
    return done(request, f"Article: {link_url(link)}", did="linked", conversation=pk, link=link.pk, url=link_url(link))


@require_POST
@desk_view
def conversation_acknowledge(request: HttpRequest, pk: int) -> HttpResponseBase:
    """Say in public that we are on it, with the time that was chosen or the usual one."""
    minutes = read_number(request.POST.get("promise_minutes", ""), refusal="Choose by when you will answer.")
    key = request.POST.get("request_key", "")
    said = acknowledge(conversation_id=pk, agent=agent_of(request), promise_minutes=minutes, request_key=key)
    message = said.message
    if message is None:
        reasons = "; ".join(said.approval.reasons) if said.approval else ""
        return done(request, f"A lead reads your acknowledgement first: {reasons}.", did="said", conversation=pk)
    if not said.is_new:
        return done(request, f"You acknowledged this already: “{message.text}”", did="said", conversation=pk)
    seconds = max(0.0, (message.delivery.not_before - now()).total_seconds())
    facts = {"message": message.pk, "kind": message.kind, "seconds": round(seconds, 1), "answer": message.answer_number}
    return done(request, f"Sending in public: {message.promise.text}.", did="acknowledged", conversation=pk, **facts)
