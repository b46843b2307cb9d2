"""All the guards over one draft."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from engagement.guards import own
from engagement.guards.apart import ways_to_read
from engagement.guards.asking import find_asked
from engagement.guards.base import Audience, CompanyFacts, Finding, Place
from engagement.guards.calling import find_push_to_call
from engagement.guards.contacts import PublicContacts
from engagement.guards.form import find_broken_links, find_variables, find_wrong_accounts
from engagement.guards.harmless import hide_harmless, without_links
from engagement.guards.labelled import find_births, find_numbers, find_secrets
from engagement.guards.mail import find_mails
from engagement.guards.payment import find_cards, find_ibans
from engagement.guards.phones import find_phones
from engagement.guards.reading import Reading, find_links, read
from engagement.guards.streets import find_streets
from socialdesk.lib.text import length
from socialdesk.networks import registry
from socialdesk.networks.base import Capabilities

Spans = Iterable[tuple[int, int]]

ADVICE = {
    "phone": "A telephone number would stand here for everybody to read: say it in private, or leave it out.",
    "email": "An e-mail address would stand here for everybody to read: say it in private, or leave it out.",
    "card": "Leave the card number out: “the card that you paid with” is enough, and no card number is ever written in full.",
    "iban": "Leave the account out: “your bank account” is enough, and the IBAN belongs in a private message.",
    "address": "A postal address would stand here for everybody to read: say it in private, or leave it out.",
    "number": "This number leads to one customer: say “your order” or “your account” here, and the number in private.",
    "birth_date": "A date of birth belongs to nobody else: speak of it in private only.",
    "secret": "Never write a password, PIN or code: let the customer set it themselves by a link that works once.",
    "asks": "The answer would be public: ask for this in a private message instead.",
    "asks_secret": "Nobody may ask for this, in private neither: let the customer enter it themselves, by a link or in the app.",
    "just_call": "Leave the choice to the customer: “Would you like a call, a chat, or to go on here?”",
    "link": "This link leads nowhere for a customer: give a whole public address that begins with https://.",
    "variable": "Nobody filled this in: write what belongs here, or take it out.",
    "addressed": "This is addressed to somebody else than the post that you answer: check the handle, or the conversation.",
    "other_account": "This is another account of ours: customers may take it for the right place to write to.",
}


def check_draft(
    *,
    text: str,
    network: str,
    audience: Audience,
    company: CompanyFacts,
    place: Place | None = None,
    able: Capabilities | None = None,
) -> list[Finding]:
    """What should not go out like this, in the order of the text. Never raises for a text; UnknownNetwork for a network.

    `able` is what the account that speaks can do, where it is known which: its lengths may be others than its network's.
    A private draft may hold personal data and ask for it, save full card numbers, passwords and PINs.
    """
    capabilities = able or registry.get(network).capabilities
    is_public = audience == "public"
    limit = capabilities.max_length if is_public else capabilities.max_message_length
    most_bytes = capabilities.max_bytes if is_public else capabilities.max_message_bytes
    reading = read(text)
    personal = _check_public(reading, company) if is_public else _check_private(reading)
    findings = [
        *_check_length(text, limit, capabilities.length_unit, most_bytes),
        *_check_form(reading, place or Place()),
        *_without_doubles(personal, len(text)),
    ]
    return sorted(findings, key=lambda finding: (finding.start, finding.end))


def _check_length(text: str, limit: int, unit: str, most_bytes: int) -> Iterator[Finding]:
    ready = text.strip()
    start = text.find(ready)
    size = length(ready, unit) if limit else 0
    as_sent = ready.encode("utf-8", "replace") if most_bytes else b""
    if limit and size > limit:
        advice = f"It is {size - limit} characters too long, {size} of {limit}: shorten it, or say the rest in a second message."
        yield Finding("length", start + _fitting(ready, limit, unit), start + len(ready), advice)
    elif len(as_sent) > most_bytes:
        fitting = len(as_sent[:most_bytes].decode("utf-8", "ignore"))
        excess = len(as_sent) - most_bytes
        advice = f"It is {excess} bytes too long, {len(as_sent)} of {most_bytes}: emoji and many letters take several. Shorten it."
        yield Finding("length", start + fitting, start + len(ready), advice)


def _fitting(text: str, limit: int, unit: str) -> int:
    """How many characters of `text` fit."""
    low, high = 0, min(len(text), limit * 4)
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if length(text[:middle], unit) <= limit else (low, middle - 1)
    return low


def _check_form(reading: Reading, place: Place) -> Iterator[Finding]:
    yield from _findings("link", reading, find_broken_links(reading, place))
    yield from _findings("variable", reading, find_variables(reading))
    for start, end, is_addressed in find_wrong_accounts(reading, place):
        advice = ADVICE["addressed" if is_addressed else "other_account"]
        yield Finding("wrong_account", *reading.span(start, end), advice, blocks=is_addressed)


def _check_public(reading: Reading, company: CompanyFacts) -> Iterator[Finding]:
    """What is found first claims its characters: a number that is an order's is not a telephone's too."""
    closed = reading.closed_up()
    unlinked = without_links(reading)
    plain = hide_harmless(unlinked)
    yield from _check_own_patterns(reading.hide(find_links(reading)), company)  # “#TW-100200” tells it as well
    yield from _findings("card", reading, find_cards(unlinked))
    yield from _findings("iban", unlinked, find_ibans(unlinked))
    yield from _findings("iban", closed, find_ibans(closed))
    public = PublicContacts(company.public_contacts)

    def unless_public(findings: Iterable[Finding]) -> Iterator[Finding]:
        return (finding for finding in findings if not public.hold(finding.kind, reading.original[finding.start : finding.end]))

    yield from unless_public(_findings("email", reading, find_mails(reading)))
    yield from unless_public(_findings("email", closed, find_mails(closed)))
    yield from _findings("secret", plain, find_secrets(plain))
    yield from _findings("birth_date", reading, find_births(unlinked))
    yield from _findings("number", plain, find_numbers(plain))
    yield from unless_public(_findings("address", reading, find_streets(unlinked)))
    yield from unless_public(_findings("phone", plain, find_phones(plain, company.default_region)))
    yield from _findings("asks", reading, find_asked(reading))
    for finding in _findings("just_call", reading, find_push_to_call(reading)):
        yield Finding(finding.kind, finding.start, finding.end, finding.advice, blocks=False)


def _check_private(reading: Reading) -> Iterator[Finding]:
    yield from _findings("card", reading, find_cards(without_links(reading)))
    yield from _findings("secret", reading, find_secrets(hide_harmless(without_links(reading))))
    for start, end in find_asked(reading, secrets_only=True):
        yield Finding("asks", *reading.span(start, end), ADVICE["asks_secret"])


def _check_own_patterns(reading: Reading, company: CompanyFacts) -> Iterator[Finding]:
    for entry in company.own_patterns:
        name = str(entry["name"])
        readings = list(ways_to_read(reading, str(entry["pattern"])))
        try:
            found = own.find_all(str(entry["pattern"]), *(way.text for way in readings))
        except (own.TooSlow, own.BadPattern):
            whole = (0, len(reading.original))
            yield Finding("number", *whole, f"The pattern “{name}” could not be tried on this text: ask an admin to simplify it.")
            continue
        advice = f"{name} leads to one customer: leave it out here, and say it in private."
        for way, spans in zip(readings, found, strict=True):
            yield from (Finding("number", *way.span(start, end), advice) for start, end in spans)


def _findings(kind: str, reading: Reading, spans: Spans) -> Iterator[Finding]:
    for start, end in spans:
        yield Finding(kind, *reading.span(start, end), ADVICE[kind])


def _without_doubles(findings: Iterable[Finding], size: int) -> Iterator[Finding]:
    """The first finding on some characters stands for all."""
    claimed = bytearray(size)
    for finding in findings:
        if not any(claimed[finding.start : finding.end]):
            claimed[finding.start : finding.end] = b"\x01" * (finding.end - finding.start)
            yield finding
