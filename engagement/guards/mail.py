"""E-mail addresses, as they are and as people write them so that programs do not see them."""

from __future__ import annotations

import re
from collections.abc import Iterator

from engagement.guards.reading import Reading
from engagement.guards.vocabulary import source, words

_LOCAL = re.compile(r"[\w.+'%-]{1,64}\Z")
_DOMAIN = re.compile(r"[\w-]{1,63}(?:\.[\w-]{1,63}){1,8}")
_AT = re.compile(rf" ?(?:[(\[{{<] ?(?:@|at|a|arroba|arobase|ات) ?[)\]}}>]) ?| @ | (?:{source('at_signs')}) | (?P<weak>at) ")
_LOCAL_BEFORE = re.compile(r"[\w.+-]{1,64}\Z")
_DOT = rf" ?[(\[{{<] ?(?:\.|dot|{source('dots')}) ?[)\]}}>] ?| (?:dot|{source('dots')}|\.) "
_SPELLED = re.compile(rf"[\w-]{{1,63}}(?:(?:{_DOT}|\.)[\w-]{{1,63}}){{1,5}}(?!\w)")
_PROVIDER = re.compile(rf"(?:{source('providers')})\.[a-z]{{2,3}}(?:\.[a-z]{{2}})?(?!\w)")
_BARE_PROVIDER = re.compile(rf"(?:{source('providers')})(?!\w)")
_ENDING = re.compile(rf"(?:{source('endings')})\Z")
_WINDOW = 70


def find_mails(reading: Reading) -> list[tuple[int, int]]:
    """`reading` may hold links: an e-mail address in one is still somebody's."""
    return [*_plain(reading.text), *_disguised(reading.text)]


def _plain(text: str) -> Iterator[tuple[int, int]]:
    at = text.find("@")
    while at >= 0:
        local = _LOCAL.search(text, max(0, at - 64), at)
        domain = _DOMAIN.match(text, at + 1) or _BARE_PROVIDER.match(text, at + 1)
        if local and domain:
            before = text[local.start() - 1] if local.start() else " "
            # @name@server is a handle of another server, //name@host a link's user.
            if before not in "@/" and re.search(r"\w", local.group()):
                yield local.start(), domain.end()
        at = text.find("@", at + 1)


def _disguised(text: str) -> Iterator[tuple[int, int]]:
    for sign in _AT.finditer(text):
        local = _LOCAL_BEFORE.search(text, max(0, sign.start() - _WINDOW), sign.start())
        domain = _SPELLED.match(text, sign.end())
        if local is None or domain is None:
            continue
        is_word = bool(words("no_mailbox").fullmatch(local.group()))
        is_spelled = bool(re.search(_DOT, domain.group())) and bool(_ENDING.search(domain.group()))
        if sign.group("weak") or sign.group() == " @ ":
            # “Find us at example.com” is no address, “mara at gmail.com” and “mara at example dot com” are.
            is_mail = not is_word and (is_spelled or bool(_PROVIDER.match(text, sign.end())))
        else:
            is_mail = is_spelled or ("." in domain.group() and not is_word)
        if is_mail:
            yield local.start(), domain.end()
