"""Praise handed to marketing or an account owner, and taken on by whoever works on it."""

from __future__ import annotations

from collections.abc import Iterable

from django.db import IntegrityError, transaction

from engagement.models import Compliment
from engagement.services.lines import leave_line
from engagement.services.praise_state import Kind, State, add_event, check_may_work, lock_compliment, move
from listening.models import Conversation, Mention, Sentiment
from profiles.models import Agent
from socialdesk.lib.clock import now as current_time
from socialdesk.lib.errors import Conflict, DeskError, NotAllowed, NotFound
from socialdesk.lib.text import clean

MAX_NOTE = 500  # characters
OPEN = (State.NEW, State.ASKED, State.GRANTED)  # marketing still works on it


def forward_compliment(
    *, agent: Agent, mention_id: int | None = None, conversation_id: int | None = None, note: str = "", to: Agent | None = None
) -> Compliment:
    """Hand a post of praise to marketing, or to the account owner `to`. Forwarding it again gives what is there, with the note added.

    Name the post, or its conversation alone: then it is what of that conversation is on the board and not done with, else the newest
    post of praise that stands. Raises NotFound, Conflict for a deleted post, NotAllowed for whoever would make themselves its owner (who
    owns it may ask for permission and share it), and DeskError where there is no post or the note is too long.
    """
    words = check_note(note)
    if to is not None and not to.is_active:
        raise DeskError(f"{to.name} does not work here any more. Forward it to marketing.")
    if to is not None and to.pk == agent.pk and not agent.may_share:
        raise NotAllowed("You cannot make yourself its owner. Forward it to marketing, or to a colleague.")
    try:
        with transaction.atomic():
            return _forward(agent, mention_id, conversation_id, words, to)
    except IntegrityError:
        # Somebody forwarded it at the same moment. Now that row can be seen.
        with transaction.atomic():
            return _forward(agent, mention_id, conversation_id, words, to)


def _forward(agent: Agent, mention_id: int | None, conversation_id: int | None, note: str, to: Agent | None) -> Compliment:
    mention = _named(mention_id, conversation_id) if mention_id is not None else _found(conversation_id)
    known = Compliment.objects.filter(mention=mention).values_list("pk", flat=True).first()
    if known is not None:
        compliment = lock_compliment(known)
        if note and note != compliment.note:
            add_event(compliment, Kind.NOTED, agent=agent, at=current_time(), note=note)
        return compliment
    if mention.deleted_at is not None:
        raise Conflict("Its author deleted this post, so that there is nothing to forward any more.")
    assert mention.conversation is not None  # only our own posts have none
    moment = current_time()
    compliment = Compliment.objects.create(
        mention=mention,
        conversation=mention.conversation,
        forwarded_by=agent,
        forwarded_to=to,
        note=note,
        forwarded_at=moment,
        changed_at=moment,
    )
    whom = to.name if to else "marketing"
    leave_line(conversation_id=compliment.conversation_id, agent=agent, words=f"Praise forwarded to {whom}." + (f" {note}" if note else ""))
    add_event(compliment, Kind.FORWARDED, agent=agent, at=moment, post=mention, note=note)
    return compliment


def _named(mention_id: int, conversation_id: int | None) -> Mention:
    posts = Mention.objects.select_related("author", "conversation").filter(is_own=False, conversation__isnull=False)
    mention = posts.filter(pk=mention_id).first()
    if mention is None or conversation_id not in (None, mention.conversation_id):
        raise NotFound("There is no such post of a customer. Reload the conversation.")
    return mention


def _found(conversation_id: int | None) -> Mention:
    if conversation_id is None or not Conversation.objects.filter(pk=conversation_id).exists():
        raise NotFound("There is no such conversation. It may have been removed; reload the list.")
    on_board = Compliment.objects.filter(conversation_id=conversation_id, state__in=OPEN)
    compliment = on_board.select_related("mention__author").order_by("-forwarded_at", "-pk").first()
    if compliment is not None:
        return compliment.mention
    posts = Mention.objects.select_related("author", "conversation").filter(conversation_id=conversation_id, is_own=False, deleted_at=None)
    mention = choose_praise(posts.order_by("posted_at", "pk"))
    if mention is None:
        raise DeskError("There is no public post here that could be forwarded.")
    return mention


def choose_praise(posts: Iterable[Mention]) -> Mention | None:
    """Of a customer's standing posts, oldest first, the one that is meant by praise: the newest positive one, else the newest."""
    chosen: Mention | None = None
    for post in posts:
        if chosen is None or post.sentiment == Sentiment.POSITIVE or chosen.sentiment != Sentiment.POSITIVE:
            chosen = post
    return chosen


def accept_compliment(*, compliment_id: int, agent: Agent) -> Compliment:
    """Take it on: from now on everybody sees who works on it. Doing so again changes nothing."""
    with transaction.atomic():
        compliment = lock_compliment(compliment_id)
        check_may_work(agent, compliment)
        if compliment.accepted_by_id != agent.pk:
            move(compliment, Kind.ACCEPTED, agent=agent, changes={"accepted_by": agent})
    return compliment


def check_note(note: str) -> str:
    """A short note as it is kept. Raises DeskError if it is too long."""
    words = " ".join(clean(note).split())
    if len(words) > MAX_NOTE:
        raise DeskError(f"The note has {len(words)} characters; at most {MAX_NOTE} are kept. Shorten it, or leave it in the conversation.")
    return words
