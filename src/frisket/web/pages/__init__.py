"""The pages. Importing this fills the table of routes."""

from frisket.web.pages import (
    all_jobs,
    audit_log,
    credentials,
    devices,
    guides,
    health,
    jobs,
    mail,
    me,
    persons,
    queues,
    setup,
    sign_in,
    terminal,
    today,
)

__all__ = [
    "all_jobs",
    "audit_log",
    "credentials",
    "devices",
    "guides",
    "health",
    "jobs",
    "mail",
    "me",
    "persons",
    "queues",
    "setup",
    "sign_in",
    "terminal",
    "today",
]
