from django.apps import AppConfig


class Web(AppConfig):
    name = "frisket.web"
    label = "web"
