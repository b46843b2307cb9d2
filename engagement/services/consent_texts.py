"""What a customer agrees to, in the words that are shown to them.

A text that was ever shown does not change: it is proof. To say something else, add a version; a test holds each text to its version.
"""

from __future__ import annotations

from dataclasses import dataclass

from profiles.models import Medium


@dataclass(frozen=True, slots=True)
class ConsentText:
    """One text as it is shown, in one language, with the company's name in it."""

    medium: str
    version: str
    language: str
    text: str


TEXTS: dict[str, dict[str, str]] = {
    "callback-1": {
        "en": "{company} may call me on this number about this matter. I can take this back at any time, also during the call.",
        "es": "{company} puede llamarme a este número por este asunto. Puedo retirar este permiso cuando quiera, también en la llamada.",
        "fr": "{company} peut m’appeler à ce numéro à ce sujet. Je peux retirer cet accord à tout moment, même pendant l’appel.",
        "de": "{company} darf mich unter dieser Nummer in dieser Sache anrufen. Ich kann das jederzeit zurücknehmen, auch im Gespräch.",
        "ar": "أسمح لشركة {company} بالاتصال بي على هذا الرقم بخصوص هذا الموضوع. يمكنني سحب هذه الموافقة في أي وقت، حتى أثناء المكالمة.",
    },
    "callback-sms-1": {
        "en": "{company} may also text me about this matter, for example if I cannot be reached. Answering STOP ends it.",
        "es": "{company} también puede enviarme SMS sobre este asunto, por ejemplo si no me localiza. Terminan si respondo STOP.",
        "fr": "{company} peut aussi m’envoyer des SMS à ce sujet, par exemple si je ne réponds pas. Répondre STOP y met fin.",
        "de": "{company} darf mir dazu auch SMS schicken, zum Beispiel wenn ich nicht erreichbar bin. Die Antwort STOP beendet das.",
        "ar": "أسمح لشركة {company} أيضًا بإرسال رسائل نصية إليّ بخصوص هذا الموضوع، مثلًا إذا تعذر الوصول إليّ. الرد بكلمة STOP يوقفها.",
    },
    "ticket-email-1": {
        "en": "{company} may write to this address when there is news about this ticket. Each mail has a link that ends it.",
        "es": "{company} puede escribirme a esta dirección cuando haya novedades de este caso. Cada correo lleva un enlace de baja.",
        "fr": "{company} peut m’écrire à cette adresse s’il y a du nouveau sur ce dossier. Chaque message a un lien pour arrêter.",
        "de": "{company} darf mir an diese Adresse schreiben, wenn es dazu Neues gibt. Jede Mail hat einen Link, der das beendet.",
        "ar": "أسمح لشركة {company} بمراسلتي على هذا العنوان عند وجود جديد بخصوص هذه الحالة. في كل رسالة رابط لإيقاف ذلك.",
    },
}
CURRENT = {Medium.PHONE: "callback-1", Medium.SMS: "callback-sms-1", Medium.EMAIL: "ticket-email-1"}


def consent_text(medium: Medium, *, language: str, company: str) -> ConsentText:
    """What is shown today for that medium; in English where the language has no text."""
    version = CURRENT[medium]
    shown = language if language in TEXTS[version] else "en"
    return ConsentText(medium, version, shown, TEXTS[version][shown].format(company=company))
