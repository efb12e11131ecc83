"""What was printed, from three sources that know different things: the house's own count of the document, the
device's word on the job, and the counter in the device. Values in, values out."""

from collections import Counter
from dataclasses import dataclass
from enum import StrEnum

__all__ = ["Confidence", "Counts", "Truth", "decide"]


class Confidence(StrEnum):
    """How far the number of an entry can be relied on."""

    AGREED = "agreed"  # two sources or more say the same, and none another
    LIKELY = "likely"  # the device says so alone, or two sources against the third
    DOUBTFUL = "doubtful"  # only the document was counted, or every source says something else
    NONE = "none"  # nobody counted


@dataclass(frozen=True, slots=True)
class Counts:
    """Impressions, all copies; None where a source says nothing."""

    document: int | None = None
    device: int | None = None
    counter: int | None = None

    def to_plain(self) -> dict[str, int]:
        named = {"document": self.document, "device": self.device, "counter": self.counter}
        return {name: count for name, count in named.items() if count is not None}


@dataclass(frozen=True, slots=True)
class Truth:
    impressions: int | None
    counted_from: str  # of CountedFrom
    confidence: Confidence


def decide(counts: Counts) -> Truth:
    """The number to charge and how sure it is.

    What most sources say counts. Where each says something else, the device's word on this very job comes before
    its counter, which others move too, and both before the document, of which part may not have come out.
    """
    said = [
        (source, count)
        for source, count in (("device", counts.device), ("counter", counts.counter), ("document", counts.document))
        if count is not None
    ]
    if not said:
        return Truth(None, "none", Confidence.NONE)
    most, times = Counter(count for _, count in said).most_common(1)[0]
    source, first = said[0]
    if len(said) == 1:
        return Truth(first, source, Confidence.DOUBTFUL if source == "document" else Confidence.LIKELY)
    if times == 1:
        return Truth(first, source, Confidence.DOUBTFUL)
    source = next(each for each, count in said if count == most)
    return Truth(most, source, Confidence.AGREED if times == len(said) else Confidence.LIKELY)
