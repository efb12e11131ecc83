from django.apps import AppConfig


class Job(AppConfig):
    name = "frisket.job"
    label = "job"
    default_auto_field = "django.db.models.BigAutoField"
