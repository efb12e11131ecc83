"""The pages and the API as one WSGI callable, once the framework is set up."""

from django.core.handlers.wsgi import WSGIHandler

__all__ = ["application"]


def application() -> WSGIHandler:
    """To be mounted beside the doors; answers every path they do not take."""
    return WSGIHandler()
