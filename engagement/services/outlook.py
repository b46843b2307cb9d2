"""What an agent should know before answering in a conversation: rules, brake, who reads it first, what waits, what is better in private."""

from __future__ import annotations

from dataclasses import dataclass

from engagement.models import Approval
from engagement.services.approvals import read_of_conversation
from engagement.services.brake import Stage
from engagement.services.facts import read_facts
from engagement.services.heat import Suggestion, suggest_private
from engagement.services.marks import rules_of
from engagement.services.policy import Judgement, judge, never_words
from engagement.services.thread import Thread
from listening.models import Conversation
from profiles.models import Agent


@dataclass(frozen=True, slots=True)
class Outlook:
    """`must` are names of rules, `waiting` drafts that wait for a lead, `declined` this agent's last draft if a lead sent it back."""

    suggestion: Suggestion
    judgement: Judgement
    must: list[str]
    waiting: list[Approval]
    declined: Approval | None
    agent: Agent

    @property
    def obstacle(self) -> str:
        """Why nothing that is typed can go out in public now; "" where it can."""
        if self.judgement.never:
            return never_words(self.judgement.never)
        match self.judgement.brake.stage:
            case Stage.CLOSING:
                return "Only the closing line may still be said in public here."
            case Stage.CLOSED:
                return self.judgement.brake.words
        if any(approval.agent_id == self.agent.pk for approval in self.waiting):
            return "Your draft waits for a lead. Take it back to write another one."
        return ""

    @property
    def needs(self) -> tuple[str, ...]:
        """Why a lead reads the next public answer first; empty where nobody does."""
        brake, needs = self.judgement.brake, self.judgement.needs
        if brake.stage is Stage.APPROVAL and not self.agent.may_approve:
            return (brake.reason, *needs)
        return needs


def read_outlook(conversation: Conversation, *, agent: Agent, thread: Thread | None) -> Outlook:
    """Six queries, or eight without a thread that was read already."""
    facts = read_facts(conversation, thread)
    drafts = read_of_conversation(conversation.pk, agent=agent)
    mine = [approval for approval in drafts if approval.agent_id == agent.pk]
    return Outlook(
        suggestion=suggest_private(conversation, facts),
        judgement=judge(conversation, agent=agent, facts=facts),
        must=rules_of(conversation.pk),
        waiting=[approval for approval in drafts if approval.state == Approval.State.PENDING],
        declined=mine[0] if mine and mine[0].state == Approval.State.DECLINED else None,
        agent=agent,
    )
