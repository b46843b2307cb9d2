"""What Facebook pages and Instagram accounts can do, and what people should know before they connect one."""

from __future__ import annotations

from socialdesk.networks.base import Capabilities

_COST = "Free. The desk's owner needs an app at developers.facebook.com, which Meta must review before it may read what strangers write."
_LIMITS = (
    "Meta counts calls by how many people saw or touched the page or account in the last day; the desk reads the percentage used from"
    " each answer, and stops reading at 80 % so that answers still go out."
)
_WINDOWS = (
    "Write first in private: messages are taken for 24 hours after their last one to us, and one private answer for 7 days after a comment."
)

FACEBOOK = Capabilities(
    reads=(
        "comments below the page's posts",
        "what visitors post on the page",
        "posts in which the page is tagged",
        "the page's own posts and answers",
        "Messenger conversations",
    ),
    webhooks=True,
    backfill=True,
    context=True,
    tells_threads=True,
    reads_direct_messages=True,
    tells_deletions=True,
    tells_edits=True,
    reply=True,
    direct_message=True,
    message_window_hours=24,
    private_reply_days=7,
    post=True,
    like=True,
    hide=True,
    delete=True,
    max_length=8000,
    max_message_length=2000,
    length_unit="codepoints",
    max_pictures=1,
    max_picture_bytes=4_000_000,
    idempotency="lookup",
    cost=_COST,
    limits=f"{_LIMITS} New comments are looked for below the newest 200 posts; below older ones the network's own call tells of them.",
    cannot=(
        "Search Facebook for words: only what happens on the page, or names it, is seen.",
        _WINDOWS,
        "Name everybody: whom Facebook does not name is a person of their own for each comment.",
        "Learn of deleted and edited comments where the network cannot call the desk.",
        "Send a film with an answer.",
        "Repost.",
    ),
)

INSTAGRAM = Capabilities(
    reads=(
        "comments below our posts and answers to them",
        "posts in which we are tagged",
        "captions and comments that name us (where the network can call the desk)",
        "our own posts and answers",
        "private messages",
    ),
    webhooks=True,
    backfill=True,
    context=True,
    tells_threads=True,
    reads_direct_messages=True,
    reply=True,
    direct_message=True,
    message_window_hours=24,
    private_reply_days=7,
    hide=True,
    delete=True,
    max_length=2200,
    max_message_length=1000,
    length_unit="codepoints",
    idempotency="lookup",
    cost=f"{_COST} The account must be a professional one that is linked to a Facebook page.",
    limits=f"{_LIMITS} New comments are looked for below the newest 50 posts; below older ones the network's own call tells of them.",
    cannot=(
        "Search Instagram for words: only what happens below our posts, or names us, is seen.",
        _WINDOWS,
        "Show our answer below somebody else's post again: whether it is there is for a person to look.",
        "Learn of deleted or edited comments: Instagram does not tell.",
        "Answer where we are only tagged in a picture: a caption or a comment must name us.",
        "Send pictures or a film with an answer, like, repost, or post text without a picture.",
    ),
)
