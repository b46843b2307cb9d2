"""The company's settings, for admins: what it is called, what of it is public, which numbers are its customers'."""

from __future__ import annotations

from typing import Any
from zoneinfo import available_timezones

from django import forms
from django.contrib import messages
from django.db import transaction
from django.http import HttpRequest, HttpResponseBase
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods

from engagement.models import Company
from socialdesk.lib.pages import desk_view
from socialdesk.lib.text import clean


class LinesField(forms.CharField):
    """A list in a text box, an entry a line."""

    widget = forms.Textarea(attrs={"rows": 4, "dir": "auto"})

    def prepare_value(self, value: Any) -> Any:
        return "\n".join(value) if isinstance(value, list) else value

    def to_python(self, value: Any) -> Any:
        lines = (clean(line).strip() for line in str(value or "").splitlines())
        return [line for line in lines if line]


class PatternsField(LinesField):
    """A list of {name, pattern}, each as `Name: pattern` on a line."""

    widget = forms.Textarea(attrs={"rows": 4, "class": "code", "spellcheck": "false", "autocapitalize": "off"})

    def prepare_value(self, value: Any) -> Any:
        return "\n".join(f"{entry['name']}: {entry['pattern']}" for entry in value) if isinstance(value, list) else value

    def to_python(self, value: Any) -> Any:
        pairs = (line.partition(":") for line in super().to_python(value))
        return [{"name": name.strip(), "pattern": pattern.strip()} for name, _, pattern in pairs]


class CompanyForm(forms.ModelForm[Company]):
    public_contacts = LinesField(
        required=False,
        label="Public contacts",
        help_text="Your own hotline, e-mail and postal addresses, one a line. They may stand in public replies.",
    )
    own_patterns = PatternsField(
        required=False,
        label="Your customers' numbers",
        help_text="One a line, as Name: regular expression. Order number: TW-\\d{6} keeps order numbers out of public replies.",
    )
    time_zone = forms.ChoiceField(choices=lambda: [(zone, zone) for zone in sorted(available_timezones())])

    class Meta:
        model = Company
        fields = (
            *("name", "public_contacts", "own_patterns", "default_region", "accent"),
            *("time_zone", "quiet_from", "quiet_until", "outbound_per_week"),
        )  # fmt: skip
        labels = {
            "default_region": "Country",
            "accent": "Colour",
            "quiet_from": "Quiet from",
            "quiet_until": "Quiet until",
            "outbound_per_week": "Messages a week that you begin, to one person",
        }
        help_texts = {
            "default_region": "Two letters, as in GB. Telephone numbers without a country are read as its own.",
            "accent": "On the pages that customers see, below white words.",
            "quiet_from": "In these hours of their day nobody is written to or called unasked.",
        }
        widgets = {
            "accent": forms.TextInput(attrs={"type": "color"}),
            "quiet_from": forms.TimeInput(format="%H:%M", attrs={"type": "time"}),
            "quiet_until": forms.TimeInput(format="%H:%M", attrs={"type": "time"}),
        }

    def clean_default_region(self) -> str:
        return str(self.cleaned_data["default_region"]).upper()


@require_http_methods(["GET", "HEAD", "POST"])
@desk_view
def company(request: HttpRequest) -> HttpResponseBase:
    """The form, and what is wrong with it beside each field; what was typed stays."""
    if request.method != "POST":
        return render(request, "engagement/company.html", {"form": CompanyForm(instance=Company.current())})
    with transaction.atomic():
        stored, _ = Company.objects.get_or_create(pk=1)
        form = CompanyForm(request.POST, instance=stored)
        if form.is_valid():
            form.save()
            messages.success(request, "The company's settings are saved.")
            return redirect("company")
    return render(request, "engagement/company.html", {"form": form}, status=400)
