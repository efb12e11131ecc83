from django.apps import AppConfig


class Identity(AppConfig):
    name = "frisket.identity"
    label = "identity"
    default_auto_field = "django.db.models.BigAutoField"
