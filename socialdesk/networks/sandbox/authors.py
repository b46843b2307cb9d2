"""How people answer the desk: after a while, by their lines or their mood, following when asked, or losing patience."""

from __future__ import annotations

import re
from contextlib import suppress
from sqlite3 import Row

from socialdesk.networks.sandbox.lines import Line, Phrase
from socialdesk.networks.sandbox.records import SANDBOX, WEB, Account, Mood, Post, Refused
from socialdesk.networks.sandbox.stage import PlanKind, Stage, between

# What somebody says at the first answer, the second, and so on; then the thread is over for them.
_TURNS: dict[Mood, tuple[Phrase, ...]] = {
    "grateful": ("thanks", "bye"),
    "patient": ("more", "thanks", "bye"),
    "impatient": ("more", "thanks"),
    "hostile": ("impatient", "more", "bye"),
    "silent": (),
}
_IN_PRIVATE: tuple[Phrase, ...] = ("more", "thanks")  # where everybody speaks
_AT_EASE: tuple[Phrase, ...] = ("thanks",)
_LOSES_PATIENCE: frozenset[Mood] = frozenset({"impatient", "hostile"})
# Kinds of lines: who wrote one asks for something, wants nothing, or does not listen.
_WANTS_AN_ANSWER = frozenset({"complaint", "question", "troubleshooting", "safety", "heated"})
_WANTS_NOTHING = frozenset({"compliment", "brand", "chatter", "unaddressed", "press"})
_DOES_NOT_LISTEN = frozenset({"spam", "repost"})

# Seconds at speed 1.
_NOTICES = (6.0, 16.0)
_TYPES_A_CHARACTER = 0.05
_PATIENCE = (180.0, 480.0)

_MOST_AT_ONCE = 500

# "We will follow up", "je suis", "el problema sigue" and "the following steps" ask nobody to follow.
_ASKS_TO_FOLLOW = re.compile(
    r"""
    # English
      \bfollow\b (?! [\s-]* (?:up|through|along|the|these|this|those|you|steps?|instructions?)\b | \s+our\s+(?:guide|steps|instructions)\b )
    | \bfollowing\s+(?:us\b|@)
    # German
    | \bfolg(?:e|en|t|st)\s+ (?:(?:du|sie|ihr|bitte|einfach|doch|kurz)\s+)* (?:uns\b|mir\b|@|unserem\b)
    | \b(?:uns|unserem\s\w+)\s+ (?:(?:kurz|bitte|einfach|hier|doch)\s+)* (?:zu\s+)? folg(?:en|t|st)\b
    # French
    | \b(?:suis|suivez|suivre) (?:-nous\b|-moi\b|\s+@|\s+notre\s+(?:compte|page))
    | \bnous\s+(?:suivre|suivez|suis|suivais|suiviez)\b
    | \babonne-toi\b | \babonnez-vous\b | \b(?:t'|vous\s+)abonner\s+à\s+(?:@|notre\s+(?:compte|page))
    # Spanish
    | \b(?:s[ií]gue|s[ií]ga|s[ií]gan|seguir)(?:nos|me)\b
    | \bnos\s+(?:sigues|sigas|siga|sigue|sigan|seguís|sigáis)\b
    | \b(?:sigue|siga|seguir)\s+(?:a\s+)?(?:@|nuestra\s+(?:cuenta|página))
    # Arabic
    | \b(?:تابع|تابعي|تابعوا)\b (?!\s*(?:الخطوات|التعليمات|هذه))
    | \b[وف]?(?:تابعنا|تابعونا|تابعينا|متابعتنا|بمتابعتنا|تتابعنا|تتابعينا)\b
    """,
    re.IGNORECASE | re.VERBOSE,
)
_SAYS_WILL_FOLLOW = re.compile(
    r"\bi'?ll follow\b(?! up)|\bi follow(?:ed)? you\b|\bfollowing you\b|\bfolge (?:euch|ihnen|dir)\b|\bje vous suis\b|\bje m'abonne\b"
    r"|\b(?:os|te|les) sigo\b|\bسأتابعكم\b|\bتابعتكم\b|\bبتابعكم\b",
    re.IGNORECASE,
)
# "Can we share your order number with the hub?" asks for something else: the words of a post are meant.
_ASKS_PERMISSION = re.compile(
    r"""
      \b(?:may|can|could)\ we\b .{0,30} \b(?:repost|quote|share)\b .{0,30} \b(?:posts?|words|this)\b
    | \b(?:dürfen|dürften|können)\ wir\b .{0,40} \b(?:beitrag|worte)\b .{0,60} \b(?:teilen|zitieren)\b
    | \b(?:pouvons-nous|pourrions-nous|peut-on)\b .{0,20} \b(?:repartager|partager|citer)\b .{0,20} \b(?:message|publication|mots)\b
    | \b(?:podemos|podríamos)\b .{0,20} \b(?:compartir|citar)\b .{0,20} \b(?:publicación|palabras)\b
    | (?:هل\ تسمح|ممكن) .{0,20} (?:نشر|اقتباس) .{0,20} (?:المشاركة|المنشور|الكلمات)
    """,
    re.IGNORECASE | re.VERBOSE,
)
_SAYS_YES, _SAYS_NO = 0.7, 0.85  # of all people, so many agree, and from there on to here they refuse; the rest answer nothing clear


def asks_permission(text: str) -> bool:
    """Whether a text in one of the play's languages asks whether its reader's post may be reposted or quoted."""
    return _ASKS_PERMISSION.search(text) is not None


def answer_to_permission(account_id: str) -> Phrase:
    """What the person with that account says when asked, always the same."""
    drawn = between(0, 1, key=f"permission {account_id}")
    return "permission_yes" if drawn < _SAYS_YES else "permission_no" if drawn < _SAYS_NO else "permission_unclear"


def asks_to_follow(text: str) -> bool:
    """Whether a text in one of the play's languages asks its reader to follow the account that wrote it."""
    return _ASKS_TO_FOLLOW.search(text) is not None


def await_answer(stage: Stage, post: Post, line: Line) -> None:
    """Plans what the author of a new post does if nobody answers it for long."""
    texts = line.lines_on("silence")
    asks = line.kind in _WANTS_AN_ANSWER and post.author.mood in _LOSES_PATIENCE and stage.script.company.username in post.text.casefold()
    waits_already = stage.world.store.row(
        "SELECT 1 FROM plan WHERE kind = 'patience' AND account = ? AND thread = ?", (post.author.id, int(post.thread))
    )
    if post.network == WEB or line.repost_of or waits_already:
        return
    if not texts and asks:
        texts = [text for text in [_pick(stage, post.author, "impatient", key=post.id)] if text]
    due = stage.clock
    for number, text in enumerate(texts):
        due += between(*_PATIENCE, key=f"{post.id}:{number}")
        stage.plan("patience", due=due, account=post.author.id, post=post.id, thread=post.thread, text=text)


def notice_answers(stage: Stage) -> None:
    """Plans how people react to what the company has written since the last time; what the script wrote is left to it."""
    store = stage.world.store
    company = stage.world.account(stage.script.company.username)
    if company is None:
        return
    rows = store.rows(
        "SELECT change.seq, change.kind, change.post, change.message, p.author, m.sender FROM change"
        " LEFT JOIN post p ON p.id = change.post LEFT JOIN message m ON m.id = change.message"
        " WHERE change.network = ? AND change.seq > ? ORDER BY change.seq LIMIT ?",
        (SANDBOX, int(store.setting("noticed") or 0), _MOST_AT_ONCE),
    )
    for row in rows:
        if row["kind"] == "post" and row["author"] == company.id:
            _notice_reply(stage, str(row["post"]))
        elif row["kind"] == "message" and row["sender"] == company.id:
            _notice_message(stage, str(row["message"]))
    if rows:
        store.keep("noticed", rows[-1]["seq"])


def act(stage: Stage) -> int:
    """Lets people do what is due by now. Returns how many things they wrote."""
    due = stage.world.store.rows(
        "SELECT * FROM plan WHERE NOT done AND due <= ? AND kind NOT IN ('edit', 'delete') ORDER BY due, id LIMIT ?",
        (stage.clock, _MOST_AT_ONCE),
    )
    written = 0
    for plan in due:
        account = stage.world.account_by_id(plan["account"])
        # Refused: what it answers has been deleted in the meantime.
        with suppress(Refused):
            written += _do(stage, plan, account) if account else 0
        with stage.world.store.transaction() as connection:
            connection.execute("UPDATE plan SET done = 1 WHERE id = ?", (plan["id"],))
    return written


def _do(stage: Stage, plan: Row, account: Account) -> int:
    world, at = stage.world, stage.at(plan["due"])
    if plan["kind"] == "patience":
        if _was_answered(stage, plan, account):
            return 0
        world.publish(account.username, plan["text"], in_reply_to=str(plan["post"]), posted_at=at, language=account.language)
        return 1
    if plan["follows"]:
        world.follow(account.username, stage.script.company.username)
    if not plan["text"]:
        return 0
    if plan["kind"] == "private":
        world.message_as(account.username, plan["text"], to=stage.script.company.username, sent_at=at)
    else:
        world.publish(account.username, plan["text"], in_reply_to=str(plan["answers"]), posted_at=at, language=account.language)
    return 1


def _was_answered(stage: Stage, plan: Row, account: Account) -> bool:
    """Whether the company has turned to this person since the post: in the thread, or privately."""
    company = stage.world.account(stage.script.company.username)
    if company is None:
        return False
    replied = stage.world.store.row(
        "SELECT 1 FROM post JOIN post theirs ON theirs.id = post.in_reply_to"
        " WHERE post.thread = ? AND post.author = ? AND theirs.author = ? AND post.id > ? LIMIT 1",
        (plan["thread"], company.id, account.id, plan["post"]),
    )
    wrote = stage.world.store.row(
        "SELECT 1 FROM message WHERE sender = ? AND recipient = ? AND id > ? LIMIT 1", (company.id, account.id, plan["post"])
    )
    return replied is not None or wrote is not None


def _notice_reply(stage: Stage, reply_id: str) -> None:
    world = stage.world
    reply = world.post(reply_id)
    answered = world.post(reply.in_reply_to) if reply and reply.in_reply_to else None
    if reply is None or answered is None or reply.deleted or answered.author.id == reply.author.id:
        return
    if world.store.row("SELECT 1 FROM released WHERE post = ?", (int(reply.id),)):
        return
    person = answered.author
    willing = person.follows_when_asked and not world.follows_by_id(person.id, reply.author.id)
    if willing and asks_to_follow(reply.text):
        text = _pick(stage, person, "followed", key=reply.id)
        _plan_answer(stage, "followed", person, reply, origin=answered.id, text=text, follows=True)
        return
    if asks_permission(reply.text):
        text = _pick(stage, person, answer_to_permission(person.id), key=reply.id)
        _plan_answer(stage, "permission", person, reply, origin=answered.id, text=text, follows=False)
        return
    origin, line = _script_line(stage, person, answered)
    planned = _planned(stage, "answer", person, "post", origin)
    lines = line.lines_on("public_reply") if line else []
    if planned < len(lines):
        text = lines[planned]
    else:
        turn = _planned(stage, "answer", person, "thread", reply.thread)
        text = _say(stage, person, _turns(person, line), turn, key=reply.id)
    if text:
        follows = willing and _SAYS_WILL_FOLLOW.search(text) is not None
        _plan_answer(stage, "answer", person, reply, origin=origin, text=text, follows=follows)


def _notice_message(stage: Stage, message_id: str) -> None:
    world = stage.world
    row = world.store.row("SELECT recipient FROM message WHERE id = ?", (int(message_id),))
    person = world.account_by_id(row["recipient"]) if row else None
    if person is None:
        return
    released = world.store.rows(
        "SELECT released.post, released.line FROM released JOIN post ON post.id = released.post"
        " WHERE post.author = ? ORDER BY post.id DESC",
        (person.id,),
    )
    for post in released:
        line = stage.script.line(post["line"])
        lines = line.lines_on("message") if line else []
        planned = _planned(stage, "private", person, "post", str(post["post"]))
        if planned < len(lines):
            _plan_private(stage, person, message_id, origin=str(post["post"]), text=lines[planned])
            return
    text = _say(stage, person, _IN_PRIVATE, _planned(stage, "private", person, "round", str(stage.round)), key=message_id)
    if text:
        _plan_private(stage, person, message_id, origin="", text=text)


def _plan_answer(stage: Stage, kind: PlanKind, person: Account, reply: Post, *, origin: str, text: str, follows: bool) -> None:
    due = stage.clock + _takes(reply.id, text)
    stage.plan(kind, due=due, account=person.id, post=origin, thread=reply.thread, answers=reply.id, text=text, follows=follows)


def _plan_private(stage: Stage, person: Account, message_id: str, *, origin: str, text: str) -> None:
    stage.plan("private", due=stage.clock + _takes(message_id, text), account=person.id, post=origin, answers=message_id, text=text)


def _takes(key: str, text: str) -> float:
    """Seconds at speed 1 from our writing to their answer: to see it, and to type."""
    return between(*_NOTICES, key=key) + _TYPES_A_CHARACTER * len(text)


def _script_line(stage: Stage, person: Account, answered: Post) -> tuple[str, Line | None]:
    """The person's line of the script that the answer belongs to: the answered one, else their last one in the thread."""
    row = stage.world.store.row(
        "SELECT released.post, released.line FROM released JOIN post ON post.id = released.post"
        " WHERE post.thread = ? AND post.author = ? AND post.id <= ? ORDER BY post.id DESC LIMIT 1",
        (int(answered.thread), person.id, int(answered.id)),
    )
    return (str(row["post"]), stage.script.line(row["line"])) if row else (answered.id, None)


def _planned(stage: Stage, kind: PlanKind, person: Account, column: str, value: str) -> int:
    """How many answers of the kind this person has given or planned there."""
    sql = f"SELECT count(*) AS n FROM plan WHERE account = ? AND kind = ? AND {column} = ?"  # noqa: S608 - a name from this file
    row = stage.world.store.row(sql, (person.id, kind, int(value)))
    return int(row["n"]) if row else 0


def _turns(person: Account, line: Line | None) -> tuple[Phrase, ...]:
    if line and line.kind in _DOES_NOT_LISTEN:
        return ()
    return _AT_EASE if line and line.kind in _WANTS_NOTHING and person.mood != "silent" else _TURNS[person.mood]


def _say(stage: Stage, person: Account, turns: tuple[Phrase, ...], turn: int, *, key: str) -> str:
    """What the person says at their turn-th answer, "" once they have said all."""
    return _pick(stage, person, turns[turn], key=key) if turn < len(turns) else ""


def _pick(stage: Stage, person: Account, phrase: Phrase, *, key: str) -> str:
    """One of the phrases, "" where the script has none."""
    texts = stage.script.phrases_for(person.language, person.mood, phrase)
    return texts[int(between(0, len(texts), key=key)) % len(texts)] if texts else ""
