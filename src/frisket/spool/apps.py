from django.apps import AppConfig


class Spool(AppConfig):
    name = "frisket.spool"
    label = "spool"
    default_auto_field = "django.db.models.BigAutoField"
