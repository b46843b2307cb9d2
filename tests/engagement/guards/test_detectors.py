"""What each guard finds, in disguise too, and what it lets stand."""

from __future__ import annotations

import phonenumbers
import pytest

from engagement.guards import Place
from engagement.guards.payment import _LENGTHS
from tests.engagement.guards.company import TIDEWHEEL, check, kinds, marked


def iban_of(country: str, length: int) -> str:
    account = ("0123456789" * 4)[: length - 4]
    number = int("".join(str(int(character, 36)) for character in account + country + "00"))
    return f"{country.upper()}{98 - number % 97:02d}{account}"


# --- Numbers of people ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("region", sorted(phonenumbers.SUPPORTED_REGIONS))
def test_a_mobile_number_of_every_country_is_found_as_it_is_written_abroad(region):
    example = phonenumbers.example_number_for_type(region, phonenumbers.PhoneNumberType.MOBILE)
    if example is None:
        example = phonenumbers.example_number(region)
    assert example is not None
    written = phonenumbers.format_number(example, phonenumbers.PhoneNumberFormat.E164)
    assert marked(f"It is {written}, right?") == [("phone", written)]


@pytest.mark.parametrize(
    "written",
    [
        *("07700 900412", "07700900412", "(07700) 900 412", "07700-900-412", "+44 (0)7700 900412", "0044 7700 900412"),
        *("555-123-4567", "(202) 555-0148", "202.555.0148", "1 202 555 0148", "2025550148", "123-456-7890"),
        *("06 39 98 12 47", "06.39.98.12.47", "0176/04069044", "030 / 231 25 417", "612 34 56 78", "600-123-456"),
        *("０７７００ ９００４１２", "٠٥٠ ١٢٣ ٤٥٦٧", "0\u200b7\u200b7\u200b0\u200b0\u200b900412", "0️⃣7️⃣7️⃣0️⃣0️⃣9️⃣0️⃣0️⃣4️⃣1️⃣2️⃣", "𝟎𝟕𝟕𝟎𝟎 𝟗𝟎𝟎𝟒𝟏𝟐"),
        *("0 7 7 0 0 9 0 0 4 1 2", "0-7-7-0-0-9-0-0-4-1-2", "O77OO 9OO412", "0.7.7.0.0.9.0.0.4.1.2"),
        "oh seven seven double zero, nine double zero, four one two",
        "null eins fünf zwei, zwei acht acht, eins sieben drei acht",
        "zéro six, trente-neuf, quatre-vingt-dix-huit, douze, quarante-sept",
        "seis uno dos, tres cuatro cinco, seis siete ocho",
        "صفر خمسة صفر واحد اثنان ثلاثة أربعة خمسة ستة سبعة",
    ],
)
def test_a_telephone_number_is_found_in_every_spelling(written):
    assert [kind for kind, _ in marked(f"Well: {written}. Is that right?")] == ["phone"]


@pytest.mark.parametrize(
    "written",
    [
        *(
            "mara@mail.example",
            "m.k+bike@mail.co.uk",
            "mara＠mail.example",
            "MARA@MAIL.EXAMPLE",
            "m a r a @ m a i l . c o m",
            "mara @ mail . com",
        ),
        *("mara at mail dot com", "mara (at) mail (dot) com", "mara[at]mail.example", "mara at gmail.com", "mara arroba gmail punto com"),
        *("mara arobase mail point fr", "mara at gmx punkt de", "mara آت gmail دوت com", "mara\u200b@mail.example"),
    ],
)
def test_a_mail_address_is_found_in_every_spelling(written):
    assert [kind for kind, _ in marked(f"We wrote: {written}, did it come?")] == ["email"]


@pytest.mark.parametrize(
    "text", ["Thanks @mara@mastodon.social!", "Look at tidewheel.com", "Find us at example dot com", "Meet us @ the hub"]
)
def test_a_handle_and_a_site_are_no_mail_addresses(text):
    assert kinds(text) == []


@pytest.mark.parametrize(
    "written",
    ["4111 1111 1111 1111", "4111-1111-1111-1111", "4111111111111111", "4111.1111.1111.1111", "٤١١١ ١١١١ ١١١١ ١١١١", "3782 822463 10005"],
)
@pytest.mark.parametrize("audience", ["public", "private"])
def test_a_card_number_is_found_by_its_check_digit_and_stopped_everywhere(written, audience):
    assert kinds(f"Charged to {written} today", audience=audience) == ["card"]
    wrong = written[:-1] + ("2" if written[-1] in "1١" else "6")
    assert "card" not in kinds(f"Part {wrong} is new", audience=audience)


@pytest.mark.parametrize(("country", "length"), sorted(_LENGTHS.items()))
def test_every_countrys_iban_is_found_by_its_check_digits(country, length):
    written = iban_of(country, length)
    assert kinds(f"Sent to {written} today") == ["iban"]
    in_groups = " ".join(written[at : at + 4] for at in range(0, length, 4))
    assert marked(f"Sent to {in_groups} today") == [("iban", in_groups)]


@pytest.mark.parametrize(
    "written",
    [
        *(
            "14 Marlow Road",
            "221B Baker Street",
            "1450 Commonwealth Ave",
            "550 W 29th Street",
            "3 Ashley Down Rd",
            "9 Harcourt Square",
            "PO Box 4471",
        ),
        *(
            "Eimsbütteler Straße 48",
            "Karl-Heine-Str. 12a",
            "Lindenweg 3",
            "Potsdamer Platz 11",
            "Postfach 10 22 33",
            "Lange Reihe 94, 20099 Hamburg",
        ),
        *("18 rue de la République", "7 bis, avenue Jean-Jaurès", "5 place Bellecour", "112 cours Lafayette", "BP 1022"),
        *("calle Betis 23", "Avda. de la Constitución, 14", "C/ Mayor nº 5", "plaza de España 8", "apartado de correos 1022"),
        *("شارع الملك فهد 12", "مبنى رقم 7، شارع الشيخ زايد", "22 شارع الحسن الثاني", "ص.ب 1022"),
    ],
)
def test_a_postal_address_is_found_in_five_languages(written):
    assert [kind for kind, _ in marked(f"{written}, is that right?")] == ["address"]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Your order no. 4711-22 has left.", "order no. 4711-22"),
        ("Kundennummer 5520931, ja?", "Kundennummer 5520931"),
        ("Votre numéro de commande est le 88213.", "numéro de commande est le 88213"),
        ("Tu número de cliente es 5520931.", "número de cliente es 5520931"),
        ("رقم الطلب ٨٨٢١٣ جاهز", "رقم الطلب ٨٨٢١٣"),
        ("Booking reference QX7T2P it is.", "Booking reference QX7T2P"),
    ],
)
def test_a_number_is_personal_by_the_word_before_it(text, words):
    assert marked(text) == [("number", words)]


def test_the_companys_own_patterns_are_named_in_the_advice():
    (finding,) = check("RC00481516 is extended", company=TIDEWHEEL)
    assert (finding.kind, finding.start, finding.end) == ("number", 0, 10)
    assert finding.advice.startswith("Contract leads to one customer")
    assert kinds("RC00481516 is extended") == []


@pytest.mark.parametrize(
    "text",
    ["You were born on 4 July 1990", "DOB 1979-11-02", "Geburtsdatum 12. März 1979", "née le 2 mars 2009", "17.06.1962 is your birth date"],
)
def test_a_date_is_a_birth_only_when_it_is_called_one(text):
    assert kinds(text) == ["birth_date"]
    assert kinds("It was delivered on 4 July 1990") == []


@pytest.mark.parametrize(
    "text", ["Your password is Saddle-4821", "PIN: 4821", "Passwort lautet Rad!77", "Mot de passe : velo88", "كلمة المرور هي tide88"]
)
@pytest.mark.parametrize("audience", ["public", "private"])
def test_a_password_is_stopped_everywhere(text, audience):
    assert kinds(text, audience=audience) == ["secret"]


# --- What is nobody's ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        *(
            "£1,249.00 or 12 x £104.08",
            "It was 1.299,00 €",
            "1 250 000 riders",
            "1.204.338 Fahrten",
            "12.5 % of 350,000",
            "19.8 kg and 80 km",
        ),
        *("12/05/2025 at 14:35", "2024-11-01 to 2025-01-31", "31.12.2025", "open 0900 - 1730", "Mo-Fr 8:00-18:30 Uhr", "24/7, 365 days"),
        *(
            "version 4.12.3, build 20250417",
            "firmware 10.0.19045.3803",
            "from 192.0.2.17",
            "iOS 16.4",
            "ISO 4210-2:2023",
            "error 0x80070057",
        ),
        *(
            "https://tidewheel.example/n/07700900412",
            "#tidewheel07700900412",
            "@user07700900412",
            "part 4006-381-33",
            "serials up to 004500",
        ),
        *(
            "3 14 15 22 38 41 won",
            "10 9 8 7 6 5 4 3 2 1 go",
            "6-4 3-6 7-6 6-2",
            "lines 10, 20, 35 and 240",
            "51.4545, -2.5879",
            "ride #500000",
        ),
        *(
            "a 10 minute walk from the park",
            "3 minutes down the road",
            "Platz 1",
            "Heimweg 20 Minuten",
            "10 places disponibles",
            "10 أماكن",
        ),
    ],
)
def test_what_only_looks_personal_is_let_stand(text):
    assert kinds(text) == []


@pytest.mark.parametrize(
    "text",
    [
        *(
            "Our line: 0117 496 0140",
            "Our line: +44 (0) 117 4960140",
            "ring 0 1 1 7 4 9 6 0 1 4 0",
            "Write to Hello@Tidewheel.example",
        ),
        *("We are at 12 Harbour Row", "12 Harbour Row, Bristol BS1 9XX"),
    ],
)
def test_what_the_company_made_public_may_stand(text):
    assert [kind for kind in kinds(text, company=TIDEWHEEL) if kind != "just_call"] == []
    assert kinds(text) != []


def test_what_only_resembles_a_public_contact_may_not_stand():
    assert kinds("0117 496 0141", company=TIDEWHEEL) == ["phone"]
    assert kinds("nothello@tidewheel.example", company=TIDEWHEEL) == ["email"]
    assert kinds("13 Harbour Row", company=TIDEWHEEL) == ["address"]


# --- Asking -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("asks", "asks_in_private"),
    [
        ("What is your order number?", "What is your order number? Please DM it to us."),
        ("Please send us your phone number.", "Please send us your phone number in a private message."),
        ("Wie lautet deine Adresse?", "Wie lautet deine Adresse? Schreib sie uns per PN."),
        ("Quel est votre e-mail ?", "Quel est votre e-mail ? Répondez en MP."),
        ("¿Cuál es tu teléfono?", "¿Cuál es tu teléfono? Mándalo por privado."),
        ("ما هو رقم حسابك؟", "ما هو رقم حسابك؟ راسلنا على الخاص."),
        ("Leave your number.", "Leave your number here: https://go.tidewheel.example/s/4f9k"),
    ],
)
def test_asking_in_public_is_stopped_and_asking_in_private_is_right(asks, asks_in_private):
    assert kinds(asks) == ["asks"]
    assert kinds(asks_in_private) == []
    assert kinds(asks, audience="private") == []


@pytest.mark.parametrize(
    "text",
    [
        "What's your email? No need for a DM.",
        "Our DMs are closed, so please post your order number here.",
        "Reply here with your e-mail, then I'll DM you a link.",
        "Don't send it by post, just tweet us your address.",
    ],
)
def test_a_private_message_that_nobody_is_to_write_excuses_nothing(text):
    assert kinds(text) == ["asks"]


@pytest.mark.parametrize(
    "text",
    [
        "What's your PIN?",
        "Bitte senden Sie mir Ihr Passwort.",
        "Envoyez-moi le numéro de carte.",
        "Dame tu contraseña.",
        "أعطني كلمة المرور",
    ],
)
def test_nobody_asks_for_a_secret_in_private_neither(text):
    assert kinds(text, audience="private") == ["asks"]


# --- Form ---------------------------------------------------------------------------------------------------------------


def test_a_text_that_is_too_long_is_marked_from_where_it_does_not_fit():
    text = "  " + "x" * 290
    (finding,) = check(text, network="x")
    assert (finding.kind, finding.start, finding.end) == ("length", 282, 292)
    assert "10 characters too long, 290 of 280" in finding.advice
    assert kinds(text, network="mastodon") == []


def test_a_text_that_takes_too_many_bytes_is_marked_from_where_it_does_not_fit():
    family = "👨‍👩‍👧‍👦"  # seven code points, 25 bytes
    (finding,) = check(f" {family * 130} ", network="bluesky")
    assert (finding.kind, finding.start, finding.end) == ("length", 1 + 7 * 120, 1 + 7 * 130)
    assert "250 bytes too long, 3250 of 3000" in finding.advice
    assert kinds(family * 120, network="bluesky") == []
    assert kinds("é" * 501, network="instagram", audience="private") == ["length"]
    assert kinds("é" * 501, network="instagram") == []


@pytest.mark.parametrize(
    "link",
    [
        *(
            "http://localhost/help",
            "http://192.168.1.20/x",
            "http://10.0.0.5",
            "https://[::1]/x",
            "http://intranet/x",
            "http://bikes.local/x",
            "http://2130706433/",
        ),
        *(
            "ftp://files.example/x",
            "javascript:alert(1)",
            "file:///etc/hosts",
            "https://",
            "https:///x",
            "http:/a.example",
            "https//a.example",
            "htp://a.example",
        ),
        *(
            "https://https://a.example",
            "https://a.example:99999/",
            "https://a..example/",
            "https://user@a.example/",
            "www.tidewheel",
            "https://tidewheel",
        ),
    ],
)
def test_a_link_that_leads_nowhere_is_stopped_in_both_doors(link):
    for audience in ("public", "private"):
        assert set(kinds(f"See {link} for more", audience=audience)) == {"link"}


@pytest.mark.parametrize(
    "link",
    [
        "https://a.example/b?c=d#e",
        "http://www.a.example",
        "www.a.example",
        "https://a.example/x?to=https://b.example/",
        "https://bücher.example",
        "https://8.8.8.8/",
    ],
)
def test_a_good_link_may_stand(link):
    assert kinds(f"See {link}, it helps") == []


def test_a_short_link_of_the_desk_itself_may_stand_wherever_the_desk_runs():
    here = Place(hosts=frozenset({"127.0.0.1"}))
    assert kinds("See http://127.0.0.1:8000/s/4f9k-2mxt", place=here) == []
    assert kinds("See http://127.0.0.1:8000/admin/", place=here) == ["link"]
    assert kinds("See http://127.0.0.1:8000/s/4f9k-2mxt") == ["link"]


@pytest.mark.parametrize(
    "variable",
    [
        "{name}",
        "{{ order }}",
        "{{order.number}}",
        "{% name %}",
        "${name}",
        "[NAME]",
        "[first name]",
        "<name>",
        "%s",
        "%(name)s",
        "[Vorname]",
        "[PRÉNOM]",
        "{الاسم}",
    ],
)
def test_a_variable_that_nobody_filled_in_is_stopped(variable):
    assert marked(f"Hi {variable}, thanks!") == [("variable", variable)]


@pytest.mark.parametrize("text", ["100%s", "[1/2] More to come", "Hi :-{ sorry", "5 < 6 > 3", "[DE] Hallo", "Hi None-the-less"])
def test_what_is_no_variable_may_stand(text):
    assert kinds(text) == []


def test_a_name_that_came_out_empty_is_stopped():
    assert marked("Hi undefined, thanks!") == [("variable", "Hi undefined")]


THREAD = Place(answered="mara_k", speaking="tidewheel", others=frozenset({"tidewheel_de"}))


@pytest.mark.parametrize(
    "text", ["@theo_brzk it is fixed", "Hi @theo_brzk, it is fixed", "@theo_brzk@other.example it is fixed", "@mara_kk it is fixed"]
)
def test_a_reply_that_is_addressed_to_somebody_else_is_stopped(text):
    (finding,) = check(text, place=THREAD)
    assert (finding.kind, finding.blocks) == ("wrong_account", True)
    assert kinds(text) == []


@pytest.mark.parametrize(
    "text",
    [
        "@mara_k it is fixed",
        "@MARA_K it is fixed",
        "@theo_brzk @mara_k it is fixed",
        "It is fixed, and @theo_brzk helped",
        "@mara_k@other.example ok",
    ],
)
def test_a_reply_to_the_right_person_may_name_others(text):
    assert kinds(text, place=THREAD) == []


def test_another_account_of_ours_is_told_of_and_not_stopped():
    (finding,) = check("@mara_k for German write to @tidewheel_de", place=THREAD)
    assert (finding.kind, finding.blocks) == ("wrong_account", False)


# --- All together -------------------------------------------------------------------------------------------------------


def test_findings_come_in_the_order_of_the_text_and_point_into_it():
    text = "🙂 Hi {name}: 07700 900412 or mara@mail.example? Please just call us."
    assert marked(text) == [("variable", "{name}"), ("phone", "07700 900412"), ("email", "mara@mail.example"), ("just_call", "call us")]
    assert [finding.blocks for finding in check(text)] == [True, True, True, False]


def test_each_advice_is_one_sentence_that_says_what_to_do():
    texts = [
        "07700 900412",
        "a@b.example",
        "14 Marlow Road",
        "order no. 4711-22",
        "PIN: 4821",
        "What's your email?",
        "{name}",
        "http://localhost",
        "call us",
    ]
    for text in texts:
        (finding,) = check(text)
        assert finding.advice.endswith((".", "”"))
        assert "." not in finding.advice[:-1].replace("https://.", "")
