"""Pages on which an admin makes fields, and says which role sees what."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponseBase
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_POST

from profiles.models import CustomField, Role
from profiles.services.custom import archive_field, save_field
from profiles.services.rights import HIDDEN, list_fields, read_rights, save_right
from socialdesk.lib.errors import DeskError, NotFound
from socialdesk.lib.pages import desk_view


@require_http_methods(["GET", "HEAD", "POST"])
@desk_view
def fields(request: HttpRequest, pk: int | None = None) -> HttpResponseBase:
    """All fields, and a form for a new one or for the one that is changed."""
    chosen = CustomField.objects.filter(pk=pk).first() if pk is not None else None
    if pk is not None and chosen is None:
        raise NotFound("There is no such field.")
    error = ""
    if request.method == "POST":
        place = request.POST.get("position", "")
        try:
            saved = save_field(
                field=chosen,
                label=request.POST.get("label", ""),
                kind=request.POST.get("kind", ""),
                choices=request.POST.get("choices", ""),
                position=int(place) if place.isascii() and place.isdecimal() and len(place) < 6 else 0,
            )
        except DeskError as refusal:
            error = refusal.message
        else:
            messages.success(request, f"Saved. Files and programs name it custom:{saved.key}.")
            return redirect("custom_fields")
    context = {
        "fields": CustomField.objects.order_by("archived_at", "position", "pk"),
        "chosen": chosen,
        "label": request.POST.get("label") or (chosen.label if chosen else ""),
        "position": request.POST.get("position") or (chosen.position if chosen else 0),
        "kinds": CustomField.Kind.choices,
        "kind": request.POST.get("kind", ""),
        "choices": request.POST.get("choices") or "\n".join(chosen.choices if chosen else []),
        "error": error,
    }
    return render(request, "profiles/fields.html", context, status=400 if error else 200)


@require_POST
@desk_view
def field_archive(request: HttpRequest, pk: int) -> HttpResponseBase:
    field = archive_field(field_id=pk, is_archived="back" not in request.POST)
    messages.success(request, "Archived. Its values stay." if field.archived_at else "It is asked for again.")
    return redirect("custom_fields")


@require_http_methods(["GET", "HEAD", "POST"])
@desk_view
def field_rights(request: HttpRequest) -> HttpResponseBase:
    """Which role sees which coordinate and field; all in one table, saved at once."""
    roles, known = list(Role), list_fields()
    if request.method == "POST":
        for role in roles:
            for field, _ in known:
                save_right(role=role, field=field, may_see=f"{role}:{field}" in request.POST)
        messages.success(request, "Saved. It holds from now on, for programs too.")
        return redirect("field_rights")
    hidden = read_rights()
    rows = [
        (label, [(f"{role}:{field}", role.label, field not in hidden[role], field in HIDDEN.get(role, ())) for role in roles])
        for field, label in known
    ]
    return render(request, "profiles/field_rights.html", {"rows": rows, "roles": roles})
