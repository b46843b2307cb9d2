"""The forms with which an admin connects another system."""

from __future__ import annotations

from typing import Any

from django import forms

from profiles.models import Connection, CustomField
from profiles.services.conflicts import ALL_OTHERS, Rule
from profiles.services.connections import SECRETS, SETTINGS, SHORT_NAME, write_settings
from profiles.services.record_lists import LISTS
from profiles.services.records import FIELDS
from profiles.services.rights import CUSTOM
from profiles.services.salesforce_fields import EXTERNAL_FIELD, MAPPING

_RULE = "rule_"
_OF_LISTS = [(Rule.NEWEST, "Both together"), (Rule.OURS, "Ours only"), (Rule.FILL, "Theirs only where we have none")]
_KEPT = "Leave it empty to keep what was entered before."


def _check_short_name(given: str) -> None:
    if not SHORT_NAME.fullmatch(given):
        raise forms.ValidationError("Small letters, digits and hyphens, as in shop-2. A hyphen stands between two of the others.")


class ConnectionForm(forms.Form):
    """What every connection has. `rules` come below it, a field each."""

    name = forms.CharField(max_length=80, help_text="As people here call it.", widget=forms.TextInput(attrs={"dir": "auto"}))
    system = forms.CharField(
        max_length=40,
        label="Short name",
        validators=[_check_short_name],
        help_text="As in crm or shop-2. It stands beside every value from there.",
    )
    url = forms.CharField(max_length=1000, label="Address", widget=forms.URLInput(attrs={"dir": "ltr"}))

    def __init__(self, *args: Any, connection: Connection | None = None, **options: Any) -> None:
        self.connection = connection
        if connection is not None:
            shown = {"name": connection.name, "url": connection.url, **write_settings(connection)}
            options["initial"] = {**shown, **{_RULE + field: rule for field, rule in connection.rules.items()}}
        super().__init__(*args, **options)
        if connection is not None:
            del self.fields["system"]
            del self.fields["from_start"]
            for name in SECRETS:
                if name in self.fields:
                    self.fields[name].required = False
                    self.fields[name].help_text = _KEPT
        self._add_rules()

    from_start = forms.BooleanField(
        required=False,
        label="Tell it also what has changed so far",
        help_text="Otherwise it hears of people when they change from now on.",
    )

    def _add_rules(self) -> None:
        custom = [(CUSTOM + field.key, field.label) for field in CustomField.objects.filter(archived_at=None)]
        named = [(name, name.replace("_", " ").capitalize()) for name in FIELDS]
        self.fields[_RULE + ALL_OTHERS] = forms.ChoiceField(choices=Rule.choices, required=False, label="All fields")
        for name, label in (*named, *custom):
            choices = [("", "As all fields"), *Rule.choices]
            if name in LISTS:
                choices = [("", "As all fields"), *_OF_LISTS]
            self.fields[_RULE + name] = forms.ChoiceField(choices=choices, required=False, label=label)

    @property
    def plain_fields(self) -> list[forms.BoundField]:
        return [field for field in self if not field.name.startswith(_RULE)]

    @property
    def rule_fields(self) -> list[forms.BoundField]:
        return [field for field in self if field.name.startswith(_RULE)]

    @property
    def rules(self) -> dict[str, str]:
        return {name.removeprefix(_RULE): rule for name, rule in self.cleaned_data.items() if name.startswith(_RULE) and rule}

    @property
    def settings(self) -> dict[str, str]:
        known = {name for names in SETTINGS.values() for name in names}
        return {name: value for name, value in self.cleaned_data.items() if name in known and isinstance(value, str)}


def _secret(label: str, help_text: str, *, required: bool) -> forms.CharField:
    widget = forms.PasswordInput(attrs={"autocomplete": "off", "dir": "ltr"})
    return forms.CharField(label=label, help_text=help_text, required=required, widget=widget, max_length=500)


class WebhookForm(ConnectionForm):
    their_secret = _secret(
        "Their signing secret",
        "With which they sign what they send us, beginning with whsec_. You can enter it later; until then nothing from there is taken.",
        required=False,
    )
    field_order = ("name", "system", "url", "their_secret", "from_start")

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.fields["url"].help_text = "Where signed events are sent. Another Social Desk shows it on the page of its connection to you."


class SalesforceForm(ConnectionForm):
    client_id = forms.CharField(label="Consumer key", max_length=500, widget=forms.TextInput(attrs={"autocomplete": "off", "dir": "ltr"}))
    client_secret = _secret("Consumer secret", "Both are of a connected app with the client credentials flow.", required=True)
    external_field = forms.CharField(
        required=False,
        label="Field for our numbers",
        initial=EXTERNAL_FIELD,
        max_length=80,
        help_text="A text field of the contact that Salesforce keeps as an external id and unique.",
    )
    mapping = forms.CharField(
        required=False,
        label="Which field is which",
        initial="\n".join(f"{ours} = {theirs}" for ours, theirs in MAPPING.items()),
        widget=forms.Textarea(attrs={"rows": 6, "class": "code", "spellcheck": "false", "dir": "ltr"}),
        help_text="Ours = theirs, one a line. FirstName and LastName are the name by themselves.",
    )
    field_order = ("name", "system", "url", "client_id", "client_secret", "external_field", "mapping", "from_start")

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.fields["url"].help_text = "Your org's own address, as in https://example.my.salesforce.com."


FORMS: dict[str, type[ConnectionForm]] = {Connection.Kind.WEBHOOK: WebhookForm, Connection.Kind.SALESFORCE: SalesforceForm}
