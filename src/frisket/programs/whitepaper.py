"""`frisket whitepaper`: every listener, account, outbound connection and file, as it is now."""

import os
import pwd
import stat
from collections import Counter
from pathlib import Path
from typing import Any

from frisket import device, identity, intake
from frisket.intake import sources
from frisket.plumbing import db, parts
from frisket.programs.house import House

__all__ = ["describe"]


def describe(house: House, urls: dict[str, str]) -> dict[str, Any]:
    """Facts of this moment, for whoever has to approve the installation. Nothing secret is in them."""
    return {
        "level": house.settings.house.level,
        "runs as": pwd.getpwuid(os.geteuid()).pw_name,
        "listeners": [_listener(house, name, url) for name, url in sorted(urls.items()) if name != "api"],
        "local control": "a Unix socket in the data folder, for the house's own account and root only",
        "outbound": _outbound(house),
        "accounts": _accounts(house),
        "database": "SQLite in the data folder" if db.is_sqlite() else house.settings.database.url.rpartition("@")[2],
        "server certificate sha256": house.certificates.server_fingerprint().hex(),
        "certificate ends": house.certificates.server_expires().isoformat(),
        "files": _files(house.data),
    }


def _listener(house: House, name: str, url: str) -> dict[str, Any]:
    found = {"door": name, "address": url, "encryption": _encryption(name, url)}
    if name == "traps":
        return found | {"open to": "addresses of active devices"}
    lists = [intake.access().networks] if name != "dns-sd" else []  # which answers a whole link
    doors = house.settings.doors
    for kind, door in (("lpd", doors.lpd), ("raw", doors.raw), ("ftp", doors.ftp)):
        if name.startswith(kind):
            lists.append(tuple(door.networks))
    found["open to"] = "; of these ".join(", ".join(each) for each in lists if each) or "every address"
    return found


def _encryption(name: str, url: str) -> str:
    if name == "mail":
        must = parts.settings().house.level != "normal"
        return "STARTTLS, demanded before any mail" if must else "STARTTLS offered: clear text is taken too"
    if name.startswith("ftp"):
        must = parts.settings().house.level != "normal"
        return "explicit TLS, demanded before any name or document" if must else "TLS offered: clear text is taken too"
    if name == "traps":
        return "none: clear text, or that of SNMPv3; what is in it is not read"
    if name == "http":
        return "none: sends browsers on to TLS, takes nothing"
    clear = url.startswith(("ipp:", "lpd:", "socket:", "dns-sd:"))
    return "none: clear text" if clear else "TLS 1.2 or 1.3"


def _outbound(house: House) -> list[dict[str, str]]:
    """Devices, stores, mailboxes with their token servers, and the mail server for our mails: nobody else is called."""
    called = [{"to": each.name, "address": each.uri} for each in device.devices(house.scope) if each.active]
    stores = [each for each in sources.sources(house.scope) if each.active and each.kind in sources.REMOTE]
    called += [{"to": each.name, "address": each.address} for each in stores]
    if (proxy := house.settings.folders.web_proxy) and any(each.kind in sources.WEB for each in stores):
        called.append({"to": "web proxy on the way to WebDAV stores", "address": proxy})
    for box in intake.mailboxes():
        if box.active:
            called.append({"to": f"mailbox {box.name}", "address": f"{box.host}:{box.port}, TLS"})
            called += [{"to": f"mailbox {box.name}, tokens", "address": box.token_url}] if box.token_url else []
    if (mailer := house.settings.mailer).host:
        called.append({"to": "mail server for our mails", "address": f"{mailer.host}:{mailer.port}, TLS"})
    return called


def _accounts(house: House) -> dict[str, int]:
    counted: Counter[str] = Counter()
    after = None
    while True:
        found = identity.find(house.scope, after=after, limit=1000)
        counted.update(person.role.value for person in found.rows if person.active)
        after = found.after
        if after is None:
            return dict(counted)


def _files(data: Path) -> list[dict[str, str]]:
    return [
        {"name": path.name, "mode": stat.filemode(path.stat().st_mode)}
        for path in sorted([data, *data.iterdir()])
        if path.exists()
    ]
