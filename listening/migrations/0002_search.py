"""The search column and its index that listening/search.py leans on; PostgreSQL only."""

from django.db import migrations


def create(apps, schema_editor):
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute(
            "ALTER TABLE listening_mention ADD COLUMN search tsvector GENERATED ALWAYS AS (to_tsvector('simple', folded)) STORED"
        )
        schema_editor.execute("CREATE INDEX mention_search ON listening_mention USING gin (search)")


def drop(apps, schema_editor):
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute("ALTER TABLE listening_mention DROP COLUMN search")


class Migration(migrations.Migration):
    dependencies = [("listening", "0001_initial")]
    operations = [migrations.RunPython(create, drop)]
