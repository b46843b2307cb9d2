"""What the live feed says about the numbers beside the views."""

from __future__ import annotations

from django.db import connection

from listening import feed
from socialdesk.lib.hub import Counts


def read_counts() -> Counts:
    """The counts that all agents share, and each agent's own. Called in the hub's thread, which keeps no connection between calls."""
    try:
        return Counts(views=feed.count_views(None), mine=feed.count_mine())
    finally:
        connection.close()
