"""Countries and time zones by name, in the visitor's language, and good guesses at theirs."""

from __future__ import annotations

from functools import lru_cache
from zoneinfo import available_timezones

import phonenumbers
from babel import Locale
from babel.core import get_global
from phonenumbers.timezone import time_zones_for_number

from profiles.models import ContactPoint
from socialdesk.lib.text import fold

_LTR = "\u200e"  # keeps the plus before its digits in Arabic
# Where most people live who write in a language; a tag that names its own country, as in de-AT, says it better.
_HOME = {"de": "DE", "fr": "FR", "es": "ES", "it": "IT", "nl": "NL", "pl": "PL", "pt": "PT", "tr": "TR", "ja": "JP", "ko": "KR", "uk": "UA"}


@lru_cache(maxsize=8)
def list_countries(language: str) -> tuple[tuple[str, str], ...]:
    """(DE, "Germany +49") for every country with telephones, in the order of the names."""
    names = Locale.parse(language).territories
    regions = sorted(phonenumbers.SUPPORTED_REGIONS, key=lambda region: fold(names.get(region, region)))
    return tuple((region, f"{names.get(region, region)} {_LTR}+{phonenumbers.country_code_for_region(region)}") for region in regions)


@lru_cache(maxsize=8)
def list_zones(language: str) -> tuple[tuple[str, str], ...]:
    """(Europe/Berlin, "Germany: Berlin") for every zone that people live in, in the order of the names."""
    names = Locale.parse(language).territories
    known = [(zone, country) for zone, country in _zone_countries().items() if is_zone(zone)]
    named = [(zone, f"{names.get(country, country)}: {zone_city(zone, language)}") for zone, country in known]
    return tuple(sorted(named, key=lambda pair: fold(pair[1])))


def is_zone(name: str) -> bool:
    """Whether this machine knows a time zone of that name."""
    return name in _all_zones()


def zone_city(zone: str, language: str) -> str:
    """What people call a zone: Berlin."""
    given: str = Locale.parse(language).time_zones.get(zone, {}).get("city", "")
    return given or zone.rpartition("/")[2].replace("_", " ")


def guess_region(language: str, *, default: str) -> str:
    """The country of somebody who writes `language` (as in de-AT): the one it names, else where it is at home, else `default`."""
    name, _, rest = language.replace("_", "-").partition("-")
    for part in rest.split("-"):
        if part.upper() in phonenumbers.SUPPORTED_REGIONS:
            return part.upper()
    return _HOME.get(name.lower(), default)


def guess_zone(region: str, *, default: str) -> str:
    """A zone of that country: `default` if it is one, else the one of its usual numbers."""
    theirs = [zone for zone, country in _zone_countries().items() if country == region]
    if default in theirs or not theirs:
        return default
    example = phonenumbers.example_number(region)
    usual = [zone for zone in (time_zones_for_number(example) if example else ()) if zone in theirs]
    return (usual or theirs)[0]


def zones_of_number(contact_point: ContactPoint) -> list[str]:
    """The zones that a number may be in; none for what is no number or could be anywhere."""
    if contact_point.kind != ContactPoint.Kind.PHONE or contact_point.problem:
        return []
    found = time_zones_for_number(phonenumbers.parse(contact_point.value))
    return [zone for zone in found if is_zone(zone)]


@lru_cache(maxsize=1)
def _all_zones() -> set[str]:
    return available_timezones()  # looks through a thousand files each time


def _zone_countries() -> dict[str, str]:
    countries = get_global("zone_territories")
    return {zone: country for zone, country in countries.items() if country != "001"}
