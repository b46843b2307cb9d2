"""Which datum a draft asks for: what a pair of eyes sees in the words that `asking` found."""

from __future__ import annotations

import re

from socialdesk.lib.text import fold

# In the order in which they are tried: an “e-mail address” is no address, a “numéro de commande” no telephone.
_WORDS = {
    "email": r"e-?mail|\bmails?\b|correo|courriel|electronique|بريد(?!ي)|[اإ]يميل",
    "order": r"\border|pedido|commande|bestell|auftrag|طلب",
    "booking": r"booking|reserv|buchung|localizador|حجز",
    "customer": r"customer|\bclient|kunden|rider|member|mitglied|socio|adherent|abonne|عميل|زبون|عضوي",
    "contract": r"contra[ct]t?|vertrag|عقد",
    "invoice": r"invoice|factur|rechnungs-?n|فاتور",
    "account": r"account|cuenta|compte|konto|حساب",
    "address": r"addres|postcode|post code|\bzip|adresse|anschrift|plz|postleitzahl|wohn|code postal|habit|direccion"
    r"|domicilio|codigo postal|donde vive|\blive|living|عنوان|الرمز البريدي|رمزك البريدي|تسكن|ساكن",
    "phone": r"phone|mobile|\bcell|tele?fon|handy|\bmobil|rufnummer|movil|celular|portable|\btel\b|هاتف|جوال|موبايل|تلفون|تليفون|محمول"
    r"|واتساب|whats ?app|\bdigits|call-?back|landline|\bnumbers?\b|nummer|numero|رقم",
}
_PATTERNS = {name: re.compile(fold(words)) for name, words in _WORDS.items()}
_OPEN = ("address", "phone", "")  # the word behind may say more
_NEXT_WORD = re.compile(r"\s(?:(?:de|of|du|für|for) )?([\w-]+)")
NUMBERS = ("order", "booking", "customer", "contract", "invoice", "account")


def name_datum(words: str, behind: str = "") -> str:
    """email, phone, address, one of NUMBERS, or "" for what has no name here, of words in which one datum is asked for.

    `behind` is the text after them: “votre adresse” is one thing, “votre adresse e-mail” another.
    """
    name = _name(words)
    following = _NEXT_WORD.match(behind) if name in _OPEN else None
    more = _name(following[1]) if following else ""
    return more if more and (more == "email" or name != "address") else name


def _name(words: str) -> str:
    text = fold(words)
    return next((name for name, pattern in _PATTERNS.items() if pattern.search(text)), "")


def names_number(label: str, datum: str) -> bool:
    """Whether a field with this label holds that number: “Kundennummer” does for customer."""
    return datum in NUMBERS and _PATTERNS[datum].search(fold(label)) is not None
