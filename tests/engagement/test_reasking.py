"""Whoever asks a customer for what is known already is told so beside the draft, in each language, and can send it all the same."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from engagement.guards.same import name_datum
from engagement.models import Message
from engagement.services.guarding import check_answer
from engagement.services.reasking import find_known
from engagement.services.send import send_reply
from listening.models import Conversation
from profiles.models import Agent, ContactPoint, CustomField, CustomValue, Profile
from profiles.services.contacts import mark_wrong, record_contact_point, verify_contact_point
from socialdesk.lib.clock import now
from tests.engagement.desk import Desk

pytestmark = pytest.mark.django_db

# (what is asked for, a draft that asks for it)
ASKS = [
    ("email", "Could you send us your e-mail address?"),
    ("email", "What is your email address?"),
    ("phone", "Please give us your phone number."),
    ("phone", "What number can we reach you on?"),
    ("address", "Please tell us your delivery address."),
    ("address", "What is your postcode?"),
    ("order", "Could you send me your order number?"),
    ("customer", "Please tell us your customer number."),
    ("email", "¿Nos puedes decir tu correo electrónico?"),
    ("phone", "¿Cuál es tu número de teléfono?"),
    ("address", "Por favor, envíanos tu dirección de entrega."),
    ("order", "¿Me das tu número de pedido?"),
    ("customer", "¿Cuál es su número de cliente?"),
    ("email", "Quelle est votre adresse e-mail ?"),
    ("phone", "Pouvez-vous nous donner votre numéro de téléphone ?"),
    ("address", "Pouvez-vous nous indiquer votre adresse postale ?"),
    ("order", "Quel est votre numéro de commande ?"),
    ("customer", "Donnez-nous votre numéro de client, s'il vous plaît."),
    ("email", "Wie lautet deine E-Mail-Adresse?"),
    ("phone", "Bitte nenne uns deine Telefonnummer."),
    ("address", "Bitte schick uns deine Lieferadresse."),
    ("order", "Wie ist deine Bestellnummer?"),
    ("customer", "Bitte nennen Sie uns Ihre Kundennummer."),
    ("email", "ما هو بريدك الإلكتروني؟"),
    ("phone", "أرسل لنا رقم هاتفك من فضلك"),
    ("address", "ما هو عنوان التوصيل؟"),
    ("order", "ما هو رقم الطلب؟"),
    ("customer", "ما هو رقم العميل؟"),
]
HARMLESS = [
    "We have found your order and will write to you by e-mail today.",
    "Thank you for the order number.",
    "Danke, wir haben deine Telefonnummer.",
    "Merci, votre adresse est bien enregistrée.",
    "Gracias, ya tenemos tu correo electrónico.",
    "شكرا لك على صبرك",
    "What did the screen say?",
]


def know_all(profile: Profile) -> None:
    for kind, typed in (("email", "mara@example.com"), ("phone", "+441174960140"), ("address", "12 Harbour Row")):
        record_contact_point(profile=profile, kind=kind, typed=typed, state="given", source="callback form")
    for key, label in (("order", "Order number"), ("customer_no", "Customer number")):
        field = CustomField.objects.create(key=key, label=label, kind="text")
        CustomValue.objects.create(profile=profile, field=field, text="A-1", source="system:crm", changed_at=now())


@pytest.fixture
def conversation(desk: Desk) -> Conversation:
    return Conversation.objects.select_related("author__profile").get(pk=desk.conversation(author="mara").pk)


@pytest.mark.parametrize(("datum", "text"), ASKS)
def test_asking_for_what_is_known_is_noticed_in_each_language(conversation: Conversation, datum: str, text: str) -> None:
    assert find_known(conversation=conversation, text=text) == []
    know_all(conversation.author.profile)
    (finding,) = find_known(conversation=conversation, text=text)
    names = {"email": "e-mail address", "phone": "telephone number", "address": "address", "order": "Order", "customer": "Customer"}
    assert f"their {names[datum]}" in finding.advice
    assert not finding.blocks
    assert name_datum(text[finding.start : finding.end], text[finding.end :]) == datum


@pytest.mark.parametrize("text", HARMLESS)
def test_what_asks_for_nothing_is_left_alone_and_costs_nothing(conversation: Conversation, text: str) -> None:
    know_all(conversation.author.profile)
    with CaptureQueriesContext(connection) as queries:
        assert find_known(conversation=conversation, text=text) == []
    assert len(queries) == 0


def test_the_hint_says_from_where_and_since_when(conversation: Conversation) -> None:
    profile, at = conversation.author.profile, datetime.fromisoformat("2025-05-03T12:00:00+00:00")
    point = record_contact_point(profile=profile, kind="email", typed="mara@example.com", state="given", source="callback form", at=at)
    ask = "What is your e-mail address?"
    assert [finding.advice for finding in find_known(conversation=conversation, text=ask)] == [
        "You already have their e-mail address (given in a form, 3 May 2025): use it instead of asking again."
    ]
    verify_contact_point(contact_point=point, how="code by e-mail", by=None, at=at + timedelta(days=1))
    (finding,) = find_known(conversation=conversation, text=ask)
    assert "(verified, 4 May 2025)" in finding.advice
    assert "mara@example.com" not in finding.advice


def test_what_is_only_guessed_or_wrong_may_be_asked_for(conversation: Conversation) -> None:
    profile, ask = conversation.author.profile, "What is your phone number?"
    point = record_contact_point(profile=profile, kind="phone", typed="+441174960140", state="unverified", source="import 7")
    assert find_known(conversation=conversation, text=ask) == []
    ContactPoint.objects.filter(pk=point.pk).update(state="given")
    assert find_known(conversation=conversation, text=ask)
    mark_wrong(contact_point=point, problem="wrong number")
    assert find_known(conversation=conversation, text=ask) == []


def test_what_another_profile_of_the_same_person_gave_is_known_too(conversation: Conversation) -> None:
    other = Profile.objects.create(name="Mara", created_at=now(), merged_into=conversation.author.profile, root=conversation.author.profile)
    record_contact_point(profile=other, kind="email", typed="mara@example.com", state="given", source="direct message")
    (finding,) = find_known(conversation=conversation, text="What is your e-mail address?")
    assert "given in a private message" in finding.advice


def test_it_warns_in_private_and_public_asks_stay_refused(desk: Desk, conversation: Conversation, sam: Agent) -> None:
    know_all(conversation.author.profile)
    ask = "What is your e-mail address?"
    private = check_answer(conversation_id=conversation.pk, kind="direct_message", text=ask)
    assert [(finding.kind, finding.blocks) for finding in private] == [("known", False)]
    public = check_answer(conversation_id=conversation.pk, kind="reply", text=ask)
    assert {(finding.kind, finding.blocks) for finding in public} == {("asks", True), ("known", False)}
    with pytest.raises(Exception, match="ask for this in a private message"):
        send_reply(conversation_id=conversation.pk, agent=sam, text=ask)
    assert not Message.objects.filter(kind="reply").exists()
    assert check_answer(conversation_id=conversation.pk, kind="note", text=ask) == []


def test_the_composer_is_told(desk: Desk, conversation: Conversation, sam: Agent) -> None:
    know_all(conversation.author.profile)
    client = Client()
    client.force_login(sam, backend="django.contrib.auth.backends.ModelBackend")
    asked = {"kind": "direct_message", "text": "Could you send us your order number?"}
    answer = client.post(f"/conversations/{conversation.pk}/check/", asked, headers={"HX-Request": "true"})
    assert answer.status_code == 200, answer.content
    assert [finding["kind"] for finding in answer.json()["findings"]] == ["known"]
