"""The sandbox's world: what people can do there, what has been written, and the log of changes that readers follow."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from hashlib import blake2b
from pathlib import Path
from sqlite3 import Connection, Row

from socialdesk.networks.sandbox.faults import Faults
from socialdesk.networks.sandbox.records import NETWORKS, SANDBOX, Account, Change, ChangeKind, Message, Mood, Post, Refused
from socialdesk.networks.sandbox.rows import (
    ACCOUNT_COLUMNS,
    SELECT_MESSAGE,
    SELECT_POST,
    account_of,
    check_text,
    epoch,
    message_of,
    number,
    post_of,
)
from socialdesk.networks.sandbox.store import Store

COMPANY = "tidewheel"
STRANGER = "elsewhere"  # who stands for the authors of posts that were never written here


class World:
    """One social network and the review site beside it. Every method may be called from any thread and any process.

    What the network will not do raises Refused. Usernames are given with or without @, in any case; somebody who
    writes for the first time gets an account. Times are aware, and now where none is given.
    """

    def __init__(self, path: Path) -> None:
        self.store = Store(path)
        self.faults = Faults(self.store)

    @property
    def id(self) -> str:
        """What tells this world from another one in a file of the same name."""
        return str(self.store.setting("world"))

    # People

    def add_account(
        self,
        username: str,
        *,
        network: str = SANDBOX,
        display_name: str = "",
        language: str = "",
        followers: int = 0,
        bio: str = "",
        mood: Mood = "patient",
        follows_when_asked: bool = True,
    ) -> Account:
        """Makes the account, or makes the one of that name look like this."""
        if network not in NETWORKS:
            raise Refused("unknown_network", f"the sandbox has no network {network!r}, only {' and '.join(NETWORKS)}")
        name = username.removeprefix("@")
        if not name or not name.isprintable() or " " in name:
            raise Refused("bad_username", f"{username!r} cannot be a username")
        digest = blake2b(f"{network}:{name.casefold()}".encode(), digest_size=6).digest()
        account = Account(
            # The same person has the same id in every world: a desk that outlives a reset knows them again.
            str(int.from_bytes(digest)), network, name, display_name or name, language, followers, bio, mood, follows_when_asked
        )  # fmt: skip
        columns = ", ".join(ACCOUNT_COLUMNS)
        values = tuple(getattr(account, column) for column in ACCOUNT_COLUMNS)
        with self.store.transaction() as connection:
            connection.execute(f"INSERT OR REPLACE INTO account ({columns}) VALUES ({_marks(values)})", values)  # noqa: S608
        return account

    def account(self, username: str, *, network: str = SANDBOX) -> Account | None:
        row = self.store.row("SELECT * FROM account WHERE network = ? AND username = ?", (network, username.removeprefix("@")))
        return None if row is None else account_of(row)

    def account_by_id(self, account_id: str) -> Account | None:
        row = self.store.row("SELECT * FROM account WHERE id = ?", (account_id,))
        return None if row is None else account_of(row)

    def follow(self, follower: str, followed: str = COMPANY) -> None:
        """Both by username. Following twice is following once."""
        with self.store.transaction() as connection:
            sides = (self._known(follower).id, self._known(followed).id)
            connection.execute("INSERT OR IGNORE INTO follow VALUES (?, ?)", sides)

    def unfollow(self, follower: str, followed: str = COMPANY) -> None:
        with self.store.transaction() as connection:
            sides = (self._known(follower).id, self._known(followed).id)
            connection.execute("DELETE FROM follow WHERE follower = ? AND followed = ?", sides)

    def follows(self, follower: str, followed: str = COMPANY) -> bool:
        one, other = self.account(follower), self.account(followed)
        return one is not None and other is not None and self.follows_by_id(one.id, other.id)

    def follows_by_id(self, follower_id: str, followed_id: str) -> bool:
        return self.store.row("SELECT 1 FROM follow WHERE follower = ? AND followed = ?", (follower_id, followed_id)) is not None

    # Posts

    def publish(
        self,
        username: str,
        text: str,
        *,
        network: str = SANDBOX,
        in_reply_to: str = "",
        repost_of: str = "",
        posted_at: datetime | None = None,
        language: str = "",
        media: bool = False,
        token: str = "",
    ) -> Post:
        """Writes a public post. A repost without words of its own carries the words of what it reposts.

        Refused as `deleted`, `not_found` (of what is answered or reposted), `empty` and `bad_text` (no UTF-8).
        """
        check_text(text, may_be_empty=bool(repost_of))
        with self.store.transaction() as connection:
            author = self._known(username, network)
            parent = self._standing(in_reply_to, network) if in_reply_to else None
            original = self._standing(repost_of, network) if repost_of else None
            post_id = self.store.new_id()
            connection.execute(
                "INSERT INTO post (id, network, author, text, posted_at, in_reply_to, repost_of, thread, language, media, token)"
                " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    post_id,
                    network,
                    author.id,
                    text or (original.text if original else ""),
                    epoch(posted_at),
                    int(parent.id) if parent else None,
                    int(original.id) if original else None,
                    int(parent.thread) if parent else post_id,
                    language,
                    media,
                    token,
                ),
            )
            self._log(connection, network, "post", post=post_id)
            return self._standing(str(post_id), network)

    def admit(self, external_id: str) -> Post:
        """The post of that id; a stand-in where it was never written here, so that it can be answered all the same.

        Posts that were pushed or imported as the sandbox's own live only in the desk. Their stand-in has no words and no
        entry in the change log.
        """
        with self.store.transaction() as connection:
            there = self.post(external_id)
            if there is not None:
                return there
            author = self.account(STRANGER) or self.add_account(STRANGER, mood="silent")
            post_id = self.store.new_id()
            connection.execute(
                "INSERT INTO post (id, network, author, text, posted_at, thread, language, media, token)"
                " VALUES (?, ?, ?, '', ?, ?, '', 0, '')",
                (post_id, SANDBOX, author.id, epoch(None), post_id),
            )
            connection.execute("INSERT INTO stranger VALUES (?, ?)", (external_id, post_id))
            return self._found(external_id)

    def is_stand_in(self, post_id: str) -> bool:
        """Whether the post of that id was made by `admit` and has no words."""
        return self.store.row("SELECT 1 FROM stranger WHERE post = ?", (self._number(post_id),)) is not None

    def reply_as(self, username: str, in_reply_to: str, text: str, *, posted_at: datetime | None = None) -> Post:
        """A public reply by `username` to the post of that id."""
        answered = self.post(in_reply_to)
        return self.publish(username, text, network=answered.network if answered else SANDBOX, in_reply_to=in_reply_to, posted_at=posted_at)

    def edit(self, post_id: str, text: str, *, at: datetime | None = None) -> Post:
        check_text(text)
        with self.store.transaction() as connection:
            post = self._standing(post_id)
            connection.execute("UPDATE post SET text = ?, edited_at = ? WHERE id = ?", (text, epoch(at), int(post.id)))
            self._log(connection, post.network, "edit", post=int(post.id))
            return self._standing(post_id)

    def delete(self, post_id: str) -> None:
        """Withdraws a post: its text is gone, replies to it stay. Deleting it again changes nothing."""
        with self.store.transaction() as connection:
            post = self._found(post_id)
            if not post.deleted:
                connection.execute("UPDATE post SET deleted = 1, text = '' WHERE id = ?", (int(post.id),))
                connection.execute("DELETE FROM picture WHERE post = ?", (int(post.id),))
                self._log(connection, post.network, "delete", post=int(post.id))

    def hide(self, post_id: str) -> None:
        """Folds a reply away under what it answers. Hiding it again changes nothing."""
        with self.store.transaction() as connection:
            post = self._standing(post_id)
            if not post.in_reply_to:
                raise Refused("not_a_reply", f"post {post_id} is no reply, and only replies can be hidden")
            connection.execute("UPDATE post SET hidden = 1 WHERE id = ?", (int(post.id),))

    def unhide(self, post_id: str) -> None:
        """Shows it again. What is not hidden, or not there any more, stays as it is."""
        with self.store.transaction() as connection:
            connection.execute("UPDATE post SET hidden = 0 WHERE id = ?", (self._number(post_id),))

    def like(self, username: str, post_id: str) -> None:
        """Liking twice is liking once."""
        with self.store.transaction() as connection:
            post = self._standing(post_id)
            connection.execute("INSERT OR IGNORE INTO liked VALUES (?, ?)", (self._known(username, post.network).id, int(post.id)))

    def unlike(self, username: str, post_id: str) -> None:
        """What is not liked, or not there any more, stays as it is."""
        with self.store.transaction() as connection:
            post = self.post(post_id)
            if post is not None:
                connection.execute(
                    "DELETE FROM liked WHERE account = ? AND post = ?", (self._known(username, post.network).id, int(post.id))
                )

    def likes(self, post_id: str) -> int:
        row = self.store.row("SELECT count(*) AS n FROM liked WHERE post = ?", (number(post_id),))
        return int(row["n"]) if row else 0

    def post(self, post_id: str) -> Post | None:
        row = self.store.row(f"{SELECT_POST} WHERE post.id = ?", (self._number(post_id),))
        return None if row is None else post_of(row)

    def _number(self, post_id: str) -> int:
        """The post's number in the file; strangers are known by the id that they came with."""
        row = self.store.row("SELECT post FROM stranger WHERE external_id = ?", (post_id,))
        return number(post_id) if row is None else int(row["post"])

    def posts_by(self, username: str, *, network: str = SANDBOX) -> list[Post]:
        """Everything public by that account in the order of writing, deleted posts as well."""
        author = self.account(username, network=network)
        rows = self.store.rows(f"{SELECT_POST} WHERE post.author = ? ORDER BY post.id", (author.id,)) if author else []
        return [post_of(row) for row in rows]

    def replies_to(self, post_id: str) -> list[Post]:
        """The direct replies to a post in the order of writing."""
        return [
            post_of(row) for row in self.store.rows(f"{SELECT_POST} WHERE post.in_reply_to = ? ORDER BY post.id", (self._number(post_id),))
        ]

    def find_reply(self, author: Account, *, token: str, text: str, in_reply_to: str, since: datetime) -> Post | None:
        """The author's own reply to that post, or post that answers nobody: the one with the token, else one with the text that
        bears no token.

        A post that bears another token is another post, though it may say the same. A deleted one was sent all the same.
        """
        select = f"{SELECT_POST} WHERE post.author = ? AND post.in_reply_to IS ? AND post.repost_of IS NULL AND post.posted_at >= ?"
        common = (author.id, self._number(in_reply_to) if in_reply_to else None, since.timestamp())
        row = self.store.row(f"{select} AND post.token = ? AND post.token != '' ORDER BY post.id LIMIT 1", (*common, token))
        row = row or self.store.row(f"{select} AND post.token = '' AND post.text = ? ORDER BY post.id LIMIT 1", (*common, text))
        return None if row is None else post_of(row)

    def find_repost(self, author: Account, post_id: str, *, token: str = "") -> Post | None:
        """The author's standing repost of that post, or the one with the token, which was made even if it is deleted."""
        row = self.store.row(
            f"{SELECT_POST} WHERE post.author = ? AND post.repost_of = ? AND (NOT post.deleted OR (post.token = ? AND post.token != ''))",
            (author.id, self._number(post_id), token),
        )
        return None if row is None else post_of(row)

    # Private messages

    def send_message(self, sender: Account, recipient: Account, text: str, *, sent_at: datetime | None = None, token: str = "") -> Message:
        check_text(text)
        if sender.network != SANDBOX or recipient.network != SANDBOX:
            raise Refused("no_messages", "the review site has no private messages")
        with self.store.transaction() as connection:
            message_id = self.store.new_id()
            connection.execute(
                "INSERT INTO message VALUES (?, ?, ?, ?, ?, ?)", (message_id, sender.id, recipient.id, text, epoch(sent_at), token)
            )
            self._log(connection, SANDBOX, "message", message=message_id)
            row = self.store.row(f"{SELECT_MESSAGE} WHERE message.id = ?", (message_id,))
        if row is None:
            raise LookupError(f"message {message_id} is gone")
        return message_of(row)

    def message_as(self, username: str, text: str, *, to: str = COMPANY, sent_at: datetime | None = None) -> Message:
        """A private message from one username to another."""
        with self.store.transaction():
            return self.send_message(self._known(username), self._known(to), text, sent_at=sent_at)

    def wrote_to(self, sender_id: str, recipient_id: str) -> bool:
        """Whether the first has ever sent the second a private message."""
        return self.store.row("SELECT 1 FROM message WHERE sender = ? AND recipient = ? LIMIT 1", (sender_id, recipient_id)) is not None

    def messages_between(self, username: str, other: str = COMPANY) -> list[Message]:
        """What the two wrote to each other, in the order of writing."""
        one, two = self.account(username), self.account(other)
        if one is None or two is None:
            return []
        sql = f"{SELECT_MESSAGE} WHERE (message.sender, message.recipient) IN (VALUES (?, ?), (?, ?)) ORDER BY message.id"
        return [message_of(row) for row in self.store.rows(sql, (one.id, two.id, two.id, one.id))]

    def find_message(self, sender: Account, *, token: str, text: str, to: str, since: datetime) -> Message | None:
        """As `find_reply`, among the messages from the sender to the account with the id `to`."""
        select = f"{SELECT_MESSAGE} WHERE message.sender = ? AND message.recipient = ? AND message.sent_at >= ?"
        common = (sender.id, to, since.timestamp())
        row = self.store.row(f"{select} AND message.token = ? AND message.token != '' ORDER BY message.id LIMIT 1", (*common, token))
        row = row or self.store.row(f"{select} AND message.token = '' AND message.text = ? ORDER BY message.id LIMIT 1", (*common, text))
        return None if row is None else message_of(row)

    # The log

    def changes(self, network: str, *, viewer_id: str, after: int, limit: int) -> list[Change]:
        """The next entries of the log that the account `viewer_id` may see: all that is public, and its own messages."""
        rows = self.store.rows(
            "SELECT change.* FROM change LEFT JOIN message m ON m.id = change.message"
            " WHERE change.network = ? AND change.seq > ? AND (m.id IS NULL OR ? IN (m.sender, m.recipient)) ORDER BY change.seq LIMIT ?",
            (network, after, viewer_id, limit),
        )
        return self._filled(rows, viewer_id)

    def changes_before(self, network: str, *, viewer_id: str, upto: int, limit: int) -> list[Change]:
        """The last `limit` entries up to and with `upto`, oldest first."""
        rows = self.store.rows(
            "SELECT change.* FROM change LEFT JOIN message m ON m.id = change.message"
            " WHERE change.network = ? AND change.seq <= ? AND (m.id IS NULL OR ? IN (m.sender, m.recipient))"
            " ORDER BY change.seq DESC LIMIT ?",
            (network, upto, viewer_id, limit),
        )
        return self._filled(rows[::-1], viewer_id)

    def changes_at(self, seqs: Sequence[int], *, viewer_id: str) -> list[Change]:
        """The entries with these numbers, in the order of the log."""
        return self._filled(self.store.rows(f"SELECT * FROM change WHERE seq IN ({_marks(seqs)}) ORDER BY seq", tuple(seqs)), viewer_id)  # noqa: S608

    def counts(self) -> dict[str, int]:
        """How many accounts, posts, messages, follows and log entries there are."""
        tables = {"accounts": "account", "posts": "post", "messages": "message", "follows": "follow", "changes": "change"}
        rows = {name: self.store.row(f"SELECT count(*) AS n FROM {table}") for name, table in tables.items()}  # noqa: S608
        return {name: int(row["n"]) if row else 0 for name, row in rows.items()}

    def reset(self) -> None:
        """Empties the world, its script and its faults. Cursors that readers hold go on with what comes next."""
        self.store.clear()

    def _known(self, username: str, network: str = SANDBOX) -> Account:
        return self.account(username, network=network) or self.add_account(username, network=network)

    def _found(self, post_id: str) -> Post:
        post = self.post(post_id)
        if post is None:
            raise Refused("not_found", f"there is no post {post_id}")
        return post

    def _standing(self, post_id: str, network: str = "") -> Post:
        """The post, if it is not deleted and, where one is named, on that network."""
        post = self._found(post_id)
        if network and post.network != network:
            raise Refused("not_found", f"there is no post {post_id} on {network}")
        if post.deleted:
            raise Refused("deleted", f"post {post_id} was deleted")
        return post

    def _log(self, connection: Connection, network: str, kind: ChangeKind, *, post: int | None = None, message: int | None = None) -> None:
        connection.execute("INSERT INTO change (network, kind, post, message) VALUES (?, ?, ?, ?)", (network, kind, post, message))

    def _filled(self, entries: list[Row], viewer_id: str) -> list[Change]:
        """The entries with what they are about, as it is now."""
        post_ids = tuple({row["post"] for row in entries if row["post"] is not None})
        message_ids = tuple({row["message"] for row in entries if row["message"] is not None})
        post_rows = self.store.rows(f"{SELECT_POST} WHERE post.id IN ({_marks(post_ids)})", post_ids) if post_ids else []
        message_rows = self.store.rows(f"{SELECT_MESSAGE} WHERE message.id IN ({_marks(message_ids)})", message_ids) if message_ids else []
        posts = {row["id"]: post_of(row) for row in post_rows}
        messages = {row["id"]: message_of(row) for row in message_rows}
        followers = {row["follower"] for row in self.store.rows("SELECT follower FROM follow WHERE followed = ?", (viewer_id,))}
        changes = []
        for row in entries:
            post, message = posts.get(row["post"]), messages.get(row["message"])
            writer = post.author if post else message and (message.recipient if message.sender.id == viewer_id else message.sender)
            changes.append(Change(row["seq"], row["kind"], post, message, bool(writer and writer.id in followers)))
        return changes


def _marks(values: Sequence[object]) -> str:
    return ", ".join("?" * len(values))
