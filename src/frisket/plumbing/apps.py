from django.apps import AppConfig


class Plumbing(AppConfig):
    name = "frisket.plumbing"
    label = "plumbing"
    default_auto_field = "django.db.models.BigAutoField"
