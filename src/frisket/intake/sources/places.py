"""Which kind of place stands behind a source, and whether the security level lets us go there."""

import ftplib
import http.client

from frisket.errors import FrisketError
from frisket.intake.sources import register
from frisket.intake.sources.address import Address
from frisket.intake.sources.dav import DavPlace, shown_by_https
from frisket.intake.sources.errors import ClosedByLevel, PlaceGone
from frisket.intake.sources.exporting import unusable
from frisket.intake.sources.ftp import FtpPlace, shown_by_ftp
from frisket.intake.sources.local import LocalPlace
from frisket.intake.sources.place import Place
from frisket.intake.sources.remote import Server
from frisket.intake.sources.removable import RemovablePlace
from frisket.intake.sources.smb import SmbPlace
from frisket.intake.sources.views import After, Kind, SourceView
from frisket.plumbing import parts

__all__ = ["certificate_shown", "check", "place_of"]

_PLAIN = (Kind.FTP, Kind.DAV)
_PLAIN_LEVELS = ("normal", "medium")


def place_of(source: SourceView) -> Place:
    """Ready to be used; nothing is connected yet. Reads the store's password. Raises ClosedByLevel."""
    address = Address.read(source.address)
    if address.kind is Kind.FOLDER:
        return LocalPlace(address.place)
    if address.kind is Kind.USB:
        return RemovablePlace(address.place)
    if address.kind in _PLAIN and parts.settings().house.level not in _PLAIN_LEVELS:
        raise ClosedByLevel("the security level forbids stores in clear text")
    folders = parts.settings().folders
    server = Server(
        address=address,
        user=source.user,
        password=register.password_of(source.id),
        pinned_sha256=source.pinned_sha256,
        authority=source.authority,
        connect_s=folders.connect_s,
        stall_s=folders.stall_s,
        moves=source.afterwards is not After.LEAVE,
        proxy=_proxy(),
    )
    if address.kind is Kind.SMB:
        return SmbPlace(server)
    return FtpPlace(server) if address.kind in (Kind.FTP, Kind.FTPS) else DavPlace(server)


def _proxy() -> tuple[str, int] | None:
    host, _, port = parts.settings().folders.web_proxy.rpartition(":")
    return (host.strip("[]"), int(port)) if host else None


def certificate_shown(address: Address) -> str | None:
    """SHA-256 of the certificate that an FTPS or HTTPS server shows now, for whoever is about to adopt it.

    None for kinds without one. Nothing but the handshake is sent. Raises PlaceGone.
    """
    if address.kind not in (Kind.FTPS, Kind.DAVS):
        return None
    timeout = parts.settings().folders.connect_s
    try:
        if address.kind is Kind.FTPS:
            return shown_by_ftp(address, timeout)
        return shown_by_https(address, timeout, _proxy())
    except (OSError, EOFError, ValueError, ftplib.Error, http.client.HTTPException) as error:
        raise PlaceGone("the server does not answer") from error


def check(source: SourceView) -> FrisketError | None:
    """Try what picking up and browsing need; what stands in the way, or None (PREP-79)."""
    try:
        place = place_of(source)
        try:
            if source.picks_up:
                place.check()
            else:
                place.browse("", 1)
        finally:
            place.close()
    except FrisketError as error:
        return error
    return unusable(source.destination) if source.destination else None
