"""The callback form as customers fill it in: what it offers, what is wrong with what was typed, and what it means."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

import phonenumbers
from babel import Locale
from babel.dates import format_skeleton
from django import forms
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from engagement.models import Company
from engagement.services.callbacks import LONGEST_REASON
from engagement.services.consent_texts import ConsentText, consent_text
from engagement.services.hours import SOON, BadWindow, Window, is_quiet, offer_windows, read_window
from engagement.services.places import guess_region, guess_zone, is_zone, list_countries, list_zones, zone_city
from profiles.models import Medium
from profiles.services.phones import BadNumber, is_known, read_phone, write_e164, write_international

KEPT = 4_000  # characters of what was typed that stand in the form again

WRONG_NUMBER = {
    "empty": _("Write the number that we may call."),
    "no_number": _("This is not a telephone number. Use digits, as in +44 117 496 0140."),
    "no_country": _("No country has the code that this number begins with. Look at the digits after the plus."),
    "too_short": _("This number is too short. Is a digit missing, or the area code?"),
    "too_long": _("This number is too long. Is a digit too many?"),
    "impossible": _("There is no such number in this country. Look at the digits and at the country."),
    "paid": _("This number would cost extra to call. Give an ordinary one."),
}
WRONG_WINDOW = {
    "unknown": _("Choose when we may call."),
    "past": _("That time is over where you are. Choose a later one."),
    "quiet": _("It is night then where you are. Choose another time."),
}


class CallbackForm(forms.Form):
    """Bound to what was typed; after `is_valid`, `window` and `consents` say what it means."""

    number = forms.CharField(
        required=False,
        label=_("Your telephone number"),
        widget=forms.TextInput(attrs={"type": "tel", "inputmode": "tel", "autocomplete": "tel", "dir": "ltr"}),
    )
    region = forms.ChoiceField(label=_("Country of the number"), widget=forms.Select(attrs={"autocomplete": "country"}))
    window = forms.CharField(required=False, label=_("When may we call?"), widget=forms.Select)
    zone = forms.CharField(required=False, label=_("Where you are, for the right hour"), widget=forms.Select)
    reason = forms.CharField(
        required=False, label=_("What is it about? (optional)"), widget=forms.Textarea(attrs={"rows": 3, "dir": "auto"})
    )
    agree = forms.BooleanField(required=False)
    agree_sms = forms.BooleanField(required=False)
    website = forms.CharField(required=False)  # never seen by a person
    shown = forms.CharField(required=False)  # version and language of the texts that were shown
    form_key = forms.RegexField(r"^[0-9a-f]{32}$", required=False)

    def __init__(self, data: Mapping[str, str] | None, *, company: Company, language: str, tongue: str, now: datetime) -> None:
        """`language` is that of the page, `tongue` that of the conversation, by which the country is guessed."""
        region = guess_region(tongue, default=company.default_region)
        guessed = {"region": region, "zone": guess_zone(region, default=company.time_zone)}
        kept = {name: value[:KEPT] for name, value in data.items()} if data is not None else None
        super().__init__(kept, initial=guessed)
        self._company, self._language, self._now = company, language, now
        zone = self["zone"].value()
        self.zone_name: str = zone if isinstance(zone, str) and is_zone(zone) else guessed["zone"]
        self.texts = [consent_text(medium, language=language, company=company.name) for medium in (Medium.PHONE, Medium.SMS)]
        self.versions = ",".join(f"{text.version}.{text.language}" for text in self.texts)
        countries = self.fields["region"]
        assert isinstance(countries, forms.ChoiceField)
        countries.choices = list_countries(language)
        self.fields["window"].widget.choices = self._window_choices()
        self.fields["zone"].widget.choices = self._zone_choices()
        self.call_window: Window | None = None

    def _window_choices(self) -> list[tuple[str, Any]]:
        zone = ZoneInfo(self.zone_name)
        soon = [] if is_quiet(self._now, [zone], self._company) else [(SOON, gettext("As soon as possible"))]
        days = offer_windows(zone, self._company, self._now)
        return soon + [(_day(day, self._language), [(window.value, _hours(window)) for window in windows]) for day, windows in days]

    def _zone_choices(self) -> list[tuple[str, str]]:
        known = list(list_zones(self._language))
        if self.zone_name not in dict(known):  # an older name of one, as some browsers say it
            known.insert(0, (self.zone_name, zone_city(self.zone_name, self._language)))
        return known

    def clean(self) -> dict[str, Any]:
        given = self.cleaned_data
        if given["website"]:
            raise forms.ValidationError(gettext("This looks as if a program had filled it in. Leave the last field empty and try again."))
        try:
            self.phone = read_phone(given["number"], region=given.get("region", self._company.default_region))
        except BadNumber as error:
            self.add_error("number", str(WRONG_NUMBER[error.code]))
        if not is_zone(given["zone"]):
            self.add_error("zone", gettext("Choose where you are."))
        else:
            try:
                self.call_window = read_window(given["window"], ZoneInfo(given["zone"]), self._company, self._now)
            except BadWindow as error:
                self.add_error("window", str(WRONG_WINDOW[error.code]))
        if len(given["reason"]) > LONGEST_REASON:
            words = gettext("This is too long: at most %(most)s characters. Tell us the rest when we talk.")
            self.add_error("reason", words % {"most": LONGEST_REASON})
        if not given["agree"]:
            self.add_error("agree", gettext("We may call only if you agree."))
        elif given["shown"] != self.versions:
            self.add_error("agree", gettext("The words above have changed. Read them again."))
        return given

    @property
    def consents(self) -> list[ConsentText]:
        """The texts that were agreed to."""
        call, sms = self.texts
        return [call, sms] if self.cleaned_data["agree_sms"] else [call]

    @property
    def number_words(self) -> str:
        return write_international(write_e164(self.phone))

    @property
    def is_known_number(self) -> bool:
        return is_known(self.phone)

    @property
    def country_words(self) -> str:
        region = phonenumbers.region_code_for_number(self.phone) or self.cleaned_data["region"]
        return dict(list_countries(self._language)).get(region, region).rpartition(" ")[0]


def describe_window(starts: datetime, ends: datetime, zone_name: str, *, now: datetime, language: str) -> dict[str, Any]:
    """The parts of the sentence that says when we call: `day`, `starts`, `ends`, `city`, and whether the window `is_running`."""
    zone = ZoneInfo(zone_name)
    return {
        "is_running": starts <= now,
        "day": _day(starts.astimezone(zone).date(), language),
        "starts": f"{starts.astimezone(zone):%H:%M}",
        "ends": f"{ends.astimezone(zone):%H:%M}",
        "city": zone_city(zone_name, language),
    }


def _day(day: date, language: str) -> str:
    """Monday 30 November, as it is said in that language."""
    locale = Locale.parse("en_GB" if language == "en" else language)
    return f"{locale.days['stand-alone']['wide'][day.weekday()]} {format_skeleton('MMMMd', day, locale=locale)}"


def _hours(window: Window) -> str:
    return f"{window.starts:%H:%M} – {window.ends:%H:%M}"
