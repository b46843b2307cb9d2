"""What is on the simulated X: people, posts, messages and tokens, and how X shows them."""

from __future__ import annotations

import html
import re
import threading
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

EPOCH = 1_288_834_974_657
URL = re.compile(r"https?://\S+")
MENTION = re.compile(r"@(\w{1,15})")
ALL_SCOPES = "tweet.read tweet.write tweet.moderate.write users.read dm.read dm.write like.write media.write offline.access"


@dataclass
class User:
    id: str
    username: str
    name: str
    followers: int = 12
    description: str = ""
    protected: bool = False
    open_messages: bool = False
    follows: set[str] = field(default_factory=set)
    subscription: str = "None"


@dataclass
class Post:
    id: str
    author: User
    typed: str  # as its author wrote it
    at: datetime
    in_reply_to: str = ""
    retweet_of: str = ""
    quotes: str = ""
    prefix: str = ""  # names of those who are answered, which X puts before the text and does not show
    media: tuple[str, ...] = ()
    poll: tuple[str, ...] = ()
    lang: str = "en"
    versions: tuple[str, ...] = ()
    hidden: bool = False
    links: dict[str, str] = field(default_factory=dict)


@dataclass
class Message:
    id: str
    sender: User
    to: User
    typed: str
    at: datetime


@dataclass
class Upload:
    """A film that comes in pieces. `questions` are left that are answered before X has finished with it; `fault` is why it will not."""

    total: int
    pieces: list[bytes] = field(default_factory=list)
    is_whole: bool = False
    questions: int = 0
    fault: str = ""


@dataclass
class Token:
    """`user` is None for the app itself."""

    user: User | None
    scopes: frozenset[str]


class World:
    """Everything that is there, behind one lock."""

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self.users: dict[str, User] = {}
        self.posts: dict[str, Post] = {}
        self.messages: list[Message] = []
        self.likes: set[tuple[str, str]] = set()
        self.media: dict[str, dict[str, Any]] = {}  # what posts can name
        self.uploads: dict[str, Upload] = {}
        self.film_questions = 1  # until a film is finished; with none it is at once
        self.film_pause = 0  # seconds between two of them, as X asks for
        self.film_fault = ""  # why films are never finished
        self.describes_films = True
        self.uninvited = ""  # how answers to who neither names nor quotes us are refused, as most plans have it; "": they are taken
        self.tokens: dict[str, Token] = {}
        self.rules: dict[str, dict[str, str]] = {}
        self.codes: dict[str, dict[str, str]] = {}
        self.refresh_tokens: dict[str, User] = {}
        self._last_id = 0

    def new_id(self, at: datetime | None = None) -> str:
        with self.lock:
            moment = at.timestamp() if at else time.time()
            self._last_id = max(self._last_id + 1, (int(moment * 1000) - EPOCH) << 22) if at is None else (int(moment * 1000) - EPOCH) << 22
            return str(self._last_id)

    def user(self, username: str, **details: Any) -> User:
        with self.lock:
            known = next((user for user in self.users.values() if user.username.lower() == username.lower()), None)
            if known is None:
                known = User(self.new_id(), username, **{"name": username.title(), **details})
                self.users[known.id] = known
            return known

    def publish(self, author: User, text: str, *, at: datetime | None = None, **details: Any) -> Post:
        with self.lock:
            post = Post(self.new_id(at), author, text, at or datetime.now(UTC), **details)
            answered = self.posts.get(post.in_reply_to)
            if answered and answered.author is not author and not text.startswith(f"@{answered.author.username}"):
                post.prefix = f"@{answered.author.username} "
            post.links = {link: f"https://t.co/{post.id[-8:]}{place}" for place, link in enumerate(URL.findall(text))}
            self.posts[post.id] = post
            return post

    def edit(self, post: Post, text: str) -> Post:
        """An edit is another post, which names the former ones; the former is shown no more in lists."""
        with self.lock:
            fresh = self.publish(post.author, text, in_reply_to=post.in_reply_to)
            fresh.versions = (*(post.versions or (post.id,)), fresh.id)
            del self.posts[post.id]
            return fresh

    def invites(self, post: Post, user: User) -> bool:
        """Whether it names or quotes them, or is theirs."""
        names = [name.lower() for name in MENTION.findall(self.shown_text(post))]
        quoted = self.posts.get(post.quotes)
        return post.author is user or user.username.lower() in names or (quoted is not None and quoted.author is user)

    def may_message(self, sender: User, to: User) -> bool:
        wrote = any(message.sender is to and message.to is sender for message in self.messages)
        return to.open_messages or sender.id in to.follows or wrote

    def send(self, sender: User, to: User, text: str) -> Message:
        with self.lock:
            message = Message(self.new_id(), sender, to, text, datetime.now(UTC))
            self.messages.append(message)
            return message

    def newest(self, posts: list[Post]) -> list[Post]:
        return sorted(posts, key=lambda post: int(post.id), reverse=True)

    # As X shows it

    def shown_text(self, post: Post) -> str:
        if post.retweet_of:
            original = self.posts.get(post.retweet_of)
            return f"RT @{original.author.username}: {self.shown_text(original)}"[:140] if original else "RT"
        text = post.prefix + post.typed
        for link, short in post.links.items():
            text = text.replace(link, short)
        return html.escape(text, quote=False)

    def show_post(self, post: Post) -> dict[str, Any]:
        text = self.shown_text(post)
        mentions = [{"start": name.start(), "end": name.end(), "username": name[1]} for name in MENTION.finditer(text)]
        urls = [
            {"start": text.index(short), "end": text.index(short) + len(short), "url": short, "expanded_url": link, "display_url": link[8:]}
            for link, short in post.links.items()
        ]
        shown: dict[str, Any] = {
            "id": post.id,
            "text": text,
            "author_id": post.author.id,
            "created_at": post.at.strftime("%Y-%m-%dT%H:%M:%S.000Z"),
            "conversation_id": self.root(post).id,
            "lang": post.lang,
            "display_text_range": [len(post.prefix), len(text)],
            "edit_history": list(post.versions) or [post.id],
            "edit_controls": {"edits_remaining": 5, "is_edit_eligible": False},
        }
        entities = {name: entries for name, entries in (("mentions", mentions), ("urls", urls)) if entries}
        if entities:
            shown["entities"] = entities
        references = [("replied_to", post.in_reply_to), ("retweeted", post.retweet_of), ("quoted", post.quotes)]
        if any(external_id for _, external_id in references):
            shown["referenced"] = [{"type": kind, "id": external_id} for kind, external_id in references if external_id]
        attachments: dict[str, Any] = {}
        if post.media:
            attachments["media_keys"] = [self.media[media_id]["shown"]["media_key"] for media_id in post.media]
        if post.poll:
            attachments["poll_ids"] = [post.id]
        if attachments:
            shown["attachments"] = attachments
        return shown

    def root(self, post: Post) -> Post:
        while post.in_reply_to in self.posts:
            post = self.posts[post.in_reply_to]
        return post

    def show_user(self, user: User, viewer: User | None) -> dict[str, Any]:
        shown: dict[str, Any] = {
            "id": user.id,
            "username": user.username,
            "name": user.name,
            "description": user.description,
            "protected": user.protected,
            "public_metrics": {"followers_count": user.followers, "following_count": 3, "post_count": 40, "listed_count": 0},
        }
        if viewer is not None:
            shown["connection_status"] = ["followed_by"] if viewer.id in user.follows else []
            shown["receives_your_dm"] = self.may_message(viewer, user)
            shown["subscription_type"] = user.subscription
        return shown

    def show_message(self, message: Message) -> dict[str, Any]:
        sides = sorted((message.sender.id, message.to.id), key=int)
        return {
            "id": message.id,
            "event_type": "MessageCreate",
            "text": html.escape(message.typed, quote=False),
            "sender_id": message.sender.id,
            "dm_conversation_id": "-".join(sides),
            "created_at": message.at.strftime("%Y-%m-%dT%H:%M:%S.") + f"{message.at.microsecond // 1000:03d}Z",
        }
