"""People as a file to take along: everybody, or those that a search or a segment names."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponseBase, StreamingHttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_http_methods

from profiles.models import Segment
from profiles.services.exporting import FORMATS, export_people
from profiles.signed_in import agent_of
from socialdesk.lib.errors import DeskError, NotFound
from socialdesk.lib.pages import desk_view
from socialdesk.lib.text import clean


@require_http_methods(["GET", "HEAD", "POST"])
@desk_view
def people_export(request: HttpRequest) -> HttpResponseBase:
    """The form; sent, it answers with the file. What is in it counts as looked at."""
    given = request.POST if request.method == "POST" else request.GET
    segments = list(Segment.objects.all())
    chosen, text = given.get("segment", ""), clean(given.get("q", ""))[:200].strip()
    segment = next((segment for segment in segments if str(segment.pk) == chosen), None)
    if chosen and segment is None:
        raise NotFound("There is no such segment. It may have been removed; choose another one.")
    if request.method != "POST":
        return render(request, "profiles/export.html", {"segments": segments, "segment": segment, "q": text})
    form = given.get("format", "csv")
    if form not in FORMATS:
        raise DeskError("Choose CSV or vCard.")
    pieces = export_people(form=form, agent=agent_of(request), segment=segment, text=text)
    answer = StreamingHttpResponse(pieces, content_type=FORMATS[form])
    answer["Content-Disposition"] = f'attachment; filename="people-{timezone.localdate().isoformat()}.{form}"'
    answer["Cache-Control"] = "no-store"
    return answer
