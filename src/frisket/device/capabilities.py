"""What a device can do, as plain values; and what a queue may promise over several devices."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any

__all__ = ["RAW", "UNKNOWN", "Capabilities", "merge"]


@dataclass(frozen=True, slots=True)
class Capabilities:
    """Words and numbers are those of IPP (RFC 8011 section 5.2, PWG 5101.1 for media)."""

    formats: tuple[str, ...] = ("application/pdf",)  # document-format-supported, the preferred one first
    colour: bool = True
    sides: tuple[str, ...] = ("one-sided",)
    media: tuple[str, ...] = ("iso_a4_210x297mm",)
    media_default: str = "iso_a4_210x297mm"
    resolutions: tuple[int, ...] = ()  # dots per inch, square
    qualities: tuple[int, ...] = ()  # print-quality: 3 draft, 4 normal, 5 high
    finishings: tuple[int, ...] = ()  # finishings without 3 (none)
    output_bins: tuple[str, ...] = ()
    copies_max: int = 1
    pages_per_minute: int = 0  # 0: not known
    pages_per_minute_color: int = 0
    pjl: bool = False  # answers PJL INFO ID on its RAW port
    make_and_model: str = ""
    probed: bool = False  # False: assumed, nobody asked the device yet

    def to_plain(self) -> dict[str, Any]:
        """For a JSON column; ``from_plain`` gives the same value back."""
        return {name: list(v) if isinstance(v, tuple) else v for name, v in asdict(self).items()}

    @classmethod
    def from_plain(cls, plain: Mapping[str, Any]) -> "Capabilities":
        """Unknown keys of a newer house are ignored, missing ones have their default."""
        known = {each.name for each in fields(cls)}
        values: dict[str, Any] = {
            name: tuple(value) if isinstance(value, list) else value for name, value in plain.items() if name in known
        }
        return cls(**values)


UNKNOWN = Capabilities(sides=("one-sided", "two-sided-long-edge", "two-sided-short-edge"), copies_max=999)

# A RAW port says nothing of its device, and neither does an LPD queue: what is listed is what this class of
# device takes, and octet-stream says that it is passed through as it is. Copies cannot be asked for on a bare
# RAW port, and many print servers ignore them in an LPD job.
RAW = Capabilities(
    formats=(
        "application/pdf",
        "application/postscript",
        "application/vnd.hp-pcl",
        "text/plain",
        "application/octet-stream",
    ),
    sides=("one-sided", "two-sided-long-edge", "two-sided-short-edge"),
    media=("iso_a4_210x297mm", "iso_a3_297x420mm", "na_letter_8.5x11in"),
)


def merge(several: Sequence[Capabilities]) -> Capabilities:
    """What a queue may advertise with these devices behind it.

    Formats: those every device takes, because nobody knows yet where a job will be released (all of them
    when they have none in common). Everything else: what at least one device can do; a job that needs it
    waits for that device.
    """
    if not several:
        return UNKNOWN
    first = several[0]
    common = tuple(f for f in first.formats if all(f in each.formats for each in several))
    media = _union(each.media for each in several)
    return Capabilities(
        formats=common or _union(each.formats for each in several),
        colour=any(each.colour for each in several),
        sides=_union(each.sides for each in several),
        media=media,
        media_default=first.media_default if first.media_default in media else next(iter(media), ""),
        resolutions=_union(each.resolutions for each in several),
        qualities=_union(each.qualities for each in several),
        finishings=_union(each.finishings for each in several),
        output_bins=_union(each.output_bins for each in several),
        copies_max=max(each.copies_max for each in several),
        pages_per_minute=max(each.pages_per_minute for each in several),
        pages_per_minute_color=max(each.pages_per_minute_color for each in several),
        pjl=any(each.pjl for each in several),
        make_and_model=first.make_and_model if len(several) == 1 else "",
        probed=all(each.probed for each in several),
    )


def _union(lists: Iterable[tuple[Any, ...]]) -> tuple[Any, ...]:
    return tuple(dict.fromkeys(each for one in lists for each in one))
