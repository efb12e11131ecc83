"""The address of everything: the table of pages, the API, and the pages for what goes wrong."""

from django.urls import path

from frisket.web import pages
from frisket.web.api import api
from frisket.web.routes import url_patterns

__all__ = ["urlpatterns"]

assert pages.__all__  # its modules fill the table when they are imported

urlpatterns = [*url_patterns(), path("api/v1/", api.urls)]

handler400 = "frisket.web.problems.bad_request"
handler403 = "frisket.web.problems.forbidden"
handler404 = "frisket.web.problems.not_found"
handler500 = "frisket.web.problems.house_failed"
