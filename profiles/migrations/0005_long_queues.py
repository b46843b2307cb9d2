"""Each delivery knows its person, so that a long queue is handed out along indexes."""

import django.db.models.deletion
from django.db import migrations, models


def copy_people(apps, schema_editor):
    event = apps.get_model("profiles", "ProfileEvent").objects.filter(pk=models.OuterRef("event"))
    apps.get_model("profiles", "EventDelivery").objects.update(profile=models.Subquery(event.values("profile")))


class Migration(migrations.Migration):
    dependencies = [
        ("profiles", "0004_ours"),
    ]

    operations = [
        migrations.AddField(
            model_name="eventdelivery",
            name="profile",
            field=models.ForeignKey(
                db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name="+", to="profiles.profile"
            ),
        ),
        migrations.RunPython(copy_people, migrations.RunPython.noop),
        migrations.AlterField(
            model_name="eventdelivery",
            name="profile",
            field=models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name="+", to="profiles.profile"),
        ),
        migrations.RemoveIndex(model_name="eventdelivery", name="event_delivery_due"),
        migrations.RemoveIndex(model_name="eventdelivery", name="event_delivery_inflight"),
        migrations.AddIndex(
            model_name="eventdelivery",
            index=models.Index(condition=models.Q(("state", "queued")), fields=["connection", "next_at", "id"], name="event_delivery_due"),
        ),
        migrations.AddIndex(
            model_name="eventdelivery",
            index=models.Index(
                condition=models.Q(("state", "inflight")), fields=["connection", "claimed_until"], name="event_delivery_inflight"
            ),
        ),
        migrations.AddIndex(
            model_name="eventdelivery",
            index=models.Index(
                condition=models.Q(("state", "queued"), ("state", "inflight"), _connector="OR"),
                fields=["connection", "profile", "event"],
                name="event_delivery_of_person",
            ),
        ),
    ]
