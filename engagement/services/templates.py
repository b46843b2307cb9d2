"""Saved replies: kept, found again, and the wording chosen that fits a customer."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from django.db import IntegrityError, transaction

from engagement.models import Audience, Purpose, Template, TemplateVariant
from engagement.models.template import LONGEST_TEXT
from engagement.services.filling import VARIABLES, find_variables
from listening.models import Conversation, Topic
from profiles.models import Agent
from socialdesk.lib.errors import DeskError, NotFound
from socialdesk.lib.text import clean
from socialdesk.networks import registry

FALLBACK_LANGUAGE = "en"  # for customers whose language has no wording
MOST_VARIANTS = 60


@dataclass(frozen=True, slots=True)
class Wording:
    """A variant as it is typed: `network` "" is any, `audience` public or private."""

    language: str
    text: str
    network: str = ""
    audience: str = Audience.PUBLIC


def languages_for(conversation: Conversation) -> list[str]:
    """In which languages a customer may be answered, the best first: their own, the same without its region, English."""
    own = conversation.language.lower()
    return list(dict.fromkeys([language for language in (own, own.split("-")[0]) if language] + [FALLBACK_LANGUAGE]))


def find_wordings(conversation: Conversation, *, audience: str) -> dict[int, TemplateVariant]:
    """The wording of each template that fits, by the template's id; templates without one are left out. One query.

    The customer's language comes first (then the same without its region, then English), inside it this network's wording before the
    one for any, and inside that the private wording before the public one. In public only public wordings are used.
    """
    languages = languages_for(conversation)
    networks = [conversation.network, ""]
    audiences = [Audience.PRIVATE, Audience.PUBLIC] if audience == Audience.PRIVATE else [Audience.PUBLIC]
    rows = TemplateVariant.objects.filter(
        template__is_active=True, language__in=languages, network__in=networks, audience__in=audiences
    ).select_related("template")

    def rank(variant: TemplateVariant) -> tuple[int, int, int]:
        return languages.index(variant.language), networks.index(variant.network), audiences.index(Audience(variant.audience))

    best: dict[int, TemplateVariant] = {}
    for variant in rows.order_by("pk"):
        known = best.get(variant.template_id)
        if known is None or rank(variant) < rank(known):
            best[variant.template_id] = variant
    return best


def save_template(
    *,
    template: Template | None,
    name: str,
    purpose: str,
    wordings: Sequence[Wording],
    agent: Agent | None,
    topics: Iterable[Topic] = (),
    is_active: bool = True,
) -> Template:
    """Make a template, or change `template`: its wordings become these. Raises DeskError with what is wrong and, in `place`, the number
    of the wording that it is about."""
    name = clean(name).strip()
    if not 1 <= len(name) <= 80:
        raise DeskError("Give the template a name of at most 80 characters.")
    if purpose not in Purpose.values:
        raise DeskError("Choose what the template is for.")
    kept = [_check_wording(wording, place, purpose) for place, wording in enumerate(wordings)]
    if not kept:
        raise DeskError("A template needs at least one text.")
    if len(kept) > MOST_VARIANTS:
        raise DeskError(f"A template has at most {MOST_VARIANTS} texts.")
    _check_once_each(kept)
    saved = template or Template(created_by=agent)
    saved.name, saved.purpose, saved.is_active = name, purpose, is_active
    try:
        with transaction.atomic():
            saved.save()
            saved.topics.set(topics)
            _keep_wordings(saved, kept)
    except IntegrityError:
        raise DeskError(f"There is a template named “{name}” already. Change that one, or choose another name.") from None
    return saved


def switch_template(*, template_id: int, is_active: bool) -> None:
    """Offer a template, or offer it no longer. Raises NotFound."""
    if not Template.objects.filter(pk=template_id).update(is_active=is_active):
        raise NotFound("There is no such template; it may have been deleted.")


def _keep_wordings(template: Template, wordings: Sequence[Wording]) -> None:
    """Those that stay keep their row, so that what was sent from them stays counted with them."""
    known = {(v.language, v.network, v.audience): v for v in template.variants.all()}
    wanted = {(w.language, w.network, w.audience): w for w in wordings}
    TemplateVariant.objects.filter(pk__in=[variant.pk for key, variant in known.items() if key not in wanted]).delete()
    for (language, network, audience), wording in wanted.items():
        variant = known.get((language, network, audience))
        if variant is None:
            template.variants.create(language=language, network=network, audience=audience, text=wording.text)
        elif variant.text != wording.text:
            variant.text = wording.text
            variant.save(update_fields=["text"])


def _check_wording(wording: Wording, place: int, purpose: str) -> Wording:
    def refuse(words: str) -> DeskError:
        return DeskError(f"Text {place + 1}: {words}", place=place)

    language = wording.language.strip().lower()
    if not 2 <= len(language) <= 12 or not language.replace("-", "").isalnum() or not language.isascii():
        raise refuse("give its language as a code such as en, de or pt-br.")
    if wording.network and wording.network not in registry.NETWORKS:
        raise refuse(f"the desk knows no network {wording.network[:20]!r}.")
    if wording.audience not in Audience.values:
        raise refuse("say whether it is for public replies or private messages.")
    text = clean(wording.text.replace("\r\n", "\n")).strip()
    if not text:
        raise refuse("it is empty.")
    if len(text) > LONGEST_TEXT:
        raise refuse(f"it has {len(text)} characters; at most {LONGEST_TEXT} are kept.")
    variables = find_variables(text)
    unknown = [name for name in variables if name not in VARIABLES]
    if unknown:
        known = ", ".join(f"{{{name}}}" for name in VARIABLES)
        raise refuse(f"there is no variable {{{unknown[0]}}}. There are {known}.")
    if purpose == Purpose.ACKNOWLEDGE and wording.audience == Audience.PUBLIC and "due" not in variables:
        raise refuse("an acknowledgement promises when we answer. Write {due} where the time belongs.")
    return Wording(language, text, wording.network, wording.audience)


def _check_once_each(wordings: Sequence[Wording]) -> None:
    seen: dict[tuple[str, str, str], int] = {}
    for place, wording in enumerate(wordings):
        key = (wording.language, wording.network, wording.audience)
        if key in seen:
            raise DeskError(
                f"Texts {seen[key] + 1} and {place + 1} are for the same language, network and audience. Keep one of them.", place=place
            )
        seen[key] = place
