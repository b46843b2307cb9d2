"""How the API answers when something is refused: one shape, `{code, detail, ...}`, and never a bare 500 for a known cause."""

from __future__ import annotations

from typing import Any

from django.db import DatabaseError
from django.db.utils import OperationalError
from rest_framework.response import Response
from rest_framework.views import exception_handler, set_rollback

from socialdesk.lib.errors import DeskError, Unavailable


def answer_exception(error: Exception, context: dict[str, Any]) -> Response | None:
    """Django REST framework's EXCEPTION_HANDLER: adds our own refusals and a database that is away to the framework's own."""
    if isinstance(error, OperationalError | DatabaseError) and not isinstance(error, DeskError):
        if not isinstance(error, OperationalError):
            return None
        error = Unavailable("The database cannot be reached or cannot write. Nothing was stored; send it again later.")
    if isinstance(error, DeskError):
        set_rollback()
        return Response({"code": error.code, "detail": error.message, **error.extra}, status=error.status)
    return exception_handler(error, context)
