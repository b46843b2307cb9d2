"""The page of each network in docs/networks.md, made from what its connector says of itself, so that it cannot rot."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from socialdesk.env import SETTINGS, Setting
from socialdesk.networks.base import Connecting, Field, Idempotency, Network
from socialdesk.networks.describing import list_abilities, list_bounds

_NEVER_TWICE: dict[Idempotency, str] = {
    "token": "The network itself refuses the second try of an answer; after that the desk looks for its own post before it tries again.",
    "record_key": "Each answer has a key of its own at the network, so that a second try would be the same post.",
    "lookup": "The desk looks for its own post before it tries again.",
    "none": "The network does not show all that was sent. Where it is not known whether an answer arrived, a person decides.",
}
_INTRODUCTION = """# Networks

What it takes to connect an account of each network, what it costs, what can be done there and what cannot. An account may be allowed
less than its network: what was found out stands at the account, under *More*, *Accounts*.

This page is made from the connectors by `make networks`. Change them, not it.
"""


def write_pages(networks: Iterable[Network]) -> str:
    """Markdown of all networks: those with a connector one after the other, the rest in one line at the end."""
    known = list(networks)
    connected = [network for network in known if network.reader or network.publisher or network.stream or network.webhook]
    rest = [network.label for network in known if network not in connected]
    parts = [_INTRODUCTION, *(_page(network) for network in connected)]
    if rest:
        parts.append(f"## Known by name only\n\nPosts of {_and(rest)} can be imported or pushed over the API, and not answered.\n")
    return "\n".join(parts)


def _page(network: Network) -> str:
    able = network.capabilities
    lines = [f"## {network.label}", ""]
    lines += _facts(("Costs", able.cost), ("Limits", able.limits), ("Reads", ", ".join(able.reads)))
    if network.connecting is not None:
        lines += ["### Connecting an account", "", *_connecting(network, network.connecting)]
    lines += ["### What can be done", "", "| | |", "|---|---|"]
    lines += [f"| {ability.words} | {'yes' if ability.is_able else 'no'} |" for ability in list_abilities(able)]
    lines.append("")
    bounds = list_bounds(able) + ([_NEVER_TWICE[able.idempotency]] if able.reply else [])
    lines += _items(bounds)
    if able.cannot:
        lines += ["### What cannot", "", *_items(able.cannot)]
    return "\n".join(lines)


def _connecting(network: Network, connecting: Connecting) -> Iterator[str]:
    yield from (f"{number}. {step}" for number, step in enumerate(connecting.steps, 1))
    yield ""
    if connecting.fields:
        yield "What is typed in:"
        yield ""
        yield from _items(_describe_field(field) for field in connecting.fields)
    if connecting.by_redirect:
        yield f"The address to come back to is that of the desk with `/accounts/callback/{network.key}/` behind it."
        yield ""
    if network.webhook is not None:
        yield f"The address that the network calls is that of the desk with `/hooks/{network.key}/` behind it."
        yield ""
    settings = _settings(network, connecting)
    if settings:
        yield from ("| setting | default | |", "|---|---|---|")
        yield from (f"| `{each.name}` | {f'`{each.default}`' if each.default else 'none'} | {each.meaning} |" for each in settings)
        yield ""


def _settings(network: Network, connecting: Connecting) -> list[Setting]:
    """Those of its connector: they begin with the name of its folder, which two networks may share."""
    folder = type(connecting).__module__.partition("socialdesk.networks.")[2].partition(".")[0] or network.key
    return [setting for name, setting in SETTINGS.items() if name.startswith(f"SOCIALDESK_{folder.upper()}_")]


def _facts(*facts: tuple[str, str]) -> list[str]:
    return _items(f"**{name}:** {words}" if words else "" for name, words in facts)


def _items(items: Iterable[str]) -> list[str]:
    kept = [f"- {item}" for item in items if item]
    return [*kept, ""] if kept else []


def _describe_field(field: Field) -> str:
    return f"*{field.label}*{'' if field.is_required else ' (may stay empty)'}{f': {field.help}' if field.help else ''}"


def _and(names: Sequence[str]) -> str:
    return f"{', '.join(names[:-1])} and {names[-1]}" if len(names) > 1 else names[0]
