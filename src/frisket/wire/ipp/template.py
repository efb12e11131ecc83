"""The job template of a printer: which of its attributes belong there, and how finishings are told (RFC 8011
section 5.2, PWG 5100.1 section 5.2)."""

from collections.abc import Iterable

from frisket.wire.ipp.message import Attribute, attribute, collection
from frisket.wire.ipp.values import Value, keyword

__all__ = ["finishing_templates", "is_job_template"]

_STEMS = (
    "copies-",
    "finishings-",
    "job-cancel-after-",
    "job-delay-output-until-",
    "job-hold-until-",
    "job-priority-",
    "job-retain-until-",
    "job-sheets-",
    "media-",
    "multiple-document-handling-",
    "number-up-",
    "orientation-requested-",
    "output-bin-",
    "overrides-",
    "page-ranges-",
    "print-color-mode-",
    "print-content-optimize-",
    "print-quality-",
    "print-rendering-intent-",
    "print-scaling-",
    "printer-resolution-",
    "proof-copies-",
    "proof-print-",
    "sides-",
)
_ENDS = ("-default", "-supported", "-ready", "-database")


def is_job_template(name: str) -> bool:
    """Whether a printer attribute belongs to the group job-template (RFC 8011 section 4.2.5.1)."""
    return name.startswith(_STEMS) and name.endswith(_ENDS)


def finishing_templates(names: Iterable[str]) -> list[Attribute]:
    """finishings-col and its kin of a printer that finishes so, and in no way too."""
    every = list(dict.fromkeys(("none", *names)))
    rows = [_row(name) for name in every]
    return [
        attribute("finishing-template-supported", *map(keyword, every)),
        attribute("finishings-col-supported", keyword("finishing-template")),
        attribute("finishings-col-default", rows[0]),
        attribute("finishings-col-ready", *rows),
        attribute("finishings-col-database", *rows),
    ]


def _row(name: str) -> Value:
    return collection({"finishing-template": keyword(name)})
