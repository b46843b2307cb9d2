"""Reading people in from a file: choosing it, looking at what it would do, watching it, and its report."""

from __future__ import annotations

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from profiles.models import ImportJob, ImportRefusal
from profiles.services import importing
from profiles.services.exporting import refused_file, refused_report
from profiles.services.import_fields import fields_for_columns
from profiles.services.import_preview import PreviewLine, preview
from profiles.services.importing import LARGEST, RULES, Choices
from profiles.signed_in import agent_of
from socialdesk.lib.errors import DeskError
from socialdesk.lib.paging import page_of

PAGE = 20
REFUSALS = 100


@require_http_methods(["GET", "HEAD", "POST"])
def imports(request: HttpRequest) -> HttpResponseBase:
    """The form for a file, and what was read in before, the newest first."""
    error = ""
    if request.method == "POST":
        file = request.FILES.get("file")
        try:
            if file is None:
                raise DeskError("Choose a file first.")
            job = importing.make_job(filename=file.name or "", parts=file.chunks(), agent=agent_of(request))
        except DeskError as refusal:
            error = refusal.message
        else:
            return redirect("import", job.pk)
    after = request.GET.get("after", "")
    try:
        jobs, following = page_of(ImportJob.objects.select_related("agent"), field="made_at", after=after, limit=PAGE)
    except DeskError as refusal:
        raise Http404(refusal.message) from None
    context = {"jobs": jobs, "next": following, "is_first": not after, "error": error, "largest": LARGEST // 1024 // 1024}
    return render(request, "profiles/imports.html", context, status=400 if error else 200)


@require_safe
def import_page(request: HttpRequest, pk: int) -> HttpResponse:
    """What this file waits for, how far it is, or what came of it."""
    job = _find(pk)
    if job.state == ImportJob.State.PREVIEW:
        return _show_preview(request, job)
    context = {"job": job, **_progress(job), **_refusals(request, job)}
    if request.headers.get("HX-Request") and "progress" in request.GET:
        if not context["is_running"]:
            return HttpResponse(status=204, headers={"HX-Refresh": "true"})
        return render(request, "profiles/_import_progress.html", context)
    return render(request, "profiles/import.html", context)


@require_POST
def import_choose(request: HttpRequest, pk: int) -> HttpResponse:
    """Keep what was chosen for the columns; with `start`, read the file in."""
    job = _find(pk)
    post = request.POST
    try:
        columns = importing.read_choices(job).columns
        if job.kind == ImportJob.Kind.CSV:
            layout = importing.layout_of(job)
            names = layout.columns if layout else ()
            columns = {name: field for number, name in enumerate(names) if (field := post.get(f"column-{number}", ""))}
        choices = Choices(columns, post.get("rule", ""), post.get("region", "").strip().upper())
        importing.choose(job_id=job.pk, choices=choices, system=post.get("system", "").strip().lower())
        if "start" in post:
            importing.start(job_id=job.pk)
    except DeskError as error:
        job.refresh_from_db()
        if job.state != ImportJob.State.PREVIEW:
            messages.error(request, error.message)
            return redirect("import", pk)
        return _show_preview(request, job, error=error.message)
    return redirect("import", pk)


@require_POST
def import_cancel(request: HttpRequest, pk: int) -> HttpResponse:
    try:
        importing.cancel(job_id=_find(pk).pk)
    except DeskError as error:
        messages.error(request, error.message)
    else:
        messages.success(request, "No further row is read in. Its file is removed.")
    return redirect("import", pk)


@require_safe
def import_refused(request: HttpRequest, pk: int) -> StreamingHttpResponse:
    """The refused rows: as they stood in the file, or with `?as=report` as a table with the reasons."""
    job = _find(pk)
    is_report = request.GET.get("as") == "report"
    is_card = job.kind == ImportJob.Kind.VCARD and not is_report
    answer = StreamingHttpResponse(
        refused_report(job) if is_report else refused_file(job),
        content_type="text/vcard; charset=utf-8" if is_card else "text/csv; charset=utf-8",
    )
    kind = "report" if is_report else "refused"
    answer["Content-Disposition"] = f'attachment; filename="import-{pk}-{kind}.{"vcf" if is_card else "csv"}"'
    return answer


def _show_preview(request: HttpRequest, job: ImportJob, *, error: str = "") -> HttpResponse:
    choices = importing.read_choices(job)
    try:
        found = preview(job)
    except DeskError as refusal:
        return render(request, "profiles/import.html", {"job": job, "error": refusal.message, **_progress(job)}, status=404)
    columns = [
        {"number": number, "name": name, "field": choices.columns.get(name, ""), "example": _example(found.lines, number)}
        for number, name in enumerate(found.columns)
    ]
    context = {
        "job": job,
        "preview": found,
        "columns": columns if job.kind == ImportJob.Kind.CSV else [],
        "fields": fields_for_columns(),
        "choices": choices,
        "rules": RULES,
        "error": error,
    }
    return render(request, "profiles/import_preview.html", context, status=400 if error else 200)


def _example(lines: list[PreviewLine], number: int) -> str:
    found = [line.cells[number] for line in lines if len(line.cells) > number and line.cells[number] and not line.is_unreadable]
    return found[0][:60] if found else ""


def _progress(job: ImportJob) -> dict[str, object]:
    rows = job.created + job.updated + job.unchanged + job.refused
    percent = 100 if job.state == ImportJob.State.DONE else min(99, job.position * 100 // max(job.size, 1))
    return {"rows": rows, "percent": percent, "is_running": job.state in (ImportJob.State.QUEUED, ImportJob.State.RUNNING)}


def _refusals(request: HttpRequest, job: ImportJob) -> dict[str, object]:
    """A page of what was refused or taken in part, in the order of the file."""
    rows = ImportRefusal.objects.filter(job=job).order_by("line", "pk")
    after = request.GET.get("line", "")
    if after.isascii() and after.isdecimal() and len(after) < 16:
        rows = rows.filter(line__gt=int(after))
    found = list(rows[: REFUSALS + 1])
    return {"refusals": found[:REFUSALS], "next_line": found[REFUSALS - 1].line if len(found) > REFUSALS else None}


def _find(pk: int) -> ImportJob:
    job = ImportJob.objects.select_related("agent").filter(pk=pk).first()
    if job is None:
        raise Http404("There is no such import.")
    return job
