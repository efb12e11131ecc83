"""The REST API at /api/v1/. Importing this fills it."""

from frisket.web.api import access, jobs, people, places, record, sources
from frisket.web.api.entry import OPERATIONS, api

__all__ = ["OPERATIONS", "access", "api", "jobs", "people", "places", "record", "sources"]
