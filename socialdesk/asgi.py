"""The server's entry: HTTP goes to Django, `/ws/desk/` to the live feed, `/ws/chat/<code>/` to a visitor's chat."""

from __future__ import annotations

import os
from typing import Any

import django
from channels.layers import get_channel_layer
from channels.routing import ProtocolTypeRouter
from channels.security.websocket import AllowedHostsOriginValidator
from channels.sessions import CookieMiddleware

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "socialdesk.settings")
django.setup(set_prefix=False)

from engagement.consumers import PREFIX, ChatConsumer  # noqa: E402  needs the apps to be loaded
from listening.consumers import DeskConsumer, stop_hub  # noqa: E402
from socialdesk.lib.request_threads import RequestThreads  # noqa: E402
from socialdesk.lib.socket_threads import on_socket_threads  # noqa: E402

# Requests under way at once in this process, and at most that many database connections for them. Pushes wait here for their batch, so
# that few threads make small batches: at 10 a desk short of CPU fell behind sooner.
REQUEST_THREADS = 20
CHAT_THREADS = 3  # likewise for all chats together

django_application = RequestThreads(REQUEST_THREADS)

get_channel_layer()  # made here, before there are threads: two that ask for it at the same time would make two

_desk = DeskConsumer.as_asgi()
# Channels' session middleware is left out: it would look at the session again for each frame that is sent.
_desk_by_cookie = AllowedHostsOriginValidator(CookieMiddleware(_desk))
# A visitor's connection carries no cookie, only the code in its address.
_chat = AllowedHostsOriginValidator(on_socket_threads(ChatConsumer.as_asgi(), CHAT_THREADS))


async def open_websocket(scope: Any, receive: Any, send: Any) -> None:
    """Cookies travel by themselves, so that another site's page could use them: its origin is checked. A header does not."""
    if scope["path"].startswith(PREFIX):
        await _chat(scope, receive, send)
    elif scope["path"] != "/ws/desk/":
        await send({"type": "websocket.close", "code": 4404})
    elif any(name == b"authorization" for name, _ in scope["headers"]):
        await _desk(scope, receive, send)
    else:
        await _desk_by_cookie(scope, receive, send)


async def follow_lifespan(scope: Any, receive: Any, send: Any) -> None:
    """The server tells when it starts and stops."""
    while True:
        message = await receive()
        if message["type"] == "lifespan.shutdown":
            await stop_hub()
        await send({"type": f"{message['type']}.complete"})
        if message["type"] == "lifespan.shutdown":
            return


application = ProtocolTypeRouter({"http": django_application, "websocket": open_websocket, "lifespan": follow_lifespan})
