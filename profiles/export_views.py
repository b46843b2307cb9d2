"""People as a file to take along: everybody, or those that a search or a segment names."""

from __future__ import annotations

from typing import cast

from django.http import HttpRequest, HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_http_methods

from profiles.models import Agent, Profile
from profiles.services.exporting import FORMATS, export_people


@require_http_methods(["GET", "HEAD", "POST"])
def people_export(request: HttpRequest) -> HttpResponseBase:
    """The form; sent, it answers with the file. What is in it counts as looked at."""
    if request.method != "POST":
        return render(request, "profiles/export.html", {"formats": FORMATS})
    form = request.POST.get("format", "csv")
    if form not in FORMATS:
        return HttpResponse("Choose CSV or vCard.", status=400, content_type="text/plain; charset=utf-8")
    agent = cast(Agent, request.user)
    answer = StreamingHttpResponse(
        export_people(Profile.objects.people(), form=form, agent=agent, what="everybody"), content_type=FORMATS[form]
    )
    answer["Content-Disposition"] = f'attachment; filename="people-{timezone.localdate().isoformat()}.{form}"'
    answer["Cache-Control"] = "no-store"
    return answer
