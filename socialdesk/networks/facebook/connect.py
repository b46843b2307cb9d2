"""Connecting Facebook pages and Instagram accounts: signing in at Facebook, then the pages that were allowed, each with its own token."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, Literal
from urllib.parse import urlencode

from django.conf import settings

from socialdesk.networks.base import AccountConfig, Begun, Connected, Field, Grant, NetworkError
from socialdesk.networks.facebook.client import Client, at
from socialdesk.networks.facebook.errors import NOT_PERMITTED
from socialdesk.networks.facebook.values import id_of, list_of, number_of, object_of, text_of

# What each needs of what a person allows: names of Capabilities, and the permissions without which they cannot be.
_NEEDS: dict[str, dict[str, tuple[str, ...]]] = {
    "facebook": {
        "reply": ("pages_manage_engagement",),
        "like": ("pages_manage_engagement",),
        "hide": ("pages_manage_engagement",),
        "delete": ("pages_manage_engagement",),
        "post": ("pages_manage_posts",),
        "direct_message": ("pages_messaging",),
        "reads_direct_messages": ("pages_messaging",),
        "webhooks": ("pages_manage_metadata",),
        "backfill": ("pages_read_engagement", "pages_read_user_content"),
        "context": ("pages_read_engagement", "pages_read_user_content"),
    },
    "instagram": {
        "reply": ("instagram_manage_comments",),
        "hide": ("instagram_manage_comments",),
        "delete": ("instagram_manage_comments",),
        "direct_message": ("instagram_manage_messages",),
        "reads_direct_messages": ("instagram_manage_messages",),
        "webhooks": ("pages_manage_metadata",),
        "backfill": ("instagram_basic",),
        "context": ("instagram_basic",),
    },
}
# What the one private answer to a comment needs besides (Messenger Platform, "Private Replies"); a message to who wrote first does not.
_PRIVATE_ANSWER: dict[str, tuple[str, ...]] = {
    "facebook": ("pages_messaging",),
    "instagram": ("instagram_manage_comments", "pages_messaging"),
}
# The same of what the person may do on the page (its "tasks").
_TASKS: dict[str, dict[str, str]] = {
    "facebook": {
        "reply": "MODERATE",
        "like": "MODERATE",
        "hide": "MODERATE",
        "delete": "MODERATE",
        "post": "CREATE_CONTENT",
        "direct_message": "MESSAGING",
        "reads_direct_messages": "MESSAGING",
    },
    "instagram": {
        "reply": "MODERATE",
        "hide": "MODERATE",
        "delete": "MODERATE",
        "direct_message": "MESSAGING",
        "reads_direct_messages": "MESSAGING",
    },
}
_BUSINESS = "business_management"  # without it the list of a person's pages leaves out those that belong to a business (since v17)
_ALWAYS = ("pages_show_list", "pages_read_engagement", _BUSINESS)
# The same for both networks, whose accounts share a page: Facebook keeps only what was asked for last.
_TOLD_OF = "feed,mention"
_TOLD_OF_MESSAGES = "messages,message_echoes"
_PAGE_FIELDS = "id,name,username,access_token,tasks,instagram_business_account{id,username,name}"


class MetaConnecting:
    """See Connecting. One page, or one Instagram account, of those that a person allowed."""

    by_redirect = True

    def __init__(self, network: Literal["facebook", "instagram"]) -> None:
        self.network = network
        self.fields: tuple[Field, ...] = ()
        steps = [
            "Make an app of the type Business at developers.facebook.com and give the desk its id and secret.",
            f"Under Webhooks let it call this desk at /hooks/{network}/ with the verify token that you gave the desk.",
            "Let Meta's review of the app include business_management: without it Facebook does not name pages that belong to a business.",
            "Sign in as somebody who may do everything on the page, and allow all that Facebook asks. Meta wants that anew every 90 days.",
        ]
        if network == "instagram":
            steps.insert(2, "Make the Instagram account a professional one and link it to a Facebook page of yours.")
        self.steps = tuple(steps)

    def missing(self) -> str:
        absent = [f"SOCIALDESK_{name}" for name in ("FACEBOOK_APP_ID", "FACEBOOK_APP_SECRET") if not getattr(settings, name)]
        return f"the desk's owner must set {' and '.join(absent)}." if absent else ""

    def begin(self, values: Mapping[str, str], *, redirect_uri: str, state: str, challenge: str) -> Begun:
        query = {
            "client_id": settings.FACEBOOK_APP_ID,
            "redirect_uri": redirect_uri,
            "state": state,
            "scope": ",".join(self._scopes),
            "response_type": "code",
        }
        return Begun(f"{settings.FACEBOOK_WEB}/v{settings.FACEBOOK_VERSION}/dialog/oauth?{urlencode(query)}")

    def finish(self, values: Mapping[str, str], *, answer: Mapping[str, str], verifier: str, redirect_uri: str) -> Sequence[Connected]:
        code = answer.get("code", "")
        if not code:
            # Not in the words that came with it: the page shows nothing of what a return holds.
            raise NetworkError("It was not allowed there, so nothing was connected.", permanent=True, code="denied")
        brief = self._token({"code": code, "redirect_uri": redirect_uri})
        lasting = self._token({"grant_type": "fb_exchange_token", "fb_exchange_token": brief})
        permitted = debug(lasting)
        person = Client(lasting, account=f"{self.network}:sign-in:{permitted.user_id}")
        found = [
            connected
            for entries in person.pages("me/accounts", fields=_PAGE_FIELDS, limit=100)
            for page in map(object_of, entries)
            if (connected := self._connect(page, permitted)) is not None
        ]
        if not found and not permitted.has(_BUSINESS):
            raise NetworkError(
                "It named no page that the desk may use. Pages that belong to a business are named only where business_management is"
                " allowed too: begin again, and allow all that Facebook asks.",
                permanent=True,
                code="no_page",
            )
        return _named_apart(found)

    def probe(self, config: AccountConfig) -> Grant:
        token = config.credentials.get("access_token", "")
        permitted = debug(token)
        raw = Client.of(config).get(at(config.external_id), fields="id,name,username")
        tasks = [task for task in config.credentials.get("tasks", "").split(",") if task]
        page_id = _page_of(config)
        cannot = self._cannot(permitted, tasks, page_id=page_id, account_id=config.external_id)
        if "webhooks" not in cannot and not self._is_subscribed(Client.of(config), page_id):
            cannot["webhooks"] = "Facebook does not call the desk about it; it is read instead. Connect it again to be called."
        username = text_of(raw.get("username")) or config.username
        name, until = text_of(raw.get("name")), permitted.data_until
        limits = self._limits(permitted, cannot, page_id=page_id, account_id=config.external_id)
        return Grant(config.external_id, username, name, cannot=cannot, limits=limits, sign_in_until=until)

    def renew(self, config: AccountConfig) -> Mapping[str, str] | None:
        """The token of a page does not end, but with what its person allowed."""
        return None

    def give_back(self, config: AccountConfig) -> str:
        """Facebook's calls about the page, unless another account of ours is on it. Nothing else: ending what the person allowed would end
        it for their other pages too."""
        page_id = _page_of(config)
        if config.others is not None and not any(other.network in _NEEDS and _page_of(other) == page_id for other in config.others):
            self._unsubscribe(Client.of(config), page_id)
        return "Whoever connected it can take back on Facebook what the desk was allowed, under Settings, Business integrations."

    @property
    def _scopes(self) -> list[str]:
        needed = [*_NEEDS[self.network].values(), _PRIVATE_ANSWER[self.network]]
        return list(dict.fromkeys([*_ALWAYS, *(scope for scopes in needed for scope in scopes)]))

    def _token(self, given: dict[str, str]) -> str:
        # Posted, so that neither secret nor code stands in an address.
        client = Client("", account="facebook:app")
        app = {"client_id": settings.FACEBOOK_APP_ID, "client_secret": settings.FACEBOOK_APP_SECRET}
        answer = client.post("oauth/access_token", {**app, **given})
        token = text_of(answer.get("access_token"))
        if not token:
            raise NetworkError("Facebook gave no token.", permanent=True, code="unreadable_answer")
        return token

    def _connect(self, page: dict[str, Any], permitted: Permitted) -> Connected | None:
        """One page that was allowed, or the Instagram account that is linked to it; None where there is none."""
        page_id, token = id_of(page.get("id")), text_of(page.get("access_token"))
        account = object_of(page.get("instagram_business_account")) if self.network == "instagram" else page
        account_id = id_of(account.get("id"))
        if not page_id or not token or not account_id:
            return None
        tasks = [text_of(task) for task in list_of(page.get("tasks")) if text_of(task)]
        credentials = {"access_token": token, "page_id": page_id, "tasks": ",".join(tasks)}
        cannot = self._cannot(permitted, tasks, page_id=page_id, account_id=account_id)
        name = text_of(account.get("name"))
        username = text_of(account.get("username")) or name or account_id
        limits = self._limits(permitted, cannot, page_id=page_id, account_id=account_id)
        grant = Grant(account_id, username, name, cannot=cannot, limits=limits, sign_in_until=permitted.data_until)
        return Connected(credentials, grant)

    def ask_for_calls(self, connected: Connected) -> Connected:
        """Once a person chose it: of a page that they allowed besides, nothing may be told to the desk."""
        grant = connected.grant
        if "webhooks" in grant.cannot:
            return connected
        cannot = {**grant.cannot, **self._subscribe(connected.credentials["page_id"], connected.credentials["access_token"])}
        return replace(connected, grant=replace(grant, cannot=cannot))

    def _subscribe(self, page_id: str, token: str) -> dict[str, str]:
        """Ask Facebook to call the desk about that page. Doing it again changes nothing."""
        client = Client(token, account=f"facebook:{page_id}")
        where = at(page_id, "subscribed_apps")
        try:
            try:
                client.post(where, {"subscribed_fields": f"{_TOLD_OF},{_TOLD_OF_MESSAGES}"})
            except NetworkError as error:
                if error.code != NOT_PERMITTED:
                    raise
                client.post(where, {"subscribed_fields": _TOLD_OF})  # one field that it may not ask for costs all others
        except NetworkError as error:
            return {"webhooks": f"Facebook does not call the desk about it; it is read instead. {error}"[:300]}
        return {}

    @staticmethod
    def _unsubscribe(client: Client, page_id: str) -> None:
        """Facebook calls our app about that page no more. What has ended already, or never was allowed, is no error."""
        try:
            client.delete(at(page_id, "subscribed_apps"))
        except NetworkError as error:
            if not error.account_revoked and error.code not in (NOT_PERMITTED, "not_found"):
                raise

    def _is_subscribed(self, client: Client, page_id: str) -> bool:
        """Whether Facebook calls our app about that page."""
        try:
            apps = [app for page in client.pages(at(page_id, "subscribed_apps"), fields="id") for app in page]
        except NetworkError as error:
            if error.code != NOT_PERMITTED:
                raise
            return False
        return any(id_of(object_of(app).get("id")) == settings.FACEBOOK_APP_ID for app in apps)

    def _cannot(self, permitted: Permitted, tasks: Sequence[str], *, page_id: str, account_id: str) -> dict[str, str]:
        cannot: dict[str, str] = {}
        for ability, scopes in _NEEDS[self.network].items():
            absent = [scope for scope in scopes if not permitted.has(scope, page_id, account_id)]
            if absent:
                cannot[ability] = f"The permission {' and '.join(absent)} was not given. Connect it again and allow it."
        for ability, task in _TASKS[self.network].items():
            if tasks and task not in tasks and ability not in cannot:
                cannot[ability] = f"Who connected it may not do this on the page (task {task}). Let somebody connect it who may."
        if not settings.FACEBOOK_VERIFY_TOKEN and "webhooks" not in cannot:
            cannot["webhooks"] = "The desk has no SOCIALDESK_FACEBOOK_VERIFY_TOKEN, without which Facebook does not call it."
        return cannot

    def _limits(self, permitted: Permitted, cannot: Mapping[str, str], *, page_id: str, account_id: str) -> dict[str, int]:
        """A picture is put on the page, unseen, before an answer shows it: who may not post there sends none. And no private answer to a
        comment is offered that Facebook would refuse."""
        answers_privately = all(permitted.has(scope, page_id, account_id) for scope in _PRIVATE_ANSWER[self.network])
        return ({"max_pictures": 0} if "post" in cannot else {}) | ({} if answers_privately else {"private_reply_days": 0})


@dataclass(frozen=True, slots=True)
class Permitted:
    """What a token is good for, and until when Meta gives data without a new sign-in. `only` maps a permission to the pages or accounts
    that it was limited to."""

    user_id: str
    scopes: frozenset[str]
    only: Mapping[str, frozenset[str]]
    data_until: datetime | None

    def has(self, scope: str, *ids: str) -> bool:
        if scope not in self.scopes:
            return False
        return scope not in self.only or not self.only[scope].isdisjoint(ids)


def debug(token: str) -> Permitted:
    """Ask as our app what a token may do. Raises NetworkError, `account_revoked` where it is good for nothing any more."""
    app = Client(f"{settings.FACEBOOK_APP_ID}|{settings.FACEBOOK_APP_SECRET}", account="facebook:app")
    try:
        data = object_of(app.get("debug_token", input_token=token).get("data"))
    except NetworkError as error:
        if not error.account_revoked:
            raise
        # It is the desk's app that is refused here, not whose token is asked about.
        said = "Facebook does not know the desk's app. Its owner must mend SOCIALDESK_FACEBOOK_APP_ID and SOCIALDESK_FACEBOOK_APP_SECRET."
        raise NetworkError(said, permanent=True, code="unknown_app") from None
    if data.get("is_valid") is not True:
        reason = text_of(object_of(data.get("error")).get("message")) or "Facebook says that our sign-in has ended."
        said = app.hide(reason.replace(token, "…"))[:300]
        raise NetworkError(f"{said.rstrip('. ')}.", permanent=True, account_revoked=True, code="revoked")
    return Permitted(
        id_of(data.get("user_id")),
        frozenset(text_of(scope) for scope in list_of(data.get("scopes"))),
        dict(_limited(data.get("granular_scopes"))),
        _moment(data.get("data_access_expires_at")),
    )


def _page_of(config: AccountConfig) -> str:
    """The page that an account is, or is linked to."""
    return config.credentials.get("page_id") or config.external_id


def _moment(seconds: Any) -> datetime | None:
    """None for 0, as tokens have it that no person stands behind, and for what is no time."""
    try:
        return datetime.fromtimestamp(number_of(seconds), UTC) if number_of(seconds) > 0 else None
    except (ValueError, OverflowError, OSError):
        return None


def _limited(granular: Any) -> Iterator[tuple[str, frozenset[str]]]:
    for entry in map(object_of, list_of(granular)):
        targets = frozenset(id_of(target) for target in list_of(entry.get("target_ids")))
        if text_of(entry.get("scope")) and targets:  # without targets it holds for all
            yield text_of(entry.get("scope")), targets


def _named_apart(found: Sequence[Connected]) -> list[Connected]:
    """Pages need no user name, and two may be called the same: then their ids tell them apart."""
    names = [one.grant.username for one in found]
    return [one if names.count(one.grant.username) == 1 else _with_id(one) for one in found]


def _with_id(one: Connected) -> Connected:
    return replace(one, grant=replace(one.grant, username=f"{one.grant.username} ({one.grant.external_id})"))
