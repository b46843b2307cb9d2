"""From a file's columns to the fields of a record: what columns are usually called, and what their cells say."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from profiles.models import CustomField, Stage
from profiles.services.records import FIELDS
from socialdesk.lib.text import clean, fold

CUSTOM = "custom:"
EXTERNAL_ID = "external_id"
# Parts of a name and of an address: files have them apart, we keep them together.
NAME_PARTS = ("first_name", "last_name")
ADDRESS_PARTS = ("street", "postal_code", "city", "country")
LABELS = {
    "name": "Name",
    "first_name": "First name",
    "last_name": "Last name",
    "company": "Company",
    "emails": "E-mail",
    "phones": "Phone",
    "addresses": "Address",
    "street": "Street (part of the address)",
    "postal_code": "Postal code (part of the address)",
    "city": "Town (part of the address)",
    "country": "Country (part of the address)",
    "language": "Language",
    "time_zone": "Time zone",
    "stage": "Stage",
    "preferred_channel": "Preferred channel",
    "owner": "Owner (user name)",
    "do_not_contact": "Do not contact",
    "tags": "Tags",
    EXTERNAL_ID: "Number in the other system",
}
# Folded, without anything but letters; English, Spanish, French, German.
_NAMES = {
    "name": "name fullname displayname contactname customername contact customer client nombre nombrecompleto contacto cliente nom "
    "nomcomplet vollstandigername vollername kontakt kunde kundenname",
    "first_name": "firstname givenname forename nombredepila primernombre prenom vorname",
    "last_name": "lastname surname familyname apellido apellidos nomdefamille nachname familienname",
    "company": "company companyname organization organisation organizationname org employer business account accountname empresa compania "
    "organizacion entreprise societe firma firmenname unternehmen organisationsname",
    "emails": "email emails mail emailaddress emailaddresses mailaddress correo correoelectronico correos courriel adresseemail "
    "adressemail adresseelectronique emailadresse mailadresse epost",
    "phones": "phone phones phonenumber phonenumbers telephone telephonenumber tel mobile mobilephone cell cellphone telefono telefonos "
    "movil celular numerodetelefono telefonomovil telephoneportable portable numerodetelephone telefon telefonnummer mobil handy rufnummer "
    "mobiltelefon handynummer",
    "addresses": "address addresses postaladdress mailingaddress homeaddress direccion direcciones domicilio direccionpostal adresse "
    "adresses adressepostale anschrift postanschrift",
    "street": "street streetaddress calle rue strasse strassehausnummer strasseundhausnummer",
    "postal_code": "postalcode postcode zip zipcode codigopostal cp codepostal plz postleitzahl",
    "city": "city town ciudad localidad poblacion ville ort stadt wohnort",
    "country": "country pais pays land",
    "language": "language lang locale idioma lengua langue sprache",
    "time_zone": "timezone tz zonahoraria husohorario fuseauhoraire zeitzone",
    "stage": "stage lifecyclestage customerstage etapa fase etape stade phase kundenphase",
    "preferred_channel": "preferredchannel channel canal canalpreferido canalprefere kanal bevorzugterkanal",
    "owner": "owner accountmanager accountowner propietario responsable gestor proprietaire gestionnaire betreuer inhaber zustandig",
    "do_not_contact": "donotcontact dnc nocontactar nepascontacter nichtkontaktieren keinkontakt",
    "tags": "tags tag labels label categories category etiquetas etiqueta etiquettes etiquette schlagworte schlagwort",
    EXTERNAL_ID: "id externalid customerid customernumber customerno clientid contactid crmid recordid numerodecliente idcliente "
    "numeroclient idclient kundennummer kundennr kundenid kontaktid",
}
_FIELD_OF = {name: field for field, names in _NAMES.items() for name in names.split()}
_MANY = ("emails", "phones", "addresses", "tags")
_YES = {"yes", "y", "true", "1", "x", "si", "oui", "ja", "wahr", "verdadero", "vrai"}
_NO = {"no", "n", "false", "0", "non", "nein", "falsch", "falso", "faux"}
_STAGES = {fold(label): str(value) for value, label in Stage.choices}
# What a spreadsheet would take for a formula (services/exporting.py guards it with an apostrophe).
_GUARDED = re.compile(r"'+[=+\-@\t\r]")


def fields_for_columns() -> dict[str, str]:
    """{field: label} of all that a column can be, fields of an admin last."""
    customs = CustomField.objects.filter(archived_at=None).values_list("key", "label")
    return {**LABELS, **{CUSTOM + key: label for key, label in customs}}


def is_known_name(column: str) -> bool:
    return _guess(column) != ""


def guess_mapping(columns: Sequence[str], *, customs: Mapping[str, str] | None = None) -> dict[str, str]:
    """{column: field} as far as the columns' names say it. `customs` is {key: label} of the fields that an admin made."""
    by_name = {_squeeze(name): CUSTOM + key for key, label in (customs or {}).items() for name in (key, label)}
    mapping: dict[str, str] = {}
    for column in columns:
        field = _guess(column) or by_name.get(_squeeze(column), "")
        is_taken = field in mapping.values() and field not in _MANY
        if field.startswith(CUSTOM) and field.removeprefix(CUSTOM) not in (customs or {}):
            continue
        if field and not is_taken:
            mapping[column] = field
    names = [column for column, field in mapping.items() if field == "name"]
    for column in names:
        # "Nombre" beside "Apellidos" is the first name, "Name" beside "Vorname" the last.
        if "last_name" in mapping.values() and "first_name" not in mapping.values():
            mapping[column] = "first_name"
        elif "first_name" in mapping.values() and "last_name" not in mapping.values():
            mapping[column] = "last_name"
    return mapping


def check_mapping(mapping: Mapping[str, str]) -> str:
    """Why people cannot be read by it, "" if they can."""
    known = fields_for_columns()
    unknown = [field for field in mapping.values() if field not in known]
    if unknown:
        return f"There is no field {unknown[0][:40]!r}. Choose one of the list."
    if not set(mapping.values()) & {"emails", "phones", EXTERNAL_ID}:
        return "Choose a column for the e-mail, the phone or the number in the other system: without one nobody is known again."
    twice = [field for field in (*FIELDS, EXTERNAL_ID) if field not in _MANY and list(mapping.values()).count(field) > 1]
    if twice:
        return f"Two columns are chosen for {LABELS[twice[0]]}. Leave one of them out."
    return ""


def read_cells(columns: Sequence[str], cells: Sequence[str], mapping: Mapping[str, str]) -> tuple[dict[str, Any], str]:
    """(values of a record, number in the other system) of a row. An empty cell says nothing."""
    values: dict[str, Any] = {}
    parts: dict[str, str] = {}
    external_id = ""
    for column, cell in zip(columns, cells, strict=False):
        field = mapping.get(column, "")
        text = clean(cell.replace("\r", "\n")).strip(" \t") if field else ""
        if not text.strip():
            continue
        if field == EXTERNAL_ID:
            external_id = text
        elif field in NAME_PARTS or field in ADDRESS_PARTS:
            parts[field] = " ".join(text.split())
        elif field in _MANY:
            found = values.setdefault(field, [])
            found.extend(value for value in split_cell(field, text) if value not in found)
        elif field not in values:
            values[field] = _read_value(field, text)
    name = " ".join(parts[part] for part in NAME_PARTS if part in parts)
    if name:
        values.setdefault("name", name)
    address = _write_address(parts)
    if address and address not in values.setdefault("addresses", []):
        values["addresses"].append(address)
    if not values.get("addresses", True):
        del values["addresses"]
    return values, external_id


def split_cell(field: str, text: str) -> list[str]:
    """The values of a cell that holds several: one a line, or where it is one line, parted as people part them."""
    if "\n" in text:
        parts = text.split("\n")
    elif field == "emails":
        parts = re.split(r"[;,\s]+", text) if text.count("@") > 1 else text.split(";")
    elif field == "phones":
        parts = text.split(";")
    elif field == "tags":
        parts = re.split(r"[;,]", text)
    else:
        parts = [text]
    return [value for part in parts if (value := " ".join(part.split()))]


def join_cell(field: str, values: Sequence[str]) -> str:
    """What split_cell reads as these values."""
    text = "\n".join(values)
    return text + "\n" if len(values) == 1 and split_cell(field, text) != list(values) else text


def unguard(cell: str) -> str:
    """The cell without the apostrophe that keeps spreadsheets from computing it."""
    return cell[1:] if _GUARDED.match(cell) else cell


def _read_value(field: str, text: str) -> Any:
    line = " ".join(text.split())
    if field == "do_not_contact":
        word = fold(line)
        return True if word in _YES else False if word in _NO else line
    if field == "stage":
        return _STAGES.get(fold(line), line.lower().replace(" ", "_"))
    if field == "language":
        return line.replace("_", "-")
    return line


def _write_address(parts: Mapping[str, str]) -> str:
    town = " ".join(parts[part] for part in ("postal_code", "city") if part in parts)
    return ", ".join(part for part in (parts.get("street", ""), town, parts.get("country", "")) if part)


def _guess(column: str) -> str:
    name = column.strip().lower()
    if name in FIELDS or name in LABELS or name.startswith(CUSTOM):
        return name
    return _FIELD_OF.get(_squeeze(column), "")


def _squeeze(name: str) -> str:
    """E-mail 1 - Value and e_mail are email: letters only."""
    letters = "".join(c for c in fold(name) if c.isalpha())
    return letters.removesuffix("value") if any(c.isdigit() for c in name) else letters
