"""The output tray: what a virtual device received, as files and one line of JSON per job."""

from __future__ import annotations

import json
import mmap
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from frisket.plumbing import keys

__all__ = ["Document", "Printed", "Receiving", "Tray"]

_SUFFIXES = {
    "application/pdf": "pdf",
    "application/postscript": "ps",
    "image/pwg-raster": "pwg",
    "image/urf": "urf",
    "image/jpeg": "jpg",
    "text/plain": "txt",
}


@dataclass(frozen=True, slots=True)
class Document:
    """A document as it came. file: its name in the tray, "" when nothing was kept."""

    file: str
    octets: int
    sha256: str
    format: str


@dataclass(frozen=True, slots=True)
class Printed:
    """One job, when the device is through with it.

    outcome: what happened: completed, aborted, canceled, or cut (the connection ended inside it).
    told: what the client was told, which a lying device makes something else.
    impressions, sheets: printed in truth. stream: of a RAW device, all octets of the connection.
    """

    device: str
    number: int
    door: str
    outcome: str
    told: str
    impressions: int
    sheets: int
    documents: tuple[Document, ...] = ()
    stream: Document | None = None
    attributes: Mapping[str, Any] = field(default_factory=dict)
    at: str = ""


class Receiving:
    """A document on its way into the tray."""

    def __init__(self, path: Path, format: str) -> None:
        self.path = path
        self.octets = 0
        self._format = format
        self._out = path.open("wb")

    def write(self, data: bytes) -> None:
        self._out.write(data)
        self.octets += len(data)

    def flush(self) -> None:
        self._out.flush()

    def close(self) -> Document:
        """Takes as long as hashing the whole document does; call it in a thread when that matters."""
        self._out.close()
        return Document(self.path.name, self.octets, _digest(self.path), self._format)

    def drop(self) -> None:
        self._out.close()
        self.path.unlink(missing_ok=True)


def _digest(path: Path) -> str:
    with path.open("rb") as source:
        if source.seek(0, 2) == 0:
            return keys.sha256(b"").hex()
        with mmap.mmap(source.fileno(), 0, access=mmap.ACCESS_READ) as data, memoryview(data) as view:
            return keys.sha256(view).hex()


class Tray:
    """The folder of one device: `00001-1.pdf` …, and jobs.jsonl with a line per job."""

    def __init__(self, folder: Path, device: str, printed: Callable[[Printed], None] | None = None) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.jobs: list[Printed] = []  # of this run, oldest first
        self._device = device
        self._tell = printed
        self._number = self._last_number()

    def _last_number(self) -> int:
        """The tray survives a restart; so numbers go on where they were."""
        numbers = [name.name.split("-")[0].split(".")[0] for name in self.folder.iterdir()]
        return max((int(number) for number in numbers if number.isdigit()), default=0)

    def next_number(self) -> int:
        self._number += 1
        return self._number

    def receive(self, job: int, part: str, format: str) -> Receiving:
        """part: "1", "2" … for documents; tells files of one job apart."""
        suffix = _SUFFIXES.get(format, "prn")
        return Receiving(self.folder / f"{job:05d}-{part}.{suffix}", format)

    def discard(self, document: Document) -> Document:
        """Throw the file away, as a device does that lies; what is known of it stays."""
        if document.file:
            (self.folder / document.file).unlink(missing_ok=True)
        return Document("", document.octets, document.sha256, document.format)

    def record(self, number: int, door: str, **facts: Any) -> Printed:
        """Write the job's line. facts: the other fields of Printed."""
        now = datetime.now(UTC).isoformat(timespec="milliseconds")
        job = Printed(self._device, number, door, at=now, **facts)
        with (self.folder / "jobs.jsonl").open("a") as out:
            out.write(json.dumps(asdict(job), ensure_ascii=False) + "\n")
        self.jobs.append(job)
        if self._tell is not None:
            self._tell(job)
        return job
