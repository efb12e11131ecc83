from django.apps import AppConfig


class Delivery(AppConfig):
    name = "frisket.delivery"
    label = "delivery"
    default_auto_field = "django.db.models.BigAutoField"
