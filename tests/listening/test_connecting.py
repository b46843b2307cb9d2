"""Connecting accounts: by OAuth and by what is typed; what is refused, what is kept, and what nobody sees."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import pytest
from django.contrib.sessions.models import Session
from django.db import connection
from django.test import Client
from pytest_django import Settings

from listening.models import NetworkAccount
from listening.services import connecting
from profiles.models import Role
from socialdesk.lib.errors import NotAllowed
from socialdesk.networks import registry
from socialdesk.networks.base import Begun, Capabilities, Network, NetworkError
from tests.factories import make_account, make_agent
from tests.listening.pages import STRANGE, sign_in, text_of
from tests.listening.practice import Account, Connector, Server

pytestmark = pytest.mark.django_db
State = NetworkAccount.State


def go_away(client: Client) -> str:
    """The address at the network that the page leads to."""
    page = client.post("/accounts/connect/practice/", {"server": "practice.example"})
    assert page.status_code == 200, text_of(page)
    return str(page.context["url"])


def allow(there: Server, url: str) -> str:
    """The path and query by which the person's browser comes back."""
    back = urlsplit(there.authorize(dict(parse_qsl(urlsplit(url).query))))
    return f"{back.path}?{back.query}"


def connect(client: Client, there: Server) -> Any:
    return client.get(allow(there, go_away(client)), follow=True)


# --- By OAuth -----------------------------------------------------------------------------------------------------------


def test_an_account_is_connected_at_the_network_and_shown_with_what_it_may_do(oauth: Connector, there: Server) -> None:
    there.accounts[0].scopes = "read write"
    client = sign_in(Role.ADMIN)
    page = connect(client, there)
    assert page.redirect_chain == [("/accounts/", 302)]
    assert "@tidewheel on Practice is connected" in text_of(page)
    assert "Private messages: unavailable, because: The app was not allowed private messages." in text_of(page)
    account = NetworkAccount.objects.get()
    assert (account.external_id, account.username, account.display_name, account.state) == ("u1", "tidewheel", "Tidewheel", State.OK)
    assert account.connected_by is not None
    assert account.connected_by.role == Role.ADMIN
    assert account.credentials["token"] in there.tokens
    assert not account.capabilities.direct_message
    assert account.capabilities.reply


def test_the_verifier_never_leaves_the_desk_and_the_app_s_secret_is_kept_encrypted(oauth: Connector, there: Server) -> None:
    client = sign_in(Role.ADMIN)
    url = go_away(client)
    held = json.dumps(Session.objects.get().get_decoded())
    client.get(allow(there, url))
    (verifier,) = oauth.verifiers
    assert len(verifier) >= 43  # RFC 7636, 4.1
    for secret in (verifier, "secret-of-the-app"):
        assert secret not in url + held + client.cookies.output()


def test_an_account_s_own_limit_takes_the_place_of_its_network_s(oauth: Connector, there: Server) -> None:
    there.accounts[0].longest = 5000
    page = connect(sign_in(Role.ADMIN), there)
    assert NetworkAccount.objects.get().capabilities.max_length == 5000
    assert "at most 5,000 characters" in text_of(page)


@pytest.mark.parametrize("limit", [-1, True, 1.5, "9", None])
def test_a_limit_that_is_no_number_is_not_believed(limit: Any) -> None:
    assert Capabilities(max_length=300, reply=True).within({}, {"max_length": limit, "reply": 0, "idempotency": 3}).max_length == 300


def test_of_several_accounts_the_person_chooses(oauth: Connector, there: Server) -> None:
    there.accounts.append(Account("u2", "tidewheel_care", scopes="read write"))
    client = sign_in(Role.ADMIN)
    page = connect(client, there)
    assert page.redirect_chain == [("/accounts/choose/", 302)]
    assert "@tidewheel_care" in text_of(page)
    assert "Private messages: unavailable, because: The app was not allowed private messages." in text_of(page)
    assert not NetworkAccount.objects.exists()
    assert not any(token in page.content.decode() for token in there.tokens)
    assert "Choose at least one" in text_of(client.post("/accounts/choose/", follow=True))
    client.post("/accounts/choose/", {"account": ["u2", "u9"]})
    assert NetworkAccount.objects.get().username == "tidewheel_care"
    assert client.get("/accounts/choose/").headers["Location"] == "/accounts/connect/"


def test_several_accounts_of_one_network_stand_beside_each_other(oauth: Connector, there: Server) -> None:
    there.accounts.append(Account("u2", "tidewheel_care"))
    client = sign_in(Role.ADMIN)
    connect(client, there)
    client.post("/accounts/choose/", {"account": ["u1", "u2"]})
    assert sorted(NetworkAccount.objects.values_list("username", flat=True)) == ["tidewheel", "tidewheel_care"]


def test_whoever_would_come_back_to_another_address_is_told_before(oauth: Connector, settings: Settings) -> None:
    client = sign_in(Role.ADMIN)
    settings.PUBLIC_URL = "http://desk.example"
    page = client.get("/accounts/connect/practice/")
    assert "The network sends you back to http://desk.example , where you are not signed in" in text_of(page)
    assert 'href="http://desk.example/accounts/connect/practice/"' in page.content.decode()
    settings.PUBLIC_URL = "http://testserver"
    assert "sends you back" not in text_of(client.get("/accounts/connect/practice/"))


# --- Who comes back -----------------------------------------------------------------------------------------------------


def refused(response: Any) -> bool:
    """Nothing is connected, and the address with its code is left for one of our own."""
    return (response.status_code, response.headers.get("Location")) == (302, "/accounts/connect/practice/")


def test_a_state_counts_once(oauth: Connector, there: Server) -> None:
    client = sign_in(Role.ADMIN)
    back = allow(there, go_away(client))
    client.get(back)
    NetworkAccount.objects.all().delete()
    assert refused(client.get(back))
    assert len(oauth.verifiers) == 1


def test_a_state_counts_once_though_two_requests_read_the_session_at_the_same_time(oauth: Connector, there: Server) -> None:
    admin = make_agent(Role.ADMIN)
    away = connecting.send_away(network="practice", values={}, agent=admin, redirect_uri="http://desk/back")
    answer = dict(parse_qsl(urlsplit(there.authorize(dict(parse_qsl(urlsplit(away.url).query)))).query))
    again: dict[str, Any] = {"network": "practice", "state": answer["state"], "kept": away.kept, "agent": admin}
    assert connecting.come_back(**again, answer=answer, redirect_uri="http://desk/back")
    with pytest.raises(connecting.ForeignReturn, match="used already"):
        connecting.come_back(**again, answer=answer, redirect_uri="http://desk/back")
    assert len(oauth.verifiers) == 1


@pytest.mark.parametrize("state", ["", "nonsense", "WyJhIiwxLCJwcmFjdGljZSJd:1t:x", "\ud83d\ude00", "a" * 100_000])
def test_a_forged_state_is_refused(oauth: Connector, there: Server, state: str) -> None:
    client = sign_in(Role.ADMIN)
    there.codes["code"] = ("", "")
    go_away(client)
    query = urlencode({"code": "code", "state": state.encode(errors="surrogatepass")})
    assert refused(client.get(f"/accounts/callback/practice/?{query}"))
    assert refused(client.get("/accounts/callback/practice/?state=a&state=b"))
    assert oauth.verifiers == []


def test_an_old_state_is_refused(oauth: Connector, there: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    client = sign_in(Role.ADMIN)
    back = allow(there, go_away(client))
    monkeypatch.setattr(connecting, "PATIENCE", -1)
    assert refused(client.get(back))
    assert oauth.verifiers == []


def test_the_return_of_another_admin_s_sign_in_is_refused(oauth: Connector, there: Server) -> None:
    """Somebody gets an admin to open a return of their own, so that the desk would speak as their account."""
    attacker, victim = sign_in(Role.ADMIN), sign_in(Role.ADMIN)
    back = allow(there, go_away(attacker))
    go_away(victim)
    assert refused(victim.get(back))
    assert not NetworkAccount.objects.exists()


def test_a_session_that_was_taken_over_by_another_admin_does_not_finish_what_the_first_began(oauth: Connector, there: Server) -> None:
    first, second = make_agent(Role.ADMIN), make_agent(Role.ADMIN)
    away = connecting.send_away(network="practice", values={}, agent=first, redirect_uri="http://desk/back")
    answer = dict(parse_qsl(urlsplit(there.authorize(dict(parse_qsl(urlsplit(away.url).query)))).query))
    with pytest.raises(connecting.ForeignReturn):
        connecting.come_back(
            network="practice", state=answer["state"], kept=away.kept, answer=answer, agent=second, redirect_uri="http://desk/back"
        )
    assert oauth.verifiers == []


def test_the_return_of_one_network_is_nothing_to_another(oauth: Connector, there: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(registry.NETWORKS, "other", Network("other", "Other", connecting=oauth))
    client = sign_in(Role.ADMIN)
    back = allow(there, go_away(client)).replace("/practice/", "/other/")
    assert client.get(back).headers["Location"] == "/accounts/connect/other/"
    assert not NetworkAccount.objects.exists()


def test_a_return_without_a_session_leads_to_the_sign_in_and_is_worth_nothing_after_it(oauth: Connector, there: Server) -> None:
    back = allow(there, go_away(sign_in(Role.ADMIN)))
    stranger = Client()
    assert stranger.get(back).headers["Location"].startswith("/sign-in/")
    stranger.force_login(make_agent(Role.ADMIN), backend="django.contrib.auth.backends.ModelBackend")
    assert refused(stranger.get(back))
    assert not NetworkAccount.objects.exists()


@pytest.mark.parametrize("role", [role for role in Role.values if role != Role.ADMIN])
def test_only_admins_connect_check_and_remove(oauth: Connector, role: str) -> None:
    account = make_account("practice", external_id="u1", credentials={"token": "t"})
    client = sign_in(role)
    for path in ("/accounts/connect/", "/accounts/connect/practice/", "/accounts/callback/practice/", "/accounts/choose/"):
        assert client.get(path).status_code == 403
    for act in ("check", "remove"):
        assert client.post(f"/accounts/{account.pk}/{act}/").status_code == 403
    with pytest.raises(NotAllowed):
        connecting.remove_account(account_id=account.pk, agent=make_agent(role))
    assert client.get("/accounts/").status_code == (200 if role in (Role.LEAD, Role.MANAGER) else 403)


def test_a_return_is_no_door_to_other_places(oauth: Connector, there: Server) -> None:
    client = sign_in(Role.ADMIN)
    back = allow(there, go_away(client))
    response = client.get(back + "&next=https://evil.example/&redirect_uri=https://evil.example/")
    assert response.headers["Location"] == "/accounts/"
    assert response.headers["Referrer-Policy"] == "same-origin"


@pytest.mark.parametrize("url", ["javascript:alert(1)", "data:text/html,x", "//evil.example", "", "https:///path"])
def test_only_a_web_address_is_shown_as_the_way_to_the_network(oauth: Connector, there: Server, url: str) -> None:
    oauth.begin = lambda *args, **kwargs: Begun(url)  # type: ignore[method-assign]
    page = sign_in(Role.ADMIN).post("/accounts/connect/practice/", {"server": "x"})
    assert page.status_code == 422
    assert "gave no web address" in text_of(page)


def test_what_the_network_refuses_is_said_without_the_code(oauth: Connector, there: Server) -> None:
    client = sign_in(Role.ADMIN)
    back = allow(there, go_away(client))
    code = dict(parse_qsl(urlsplit(back).query))["code"]
    there.codes.clear()
    page = client.get(back, follow=True)
    assert "could not be connected. HTTP 400" in text_of(page)
    assert code not in page.content.decode()
    away = go_away(client)
    state = dict(parse_qsl(urlsplit(away).query))["state"]
    said = client.get(f"/accounts/callback/practice/?{urlencode({'state': state, 'error': STRANGE})}", follow=True)
    assert "refused there" in text_of(said)
    assert b"<script>alert" not in said.content


# --- What is typed ------------------------------------------------------------------------------------------------------


def test_an_account_is_connected_with_a_token_that_is_never_shown_again(typed: Connector, there: Server) -> None:
    token = there.make_token(there.accounts[0])["token"]
    client = sign_in(Role.ADMIN)
    page = client.post("/accounts/connect/practice/", {"token": token, "server": ""}, follow=True)
    assert "@tidewheel on Practice is connected" in text_of(page)
    pages = [client.get(path).content.decode() for path in ("/accounts/", "/accounts/connect/practice/", "/sources/", "/api/accounts/")]
    assert not any(token in page for page in pages)
    with connection.cursor() as cursor:
        cursor.execute("SELECT credentials FROM listening_networkaccount")
        assert token not in str(cursor.fetchall())


def test_a_refused_token_is_neither_shown_nor_logged(typed: Connector, there: Server, caplog: pytest.LogCaptureFixture) -> None:
    page = sign_in(Role.ADMIN).post("/accounts/connect/practice/", {"token": "secret-of-mine"})
    assert page.status_code == 422
    assert "could not be connected. HTTP 401: the token … was revoked" in text_of(page)
    assert "secret-of-mine" not in page.content.decode() + caplog.text
    assert not NetworkAccount.objects.exists()


@pytest.mark.parametrize(
    ("value", "is_shown"),
    [
        ("mastodon.example", True),
        ("https://pds.example:8443/", True),
        ("abcd-efgh-ijkl-mnop", False),
        ("eyJhbGciOi.eyJzdWIiOi.SflKxwRJ", False),
        ("https://feeds.example/private?key=s3cret", False),
        ("short", True),
    ],
)
def test_what_may_be_a_secret_is_left_out_of_a_network_s_words(value: str, is_shown: bool) -> None:
    said = connecting.without_secrets(f"{value} was refused" + "!" * 500, {"anything": value})
    assert (value in said) is is_shown
    assert len(said) == 400


def test_a_secret_at_the_end_of_a_long_text_is_not_cut_into_view() -> None:
    assert "secret" not in connecting.without_secrets("x" * 395 + "secret-of-mine", {"token": "secret-of-mine"})


def test_a_server_that_was_typed_in_is_named_in_what_went_wrong(oauth: Connector) -> None:
    def be_away(values: Any, **_: Any) -> Any:
        raise NetworkError(f"{values['server']} cannot be reached.", retryable=True)

    oauth.begin = be_away  # type: ignore[method-assign]
    page = sign_in(Role.ADMIN).post("/accounts/connect/practice/", {"server": "my server"})
    assert "my server cannot be reached." in text_of(page)


def test_a_connector_that_breaks_says_nothing_of_what_was_typed(typed: Connector, caplog: pytest.LogCaptureFixture) -> None:
    def break_down(values: Any, **_: Any) -> Any:
        raise RuntimeError(f"cannot use {values['token']}")

    typed.finish = break_down  # type: ignore[method-assign]
    page = sign_in(Role.ADMIN).post("/accounts/connect/practice/", {"token": "secret-of-mine"})
    assert "Connecting on Practice failed (RuntimeError)" in text_of(page)
    assert "secret-of-mine" not in page.content.decode() + caplog.text


def test_what_must_be_typed_is_asked_for(typed: Connector, there: Server) -> None:
    page = sign_in(Role.ADMIN).post("/accounts/connect/practice/", {"token": " "})
    assert page.status_code == 422
    assert "Nothing was connected" in text_of(page)
    assert there.seen == []


def test_a_network_that_lacks_settings_says_which_and_connects_nothing(typed: Connector, there: Server) -> None:
    typed.needs = "give SOCIALDESK_PRACTICE_ID."
    client = sign_in(Role.ADMIN)
    assert "give SOCIALDESK_PRACTICE_ID." in text_of(client.get("/accounts/connect/"))
    page = client.post("/accounts/connect/practice/", {"token": "t"})
    assert page.status_code == 422
    assert there.seen == []


@pytest.mark.parametrize("network", ["sandbox", "nowhere", "../x", "%00"])
def test_a_network_without_a_way_to_connect_is_not_there(network: str) -> None:
    assert sign_in(Role.ADMIN).get(f"/accounts/connect/{network}/").status_code == 404


def test_names_that_a_network_gives_are_shown_as_words(typed: Connector, there: Server) -> None:
    there.accounts[0] = Account("u1", f"tide{STRANGE}", name=STRANGE * 20)
    token = there.make_token(there.accounts[0])["token"]
    page = sign_in(Role.ADMIN).post("/accounts/connect/practice/", {"token": token}, follow=True)
    assert page.status_code == 200
    assert b"<script>alert" not in page.content
    assert "\u202e" not in page.content.decode()
    assert len(NetworkAccount.objects.get().display_name) <= 200


@pytest.mark.parametrize(("external_id", "username"), [("", "tidewheel"), ("u1", ""), (None, None), ("\x00", "tidewheel")])
def test_an_account_without_a_name_or_a_number_is_not_kept(typed: Connector, there: Server, external_id: Any, username: Any) -> None:
    there.accounts[0] = Account(external_id, username)
    token = there.make_token(there.accounts[0])["token"]
    page = sign_in(Role.ADMIN).post("/accounts/connect/practice/", {"token": token})
    assert "named no account" in text_of(page)
    assert not NetworkAccount.objects.exists()
