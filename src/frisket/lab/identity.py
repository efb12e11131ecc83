"""The certificates a virtual device shows: one of its own, and another for when that has changed."""

from datetime import UTC, datetime
from ipaddress import ip_address
from pathlib import Path
from uuid import NAMESPACE_DNS, uuid5

from frisket.plumbing import keys

__all__ = ["Identity"]

# Virtual devices are nobody's tenant; the key store wants a name for what it holds.
_NOBODY = uuid5(NAMESPACE_DNS, "lab.frisket.invalid")


def _now() -> datetime:
    return datetime.now(UTC)


class Identity:
    """Keys in a folder of the device; it shows the same certificate after a restart."""

    def __init__(self, folder: Path, host: str) -> None:
        self._folder = folder
        self._host = host
        self._shown: keys.Certificates
        self.show(changed=False)

    def show(self, changed: bool) -> None:
        """Show the first certificate, or the other one."""
        self._shown = self._certificates("second" if changed else "first")
        self.context = self._shown.server_context(want_client_certificate=False)
        # CUPS 2.4 clients wait for "100 Continue" by select and mistake a TLS 1.3 session ticket for it:
        # with tickets most of their jobs hang before the first octet of the document.
        self.context.num_tickets = 0

    @property
    def fingerprint(self) -> bytes:
        return self._shown.server_fingerprint()

    def _certificates(self, which: str) -> keys.Certificates:
        folder = self._folder / which
        if folder.exists():
            opened = keys.Certificates.open(keys.KeyStore.open(folder, _NOBODY, clock=_now))
            if opened.server_expires() <= _now():
                opened.renew()
            return opened
        folder.parent.mkdir(parents=True, exist_ok=True)
        store = keys.KeyStore.create(folder, _NOBODY, clock=_now)
        try:
            addresses = [ip_address(self._host)]
        except ValueError:
            addresses = []
        names = ["localhost"] + ([] if addresses else [self._host])
        return keys.Certificates.create(store, list(dict.fromkeys(names)), addresses)
