"""What a stored post answers, and what that answers, as far as the desk has it: in whichever conversations that stands."""

from __future__ import annotations

from collections.abc import Iterable

from django.db import connection

from listening.models import Mention

_RELATED = ("author", "conversation__author")


def read_ancestors(mention: Mention, *, limit: int) -> list[Mention]:
    """The stored posts above `mention`, from the highest down to what it answers; the nearest `limit`. Two queries however many.

    Posts that answer each other in a circle, which networks have told of, stand there once.
    """
    if mention.parent_id is None:
        return []
    table = Mention._meta.db_table
    with connection.cursor() as cursor:
        cursor.execute(
            f"WITH RECURSIVE above(id, step) AS ("  # noqa: S608
            f" SELECT parent_id, 1 FROM {table} WHERE id = %s AND parent_id IS NOT NULL"
            f" UNION ALL SELECT post.parent_id, step + 1 FROM {table} post JOIN above ON post.id = above.id"
            f" WHERE post.parent_id IS NOT NULL AND step < %s"
            f") SELECT id FROM above ORDER BY step",
            [mention.pk, limit],
        )
        nearest_first = dict.fromkeys(pk for (pk,) in cursor.fetchall() if pk != mention.pk)
    found = Mention.objects.select_related(*_RELATED).in_bulk(list(nearest_first))
    return [found[pk] for pk in reversed(nearest_first) if pk in found]


def find_stored(network: str, external_ids: Iterable[str]) -> dict[str, Mention]:
    """Those of a network's posts that the desk has, by their ids there. One query."""
    rows = Mention.objects.select_related(*_RELATED).filter(network=network, external_id__in=list(external_ids))
    return {mention.external_id: mention for mention in rows}
