"""What the desk says for marketing in the author's language: the question for permission, the thank-you, the words of a quote."""

from __future__ import annotations

import unicodedata

from engagement.models import Compliment
from engagement.services.checks import fits_in_public
from listening.models import Mention
from profiles.models import Handle
from socialdesk.lib.text import clean
from socialdesk.networks.base import Capabilities

Purpose = Compliment.Purpose
LONGEST_NAME = 40  # characters; a longer one, or one that is more than a name, is left for the user name
_FALLBACK = "en"

_ASK = {
    "en": "Thank you, {name}! May we {purpose}? A simple yes or no is enough.",
    "de": "Vielen Dank, {name}! Dürfen wir {purpose}? Ein kurzes Ja oder Nein genügt.",
    "fr": "Merci beaucoup, {name} ! Pouvons-nous {purpose} ? Un simple oui ou non suffit.",
    "es": "¡Muchas gracias, {name}! ¿Podemos {purpose}? Basta con un sí o un no.",
    "ar": "شكرًا جزيلًا {name}! هل تسمحون لنا {purpose}؟ تكفي كلمة نعم أو لا.",
}
_PURPOSE: dict[str, dict[str, str]] = {
    Purpose.REPOST: {
        "en": "repost this on our account",
        "de": "diesen Beitrag auf unserem Konto teilen",
        "fr": "repartager ce message sur notre compte",
        "es": "compartir esta publicación en nuestra cuenta",
        "ar": "بإعادة نشر هذه المشاركة على حسابنا",
    },
    Purpose.QUOTE: {
        "en": "quote your words on our account, with your name and a link to your post",
        "de": "diese Worte mit Namen und Link auf unserem Konto zitieren",
        "fr": "citer ces mots sur notre compte, avec votre nom et un lien vers votre message",
        "es": "citar estas palabras en nuestra cuenta, con su nombre y un enlace a su publicación",
        "ar": "باقتباس هذه الكلمات على حسابنا مع ذكر الاسم ورابط المنشور",
    },
}
_THANKS = {
    "en": "Thank you so much, {name}! Everybody here has read it, and it made our day.",
    "de": "Ganz herzlichen Dank, {name}! Das ganze Team hat es gelesen und sich sehr gefreut.",
    "fr": "Un grand merci, {name} ! Toute l'équipe a lu votre message et cela nous fait vraiment plaisir.",
    "es": "¡Muchísimas gracias, {name}! Todo el equipo lo ha leído y nos ha alegrado el día.",
    "ar": "جزيل الشكر {name}! قرأ الفريق كله كلماتك وأسعدتنا كثيرًا.",
}


def ask(mention: Mention, purpose: str) -> str:
    """The question whether the author's post may be reposted or quoted. The author must be loaded."""
    language = spoken(mention.language)
    return _ASK[language].format(name=name_of(mention.author), purpose=_PURPOSE[purpose][language])


def thank(mention: Mention) -> str:
    return _THANKS[spoken(mention.language)].format(name=name_of(mention.author))


def share_text(mention: Mention, purpose: str, abilities: Capabilities) -> str:
    """What our public use of the post says: a quote its words, a repost nothing of its own, only what the desk calls it."""
    return quote(mention, abilities) if purpose == Purpose.QUOTE else f"Repost of the post by @{mention.author.username}"


def quote(mention: Mention, abilities: Capabilities) -> str:
    """A post of our own that says the author's words, names the author and links the post; shortened to what the network takes."""
    author = mention.author
    called = name_of(author)
    handle = f"@{author.username}"
    credit = "\n" + "\n".join(filter(None, [f"{called} ({handle})" if called != handle else handle, mention.url]))
    words = " ".join(mention.text.split())
    if fits_in_public(f"“{words}”{credit}", abilities):
        return f"“{words}”{credit}"
    words = words[: abilities.max_length or abilities.max_bytes]
    while words and not fits_in_public(f"“{words}…”{credit}", abilities):
        words = words.rpartition(" ")[0] or words[:-1]
    return f"“{words}…”{credit}"


def spoken(language: str) -> str:
    """The one of our languages that a post's author reads."""
    code = language.split("-")[0].lower()
    return code if code in _ASK else _FALLBACK


def name_of(handle: Handle) -> str:
    """What we call somebody in public: their name as they write it, if it is one."""
    name = " ".join(clean(handle.display_name).split())
    is_name = any(character.isalpha() for character in name) and not any(mark in name for mark in ("@", "#", "://", "www."))
    if 0 < len(name) <= LONGEST_NAME and is_name and not any(unicodedata.category(character) in ("Cc", "Cf") for character in name):
        return name
    return f"@{handle.username}"
