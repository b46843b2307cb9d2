"""The form that a connector asks for: its fields, with secrets that are never shown again."""

from __future__ import annotations

from typing import Any

from django import forms

from socialdesk.networks.base import Connecting

LONGEST = 2000


class ConnectForm(forms.Form):
    """One field for each thing that a person types in. What is left empty is taken as the field begins."""

    def __init__(self, data: Any, *, connecting: Connecting) -> None:
        super().__init__(data)
        self._initials = {field.name: field.initial for field in connecting.fields}
        for field in connecting.fields:
            self.fields[field.name] = forms.CharField(
                label=field.label,
                help_text=field.help,
                initial=field.initial,
                required=field.is_required and not field.initial,
                max_length=LONGEST,
                widget=forms.PasswordInput(attrs={"autocomplete": "off"}) if field.is_secret else forms.TextInput(attrs={"dir": "auto"}),
            )

    @property
    def values(self) -> dict[str, str]:
        return {name: str(value).strip() or self._initials[name] for name, value in self.cleaned_data.items()}
