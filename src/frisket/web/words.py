"""The words and drawings for keywords: states, roles, sides, reasons of devices."""

from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

__all__ = ["ICONS", "LOOK", "STATE_ICON", "STATIONS", "source", "spoken", "state"]

# The line a page draws; "uncertain" and "stopped" stand beside it.
STATIONS = ("arrived", "sealed", "checked", "waiting", "released", "printing", "done", "destroyed")

_STATES = {
    "receiving": gettext_noop("arriving"),
    "received": gettext_noop("sealed"),
    "admitted": gettext_noop("being checked"),
    "prepared": gettext_noop("checked"),
    "converting": gettext_noop("being converted"),
    "locked": gettext_noop("protected"),
    "held": gettext_noop("waiting"),
    "released": gettext_noop("released"),
    "sending": gettext_noop("printing"),
    "uncertain": gettext_noop("uncertain"),
    "delivered": gettext_noop("printed"),
    "ended": gettext_noop("done"),
    "erased": gettext_noop("destroyed"),
    "quarantined": gettext_noop("stopped"),
    # devices
    "idle": gettext_noop("ready"),
    "processing": gettext_noop("printing"),
    "stopped": gettext_noop("stopped"),
    "unreachable": gettext_noop("unreachable"),
    "unknown": gettext_noop("not asked yet"),
}
_SOURCES = {
    "new": gettext_noop("not looked at yet"),
    "watching": gettext_noop("watching"),
    "waiting": gettext_noop("waiting"),
    "gone": gettext_noop("not reachable"),
    "refused": gettext_noop("no access"),
    "closed": gettext_noop("closed by the security level"),
    "off": gettext_noop("out of use"),
}
LOOK = {
    "receiving": "info",
    "received": "info",
    "admitted": "info",
    "prepared": "info",
    "held": "wait",
    "released": "info",
    "sending": "good",
    "uncertain": "stop",
    "delivered": "good",
    "ended": "past",
    "erased": "past",
    "quarantined": "stop",
    "idle": "good",
    "processing": "good",
    "stopped": "stop",
    "unreachable": "stop",
    "unknown": "past",
}
STATE_ICON = {
    "receiving": "upload",
    "received": "seal",
    "admitted": "seal",
    "prepared": "seal",
    "held": "wait",
    "released": "send",
    "sending": "device",
    "uncertain": "question",
    "delivered": "done",
    "ended": "done",
    "erased": "destroyed",
    "quarantined": "stop",
    "idle": "done",
    "processing": "device",
    "stopped": "stop",
    "unreachable": "stop",
    "unknown": "question",
}

_SPOKEN = {
    # stations
    "arrived": gettext_noop("arrived"),
    "sealed": gettext_noop("sealed"),
    "checked": gettext_noop("checked"),
    "waiting": gettext_noop("waiting"),
    "printing": gettext_noop("printing"),
    "done": gettext_noop("done"),
    "destroyed": gettext_noop("destroyed"),
    # roles
    "person": gettext_noop("Person"),
    "operator": gettext_noop("Operator"),
    "administrator": gettext_noop("Administrator"),
    # credentials
    "card": gettext_noop("Card"),
    "pin": gettext_noop("PIN"),
    "password": gettext_noop("Password"),
    "queue-secret": gettext_noop("Personal print address"),
    "certificate": gettext_noop("Certificate"),
    "token": gettext_noop("Token"),
    # how to print
    "one-sided": gettext_noop("One-sided"),
    "two-sided-long-edge": gettext_noop("Two-sided"),
    "two-sided-short-edge": gettext_noop("Two-sided, short edge"),
    "color": gettext_noop("Colour"),
    "monochrome": gettext_noop("Black and white"),
    "auto": gettext_noop("As in the document"),
    # doors
    "ipp": gettext_noop("IPP"),
    "ipps": gettext_noop("IPP, encrypted"),
    "lpd": gettext_noop("LPD"),
    "raw": gettext_noop("RAW port"),
    "ftp": gettext_noop("FTP"),
    "upload": gettext_noop("Upload"),
    "control": gettext_noop("Command line"),
    "folder": gettext_noop("Hot folder"),
    "store": gettext_noop("Store"),
    "samba": gettext_noop("Shared printer (SMB)"),
    "mail": gettext_noop("Mail"),
    "traps": gettext_noop("SNMP traps"),
    # mail: where it came from, what proved its sender, what became of its answer, why it was refused
    "smtp": gettext_noop("Mail door"),
    "imap": gettext_noop("Mailbox (IMAP)"),
    "pop3": gettext_noop("Mailbox (POP3)"),
    "graph": gettext_noop("Mailbox (Exchange Online)"),
    "ews": gettext_noop("Mailbox (Exchange)"),
    "signed-in": gettext_noop("signed in"),
    "address": gettext_noop("personal address"),
    "relay": gettext_noop("believed mail server"),
    "results": gettext_noop("DMARC"),
    "due": gettext_noop("on its way"),
    "sent": gettext_noop("sent"),
    "kept-back": gettext_noop("kept back: too many"),
    "given-up": gettext_noop("given up"),
    "new": gettext_noop("not looked into yet"),
    "watching": gettext_noop("watched"),
    "trouble": gettext_noop("trouble"),
    "not-believed": gettext_noop("nobody vouches for the sender"),
    "nobody-known": gettext_noop("the sender is nobody here"),
    "no-address": gettext_noop("no such print address"),
    "bounce": gettext_noop("a report of a mail server"),
    "automatic-reply": gettext_noop("an automatic reply"),
    "own-answer": gettext_noop("an answer of this house"),
    "nothing": gettext_noop("nothing was attached"),
    "archive": gettext_noop("an archive"),
    "encrypted-archive": gettext_noop("an encrypted archive"),
    "encrypted": gettext_noop("encrypted"),
    "tnef": gettext_noop("a winmail.dat"),
    "mail-inside": gettext_noop("a mail inside the mail"),
    "elsewhere": gettext_noop("only a part of a mail"),
    "program": gettext_noop("a program"),
    "broken": gettext_noop("damaged"),
    "empty": gettext_noop("empty"),
    "format": gettext_noop("a format no device prints"),
    "too-large": gettext_noop("too large"),
    "too-many": gettext_noop("too many documents"),
    "too-many-documents": gettext_noop("too many documents"),
    "over-quota": gettext_noop("too much is waiting"),
    "header": gettext_noop("a header beyond its limit"),
    "parts": gettext_noop("too many parts"),
    "depth": gettext_noop("parts nested too deep"),
    "web": gettext_noop("Pages and API"),
    "copy": gettext_noop("Copy"),
    # job-release-action and job-storage-access
    "none": gettext_noop("as its queue says"),
    "button-press": gettext_noop("by somebody at a device"),
    "job-password": gettext_noop("with its PIN"),
    "owner-authorized": gettext_noop("by its owner at a device"),
    "owner": gettext_noop("for its owner"),
    "public": gettext_noop("for everybody"),
    # outcomes
    "stored": gettext_noop("stored"),
    "printed": gettext_noop("printed"),
    "cancelled": gettext_noop("deleted"),
    "expired": gettext_noop("expired"),
    "refused": gettext_noop("refused"),
    "failed": gettext_noop("failed"),
    # printer-state-reasons of RFC 8011 section 5.4.12, without their severity
    "media-needed": gettext_noop("paper needed"),
    "media-empty": gettext_noop("out of paper"),
    "media-low": gettext_noop("paper low"),
    "media-jam": gettext_noop("paper jam"),
    "toner-empty": gettext_noop("out of toner"),
    "toner-low": gettext_noop("toner low"),
    "marker-supply-empty": gettext_noop("out of toner or ink"),
    "marker-supply-low": gettext_noop("toner or ink low"),
    "cover-open": gettext_noop("cover open"),
    "door-open": gettext_noop("door open"),
    "output-area-full": gettext_noop("output tray full"),
    "offline": gettext_noop("offline"),
    "paused": gettext_noop("paused"),
    "shutdown": gettext_noop("switched off"),
    "connecting-to-device": gettext_noop("connecting"),
    "timed-out": gettext_noop("does not answer"),
    "other": gettext_noop("another reason"),
    "toner": gettext_noop("toner"),
    "marker-supply-missing": gettext_noop("a cartridge is missing"),
    "marker-waste-almost-full": gettext_noop("waste box almost full"),
    "marker-waste-full": gettext_noop("waste box full"),
    "output-area-almost-full": gettext_noop("output tray almost full"),
    "output-tray-missing": gettext_noop("an output tray is missing"),
    "input-tray-missing": gettext_noop("a tray is missing"),
    "interlock-open": gettext_noop("a lock is open"),
    "service-needed": gettext_noop("service needed"),
    "opc-near-eol": gettext_noop("drum nearly worn out"),
    "opc-life-over": gettext_noop("drum worn out"),
    "developer-low": gettext_noop("developer low"),
    "developer-empty": gettext_noop("out of developer"),
    "stapler-empty": gettext_noop("out of staples"),
    "fuser-over-temp": gettext_noop("fuser too hot"),
    "fuser-under-temp": gettext_noop("fuser too cold"),
    "certificate-not-adopted": gettext_noop("certificate not adopted"),
    # sources of what is known of a device, and why one could not be asked
    "pjl": gettext_noop("PJL"),
    "snmp": gettext_noop("SNMP"),
    "job": gettext_noop("last job"),
    "no-answer": gettext_noop("does not answer"),
    "denied": gettext_noop("user or password refused"),
    "garbled": gettext_noop("unreadable answers"),
    "not-a-printer": gettext_noop("says nothing of a printer"),
    # finishers (RFC 3806)
    "stitcher": gettext_noop("stapling"),
    "folder-unit": gettext_noop("folding"),
    "binder": gettext_noop("binding"),
    "trimmer": gettext_noop("trimming"),
    "puncher": gettext_noop("punching"),
    "perforater": gettext_noop("perforating"),
    "stacker": gettext_noop("stacking"),
    "inserter": gettext_noop("inserting sheets"),
    "make-envelopes": gettext_noop("making envelopes"),
    # units
    "impressions": gettext_noop("impressions"),
    "sheets": gettext_noop("sheets"),
}
_SEVERITIES = ("-error", "-warning", "-report")


def source(keyword: str) -> str:
    """How a hot folder or store is, as a word."""
    text = _SOURCES.get(str(keyword))
    return _(text) if text else str(keyword)


def state(keyword: str) -> str:
    """A state of a job or device as a word."""
    text = _STATES.get(str(keyword))
    return _(text) if text else str(keyword)


def spoken(keyword: str) -> str:
    """A keyword as people say it; what nobody has a word for stays as it is."""
    plain = keyword
    for severity in _SEVERITIES:
        plain = plain.removesuffix(severity)
    text = _SPOKEN.get(plain)
    return _(text) if text else plain.replace("-", " ")


ICONS: dict[str, tuple[str, ...]] = {
    "today": ("M4 11l8-7 8 7v9H4z", "M10 20v-6h4v6"),
    "jobs": ("M6 3h9l4 4v14H6z", "M15 3v4h4", "M9 12h7", "M9 16h7"),
    "upload": ("M12 16V4", "M7 9l5-5 5 5", "M4 16v4h16v-4"),
    "person": ("M12 12a4 4 0 100-8 4 4 0 000 8z", "M4 21c1-5 4-7 8-7s7 2 8 7"),
    "persons": (
        "M9 11a3.5 3.5 0 100-7 3.5 3.5 0 000 7z",
        "M2.5 20c.7-4.5 3.2-6 6.5-6s5.8 1.5 6.5 6",
        "M16 4.5a3.5 3.5 0 010 6.5",
        "M18 14c2 .6 3.2 2.4 3.5 5",
    ),
    "list": ("M8 6h12", "M8 12h12", "M8 18h12", "M4 6h.01", "M4 12h.01", "M4 18h.01"),
    "question": ("M12 21a9 9 0 100-18 9 9 0 000 18z", "M9.5 9.5a2.5 2.5 0 113.5 2.3c-.7.4-1 .9-1 1.7", "M12 16.7h.01"),
    "device": ("M7 8V3h10v5", "M5 17H3V9h18v8h-2", "M7 14h10v7H7z"),
    "queue": ("M4 5h16", "M4 10h16", "M4 15h10", "M17 14v6", "M14 17l3 3 3-3"),
    "mail": ("M3 6h18v12H3z", "M3 7l9 7 9-7"),
    "audit": ("M12 3l8 3v6c0 5-3.5 8-8 9-4.5-1-8-4-8-9V6z", "M8.5 12l2.5 2.5 4.5-5"),
    "health": ("M3 12h4l3-8 4 16 3-8h4",),
    "help": ("M12 21a9 9 0 100-18 9 9 0 000 18z", "M12 11v6", "M12 7.5h.01"),
    "seal": ("M6 11h12v9H6z", "M8.5 11V8a3.5 3.5 0 017 0v3"),
    "wait": ("M12 21a9 9 0 100-18 9 9 0 000 18z", "M12 7v5l3 2"),
    "send": ("M4 12h15", "M13 6l6 6-6 6"),
    "done": ("M5 12.5l4.5 4.5L19 7.5",),
    "stop": ("M8 3h8l5 5v8l-5 5H8l-5-5V8z", "M12 8v5", "M12 16h.01"),
    "destroyed": ("M5 7h14", "M9 7V4h6v3", "M7 7l1 13h8l1-13", "M10 11v5", "M14 11v5"),
    "warning": ("M12 4l9 16H3z", "M12 10v4", "M12 17h.01"),
    "more": ("M5 12h.01", "M12 12h.01", "M19 12h.01"),
    "out": ("M10 4H5v16h5", "M14 8l4 4-4 4", "M18 12H9"),
    "dot": ("M12 14a2 2 0 100-4 2 2 0 000 4z",),
    "language": (
        "M12 21a9 9 0 100-18 9 9 0 000 18z",
        "M3 12h18",
        "M12 3c3 3 3.5 6 3.5 9s-.5 6-3.5 9c-3-3-3.5-6-3.5-9s.5-6 3.5-9z",
    ),
}
