from django.apps import AppConfig


class Device(AppConfig):
    name = "frisket.device"
    label = "device"
    default_auto_field = "django.db.models.BigAutoField"
