"""How the desk's pages answer, as the views of listening and engagement name it."""

from profiles.signed_in import agent_of
from socialdesk.lib.pages import desk_view, done, is_fragment, refuse

__all__ = ["agent_of", "desk_view", "done", "is_fragment", "refuse"]
