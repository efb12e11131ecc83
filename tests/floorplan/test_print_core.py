"""One room talks to devices: whatever else calls somebody knows no device at all."""

import pytest
from tests.floorplan.source import Module, calls, imports, modules

CALLING = {"http.client", "ftplib", "imaplib", "poplib", "smtplib", "smbclient", "gufo.snmp", "gufo.snmp.aio"}
CALLS = {"asyncio.open_connection", "socket.create_connection"}
CALLERS = {
    "frisket/delivery/stream.py": "devices",
    "frisket/plumbing/snmp.py": "agents of devices; used by delivery alone, see below",
    "frisket/plumbing/mailer.py": "the mail server that takes our mails",
    "frisket/plumbing/https.py": "mailboxes of Exchange, and where their tokens come from",
    "frisket/prepress/viruses.py": "the virus scanner",
    "frisket/intake/mail/imap.py": "mailboxes",
    "frisket/intake/mail/pop3.py": "mailboxes",
    "frisket/intake/sources/dav.py": "stores",
    "frisket/intake/sources/ftp.py": "stores",
    "frisket/intake/sources/smb.py": "stores",
    "frisket/intake/sources/places.py": "names the errors of stores",
    "frisket/programs/demo.py": "the house it has just made",
}


def rooms() -> list[Module]:
    """All but the lab, which is devices."""
    return [module for module in modules() if module.parts[:1] != ("lab",)]


def taken(module: Module) -> set[str]:
    """What a module imports, by its full name."""
    return {each.source for each in imports(module)} | {f"{each.source}.{each.name}" for each in imports(module)}


@pytest.mark.requirement("PREP-85")
def test_only_delivery_opens_connections_to_devices() -> None:
    found = {
        module.name: module
        for module in rooms()
        if CALLING & taken(module) or CALLS & {name for _, name in calls(module.tree)}
    }
    assert set(found) == set(CALLERS)
    knowing = [
        name for name, module in found.items() if any(each.startswith("frisket.device") for each in taken(module))
    ]
    assert knowing == ["frisket/delivery/stream.py"]


@pytest.mark.requirement("PREP-85")
def test_only_delivery_asks_agents_and_has_drivers() -> None:
    asking = {module.parts[0] for module in rooms() if "snmp.read" in {name for _, name in calls(module.tree)}}
    assert asking == {"delivery"}
    inside = [
        module.name
        for module in rooms()
        if module.parts[:1] != ("delivery",)
        and any(each.startswith("frisket.delivery.") and each.count(".") > 2 for each in taken(module))
    ]
    assert inside == []
