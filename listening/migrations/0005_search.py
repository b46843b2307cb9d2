"""The full-text index that listening/search.py leans on; PostgreSQL only."""

from django.db import migrations


def create(apps, schema_editor):
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute("CREATE INDEX mention_search ON listening_mention USING gin (to_tsvector('simple', folded))")


def drop(apps, schema_editor):
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute("DROP INDEX mention_search")


class Migration(migrations.Migration):
    dependencies = [("listening", "0004_unanswered")]
    operations = [migrations.RunPython(create, drop)]
