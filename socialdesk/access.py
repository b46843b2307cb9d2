"""Who may use which address: one table, enforced in one place, walked by a test.

An address that is not in the table is refused to everybody, so that a new page is closed until somebody decides.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import reverse
from rest_framework.permissions import BasePermission
from rest_framework.request import Request

from profiles.models import Agent, Role
from socialdesk.lib.address import is_link_host

EVERYBODY = frozenset(Role)
CARE = frozenset({Role.AGENT, Role.LEAD, Role.ADMIN})  # write to customers
SENDERS = CARE | {Role.MARKETING}  # have written something that went out: marketing in its fixed wordings only
LEADERS = frozenset({Role.LEAD, Role.MANAGER, Role.ADMIN})  # decide what is listened for
APPROVERS = CARE & LEADERS  # send what others drafted
WORKERS = CARE | LEADERS  # change conversations
ADMIN = frozenset({Role.ADMIN})
NOBODY: frozenset[Role] = frozenset()
READS = ("GET", "HEAD", "OPTIONS")


@dataclass(frozen=True, slots=True)
class Rule:
    """Roles that may read (GET) and write (everything else). `is_public`: no sign-in at all."""

    read: frozenset[Role] = NOBODY
    write: frozenset[Role] = NOBODY
    is_public: bool = False

    def allows(self, role: str, method: str) -> bool:
        return role in (self.read if method in READS else self.write)


PUBLIC = Rule(is_public=True)

ACCESS: dict[str, Rule] = {
    # The desk
    "stream": Rule(EVERYBODY),
    "feed": Rule(EVERYBODY),
    "feed_cards": Rule(EVERYBODY),
    "counts": Rule(EVERYBODY),
    "conversation": Rule(EVERYBODY),
    "conversation_above": Rule(EVERYBODY),
    "picture": Rule(EVERYBODY),
    "film": Rule(EVERYBODY),
    "conversation_claim": Rule(write=CARE),
    "conversation_release": Rule(write=WORKERS),
    "conversation_assign": Rule(write=WORKERS),
    "conversation_snooze": Rule(write=WORKERS),
    "conversation_resolve": Rule(write=WORKERS),
    "conversation_reopen": Rule(write=WORKERS),
    "bulk": Rule(write=WORKERS),
    "mention_why": Rule(EVERYBODY),
    "mention_correct": Rule(write=EVERYBODY),
    "search_save": Rule(write=EVERYBODY),
    "search_delete": Rule(write=EVERYBODY),
    # Answers. A note is for everybody; what goes out is refused to others by the service.
    "send": Rule(write=EVERYBODY),
    "draft": Rule(write=EVERYBODY),
    "draft_check": Rule(write=EVERYBODY),
    "attachment": Rule(EVERYBODY),
    "api_attachments": Rule(write=CARE),
    "api_attachment": Rule(write=CARE),
    "pictures_add": Rule(write=CARE),
    "picture_describe": Rule(write=CARE),
    "picture_remove": Rule(write=CARE),
    "mention_like": Rule(write=CARE),
    "mention_hide": Rule(write=APPROVERS),
    # What was hidden is shown again by leads: the service asks what it is
    "act_take_back": Rule(write=CARE),
    # Whoever wrote an answer takes it down, or a lead: the service asks who it was
    "message_take_down": Rule(write=SENDERS),
    "delivery_undo": Rule(write=SENDERS),
    "delivery_decide": Rule(write=SENDERS),
    "outbox": Rule(EVERYBODY),
    # Moves to other channels
    "conversation_ask_follow": Rule(write=CARE),
    # Whoever a conversation is handed to says yes or no, whatever their role.
    "conversation_hand_over": Rule(write=WORKERS),
    "handover_settle": Rule(write=EVERYBODY),
    "conversation_link": Rule(write=CARE),
    "conversation_waive": Rule(write=WORKERS),
    "hop_done": Rule(write=CARE),
    "link_revoke": Rule(write=CARE),
    # Templates and articles; what a role may do with a template in public is refused by the service
    "templates": Rule(EVERYBODY),
    "template_new": Rule(LEADERS, LEADERS),
    "template_edit": Rule(LEADERS, LEADERS),
    "template_switch": Rule(write=LEADERS),
    "template_preview": Rule(write=LEADERS),
    "template_rights": Rule(CARE & LEADERS, CARE & LEADERS),
    "suggestions": Rule(CARE),
    "conversation_acknowledge": Rule(write=CARE),
    "conversation_article": Rule(write=CARE),
    "articles": Rule(EVERYBODY),
    "article_new": Rule(LEADERS, LEADERS),
    "article_edit": Rule(LEADERS, LEADERS),
    "article_reviewed": Rule(write=LEADERS),
    "article_preview": Rule(write=LEADERS),
    "help": PUBLIC,
    "help_article": PUBLIC,
    "help_vote": PUBLIC,
    "links": Rule(EVERYBODY),
    "returns": Rule(EVERYBODY),
    "tickets": Rule(EVERYBODY),
    "ticket": Rule(EVERYBODY),
    "ticket_update": Rule(write=CARE),
    "ticket_change": Rule(write=CARE),
    "ticket_move": Rule(write=CARE),
    "conversation_ticket": Rule(write=CARE),
    # Calls, contacts, and what the desk begins by e-mail and text message
    "callbacks": Rule(CARE),
    "callback_begin": Rule(write=CARE),
    "callback_call": Rule(CARE),
    "callback_end": Rule(write=CARE),
    "conversation_contacts": Rule(CARE),
    "verification_send": Rule(write=CARE),
    "verification_ask": Rule(write=CARE),
    "verification_enter": Rule(write=CARE),
    "verification_judge": Rule(write=CARE),
    "notices": Rule(WORKERS),
    "notice_decide": Rule(write=CARE),
    # Live chats
    "chats_here": Rule(write=CARE),
    "chat_accept": Rule(write=CARE),
    "chat_say": Rule(write=CARE),
    "chat_typing": Rule(write=CARE),
    "chat_transfer": Rule(write=CARE),
    "chat_end": Rule(write=CARE),
    # What customers see; the code is the permission
    "short_link": PUBLIC,
    "short_link_step": PUBLIC,
    "unsubscribe": PUBLIC,
    # What leads decide about answers. Care agents see the drafts that are theirs.
    "rules": Rule(EVERYBODY),
    "rule_new": Rule(LEADERS, LEADERS),
    "rule_edit": Rule(LEADERS, LEADERS),
    "rule_preview": Rule(write=LEADERS),
    "rule_switch": Rule(write=LEADERS),
    "must_answer": Rule(EVERYBODY),
    "policy_save": Rule(write=LEADERS),
    "certificate_save": Rule(write=LEADERS),
    "brake_lift": Rule(write=APPROVERS),
    "approvals": Rule(WORKERS),
    "approval_approve": Rule(write=APPROVERS),
    "approval_decline": Rule(write=APPROVERS),
    "approval_withdraw": Rule(write=CARE),
    # Praise. Everybody sees the board; marketing, leads and whoever it was forwarded to act on it, which the service makes sure of.
    "conversation_forward": Rule(write=EVERYBODY),
    "compliments": Rule(EVERYBODY),
    "compliment": Rule(EVERYBODY),
    "compliment_accept": Rule(write=EVERYBODY),
    "compliment_ask": Rule(write=EVERYBODY),
    "compliment_record": Rule(write=EVERYBODY),
    "compliment_share": Rule(write=EVERYBODY),
    "compliment_thank": Rule(write=EVERYBODY),
    "compliment_hand": Rule(write=EVERYBODY),
    "compliment_decline": Rule(write=EVERYBODY),
    "compliment_withdraw": Rule(write=EVERYBODY),
    "compliment_take_back": Rule(write=EVERYBODY),
    "compliment_removed": Rule(write=EVERYBODY),
    # Pages beside the desk
    "people": Rule(EVERYBODY),
    "segments": Rule(EVERYBODY),
    "segment_new": Rule(LEADERS, LEADERS),
    "segment_edit": Rule(LEADERS, LEADERS),
    "segment_preview": Rule(write=LEADERS),
    "segment_move": Rule(write=LEADERS),
    "segment_remove": Rule(write=LEADERS),
    "profile": Rule(EVERYBODY),
    "profile_card": Rule(EVERYBODY),
    "duplicates": Rule(EVERYBODY),
    "duplicate_dismiss": Rule(write=WORKERS),
    "profile_merge": Rule(WORKERS, WORKERS),
    "merge_undo": Rule(write=WORKERS),
    # People in files and in other systems. Who follows a link sees what their role may see.
    "imports": Rule(LEADERS, LEADERS),
    "import": Rule(LEADERS),
    "import_choose": Rule(write=LEADERS),
    "import_cancel": Rule(write=LEADERS),
    "import_refused": Rule(LEADERS),
    "people_export": Rule(LEADERS, LEADERS),
    "deep_links": Rule(ADMIN, ADMIN),
    "deep_link_preview": Rule(write=ADMIN),
    "deep_link_remove": Rule(write=ADMIN),
    "deep_link_follow": Rule(EVERYBODY),
    "ref_add": Rule(write=WORKERS),
    "ref_remove": Rule(write=WORKERS),
    # People's rights
    "privacy": Rule(ADMIN, ADMIN),
    "privacy_run": Rule(write=ADMIN),
    "profile_erase": Rule(APPROVERS, APPROVERS),
    "profile_archive": Rule(write=CARE),
    "profile_do_not_contact": Rule(write=CARE),
    "trends": Rule(EVERYBODY),
    "trends_posts": Rule(EVERYBODY),
    "trends_csv": Rule(EVERYBODY),
    "trends_counts_csv": Rule(EVERYBODY),
    "topics": Rule(EVERYBODY),
    "topic_new": Rule(LEADERS, LEADERS),
    "topic_edit": Rule(LEADERS, LEADERS),
    "topic_preview": Rule(EVERYBODY, EVERYBODY),
    "topic_switch": Rule(write=LEADERS),
    "sources": Rule(EVERYBODY),
    "source_pause": Rule(write=LEADERS),
    "source_resume": Rule(write=LEADERS),
    "source_backfill": Rule(write=LEADERS),
    "backfill": Rule(EVERYBODY),
    "backfill_move": Rule(write=LEADERS),
    "batch_rejections": Rule(EVERYBODY),
    # Our accounts. Who comes back from a network must be the admin who went there, which the view makes sure of.
    "accounts": Rule(LEADERS),
    "account_usage": Rule(LEADERS),
    "account_networks": Rule(ADMIN),
    "account_connect": Rule(ADMIN, ADMIN),
    "account_callback": Rule(ADMIN),
    "account_choose": Rule(ADMIN, ADMIN),
    "account_check": Rule(write=ADMIN),
    "account_remove": Rule(write=ADMIN),
    "company": Rule(ADMIN, ADMIN),
    "connections": Rule(ADMIN),
    "connection_new": Rule(ADMIN, ADMIN),
    "connection_edit": Rule(ADMIN, ADMIN),
    "connection_log": Rule(ADMIN),
    "connection_test": Rule(write=ADMIN),
    "connection_switch": Rule(write=ADMIN),
    "connection_secret": Rule(write=ADMIN),
    "connection_remove": Rule(write=ADMIN),
    "delivery_replay": Rule(write=ADMIN),
    # Coming and going
    "sign_in": PUBLIC,
    "sign_out": Rule(write=EVERYBODY),
    # Programs
    "schema": PUBLIC,
    "docs": PUBLIC,
    "api_mention-list": Rule(EVERYBODY, WORKERS),
    "api_mention-detail": Rule(EVERYBODY),
    "api_mention-correct": Rule(write=EVERYBODY),
    "api_conversation-list": Rule(EVERYBODY),
    "api_conversation-detail": Rule(EVERYBODY),
    "api_conversation-claim": Rule(write=CARE),
    "api_conversation-release": Rule(write=WORKERS),
    "api_conversation-assign": Rule(write=WORKERS),
    "api_conversation-snooze": Rule(write=WORKERS),
    "api_conversation-resolve": Rule(write=WORKERS),
    "api_conversation-reopen": Rule(write=WORKERS),
    "api_conversation_reply": Rule(write=CARE),
    "api_conversation_direct_message": Rule(write=CARE),
    "api_conversation_ask_follow": Rule(write=CARE),
    "api_conversation_hand_over": Rule(write=WORKERS),
    "api_handover": Rule(write=EVERYBODY),
    "api_conversation_note": Rule(write=EVERYBODY),
    "api_conversation_messages": Rule(EVERYBODY),
    "api_conversation_acknowledge": Rule(write=CARE),
    "api_conversation_templates": Rule(CARE),
    "api_template-list": Rule(EVERYBODY),
    "api_template-detail": Rule(EVERYBODY),
    "api_conversation_links": Rule(EVERYBODY, CARE),
    "api_conversation_hops": Rule(EVERYBODY),
    "api_conversation_surveys": Rule(EVERYBODY),
    "api_conversation_waive": Rule(write=WORKERS),
    "api_hop_done": Rule(write=CARE),
    "api_conversation_ticket": Rule(write=CARE),
    "api_ticket-list": Rule(EVERYBODY),
    "api_ticket-detail": Rule(EVERYBODY, CARE),
    "api_ticket-updates": Rule(EVERYBODY, CARE),
    "api_ticket-solve": Rule(write=CARE),
    "api_ticket-reopen": Rule(write=CARE),
    "api_ticket-close": Rule(write=CARE),
    "api_link-list": Rule(EVERYBODY),
    "api_link-detail": Rule(EVERYBODY),
    "api_link-revoke": Rule(write=CARE),
    "api_mention_like": Rule(write=CARE),
    "api_mention_hide": Rule(write=APPROVERS),
    "api_act_take_back": Rule(write=CARE),
    "api_message_take_down": Rule(write=SENDERS),
    "api_message_undo": Rule(write=SENDERS),
    "api_message_decide": Rule(write=SENDERS),
    "api_message_retry": Rule(write=SENDERS),
    "api_conversation_forward": Rule(write=EVERYBODY),
    "api_compliment-list": Rule(EVERYBODY),
    "api_compliment-detail": Rule(EVERYBODY),
    "api_compliment-accept": Rule(write=EVERYBODY),
    "api_compliment-ask": Rule(write=EVERYBODY),
    "api_compliment-record": Rule(write=EVERYBODY),
    "api_compliment-share": Rule(write=EVERYBODY),
    "api_compliment-thank": Rule(write=EVERYBODY),
    "api_compliment-hand": Rule(write=EVERYBODY),
    "api_compliment-decline": Rule(write=EVERYBODY),
    "api_compliment-withdraw": Rule(write=EVERYBODY),
    "api_compliment-take-back": Rule(write=EVERYBODY),
    "api_compliment-removed": Rule(write=EVERYBODY),
    "api_callbacks": Rule(CARE),
    "api_callback_begin": Rule(write=CARE),
    "api_callback_end": Rule(write=CARE),
    "api_notices": Rule(WORKERS),
    "api_notice_decide": Rule(write=CARE),
    "api_profile_notices": Rule(write=CARE),
    "api_conversation_verifications": Rule(CARE, CARE),
    "api_verification_enter": Rule(write=CARE),
    "api_outbox": Rule(EVERYBODY),
    "api_approvals": Rule(WORKERS),
    "api_approval_approve": Rule(write=APPROVERS),
    "api_approval_decline": Rule(write=APPROVERS),
    "api_approval_withdraw": Rule(write=CARE),
    "api_draft_check": Rule(write=EVERYBODY),
    "api_topic-list": Rule(EVERYBODY, LEADERS),
    "api_topic-detail": Rule(EVERYBODY, LEADERS),
    "api_topic_check": Rule(write=EVERYBODY),
    "api_source-list": Rule(EVERYBODY),
    "api_source-detail": Rule(EVERYBODY),
    "api_account-list": Rule(EVERYBODY),
    "api_account-detail": Rule(EVERYBODY),
    "api_profile-list": Rule(EVERYBODY),
    "api_profile-detail": Rule(EVERYBODY, WORKERS),
    "api_profile-contact-points": Rule(EVERYBODY, WORKERS),
    "api_profile-contact-point": Rule(write=WORKERS),
    "api_profile-notes": Rule(EVERYBODY, EVERYBODY),
    "api_profile-note": Rule(write=EVERYBODY),
    "api_profile-tags": Rule(EVERYBODY, EVERYBODY),
    "api_profile-timeline": Rule(EVERYBODY),
    "api_profile-export": Rule(CARE, CARE),
    "api_profile-erase": Rule(write=APPROVERS),
    "api_profile-do-not-contact": Rule(write=CARE),
    "api_profile-merge": Rule(write=WORKERS),
    "api_merge_undo": Rule(write=WORKERS),
    "api_suggestions": Rule(EVERYBODY),
    "api_suggestion_dismiss": Rule(write=WORKERS),
    "api_profile_changes": Rule(LEADERS),
    "api_profile_by_external": Rule(write=LEADERS),
    # What is written down about people by hand; what a role may not see is refused by the services
    "profile_edit": Rule(WORKERS, WORKERS),
    "profile_tag": Rule(write=EVERYBODY),
    "tag_options": Rule(EVERYBODY),
    "profile_contact_add": Rule(write=WORKERS),
    "profile_note_add": Rule(write=EVERYBODY),
    "profile_note": Rule(EVERYBODY, EVERYBODY),
    "profile_note_pin": Rule(write=EVERYBODY),
    "profile_note_remove": Rule(write=LEADERS),
    "profile_history": Rule(EVERYBODY),
    "profile_looks": Rule(LEADERS),
    "looks": Rule(LEADERS),
    "contact_show": Rule(write=EVERYBODY),
    "contact_revoke": Rule(write=WORKERS),
    "notes_naming": Rule(EVERYBODY, EVERYBODY),
    "custom_fields": Rule(ADMIN, ADMIN),
    "custom_field": Rule(ADMIN, ADMIN),
    "custom_field_archive": Rule(write=ADMIN),
    "field_rights": Rule(ADMIN, ADMIN),
    # Machines
    "people_hook": PUBLIC,  # what it is told must be signed by the connected system
    "sms_hook": PUBLIC,  # what it is told must be signed by the carrier
    "network_hook": PUBLIC,  # what it is told must be signed by the network
    "json_call": PUBLIC,  # what it is told must be signed, or carry the hook's secret
    "healthz": PUBLIC,
    "readyz": PUBLIC,
    "metrics": PUBLIC,  # the view itself answers to loopback and admins only
}


# What customers see. A domain that is kept for short links answers to nothing else.
VISITORS = frozenset({"short_link", "short_link_step"})
FOR_CUSTOMERS = VISITORS | {"help", "help_article", "help_vote", "unsubscribe"}


def find_rule(url_name: str | None) -> Rule:
    return ACCESS.get(url_name or "", Rule())


class AccessMiddleware:
    """Holds pages to the table. API views are held to it by TableAccess, after their own authentication."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self._get_response(request)

    def process_view(self, request: HttpRequest, view: Any, args: Any, kwargs: Any) -> HttpResponse | None:
        if hasattr(view, "cls") and hasattr(view.cls, "permission_classes"):
            return None
        name = request.resolver_match.url_name if request.resolver_match else None
        if name not in VISITORS and is_link_host(request):
            raise Http404("This address is for short links only.")
        rule = find_rule(name)
        if rule.is_public:
            return None
        user = request.user
        if not user.is_authenticated:
            if request.headers.get("HX-Request"):
                # A fragment must not be replaced by the sign-in page: the whole page goes there.
                return HttpResponse(status=401, headers={"HX-Redirect": reverse("sign_in")})
            return redirect_to_login(request.get_full_path())
        if not isinstance(user, Agent) or not rule.allows(user.role, request.method or ""):
            raise PermissionDenied("Your role does not include this.")
        return None


class TableAccess(BasePermission):
    """The same table for the API."""

    message = "Your role does not include this."

    def has_permission(self, request: Request, view: Any) -> bool:
        match = request._request.resolver_match
        rule = find_rule(match.url_name if match else None)
        if rule.is_public:
            return True
        user = request.user
        return isinstance(user, Agent) and user.is_active and rule.allows(user.role, request.method or "")
