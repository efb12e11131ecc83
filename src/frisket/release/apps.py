from django.apps import AppConfig


class Release(AppConfig):
    name = "frisket.release"
    label = "release"
    default_auto_field = "django.db.models.BigAutoField"
