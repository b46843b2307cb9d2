"""On PostgreSQL the words of the search are kept in the order of their bytes, as SQLite does anyway: a beginning is then a range."""

from django.db import migrations


def order_by_bytes(apps, schema_editor):
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute('ALTER TABLE profiles_searchterm ALTER COLUMN term TYPE varchar(120) COLLATE "C"')


class Migration(migrations.Migration):
    dependencies = [("profiles", "0001_initial")]
    operations = [migrations.RunPython(order_by_bytes, migrations.RunPython.noop)]
