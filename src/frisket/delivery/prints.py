"""A job as several prints: for devices that take one document at a time and no number of copies."""

from dataclasses import replace

from frisket.delivery.values import End, Ending

__all__ = ["all_of", "so_far"]


def so_far(ended: list[Ending]) -> Ending:
    """Some prints of a job may be out and the last one is not: nothing of it goes again by itself."""
    last = ended[-1]
    if len(ended) == 1:
        return last
    said = f"{len(ended) - 1} of its prints were sent, then: {last.words}"
    if last.end is End.CANCELLED:
        return replace(last, impressions=_sum(ended))
    return replace(last, end=End.UNCERTAIN, words=said, impressions=_sum(ended))


def all_of(ended: list[Ending]) -> Ending:
    return replace(ended[-1], silent=any(each.silent for each in ended), impressions=_sum(ended))


def _sum(ended: list[Ending]) -> int | None:
    counts = [each.impressions for each in ended]
    return None if None in counts else sum(count or 0 for count in counts)
