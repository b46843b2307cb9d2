"""The pages of templates and articles, what the composer fetches at `/`, the key w, and the API beside them."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from knox.models import AuthToken

from engagement.models import Article, ArticleLink, Delivery, Message, Template, TemplateUse
from engagement.services.policy import save_policy
from engagement.services.template_uses import read_rights
from listening.models import Conversation
from profiles.models import Agent, Role
from socialdesk.lib.clock import now
from tests.engagement.desk import Desk, work
from tests.engagement.texts import make_article, make_template
from tests.factories import make_agent

pytestmark = pytest.mark.django_db
FRAGMENT = {"HX-Request": "true"}


@pytest.fixture
def lead(db: None) -> Client:
    return client_of(make_agent(Role.LEAD, username="lena"))


def client_of(agent: Agent) -> Client:
    client = Client()
    client.force_login(agent, backend="django.contrib.auth.backends.ModelBackend")
    return client


def program_of(agent: Agent) -> Client:
    return Client(headers={"Authorization": f"Token {AuthToken.objects.create(agent)[1]}"})


def page(response: Any) -> str:
    return " ".join(response.content.decode().split())


def told(response: Any) -> dict[str, Any]:
    heard: dict[str, Any] = json.loads(response["HX-Trigger"])["desk:done"]
    return heard


def count_queries(client: Client, path: str) -> int:
    with CaptureQueriesContext(connection) as queries:
        assert client.get(path).status_code == 200
    return len(queries)


def rows(*texts: tuple[str, str], network: str = "", audience: str = "public") -> dict[str, list[str]]:
    """The form's columns of texts, and the empty row at its end."""
    return {
        "language": [language for language, _ in texts] + [""],
        "text": [text for _, text in texts] + [""],
        "network": [network] * len(texts) + [""],
        "audience": [audience] * len(texts) + ["public"],
    }


# --- Templates ----------------------------------------------------------------------------------------------------------


def test_a_template_is_written_changed_and_switched_off(lead: Client) -> None:
    form = {"name": "Sorry", "purpose": "answer", "is_active": "on", **rows(("en", "We are sorry."), ("de", "Tut uns leid."))}
    assert lead.post("/templates/new/", form).status_code == 302
    template = Template.objects.get()
    assert {variant.language for variant in template.variants.all()} == {"en", "de"}
    assert "We are sorry." in page(lead.get("/templates/"))
    lead.post(f"/templates/{template.pk}/", {**form, "name": "Very sorry", **rows(("en", "We are very sorry."))})
    template.refresh_from_db()
    assert (template.name, [variant.text for variant in template.variants.all()]) == ("Very sorry", ["We are very sorry."])
    lead.post(f"/templates/{template.pk}/switch/", {"on": "0"})
    template.refresh_from_db()
    assert not template.is_active
    assert lead.get("/templates/999999/").status_code == 404
    assert lead.post("/templates/999999/switch/", {"on": "1"}, follow=True).status_code == 200


def test_a_mistake_is_said_and_what_was_typed_is_kept(lead: Client) -> None:
    answer = lead.post("/templates/new/", {"name": "Sorry", "purpose": "answer", **rows(("en", "Hi {first_name}"))})
    assert answer.status_code == 400
    assert "no variable {first_name}" in page(answer)
    assert "Hi {first_name}</textarea>" in page(answer)
    assert not Template.objects.exists()


def test_another_row_is_asked_for_without_saving(lead: Client) -> None:
    answer = page(lead.post("/templates/new/", {"more": "1", "name": "S", "purpose": "answer", **rows(("en", "One"), ("fr", "Deux"))}))
    assert answer.count('name="text"') == 3
    assert "Mara" not in answer
    assert not Template.objects.exists()


def test_the_preview_fills_the_examples_in_and_counts_as_each_network_does(lead: Client) -> None:
    answer = page(lead.post("/templates/preview/", rows(("en", "Dear {name}, " + "🚲" * 140 + " {due} <b>"))))
    assert "Dear Mara, " in answer
    assert "within 2 hours &lt;b&gt;" in answer
    assert "X 310 / 280 too long" in answer
    assert "Mastodon 170 / 468" in answer


def test_the_preview_says_where_a_text_takes_too_many_bytes(lead: Client) -> None:
    answer = page(lead.post("/templates/preview/", rows(("en", "👨‍👩‍👧‍👦" * 130))))
    assert "Bluesky 130 / 300 too long by 250 bytes" in answer
    assert "Mastodon 130 / 468" in answer
    assert answer.count("bytes") == 1


def test_templates_are_found_by_name_text_and_purpose(lead: Client) -> None:
    make_template("Sorry", "answer", en="We are sorry.")
    make_template("Thanks", "thank_you", en="Thank you.", de="Danke.")
    for query, found in (
        ("q=danke", ["Thanks"]),
        ("q=sor", ["Sorry"]),
        ("purpose=thank_you", ["Thanks"]),
        ("q=sorry+danke", []),
        ("", ["Sorry", "Thanks"]),
    ):
        shown = page(lead.get(f"/templates/?{query}"))
        assert [name for name in ("Sorry", "Thanks") if f"<bdi>{name}</bdi>" in shown] == found, query
    assert "<b>x" not in page(lead.get("/templates/?q=<b>x"))
    assert lead.get("/templates/?after=nonsense").status_code == 400


def test_the_lists_of_texts_have_a_fixed_number_of_queries(lead: Client, desk: Desk, sam: Agent) -> None:
    def grow(start: int, end: int) -> None:
        for number in range(start, end):
            variant = make_template(f"Template {number}", "answer", en="a").variants.get()
            conversation = desk.conversation(author=f"c{number}")
            message = Message.objects.create(conversation=conversation, kind="note", text="x", agent=sam, created_at=now(), sent_at=now())
            TemplateUse.objects.create(template=variant.template, variant=variant, message=message, agent=sam, is_edited=False, at=now())
            make_article(f"Article {number}")

    paths = ("/templates/", "/articles/", "/articles/?stale=1", "/help/")
    grow(0, 2)
    few = {path: count_queries(lead, path) for path in paths}
    grow(2, 25)
    assert {path: count_queries(lead, path) for path in paths} == few
    assert max(few.values()) <= 12


def test_rights_are_set_by_leads_and_admins_alone(lead: Client) -> None:
    lead.post("/templates/rights/", {"agent": "as_is", "lead": "edit", "admin": "free"})
    assert read_rights() == {"agent": "as_is", "lead": "edit", "admin": "free"}
    assert lead.post("/templates/rights/", {"agent": "shout"}, follow=True).status_code == 200
    assert read_rights()["agent"] == "as_is"
    for role in (Role.AGENT, Role.MANAGER, Role.MARKETING):
        assert client_of(make_agent(role)).get("/templates/rights/").status_code == 403


# --- Articles -----------------------------------------------------------------------------------------------------------


def test_an_article_is_written_previewed_and_reviewed(lead: Client) -> None:
    texts = {"language": ["en", ""], "title": ["Battery", ""], "body": ["Warm **it**.", ""]}
    assert "<strong>it</strong>" in page(lead.post("/articles/preview/", texts))
    assert lead.post("/articles/new/", {"slug": "", "is_published": "on", **texts}).status_code == 302
    article = Article.objects.get()
    assert (article.slug, article.is_published) == ("battery", True)
    Article.objects.update(reviewed_at=now() - timedelta(days=200))
    assert "not reviewed for 200 days" in page(lead.get("/articles/?stale=1"))
    lead.post(f"/articles/{article.pk}/reviewed/")
    assert "No article wants another look" in page(lead.get("/articles/?stale=1"))
    refused = lead.post(f"/articles/{article.pk}/", {**texts, "title": ["", ""]})
    assert refused.status_code == 400
    assert "Warm **it**.</textarea>" in page(refused)
    lead.post(f"/articles/{article.pk}/", {"slug": "battery", **texts})
    article.refresh_from_db()
    assert not article.is_published
    assert lead.get("/articles/999999/").status_code == 404


def test_what_readers_said_stands_beside_the_form(lead: Client) -> None:
    article = make_article("Battery")
    Client().post("/help/battery/helped/", {"helped": "no", "words": "<i>How</i> warm?"})
    assert "&lt;i&gt;How&lt;/i&gt; warm?" in page(lead.get(f"/articles/{article.pk}/"))


# --- In the composer ----------------------------------------------------------------------------------------------------


def test_the_composer_gets_templates_and_articles_filled_and_escaped(desk: Desk, sam: Agent) -> None:
    make_template("Sorry", "answer", en='We are sorry, {name}. <b> "quoted"')
    make_article("Your battery & you")
    conversation = desk.conversation(author="mara")
    client = client_of(sam)
    shown = page(client.get(f"/conversations/{conversation.pk}/suggestions/?audience=public", headers=FRAGMENT))
    assert 'data-text="We are sorry, mara. &lt;b&gt; &quot;quoted&quot;"' in shown
    assert "Your battery &amp; you" in shown
    assert client.get(f"/conversations/{conversation.pk}/suggestions/?audience=all", headers=FRAGMENT).status_code == 400
    assert client.get("/conversations/999999/suggestions/?audience=public", headers=FRAGMENT).status_code == 404


def test_the_number_of_queries_of_the_list_does_not_grow(desk: Desk, sam: Agent) -> None:
    client, conversation = client_of(sam), desk.conversation()
    path = f"/conversations/{conversation.pk}/suggestions/?audience=public"
    make_template("First", "answer", en="a")
    make_article("First")
    few = count_queries(client, path)
    for number in range(20):
        make_template(f"T{number}", "answer", en="a")
        make_article(f"A{number}")
    assert count_queries(client, path) == few <= 12


def test_choosing_an_article_makes_a_link_for_this_customer(desk: Desk, sam: Agent) -> None:
    article, conversation = make_article("Battery"), desk.conversation()
    heard = told(client_of(sam).post(f"/conversations/{conversation.pk}/articles/{article.pk}/", headers=FRAGMENT))
    given = ArticleLink.objects.get()
    assert heard["did"] == "linked"
    assert heard["url"].endswith(f"/s/{given.link.code}")
    assert given.link.conversation_id == conversation.pk
    missing = client_of(sam).post(f"/conversations/{conversation.pk}/articles/999999/", headers=FRAGMENT)
    assert missing.status_code == 404


def test_a_reply_made_from_a_template_is_counted(desk: Desk, sam: Agent) -> None:
    variant = make_template("Sorry", "answer", en="We are sorry.").variants.get()
    client, conversation = client_of(sam), desk.conversation()
    form = {"kind": "reply", "text": "We are sorry.", "variant": variant.pk, "answer_seen": 0}
    assert told(client.post(f"/conversations/{conversation.pk}/send/", form, headers=FRAGMENT))["did"] == "queued"
    assert not TemplateUse.objects.get().is_edited
    nonsense = {**form, "variant": "x", "answer_seen": 1}
    assert client.post(f"/conversations/{conversation.pk}/send/", nonsense, headers=FRAGMENT).status_code == 409


def test_who_may_not_write_freely_is_told_beside_the_text(desk: Desk, sam: Agent, lead: Client) -> None:
    lead.post("/templates/rights/", {"agent": "as_is", "lead": "free", "admin": "free"})
    client, conversation = client_of(sam), desk.conversation()
    refused = client.post(f"/conversations/{conversation.pk}/send/", {"kind": "reply", "text": "Freely"}, headers=FRAGMENT)
    assert refused.status_code == 409
    assert 'data-refusal="template_needed"' in page(refused)


def test_one_key_acknowledges_and_the_pane_and_the_card_say_what_was_promised(desk: Desk, sam: Agent) -> None:
    make_template()
    client, conversation = client_of(sam), desk.conversation()
    path = f"/conversations/{conversation.pk}/"
    assert 'data-act="acknowledge"' in page(client.get(path, headers=FRAGMENT))
    heard = told(client.post(f"{path}acknowledge/", {"promise_minutes": "240"}, headers=FRAGMENT))
    assert (heard["did"], heard["kind"], heard["answer"]) == ("acknowledged", "reply", 1)
    again = told(client.post(f"{path}acknowledge/", headers=FRAGMENT))
    assert (again["did"], again["words"][:31]) == ("said", "You acknowledged this already: ")
    Delivery.objects.update(not_before=now())
    work(now())
    shown = page(client.get(path, headers=FRAGMENT))
    assert 'data-act="acknowledge"' not in shown
    assert "to the promised answer" in shown
    assert "promised an answer within 4 hours" in shown
    assert "promised:" in page(client.get("/feed/", headers=FRAGMENT))
    assert client.post(f"{path}acknowledge/", {"promise_minutes": "soon"}, headers=FRAGMENT).status_code == 400
    assert Message.objects.count() == 1


def test_promises_that_are_due_are_a_view(desk: Desk, sam: Agent) -> None:
    conversation = desk.conversation()
    Conversation.objects.update(promise_due_at=now() - timedelta(minutes=5))
    shown = page(client_of(sam).get("/?view=promises"))
    assert f'data-card="{conversation.pk}"' in shown
    assert "late 5m" in shown


# --- API ----------------------------------------------------------------------------------------------------------------


def test_programs_list_templates_a_page_at_a_time(desk: Desk, sam: Agent) -> None:
    for number in range(3):
        make_template(f"T{number}", "answer", en="a", de="b")
    program = program_of(sam)
    first = program.get("/api/templates/?page_size=2").json()
    assert [found["name"] for found in first["results"]] == ["T2", "T1"]
    assert {variant["language"] for variant in first["results"][0]["variants"]} == {"en", "de"}
    second = program.get(first["next"]).json()
    assert ([found["name"] for found in second["results"]], second["next"]) == (["T0"], None)
    assert program.get(f"/api/templates/{first['results'][0]['id']}/").json()["purpose"] == "answer"
    assert program.post("/api/templates/", {}).status_code == 403


def test_programs_get_the_templates_of_a_conversation_ranked_filled_and_send_one(desk: Desk, sam: Agent) -> None:
    make_template()
    make_template("Sorry", "answer", en="We are sorry, {name}. {link}")
    conversation = desk.conversation(author="mara")
    program, path = program_of(sam), f"/api/conversations/{conversation.pk}"
    found = program.get(f"{path}/templates/").json()
    assert [entry["name"] for entry in found] == ["Acknowledge", "Sorry"]
    assert found[0]["text"] == "We have seen this, mara. You hear from us here within 2 hours. Sam"
    assert found[0]["reasons"] == ["not acknowledged yet"]
    assert (found[1]["text"], found[1]["missing"]) == ("We are sorry, mara. {link}", ["link"])
    assert program.get(f"{path}/templates/?audience=all").status_code == 400
    assert program.get("/api/conversations/999999/templates/").status_code == 404
    sent = program.post(f"{path}/reply/", {"text": "We are sorry, mara.", "variant": found[1]["variant"]}, content_type="application/json")
    assert sent.status_code == 201
    assert TemplateUse.objects.get().is_edited


def test_programs_acknowledge_with_a_promise(desk: Desk, sam: Agent) -> None:
    make_template()
    conversation = desk.conversation()
    program, path = program_of(sam), f"/api/conversations/{conversation.pk}"

    def post(**given: Any) -> Any:
        return program.post(f"{path}/acknowledge/", given, content_type="application/json")

    assert post(promise_minutes=1).status_code == 400
    assert post(promise_minutes="soon").status_code == 400
    first = post(promise_minutes=60)
    assert (first.status_code, first.json()["kind"]) == (201, "reply")
    assert "within 1 hour" in first.json()["text"]
    assert (post().status_code, post().json()["id"]) == (200, first.json()["id"])
    work(now())
    read = program.get(f"{path}/").json()
    assert read["promise_due_at"] is not None
    assert read["acknowledged_at"] is not None
    assert read["first_answered_at"] is None
    assert program.post("/api/conversations/999999/acknowledge/", {}, content_type="application/json").status_code == 404


def test_where_a_lead_reads_first_both_are_told(desk: Desk, sam: Agent) -> None:
    make_template()
    save_policy(agent=make_agent(Role.LEAD), brake_after=3, cooling_minutes=10, require_certificate=True)
    one, other = desk.conversation(author="one"), desk.conversation(author="other")
    answer = program_of(sam).post(f"/api/conversations/{one.pk}/acknowledge/", {}, content_type="application/json")
    assert (answer.status_code, answer.json()["code"]) == (202, "waiting_for_approval")
    heard = told(client_of(sam).post(f"/conversations/{other.pk}/acknowledge/", headers=FRAGMENT))
    assert heard["did"] == "said"
    assert heard["words"].startswith("A lead reads your acknowledgement first: ")
    assert not Message.objects.exists()
