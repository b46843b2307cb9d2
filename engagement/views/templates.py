"""Saved replies: the list with what came of each, the form with a preview, and the rights of the roles."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.db.models import Q
from django.http import Http404, HttpRequest, HttpResponseBase, QueryDict
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from engagement.models import Audience, Company, Purpose, Template, TemplateRight, TemplateVariant
from engagement.services.checks import size_in_bytes
from engagement.services.filling import VARIABLES, fill
from engagement.services.spans import say_within
from engagement.services.template_outcomes import WINDOW, Figures, read_figures
from engagement.services.template_uses import read_rights, set_right
from engagement.services.templates import Wording, save_template, switch_template
from listening.models import Topic
from listening.views.numbers import read_numbers
from profiles.models import Agent, Role
from profiles.signed_in import agent_of
from socialdesk.lib.errors import DeskError
from socialdesk.lib.pages import desk_view
from socialdesk.lib.paging import page_of
from socialdesk.lib.text import clean, length
from socialdesk.networks import registry

PAGE = 50
_EXAMPLE_MINUTES = 120


@dataclass(frozen=True, slots=True)
class Line:
    """One template of the list. `first` is the wording that stands for it."""

    template: Template
    figures: Figures
    languages: list[str]
    first: TemplateVariant | None


@dataclass(frozen=True, slots=True)
class Typed:
    """What stands in the form's fields."""

    name: str
    purpose: str
    topics: frozenset[int]
    is_active: bool
    wordings: list[Wording]


@dataclass(frozen=True, slots=True)
class Fit:
    """How long a text is on one network, as that network counts. `bytes_over` says by how many bytes it is too long, where these count."""

    network: str
    length: int
    limit: int
    bytes_over: int = 0

    @property
    def is_over(self) -> bool:
        return self.length > self.limit or self.bytes_over > 0


@dataclass(frozen=True, slots=True)
class Preview:
    """A wording with examples for its variables."""

    wording: Wording
    text: str
    fits: list[Fit]


@require_safe
@desk_view
def templates(request: HttpRequest) -> HttpResponseBase:
    """All templates, or those that have the words of `q`, the one that changed last first. A page costs five queries."""
    q, purpose = clean(request.GET.get("q", ""))[:100].strip(), request.GET.get("purpose", "")
    found = Template.objects.prefetch_related("topics", "variants")
    for word in q.split()[:8]:
        texts = TemplateVariant.objects.filter(text__icontains=word)
        found = found.filter(Q(name__icontains=word) | Q(pk__in=texts.values("template")))
    if purpose in Purpose.values:
        found = found.filter(purpose=purpose)
    page, following = page_of(found, field="changed_at", after=request.GET.get("after", ""), limit=PAGE)
    figures = read_figures(page)
    context = {
        "lines": [_line(template, figures.get(template.pk, Figures())) for template in page],
        "next": following,
        "is_first": "after" not in request.GET,
        "q": q,
        "purpose": purpose,
        "purposes": Purpose.choices,
        "days": WINDOW.days,
        "may_change": agent_of(request).may_configure,
        "may_set_rights": _may_set_rights(request),
    }
    return render(request, "engagement/templates.html", context)


def _line(template: Template, figures: Figures) -> Line:
    variants = list(template.variants.all())
    first = next((variant for variant in variants if variant.language == "en"), variants[0] if variants else None)
    return Line(template, figures, list(dict.fromkeys(variant.language for variant in variants)), first)


@require_http_methods(["GET", "HEAD", "POST"])
@desk_view
def template_new(request: HttpRequest) -> HttpResponseBase:
    """The form of a template that is not there yet."""
    return _edit(request, None)


@require_http_methods(["GET", "HEAD", "POST"])
@desk_view
def template_edit(request: HttpRequest, pk: int) -> HttpResponseBase:
    """The form of a template that is."""
    template = Template.objects.filter(pk=pk).first()
    if template is None:
        raise Http404("There is no such template; it may have been deleted.")
    return _edit(request, template)


@require_POST
@desk_view
def template_switch(request: HttpRequest, pk: int) -> HttpResponseBase:
    """Offer a template or not, as `on` says (1 or 0)."""
    switch_template(template_id=pk, is_active=request.POST.get("on") == "1")
    return redirect("templates")


@require_POST
@desk_view
def template_preview(request: HttpRequest) -> HttpResponseBase:
    """The texts of the form as customers would read them, with their length on each network."""
    wordings = _read_wordings(request.POST)
    return render(request, "engagement/_template_preview.html", {"previews": _preview(wordings, agent_of(request))})


@require_http_methods(["GET", "HEAD", "POST"])
@desk_view
def template_rights(request: HttpRequest) -> HttpResponseBase:
    """How freely each role writes in public."""
    if request.method == "POST":
        for role in read_rights():
            set_right(role=role, right=request.POST.get(role, ""))
        messages.success(request, "Saved. It counts from the next answer on.")
        return redirect("template_rights")
    roles = [(role, Role(role).label, right) for role, right in read_rights().items()]
    return render(request, "engagement/template_rights.html", {"roles": roles, "rights": TemplateRight.Right.choices})


def _may_set_rights(request: HttpRequest) -> bool:
    return agent_of(request).role in (Role.LEAD, Role.ADMIN)


def _edit(request: HttpRequest, template: Template | None) -> HttpResponseBase:
    typed = _read_form(request, template)
    context: dict[str, Any] = {}
    status = 200
    if request.method == "POST" and "more" not in request.POST:
        try:
            saved = save_template(
                template=template,
                name=typed.name,
                purpose=typed.purpose,
                wordings=typed.wordings,
                agent=agent_of(request),
                topics=Topic.objects.filter(pk__in=typed.topics),
                is_active=typed.is_active,
            )
        except DeskError as error:
            context["error"], status = error, error.status
        else:
            messages.success(request, f"{saved.name} is saved.")
            return redirect("templates")
    # One empty row to write on in, whatever is there.
    rows = [*typed.wordings, Wording(language="", text="")]
    context |= {
        "template": template,
        "typed": typed,
        "rows": rows,
        "purposes": Purpose.choices,
        "audiences": Audience.choices,
        "networks": [(network.key, network.label) for network in registry.NETWORKS.values()],
        "topics": Topic.objects.order_by("name"),
        "variables": VARIABLES.items(),
        "previews": _preview(typed.wordings, agent_of(request)),
    }
    return render(request, "engagement/template_form.html", context, status=status)


def _read_form(request: HttpRequest, template: Template | None) -> Typed:
    if request.method == "POST":
        post = request.POST
        topics = frozenset(read_numbers(post.getlist("topics")))
        return Typed(clean(post.get("name", "")), post.get("purpose", ""), topics, "is_active" in post, _read_wordings(post))
    if template is None:
        return Typed("", "", frozenset(), True, [])
    wordings = [Wording(v.language, v.text, v.network, v.audience) for v in template.variants.all()]
    topics = frozenset(topic.pk for topic in template.topics.all())
    return Typed(template.name, template.purpose, topics, template.is_active, wordings)


def _read_wordings(post: QueryDict) -> list[Wording]:
    """The rows of the form that have a text; an emptied one is taken out."""
    columns = (post.getlist("language"), post.getlist("text"), post.getlist("network"), post.getlist("audience"))
    return [Wording(*(clean(cell) for cell in row)) for row in zip(*columns, strict=False) if row[1].strip()]


def _preview(wordings: list[Wording], agent: Agent) -> list[Preview]:
    company = Company.current().name
    return [_preview_one(wording, agent, company) for wording in wordings[:60]]


def _preview_one(wording: Wording, agent: Agent, company: str) -> Preview:
    examples = {
        "name": "Mara",
        "handle": "@mara_k",
        "agent": agent.name,
        "company": company,
        "link": "https://desk.example/s/7k3p9d2xw4hq8",
        "due": say_within(_EXAMPLE_MINUTES, wording.language.strip().lower()),
    }
    text = fill(wording.text, examples).text
    is_public = wording.audience == Audience.PUBLIC
    fits = []
    for network in registry.NETWORKS.values():
        able = network.capabilities
        limit, most_bytes = (able.max_length, able.max_bytes) if is_public else (able.max_message_length, able.max_message_bytes)
        if limit and wording.network in ("", network.key):
            bytes_over = max(size_in_bytes(text) - most_bytes, 0) if most_bytes else 0
            fits.append(Fit(network.label, length(text, able.length_unit), limit, bytes_over))
    return Preview(wording, text, fits)
