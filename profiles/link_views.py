"""Links into other systems: the admin's page for them, following one, and a person's numbers there."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from profiles.models import CustomField, DeepLink, Profile
from profiles.services.deep_links import add_ref, check_template, fill_example, follow, remove_ref, save_link
from profiles.services.people import find_person
from profiles.signed_in import agent_of
from socialdesk.lib.errors import DeskError, NotFound
from socialdesk.lib.text import clean


@require_http_methods(["GET", "HEAD", "POST"])
def deep_links(request: HttpRequest) -> HttpResponse:
    """All links, and the form of a new one, or of the one in `?change=`."""
    changed = _read_changed(request)
    typed = {"name": changed.name if changed else "", "template": changed.template if changed else ""}
    context: dict[str, Any] = {"links": DeepLink.objects.all(), "changed": changed, "customs": CustomField.objects.filter(archived_at=None)}
    if request.method == "POST":
        typed = {name: clean(request.POST.get(name, "")) for name in typed}
        if "try" not in request.POST:
            try:
                saved = save_link(link=changed, name=typed["name"], template=typed["template"])
            except DeskError as error:
                return render(request, "profiles/deep_links.html", {**context, "typed": typed, "error": error.message}, status=400)
            messages.success(request, f"{saved.name} is saved. It stands on the pages of people who have what it needs.")
            return redirect("deep_links")
    return render(request, "profiles/deep_links.html", {**context, "typed": typed, **_try_out(typed["template"])})


@require_POST
def deep_link_preview(request: HttpRequest) -> HttpResponse:
    """What the address in the form would look like, or what is wrong with it."""
    return render(request, "profiles/_deep_link_preview.html", _try_out(clean(request.POST.get("template", ""))))


@require_POST
def deep_link_remove(request: HttpRequest, pk: int) -> HttpResponse:
    DeepLink.objects.filter(pk=pk).delete()
    messages.success(request, "The link is gone from all pages.")
    return redirect("deep_links")


@require_safe
def deep_link_follow(request: HttpRequest, pk: int, link: int) -> HttpResponse:
    """To the other system, with the person's e-mail or phone: that is a look at it, and noted as one."""
    try:
        url = follow(link=get_object_or_404(DeepLink, pk=link), person=find_person(pk), agent=agent_of(request))
    except NotFound as error:
        raise Http404(error.message) from None
    answer = redirect(url)
    answer["Referrer-Policy"] = "no-referrer"
    return answer


@require_POST
def ref_add(request: HttpRequest, pk: int) -> HttpResponse:
    person = _find(pk)
    post = request.POST
    try:
        add_ref(person=person, system=post.get("system", ""), external_id=post.get("external_id", ""), agent=agent_of(request))
    except DeskError as error:
        messages.error(request, error.message)
    else:
        messages.success(request, "The number is kept.")
    return _back(person)


@require_POST
def ref_remove(request: HttpRequest, pk: int, ref: int) -> HttpResponse:
    person = _find(pk)
    try:
        remove_ref(person=person, ref_id=ref, agent=agent_of(request))
    except DeskError as error:
        messages.error(request, error.message)
    else:
        messages.success(request, "The number is removed.")
    return _back(person)


def _try_out(template: str) -> dict[str, str]:
    if not template.strip():
        return {}
    try:
        check_template(template.strip())
    except DeskError as error:
        return {"mistake": error.message}
    return {"example": fill_example(template.strip())}


def _read_changed(request: HttpRequest) -> DeepLink | None:
    given = request.POST.get("change", "") or request.GET.get("change", "")
    if not given:
        return None
    link = DeepLink.objects.filter(pk=int(given)).first() if given.isascii() and given.isdecimal() and len(given) < 16 else None
    if link is None:
        raise Http404("This link was removed.")
    return link


def _find(pk: int) -> Profile:
    try:
        return find_person(pk)
    except NotFound as error:
        raise Http404(error.message) from None


def _back(person: Profile) -> HttpResponse:
    answer = redirect("profile", person.pk)
    answer["Location"] += "#elsewhere"
    return answer
