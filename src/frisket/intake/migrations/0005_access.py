from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("intake", "0004_destinations")]

    operations = [
        migrations.CreateModel(
            name="Access",
            fields=[
                ("tenant", models.UUIDField(primary_key=True, serialize=False)),
                ("networks", models.JSONField(default=list)),
                ("upload_by", models.CharField(default="everybody", max_length=12)),
                ("upload_verifier", models.CharField(default="", max_length=200)),
                ("upload_stamp", models.IntegerField(default=0)),
            ],
        ),
    ]
