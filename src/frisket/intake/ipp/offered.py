"""What this door offers: every operation with who may ask for it. What is not listed here is refused.

The one table: operations-supported, the versions of IPP and the features we may claim follow from it.
"""

from collections.abc import Mapping

from frisket import device
from frisket.identity import Permission
from frisket.intake.ipp.terms import FEATURES
from frisket.wire.ipp import Operation

__all__ = ["OFFERED", "OPERATIONS", "SYSTEM_OPERATIONS", "WHICH_JOBS", "features", "versions"]

# None: answered for anybody who reaches the door, what a client must know before it can sign in.
# JOBS_OWN: anybody known, for their own jobs; whoever has jobs.all reaches others' too.
OFFERED: Mapping[int, Permission | None] = {
    Operation.PRINT_JOB: Permission.JOBS_OWN,
    Operation.VALIDATE_JOB: Permission.JOBS_OWN,
    Operation.CREATE_JOB: Permission.JOBS_OWN,
    Operation.SEND_DOCUMENT: Permission.JOBS_OWN,
    Operation.CANCEL_JOB: Permission.JOBS_OWN,
    Operation.GET_JOB_ATTRIBUTES: Permission.JOBS_OWN,
    Operation.GET_JOBS: None,
    Operation.GET_PRINTER_ATTRIBUTES: None,
    Operation.HOLD_JOB: Permission.JOBS_OWN,
    Operation.RELEASE_JOB: Permission.JOBS_OWN,
    Operation.RESTART_JOB: Permission.JOBS_OWN,
    Operation.PAUSE_PRINTER: Permission.QUEUES_MANAGE,
    Operation.RESUME_PRINTER: Permission.QUEUES_MANAGE,
    Operation.PURGE_JOBS: Permission.QUEUES_MANAGE,
    Operation.SET_PRINTER_ATTRIBUTES: Permission.QUEUES_MANAGE,
    Operation.SET_JOB_ATTRIBUTES: Permission.JOBS_OWN,
    Operation.GET_PRINTER_SUPPORTED_VALUES: Permission.QUEUES_MANAGE,
    Operation.CREATE_PRINTER_SUBSCRIPTIONS: Permission.JOBS_OWN,
    Operation.CREATE_JOB_SUBSCRIPTIONS: Permission.JOBS_OWN,
    Operation.GET_SUBSCRIPTION_ATTRIBUTES: Permission.JOBS_OWN,
    Operation.GET_SUBSCRIPTIONS: Permission.JOBS_OWN,
    Operation.RENEW_SUBSCRIPTION: Permission.JOBS_OWN,
    Operation.CANCEL_SUBSCRIPTION: Permission.JOBS_OWN,
    Operation.GET_NOTIFICATIONS: Permission.JOBS_OWN,
    Operation.ENABLE_PRINTER: Permission.QUEUES_MANAGE,
    Operation.DISABLE_PRINTER: Permission.QUEUES_MANAGE,
    Operation.PAUSE_PRINTER_AFTER_CURRENT_JOB: Permission.QUEUES_MANAGE,
    Operation.HOLD_NEW_JOBS: Permission.QUEUES_MANAGE,
    Operation.RELEASE_HELD_NEW_JOBS: Permission.QUEUES_MANAGE,
    Operation.RESTART_PRINTER: Permission.QUEUES_MANAGE,
    Operation.SHUTDOWN_PRINTER: Permission.QUEUES_MANAGE,
    Operation.STARTUP_PRINTER: Permission.QUEUES_MANAGE,
    Operation.REPROCESS_JOB: Permission.JOBS_OWN,
    Operation.CANCEL_CURRENT_JOB: Permission.JOBS_OWN,
    Operation.SUSPEND_CURRENT_JOB: Permission.JOBS_OWN,
    Operation.RESUME_JOB: Permission.JOBS_OWN,
    Operation.PROMOTE_JOB: Permission.QUEUES_MANAGE,
    Operation.SCHEDULE_JOB_AFTER: Permission.QUEUES_MANAGE,
    Operation.CANCEL_DOCUMENT: Permission.JOBS_OWN,
    Operation.GET_DOCUMENT_ATTRIBUTES: Permission.JOBS_OWN,
    Operation.GET_DOCUMENTS: Permission.JOBS_OWN,
    Operation.SET_DOCUMENT_ATTRIBUTES: Permission.JOBS_OWN,
    Operation.CANCEL_JOBS: Permission.JOBS_ALL,
    Operation.CANCEL_MY_JOBS: Permission.JOBS_OWN,
    Operation.RESUBMIT_JOB: Permission.JOBS_OWN,
    Operation.CLOSE_JOB: Permission.JOBS_OWN,
    Operation.IDENTIFY_PRINTER: Permission.JOBS_OWN,
    Operation.VALIDATE_DOCUMENT: Permission.JOBS_OWN,
    Operation.CUPS_GET_DEFAULT: None,
    Operation.CUPS_GET_PRINTERS: None,
    Operation.CUPS_GET_CLASSES: None,
    Operation.GET_PRINTERS: None,
    Operation.GET_SYSTEM_ATTRIBUTES: None,
    Operation.DISABLE_ALL_PRINTERS: Permission.QUEUES_MANAGE,
    Operation.ENABLE_ALL_PRINTERS: Permission.QUEUES_MANAGE,
}
# Asked of the System object (PWG 5100.22), not of a queue.
SYSTEM_OPERATIONS = (
    Operation.GET_PRINTERS,
    Operation.DISABLE_ALL_PRINTERS,
    Operation.ENABLE_ALL_PRINTERS,
    Operation.GET_SYSTEM_ATTRIBUTES,
)
OPERATIONS = tuple(sorted(int(each) for each in OFFERED if each not in SYSTEM_OPERATIONS))

WHICH_JOBS = (
    "completed",
    "not-completed",
    "all",
    "aborted",
    "canceled",
    "pending",
    "pending-held",
    "processing",
    "processing-stopped",
    "proof-and-suspend",
    "proof-print",
    "stored-owner",
    "stored-public",
)

# PWG 5100.12 sections 6.3 and 6.4: what each level asks for beyond the one before it.
_2_1 = (0x05, 0x06, *range(0x0C, 0x0F), *range(0x10, 0x17), *range(0x18, 0x1D), 0x22, 0x23)
_2_2 = (*range(0x24, 0x27), *range(0x29, 0x32), 0x33, 0x34, 0x35, *range(0x37, 0x3C))


def versions(can: device.Capabilities) -> tuple[str, ...]:
    """ipp-versions-supported: a version is claimed as soon as all it asks for is there, and no sooner."""
    higher = all(code in OFFERED for code in _2_1)
    highest = higher and all(code in OFFERED for code in _2_2) and _for_pages(can) and can.page_ranges
    return ("1.0", "1.1", "2.0", *(("2.1",) if higher else ()), *(("2.2",) if highest else ()))


def features(can: device.Capabilities) -> tuple[str, ...]:
    """ipp-features-supported. What only a machine can do, asking for paper, a server need not (PWG 5100.14)."""
    found = []
    if "image/pwg-raster" in can.formats and ("image/jpeg" in can.formats or not can.colour):
        found += ["ipp-everywhere", "ipp-everywhere-server"] if can.identify else ["ipp-everywhere-server"]
    if {Operation.GET_DOCUMENTS, Operation.CANCEL_DOCUMENT} <= OFFERED.keys():
        found.append("document-object")
    if _for_pages(can):
        found.append("page-overrides")
    return (*found, *FEATURES, "subscription-object")


def _for_pages(can: device.Capabilities) -> bool:
    return "pages" in can.keywords("overrides")
