"""An IPP printer's own words, turned into ours: what it can do, how it is, what became of a job."""

from collections.abc import Iterable

from frisket.delivery import ipp_facts as facts
from frisket.delivery.reading import PROBE_WANTED, capabilities
from frisket.delivery.values import Condition, End, Ending
from frisket.delivery.wishes import cannot, job_attributes, supports, wanted_for
from frisket.device import clean
from frisket.wire import ipp

__all__ = [
    "JOB_WANTED",
    "PRINTER_WANTED",
    "PROBE_WANTED",
    "cannot",
    "capabilities",
    "condition",
    "ending",
    "format_for",
    "in_words",
    "job_attributes",
    "supports",
    "wanted_for",
]

PRINTER_WANTED = (
    "charset-configured",
    "color-supported",
    "copies-supported",
    "document-format-default",
    "document-format-supported",
    "finishings-supported",
    "ipp-versions-supported",
    "media-default",
    "media-col-supported",
    "media-supported",
    "multiple-document-jobs-supported",
    "number-up-supported",
    "operations-supported",
    "orientation-requested-supported",
    "output-bin-supported",
    "page-ranges-supported",
    "pages-per-minute",
    "pages-per-minute-color",
    "print-color-mode-supported",
    "print-quality-supported",
    "printer-is-accepting-jobs",
    "printer-make-and-model",
    "printer-resolution-supported",
    "printer-state",
    "printer-state-message",
    "printer-state-reasons",
    "printer-uuid",
    "sides-supported",
    *facts.FACTS_WANTED,
)
JOB_WANTED = (
    "job-id",
    "job-impressions-completed",
    "job-media-sheets-completed",
    "job-printer-state-message",
    "job-printer-state-reasons",
    "job-state",
    "job-state-message",
    "job-state-reasons",
)
_STATES = {3: "idle", 4: "processing", 5: "stopped"}
# What a person reads where a device only says a keyword; others are read as they are, without dashes.
_WORDS = {
    "media-empty": "It has no paper.",
    "media-needed": "It wants other paper.",
    "media-jam": "Paper is jammed.",
    "toner-empty": "Its toner is empty.",
    "marker-supply-empty": "Its toner or ink is empty.",
    "cover-open": "A cover is open.",
    "door-open": "A door is open.",
    "input-tray-missing": "A tray is missing.",
    "document-format-error": "It could not read the document.",
    "document-unprintable-error": "It could not print the document.",
    "unsupported-document-format": "It does not take this kind of document.",
    "job-canceled-at-device": "Somebody cancelled it at the device.",
    "job-canceled-by-operator": "An operator of the device cancelled it.",
    "aborted-by-system": "The device gave up on it.",
}
_PAGE_LANGUAGES = frozenset(
    {
        "application/octet-stream",
        "application/postscript",
        "application/vnd.hp-pcl",
        "application/vnd.hp-pclxl",
    }
)
_SAYS_NOTHING = frozenset({"", "none", "job-completed-successfully", "job-printing", "processing-to-stop-point"})


def condition(printer: ipp.Group) -> Condition:
    reasons = [clean(reason, 60) for reason in printer.texts("printer-state-reasons")[:32]]
    return Condition(
        state=_STATES.get(printer.integer("printer-state") or 0, "unknown"),
        reasons=tuple(reason for reason in reasons if reason and reason != "none"),
        message=clean(printer.text("printer-state-message") or "", 200),
        model=clean(printer.text("printer-make-and-model") or "", 120),
        trays=facts.trays(printer),
        supplies=facts.supplies(printer),
        bins=facts.bins(printer),
        marked=facts.marked(printer),
    )


def format_for(printer: ipp.Group, format: str) -> str | None:
    """The document-format to send it under; None when the printer takes no such document."""
    offered = {each.lower(): each for each in printer.texts("document-format-supported")}
    if format.lower() in offered:
        return offered[format.lower()]
    # octet-stream asks the printer to find out for itself (RFC 8011 section 5.1.10). A printer that does not
    # list PDF or an image would find out that it is text, and print it as such: only its own languages may.
    guessed = format.lower() in _PAGE_LANGUAGES and "application/octet-stream" in offered
    return "application/octet-stream" if guessed or not offered else None


def ending(job: ipp.Group, *, whole: bool, cancel_asked: bool) -> Ending | None:
    """What the device says became of a job; None while it is still at it.

    whole: the device got the end of the last document. cancel_asked: we told it to stop.
    """
    state = job.integer("job-state") or 0
    if state not in (7, 8, 9):
        return None
    reasons = [clean(reason, 60) for reason in job.texts("job-state-reasons")[:8]]
    impressions, sheets = _count(job, "job-impressions-completed"), _count(job, "job-media-sheets-completed")
    evidence = " ".join([f"job-state={state}", *reasons])
    words = in_words(reasons, job.text("job-state-message") or job.text("job-printer-state-message") or "")

    def ended(end: End, what: str = "") -> Ending:
        return Ending(end, evidence, f"{what} {words}".strip(), impressions=impressions, sheets=sheets)

    if state == 9 and whole:
        return ended(End.DELIVERED)
    if cancel_asked and state == 7:
        return ended(End.CANCELLED, "The device stopped it.")
    if state == 9 or impressions or sheets:
        return ended(End.UNCERTAIN, "The device ended it before all of it was printed.")
    return ended(End.REFUSED, "The device did not print it.")


def in_words(reasons: Iterable[str], message: str = "") -> str:
    """Keywords as sentences, then what the device itself says; cleaned."""
    said: list[str] = []
    for reason in reasons:
        bare = reason.removesuffix("-error").removesuffix("-warning").removesuffix("-report")
        known = _WORDS.get(reason) or _WORDS.get(bare)
        if known is None and reason not in _SAYS_NOTHING:
            known = f"It says: {bare.replace('-', ' ')}."
        if known is not None and known not in said:
            said.append(known)
    text = clean(message, 100)
    if text and not said:
        said.append(f"It says: {text}")
    return " ".join(said)[:160]


def _count(job: ipp.Group, name: str) -> int | None:
    """A count of the device; a negative one is none."""
    number = job.integer(name)
    return number if number is not None and number >= 0 else None
