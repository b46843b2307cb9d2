"""Telephone numbers as people type them: read, judged, and written again for people and for machines."""

from __future__ import annotations

import phonenumbers
from babel.core import get_global
from phonenumbers import NumberParseException, PhoneNumber, PhoneNumberFormat, PhoneNumberType

LONGEST = 40  # characters of a number as it is typed
_SHORTEST_UNKNOWN = 8  # digits without the country's code from which a number that no list knows is believed
_PAID = (PhoneNumberType.PREMIUM_RATE, PhoneNumberType.SHARED_COST)
_WRONG = {
    NumberParseException.INVALID_COUNTRY_CODE: "no_country",
    NumberParseException.NOT_A_NUMBER: "no_number",
    NumberParseException.TOO_SHORT_AFTER_IDD: "too_short",
    NumberParseException.TOO_SHORT_NSN: "too_short",
    NumberParseException.TOO_LONG: "too_long",
}


class BadNumber(ValueError):
    """No number that could be called. `code` is empty, no_number, no_country, too_short, too_long, impossible or paid."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


def read_phone(typed: str, *, region: str) -> PhoneNumber:
    """The number in `typed`, in any spelling; `region` (ISO, as in DE) is its country where it names none. Raises BadNumber.

    What a country's list of numbers does not know is believed if it has a possible length: lists are late, and no list knows the
    numbers that are kept for examples. Numbers that cost the caller extra are refused: forms are filled in by swindlers too.
    """
    if not typed.strip():
        raise BadNumber("empty")
    if len(typed) > LONGEST:
        raise BadNumber("too_long")
    try:
        number = phonenumbers.parse(typed, region)
    except NumberParseException as error:
        raise BadNumber(_WRONG.get(error.error_type, "no_number")) from None
    if phonenumbers.number_type(number) in _PAID:
        raise BadNumber("paid")
    if phonenumbers.is_valid_number(number):
        return number
    reason = phonenumbers.is_possible_number_with_reason(number)
    if reason in (phonenumbers.ValidationResult.TOO_SHORT, phonenumbers.ValidationResult.IS_POSSIBLE_LOCAL_ONLY):
        raise BadNumber("too_short")
    if reason == phonenumbers.ValidationResult.TOO_LONG:
        raise BadNumber("too_long")
    if reason != phonenumbers.ValidationResult.IS_POSSIBLE:
        raise BadNumber("impossible")
    if len(phonenumbers.national_significant_number(number)) < _SHORTEST_UNKNOWN:
        raise BadNumber("too_short")
    return number


def guess_region(*, time_zone: str, language: str) -> str:
    """The country of a number that names none, by where its owner lives, or as their language says it (pt-BR); "" if neither does.

    A language alone says nothing: who reads English may live anywhere, and a wrong guess is a stranger's number.
    """
    here = get_global("zone_territories").get(time_zone, "")
    named = language.replace("_", "-").rpartition("-")[2].upper() if "-" in language or "_" in language else ""
    return next((region for region in (here, named) if region in phonenumbers.SUPPORTED_REGIONS), "")


def is_known(number: PhoneNumber) -> bool:
    """Whether its country's list has it. One that it has not may still exist; better ask once more."""
    return phonenumbers.is_valid_number(number)


def write_e164(number: PhoneNumber) -> str:
    """+493023125123, as it is stored."""
    return phonenumbers.format_number(number, PhoneNumberFormat.E164)


def write_international(value: str) -> str:
    """A stored number as people read it: +49 30 23125123."""
    try:
        return phonenumbers.format_number(phonenumbers.parse(value), PhoneNumberFormat.INTERNATIONAL)
    except NumberParseException:
        return value
