"""What the network is told of a queue by DNS-SD (RFC 6763; PWG 5100.14 section 4.2).

Everything is read from the queue's own answer to Get-Printer-Attributes, so that no two places can differ.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from frisket import device
from frisket.intake.ipp import media, printer
from frisket.wire import ipp

__all__ = ["Reach", "Service", "services_of"]

_NAME_OCTETS = 63  # of an instance name (RFC 6763 section 4.1.1)
_STRING_OCTETS = 255  # of one string of a TXT record, "key=value" (RFC 6763 section 6.1)
_TLS = "1.3"
# The largest sheet that still counts as the class before the comma, hundredths of a millimetre.
_PAPER = ((21590, 35560, "legal-A4"), (29700, 43180, "tabloid-A3"), (45720, 60960, "isoC-A2"))
_A4_WIDTH, _LETTER_LENGTH = 21000, 27940
_SUBTYPES = ("_print", "_universal", "_cups")


@dataclass(frozen=True, slots=True)
class Reach:
    """Where the house is reached. ports: by door, of those that are open; web: address of its pages."""

    host: str
    ports: Mapping[str, int]
    web: str


@dataclass(frozen=True, slots=True)
class Service:
    """One instance. port 0: the name is only reserved (the flagship rule). txt: in the order it is sent."""

    kind: str
    name: str
    port: int
    subtypes: tuple[str, ...] = ()
    txt: tuple[tuple[str, str], ...] = ()


def services_of(queue: device.QueueView, reach: Reach) -> tuple[Service, ...]:
    """`_printer._tcp` first, as the flagship that settles who has the name; then a service for each open door."""
    found = []
    name = ""
    for scheme in ("ipps", "ipp"):
        if scheme in reach.ports:
            said = _said(queue, scheme, reach)
            name = _cut(said.text("printer-dns-sd-name") or queue.name, _NAME_OCTETS)
            found.append(Service(f"_{scheme}._tcp", name, reach.ports[scheme], _subtypes(said), _txt(queue, said)))
    if not found:
        return ()
    return (Service("_printer._tcp", name, reach.ports.get("lpd", 0)), *found)


def _said(queue: device.QueueView, scheme: str, reach: Reach) -> ipp.Group:
    """The queue's description as that door gives it."""
    address = printer.Address(scheme, f"{reach.host}:{reach.ports[scheme]}", reach.web)
    believed = bool(queue.trusted_networks)
    group = printer.printer_group(queue, address, (), queued=0, believed=believed)
    message, _ = ipp.decode(b"\x02\x00\x00\x00\x00\x00\x00\x01" + group + b"\x03", ipp.Limits(forgiving=True))
    return next(each for each in message.groups if each.tag == ipp.Tag.PRINTER_GROUP)


def _subtypes(said: ipp.Group) -> tuple[str, ...]:
    """`_universal` promises Apple raster."""
    formats = said.texts("document-format-supported")
    return tuple(each for each in _SUBTYPES if each != "_universal" or "image/urf" in formats)


def _txt(queue: device.QueueView, said: ipp.Group) -> tuple[tuple[str, str], ...]:
    model = said.text("printer-make-and-model") or ""
    colour = said.boolean("color-supported")
    duplex = any(each != "one-sided" for each in said.texts("sides-supported"))
    urf = said.texts("urf-supported")
    pairs = [
        ("txtvers", "1"),
        ("qtotal", "1"),
        ("rp", f"ipp/print/{queue.name}"),
        ("ty", model),
        ("adminurl", (said.text("printer-more-info") or "")),
        ("note", (said.text("printer-location") or "")),
        ("priority", "50"),
        ("product", f"({model})"),
        ("pdl", _listed(said.texts("document-format-supported"), "pdl")),
        ("UUID", (said.text("printer-uuid") or "").removeprefix("urn:uuid:")),
        ("TLS", _TLS),  # on both (PWG 5100.14 section 4.2.3): the port that begins in clear goes on in TLS
        ("Color", "T" if colour else "F"),
        ("Duplex", "T" if duplex else "F"),
        ("Copies", "T"),
        ("Collate", "T"),
        ("PaperMax", _paper(said.texts("media-supported"))),
        ("kind", _listed(said.texts("printer-kind"), "kind")),
        *([("URF", _listed(urf, "URF"))] if urf else []),
        ("air", "none" if queue.trusted_networks else "username,password"),
    ]
    return tuple((key, _cut(value, _STRING_OCTETS - len(key) - 1)) for key, value in pairs)


def _listed(words: Sequence[str], key: str) -> str:
    """As many as have room, none cut through."""
    said = ""
    for word in words:
        longer = f"{said},{word}" if said else word
        if len(key) + 1 + len(longer.encode()) > _STRING_OCTETS:
            break
        said = longer
    return said


def _paper(sheets: Sequence[str]) -> str:
    sizes = [sorted(size) for each in sheets if (size := media.size_of(each)) is not None]
    if not sizes:
        return "legal-A4"
    width, length = max(size[0] for size in sizes), max(size[1] for size in sizes)
    if width < _A4_WIDTH or length < _LETTER_LENGTH:
        return "<legal-A4"
    fits = next((name for most, longest, name in _PAPER if width <= most and length <= longest), None)
    return fits or ">isoC-A2"


def _cut(text: str, octets: int) -> str:
    return text.encode()[:octets].decode(errors="ignore")
