"""What each call of the simulated X does, and what it answers."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any

from socialdesk.lib import text as texts
from tests.socialdesk.networks.x.asked import Refused, forbidden, invalid, missing
from tests.socialdesk.networks.x.uploads import append, describe, finalize, initialize, status, upload
from tests.socialdesk.networks.x.world import EPOCH, Message, Post, Token, User, World

WEEK = 7 * 24 * 3600
Answer = tuple[int, dict[str, Any]]


class Asked:
    """One call as it came: the world, who asks, and what for."""

    def __init__(self, world: World, token: Token, path: dict[str, str], query: dict[str, str], body: dict[str, Any], *, new_names: bool):
        self.world, self.token, self.path, self.query, self.body = world, token, path, query, body
        self.new_names = new_names
        self.finds: Callable[[str, Post], bool] = matches

    @property
    def us(self) -> User:
        assert self.token.user is not None
        return self.token.user

    def itself(self) -> User:
        """Whom the address names, who has to be the one who asks."""
        if self.path["id"] != self.us.id:
            raise forbidden("The `id` in the path must be that of the authenticated user.")
        return self.us

    def fields(self, name: str) -> list[str]:
        return self.query.get(name, "").split(",")

    # What is shown

    def posts(self, found: Iterable[Post], *, as_list: bool = True) -> Answer:
        posts = self.world.newest([post for post in found if not post.author.protected or post.author is self.token.user])
        page, meta = (posts, {}) if not as_list else self.page(posts)
        if as_list and page:
            meta |= {"newest_id": page[0].id, "oldest_id": page[-1].id}
        answer = self.envelope(page)
        if not as_list:
            return 200, {"data": answer["data"][0], **({"includes": answer["includes"]} if answer.get("includes") else {})}
        return 200, {**answer, "meta": {**meta, "result_count": len(page)}}

    def page(self, entries: list[Any]) -> tuple[list[Any], dict[str, Any]]:
        token = self.query.get("pagination_token", "")
        if token and not re.fullmatch(r"page-\d{16}", token):
            raise invalid(f"The `pagination_token` query parameter value [{token}] is not valid", pagination_token=[token])
        begin, size = int(token[5:] or 0) if token else 0, int(self.query.get("max_results", 10))
        meta = {"next_token": f"page-{begin + size:016d}"} if len(entries) > begin + size else {}
        return entries[begin : begin + size], meta

    def envelope(self, posts: list[Post]) -> dict[str, Any]:
        expansions, beside = self.fields("expansions"), [post for post in posts for post in self._referenced(post)]
        answer: dict[str, Any] = {"data": [self._post(post) for post in posts]} if posts else {}
        includes: dict[str, list[Any]] = {}
        if "referenced_posts" in expansions or "referenced_tweets.id" in expansions:
            includes["posts" if self.new_names else "tweets"] = [self._post(post) for post in _once(beside)]
        if "author_id" in expansions:
            authors = [post.author for post in posts]
            authors += [post.author for post in beside] if "referenced_tweets.id.author_id" in expansions else []
            includes["users"] = [self.user(author) for author in _once(authors) if author.id in self.world.users]
        if "attachments.media_keys" in expansions:
            includes["media"] = [self.world.media[media_id]["shown"] for post in posts for media_id in post.media]
        if "attachments.poll_ids" in expansions:
            includes["polls"] = [_poll(post) for post in posts if post.poll]
        if any(includes.values()):
            answer["includes"] = {name: given for name, given in includes.items() if given}
        return answer

    def _referenced(self, post: Post) -> list[Post]:
        return [self.world.posts[one] for one in (post.in_reply_to, post.retweet_of, post.quotes) if one in self.world.posts]

    def _post(self, post: Post) -> dict[str, Any]:
        shown, expansions = self.world.show_post(post), self.fields("expansions")
        history, referenced = shown.pop("edit_history"), shown.pop("referenced", None)
        if self.new_names:
            asked = [*self.fields("post.fields"), *(["author_id"] if "author_id" in expansions else [])]
            extra = {"edit_history_post_ids": history} if "edit_history_post_ids" in expansions else {}
            extra |= {"referenced_posts": referenced} if referenced and "referenced_posts" in expansions else {}
        else:
            asked = self.fields("tweet.fields")
            extra = {"edit_history_tweet_ids": history}
            extra |= {"referenced_tweets": referenced} if referenced and "referenced_tweets" in asked else {}
        return {name: value for name, value in shown.items() if name in ("id", "text", *asked)} | extra

    def user(self, user: User) -> dict[str, Any]:
        shown = self.world.show_user(user, self.token.user)
        return {name: value for name, value in shown.items() if name in ("id", "name", "username", *self.fields("user.fields"))}

    def messages(self, found: Iterable[Message]) -> Answer:
        page, meta = self.page(sorted(found, key=lambda message: int(message.id), reverse=True))
        asked = ("id", "event_type", "text", *self.fields("dm_event.fields"))
        by_expansion = {"sender_id": "sender_id", "participant_ids": "participant_ids"}
        names = [*asked, *(by_expansion[name] for name in self.fields("expansions") if name in by_expansion)]
        data = [{name: value for name, value in self.world.show_message(message).items() if name in names} for message in page]
        people = _once(user for message in page for user in (message.sender, message.to))
        answer: dict[str, Any] = {"data": data} if data else {}
        if people and "sender_id" in self.fields("expansions"):
            answer["includes"] = {"users": [self.user(user) for user in people]}
        return 200, {**answer, "meta": {**meta, "result_count": len(page)}}

    def since(self, posts: Iterable[Post]) -> list[Post]:
        first = int(self.query.get("since_id", 0))
        return [post for post in posts if int(post.id) > first]


def _poll(post: Post) -> dict[str, Any]:
    return {"id": post.id, "options": [{"position": at + 1, "label": label, "votes": 0} for at, label in enumerate(post.poll)]}


def _once(entries: Iterable[Any]) -> list[Any]:
    return list({entry.id: entry for entry in entries}.values())


# Reading


def me(asked: Asked) -> Answer:
    return 200, {"data": asked.user(asked.us)}


def user(asked: Asked) -> Answer:
    known = asked.world.users.get(asked.path["id"])
    if known is None:
        detail = f"Could not find user with id: [{asked.path['id']}]."
        return 200, {"errors": [missing(detail, value=asked.path["id"]).body]}
    return 200, {"data": asked.user(known)}


def mentions(asked: Asked) -> Answer:
    named = asked.world.users.get(asked.path["id"])
    if named is None:
        return user(asked)
    there = [post for post in asked.world.posts.values() if f"@{named.username}".lower() in asked.world.shown_text(post).lower()]
    return asked.posts(asked.since(post for post in there if post.author is not named and not post.retweet_of))


def timeline(asked: Asked) -> Answer:
    return asked.posts(asked.since(post for post in asked.world.posts.values() if post.author.id == asked.path["id"]))


def search(asked: Asked) -> Answer:
    query = asked.query["query"]
    if len(query) > 512:
        raise invalid(f"Query length ({len(query)}) exceeds the limit of 512 for this plan.", query=[query])
    begins = int(time.time()) - WEEK
    if (int(asked.query.get("since_id", 2**62)) >> 22) + EPOCH < begins * 1000:
        raise invalid("'since_id' must be a tweet id created after the last seven days.", since_id=[asked.query["since_id"]])
    return asked.posts(asked.since(post for post in asked.world.posts.values() if asked.finds(query, post)))


def matches(query: str, post: Post) -> bool:
    """X's search, as far as the desk uses it."""
    text = (post.prefix + post.typed).lower()
    groups = re.findall(r"\(([^)]*)\)", query)
    for word in re.sub(r"\([^)]*\)", " ", query).split():
        is_not, operator = word.startswith("-"), word.removeprefix("-")
        name, _, value = operator.partition(":")
        holds = {"from": post.author.username.lower() == value.lower(), "is": value == "retweet" and bool(post.retweet_of)}[name]
        if holds == is_not:
            return False
    return all(any(_has(text, word.strip('"').lower()) for word in re.split(r" OR ", group)) for group in groups)


def _has(text: str, word: str) -> bool:
    return re.search(rf"(?<!\w){re.escape(word)}(?!\w)", text) is not None


def post(asked: Asked) -> Answer:
    known = asked.world.posts.get(asked.path["id"])
    if known is None:
        detail = f"Could not find tweet with id: [{asked.path['id']}]."
        return 200, {"errors": [missing(detail, resource_id=asked.path["id"], parameter="id", value=asked.path["id"]).body]}
    return asked.posts([known], as_list=False)


def messages(asked: Asked) -> Answer:
    return asked.messages(one for one in asked.world.messages if asked.us in (one.sender, one.to))


def conversation(asked: Asked) -> Answer:
    return asked.messages(one for one in asked.world.messages if {one.sender.id, one.to.id} == {asked.us.id, asked.path["id"]})


def usage(asked: Asked) -> Answer:
    return 200, {"data": {"project_usage": "4211", "project_cap": "15000", "cap_reset_day": 11, "project_id": "73"}}


# Writing


def create(asked: Asked) -> Answer:
    text, answers, media = asked.body.get("text", ""), asked.body.get("reply"), asked.body.get("media")
    if not text.strip() and not media:
        raise invalid("Your Tweet text is empty.", text=[text])
    if texts.length(text, "weighted") > (25_000 if asked.us.subscription == "Premium" else 280):
        raise forbidden("Your Tweet text is too long. For more information on how Twitter determines text length see the documentation.")
    details: dict[str, Any] = {}
    if answers is not None:
        answered = asked.world.posts.get(str(answers.get("in_reply_to_tweet_id", "")))
        if answered is None or answered.author.protected:
            raise forbidden("You attempted to reply to a Tweet that is deleted or not visible to you.")
        if asked.world.uninvited and not asked.world.invites(answered, asked.us):
            raise forbidden(asked.world.uninvited)
        details["in_reply_to"] = answered.id
    if media is not None:
        details["media"] = tuple(media.get("media_ids", ()))
        if not details["media"] or len(details["media"]) > 4 or any(one not in asked.world.media for one in details["media"]):
            raise invalid("Your media IDs are invalid.", media=[str(media)])
        kinds = [asked.world.media[one]["shown"]["type"] for one in details["media"]]
        if "video" in kinds and len(kinds) > 1:
            raise invalid("A post takes up to four photos, or one video.", media=[str(media)])
    made = asked.world.publish(asked.us, text, **details)
    same = [
        one
        for one in asked.world.posts.values()
        if one is not made and one.author is asked.us and one.prefix + one.typed == made.prefix + text
    ]
    if same:
        del asked.world.posts[made.id]
        raise forbidden("You are not allowed to create a Tweet with duplicate content.")
    return 201, {"data": {"id": made.id, "text": asked.world.shown_text(made), "edit_history_post_ids": [made.id]}}


def delete(asked: Asked) -> Answer:
    known = asked.world.posts.get(asked.path["id"])
    if known is None:
        raise missing()
    if known.author is not asked.us:
        raise forbidden("You are not authorized to delete this Tweet.")
    asked.world.posts.pop(known.id)
    return 200, {"data": {"deleted": True}}


def hide(asked: Asked) -> Answer:
    known = asked.world.posts.get(asked.path["id"])
    if known is None:
        raise missing()
    if known.author is asked.us or not known.in_reply_to or asked.world.root(known).author is not asked.us:
        raise forbidden("Only the author of a conversation can hide replies to it.")
    known.hidden = asked.body["hidden"]
    return 200, {"data": {"hidden": known.hidden}}


def repost(asked: Asked) -> Answer:
    us, original = asked.itself(), asked.world.posts.get(asked.body["tweet_id"])
    if original is None:
        raise missing("You cannot retweet a Tweet that does not exist.")
    done = [one for one in asked.world.posts.values() if one.author is us and one.retweet_of == original.id]
    made = done[0] if done else asked.world.publish(us, "", retweet_of=original.id)
    return 200, {"data": {"retweeted": True, "rest_id": made.id}}


def take_back(asked: Asked) -> Answer:
    us = asked.itself()
    for made in [one for one in asked.world.posts.values() if one.author is us and one.retweet_of == asked.path["other"]]:
        del asked.world.posts[made.id]
    return 200, {"data": {"retweeted": False}}


def like(asked: Asked) -> Answer:
    us = asked.itself()
    if asked.body["tweet_id"] not in asked.world.posts:
        raise missing()
    asked.world.likes.add((us.id, asked.body["tweet_id"]))
    return 200, {"data": {"liked": True}}


def unlike(asked: Asked) -> Answer:
    """What was not liked is no error."""
    us = asked.itself()
    if asked.path["other"] not in asked.world.posts:
        raise missing()
    asked.world.likes.discard((us.id, asked.path["other"]))
    return 200, {"data": {"liked": False}}


def send(asked: Asked) -> Answer:
    to, text = asked.world.users.get(asked.path["id"]), asked.body.get("text", "")
    if not text:
        raise invalid("Messages must have text or attachments.", text=[text])
    if len(text) > 10_000:
        raise invalid("The text of your direct message is over the max character limit.", text=[text[:20]])
    if to is None:
        raise missing("User does not exist.")
    if not asked.world.may_message(asked.us, to):
        raise forbidden("You do not have permission to DM one or more participants.")
    sent = asked.world.send(asked.us, to, text)
    return 201, {"data": {"dm_event_id": sent.id, "dm_conversation_id": asked.world.show_message(sent)["dm_conversation_id"]}}


# Rules of the stream


def rules(asked: Asked) -> Answer:
    data = list(asked.world.rules.values())
    sent = datetime.now().astimezone().isoformat()
    return 200, {**({"data": data} if data else {}), "meta": {"sent": sent, "result_count": len(data)}}


def change_rules(asked: Asked) -> Answer:
    meta: dict[str, Any] = {"sent": datetime.now().astimezone().isoformat()}
    if "add" in asked.body:
        made, refused = [], []
        for rule in asked.body["add"]:
            if len(rule["value"]) > 512 or not rule["value"].strip():
                refused.append(Refused(400, "Invalid Rule", "Rule is too long or empty.", "invalid-request", value=rule["value"]).body)
                continue
            fresh = {"id": asked.world.new_id(), "value": rule["value"], **({"tag": rule["tag"]} if "tag" in rule else {})}
            asked.world.rules[fresh["id"]] = fresh
            made.append(fresh)
        meta["summary"] = {"created": len(made), "not_created": len(refused), "valid": len(made), "invalid": len(refused)}
        return 200, {**({"data": made} if made else {}), "meta": meta, **({"errors": refused} if refused else {})}
    if "delete" not in asked.body:
        raise invalid("Either add or delete rules.")
    gone = [asked.world.rules.pop(rule_id, None) for rule_id in asked.body["delete"]["ids"]]
    meta["summary"] = {"deleted": len([one for one in gone if one]), "not_deleted": gone.count(None)}
    return 200, {"meta": meta}


HANDLERS: dict[str, Callable[[Asked], Answer]] = {
    handler.__name__: handler
    for handler in (
        *(me, user, mentions, timeline, search, post, messages, conversation, usage),
        *(create, delete, hide, repost, take_back, like, unlike, send, rules, change_rules),
        *(upload, initialize, append, finalize, status, describe),
    )
}
