"""Data that is pointed at, numbers of things, addresses of places, pushes to the telephone, and what only resembles them."""

from __future__ import annotations

import pytest

from tests.engagement.guards.company import TIDEWHEEL, kinds, marked


@pytest.mark.parametrize(
    ("text", "datum"),
    [
        ("No order number, no refund: tweet it to us.", "order number"),
        ("The contract number is on page one. It starts with RC. Post it below.", "contract number"),
        ("Ohne Kundennummer geht nichts. Schreib sie bitte hier drunter.", "Kundennummer"),
        ("Sans numéro de commande, rien à faire. Publiez-le ici.", "numéro de commande"),
        ("Sin número de pedido no podemos. Déjalo aquí abajo.", "número de pedido"),
        ("بدون رقم الطلب لا نستطيع. اكتبه هنا.", "رقم الطلب"),
    ],
)
def test_what_is_named_first_and_then_pointed_at_is_asked_for(text, datum):
    assert marked(text) == [("asks", datum)]


@pytest.mark.parametrize(
    "text",
    [
        "No order number, no refund: send it to us in a DM.",
        "Your order number was visible. Please don't post it here again.",
        "Your order number was visible. If you post it here, everybody reads it.",
        "No need for your order number. A photo? Post it here!",
        "We have your order number. The name of the station is missing, post it below.",
        "The order number is yours. We shipped it. Rain or shine. Post it below!",
        "Deine Bestellnummer brauchen wir nicht. Poste es hier!",
    ],
)
def test_what_is_pointed_at_in_private_or_in_a_warning_or_is_something_else_is_not(text):
    assert kinds(text) == []


@pytest.mark.parametrize(
    ("of_a_thing", "of_somebody"),
    [
        ("What's the number on the bike's frame?", "What's the number on the bike's invoice?"),
        ("Which number is on the dock?", "Which number did you use to book the dock?"),
        ("Welche Nummer steht auf dem Rahmen?", "Welche Nummer steht auf der Rechnung für den Rahmen?"),
        ("Quel numéro porte la borne ?", "Quel numéro porte votre contrat ?"),
        ("¿Qué número tiene el anclaje?", "¿A qué número le llamo?"),
        ("ما رقم المحطة؟", "ما رقم عقدك؟"),
        ("See the sticker? Which number is on it?", "See the receipt? Which number is on it?"),
        ("What's the code on the display?", "What's the PIN code of the display?"),
    ],
)
def test_the_number_of_a_thing_is_nobodys(of_a_thing, of_somebody):
    assert kinds(of_a_thing) == []
    assert set(kinds(of_somebody)) == {"asks"}


@pytest.mark.parametrize(
    ("of_a_place", "of_a_house"),
    [
        ("Station 12, Harbour Street", "12, Harbour Street"),
        ("20 docks Harbour Street", "20 Dock Street"),
        ("20 stations Mill Road", "20 station road"),
        ("station 15, place du Marché", "15, place du Marché"),
        ("20 bornes boulevard Victor-Hugo", "20 boulevard Victor-Hugo"),
        ("Marktstraße 20 neue Ladesäulen", "Marktstraße 20, neue Ladesäulen"),
        ("25 anclajes en el paseo Marítimo, 10 con carga", "paseo Marítimo, 10 con carga"),
        ("شارع الكورنيش، محطة 12", "شارع المحطة 12"),
        ("محطة 14، شارع النيل", "14 شارع النيل"),
        ("شارع النيل حتى الساعة 10", "شارع النيل 10"),
    ],
)
def test_a_number_that_belongs_to_a_place_or_counts_is_no_houses(of_a_place, of_a_house):
    assert kinds(f"{of_a_place}.") == []
    assert kinds(f"{of_a_house}.") == ["address"]


@pytest.mark.parametrize("written", ["فيلا 17، شارع 8ب", "شارع 8، مبنى 12", "Villa 17, Street 8b", "Street 12, House 7"])
def test_a_street_may_be_called_by_its_number(written):
    assert [kind for kind, _ in marked(f"{written}, Jumeirah")] == ["address"]


@pytest.mark.parametrize(
    ("push", "choice"),
    [
        ("Please phone 0117 496 0140", "Phone 0117 496 0140 or write to us here, as you like"),
        ("Please call us.", "Please call us. If you'd rather type, I'm here."),
        ("Only our phone team can do that.", "Our phone team told me that it is done."),
        ("Einfach anrufen.", "Du musst nicht anrufen."),
        ("Das geht nur telefonisch.", "Das geht telefonisch oder hier im Chat."),
        ("Il faut téléphoner à la hotline.", "Pas besoin de téléphoner à la hotline."),
        ("Debe llamar al +44 117 496 0140.", "Puede llamarnos de 8 a 20 h."),
        ("اتصل على +44 117 496 0140.", "لا داعي للاتصال بنا."),
        ("You can call our hotline.", "You can call our hotline from 8 to 20."),
    ],
)
def test_a_push_to_the_telephone_is_flagged_and_a_choice_is_not(push, choice):
    assert kinds(push, company=TIDEWHEEL) == ["just_call"]
    assert kinds(choice, company=TIDEWHEEL) == []
