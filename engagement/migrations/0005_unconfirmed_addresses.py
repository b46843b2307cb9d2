from django.db import migrations

# As they were worded when this was written.
STATUS_UPDATES, UNCONFIRMED = "status updates", "status updates, unconfirmed"
VERIFICATION, CONFIRMATION = "verification code", "confirmation of the address"


def narrow(apps, schema_editor):
    """An address that nobody has confirmed allows no mail but the one that asks for it."""
    consents = apps.get_model("profiles", "Consent").objects.filter(ticket_subscription__confirmed_at=None, scope=STATUS_UPDATES)
    consents.filter(ticket_subscription__isnull=False).update(scope=UNCONFIRMED)
    apps.get_model("engagement", "Notice").objects.filter(request_key__startswith="ticket-confirm-", purpose=VERIFICATION).update(
        purpose=CONFIRMATION
    )


def widen(apps, schema_editor):
    apps.get_model("profiles", "Consent").objects.filter(scope=UNCONFIRMED).update(scope=STATUS_UPDATES)
    apps.get_model("engagement", "Notice").objects.filter(purpose=CONFIRMATION).update(purpose=VERIFICATION)


class Migration(migrations.Migration):
    dependencies = [
        ("engagement", "0004_indexes_both_databases_use"),
        ("profiles", "0002_channels"),
    ]

    operations = [migrations.RunPython(narrow, widen)]
