"""Whether a public reply may go out, and how: rules first, then the brake, then who has to read it first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from engagement.models import EngagementRule, Policy
from engagement.services.brake import Brake, Stage, find_brake, is_closing_line, last_lift
from engagement.services.certificates import find_gap
from engagement.services.facts import Facts, read_facts
from engagement.services.rules import Match, match_rules, read_rules
from listening.models import Conversation
from profiles.models import Agent
from socialdesk.lib.clock import now as current_time
from socialdesk.lib.errors import Conflict, DeskError, NotAllowed

Kind = EngagementRule.Kind


class NeverAnswer(Conflict):
    """A rule says that this is not answered in public. `rule` is its name."""

    code = "never_rule"


class BrakeOn(Conflict):
    """The thread is heated and was answered often enough. Codes `closing_line_only` (with the `closing_line`) and `brake_closed`."""


class ApprovalNeeded(Conflict):
    """A lead has to read it first; nothing was kept of it. `reasons` say why. `approvals.submit_reply` stores it instead."""

    code = "approval_needed"


@dataclass(frozen=True, slots=True)
class Judgement:
    """What holds for this agent's next public reply in a conversation, before its text is known."""

    never: tuple[Match, ...]
    may: tuple[Match, ...]
    needs: tuple[str, ...]  # why a lead has to read it, in words
    brake: Brake


@dataclass(frozen=True, slots=True)
class Verdict:
    """The reply may go out, held back for `hold` seconds at least; `hold_reason` says why in words."""

    hold: float = 0.0
    hold_reason: str = ""
    is_closing_line: bool = False


def judge(conversation: Conversation, *, agent: Agent, facts: Facts) -> Judgement:
    """Three queries: rules, policy, lifts."""
    policy = Policy.current()
    matches = match_rules(read_rules(Kind.NEVER, Kind.APPROVAL, Kind.MAY), facts)
    lifted_at = last_lift(conversation.pk)
    brake = find_brake(facts.turns, policy=policy, lifted_at=lifted_at, language=conversation.language)
    needs: list[str] = []
    if not agent.may_approve:
        gap = find_gap(agent, policy=policy, now=current_time())
        needs = [gap] if gap else []
        needs += [match.reason for match in matches if match.rule.kind == Kind.APPROVAL]
    return Judgement(
        never=tuple(match for match in matches if match.rule.kind == Kind.NEVER),
        may=tuple(match for match in matches if match.rule.kind == Kind.MAY),
        needs=tuple(needs),
        brake=brake,
    )


def check_policy(conversation: Conversation, *, agent: Agent, text: str, is_approved: bool = False, besides: int | None = None) -> Verdict:
    """Judge a public reply, with the conversation locked. Six queries.

    `is_approved`: a lead has read it. That lifts what needs a lead, not a never-rule, nor the brake after its closing line.
    `besides` is a message that does not count: the one that is tried again. Raises NeverAnswer, BrakeOn and ApprovalNeeded.
    """
    judgement = judge(conversation, agent=agent, facts=read_facts(conversation, besides=besides))
    _refuse_never(judgement.never)
    brake, needs = judgement.brake, list(judgement.needs)
    is_closing = brake.is_on and is_closing_line(text)
    if brake.stage is Stage.CLOSED:
        raise _braked(brake, "brake_closed")
    if brake.stage is Stage.CLOSING and not is_closing:
        raise _braked(brake, "closing_line_only", closing_line=brake.closing_line)
    if brake.stage is Stage.APPROVAL and not is_closing and not agent.may_approve:
        needs.insert(0, brake.reason)
    if needs and not is_approved:
        raise ApprovalNeeded(f"A lead has to read this first: {'; '.join(needs)}.", reasons=needs)
    if brake.stage is Stage.COOLING and not is_closing:
        return Verdict(brake.cooling_minutes * 60.0, f"It cools down first: {brake.words.partition(':')[0]}.")
    return Verdict(is_closing_line=is_closing)


def check_never(conversation: Conversation) -> None:
    """Raises NeverAnswer if a rule forbids a public reply: for one that was let in before and is to go out after all. Four queries."""
    _refuse_never(match_rules(read_rules(Kind.NEVER), read_facts(conversation)))


def _refuse_never(never: Sequence[Match]) -> None:
    if never:
        raise NeverAnswer(never_words(never), rule=never[0].rule.name)


def never_words(never: Sequence[Match]) -> str:
    """Which rules forbid it, and what to do instead."""
    names = " and ".join(f"“{match.rule.name}”" for match in never)
    word = "rules" if len(never) > 1 else "rule"
    verb = "say" if len(never) > 1 else "says"
    return f"The {word} {names} {verb}: never answer this in public. Write in private, or leave a note for who decides."


def _braked(brake: Brake, code: str, **extra: str) -> DeskError:
    error = BrakeOn(brake.words, stage=brake.stage, answers=brake.answers, **extra)
    error.code = code
    return error


def save_policy(*, agent: Agent, brake_after: int, cooling_minutes: int, require_certificate: bool) -> Policy:
    """Change what holds for everybody. Raises NotAllowed and DeskError."""
    if not agent.may_configure:
        raise NotAllowed("This is changed by leads, managers and admins.")
    if not 1 <= brake_after <= 20:
        raise DeskError("The brake begins after 1 to 20 answers.")
    if not 1 <= cooling_minutes <= 1440:
        raise DeskError("An answer cools down for 1 to 1440 minutes.")
    changes = {"brake_after": brake_after, "cooling_minutes": cooling_minutes, "require_certificate": require_certificate}
    policy, _ = Policy.objects.update_or_create(pk=1, defaults={**changes, "changed_by": agent})
    return policy
