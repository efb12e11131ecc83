"""What is wrong with a virtual device just now, and for how many more jobs."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from frisket.errors import Blame, FrisketError

__all__ = ["Fault", "Faults", "Trouble", "UnknownFault", "read_faults"]


class UnknownFault(FrisketError):
    """A fault that no virtual device can have, or an amount that makes no sense for it."""

    blame = Blame.OPERATOR
    remedy = "One fault a line, its number behind it where it takes one: " + (
        "offline, unreachable, paper-out, slow 2000, drop-mid-job 65536 times 1, early-fin 65536, busy 3, "
        "hang-before-answer, lies-completed, lies-aborted, lies-pages 7, certificate-changed."
    )


class Fault(StrEnum):
    """The word is what a command or a control file says; the number behind it is the amount."""

    OFFLINE = "offline"  # nothing listens: connections are refused
    UNREACHABLE = "unreachable"  # connections are taken and never answered
    PAPER_OUT = "paper-out"  # printing stops and goes on when this ends
    SLOW = "slow"  # takes this many octets a second
    DROP = "drop-mid-job"  # resets the connection after this many octets of a document
    EARLY_FIN = "early-fin"  # ends its own side after this many octets, and answers nothing
    BUSY = "busy"  # refuses the next so many jobs, as a device does that has one already
    HANG = "hang-before-answer"  # takes the document and never answers
    LIES_COMPLETED = "lies-completed"  # says it printed and kept nothing
    LIES_ABORTED = "lies-aborted"  # says it did not print and did
    LIES_PAGES = "lies-pages"  # says it printed this many pages, whatever it did
    CERTIFICATE_CHANGED = "certificate-changed"  # shows another certificate than before


_AMOUNT_NEEDED = frozenset((Fault.SLOW, Fault.DROP, Fault.EARLY_FIN, Fault.BUSY, Fault.LIES_PAGES))


@dataclass(frozen=True, slots=True)
class Trouble:
    """A fault with its amount (octets, octets per second, pages) and the jobs it will still meet.

    times: None means until it is cleared.
    """

    fault: Fault
    amount: int = 0
    times: int | None = None

    @classmethod
    def read(cls, line: str) -> Trouble:
        """One line: `paper-out`, `slow 2000`, `drop-mid-job 65536 times 1`. Raises UnknownFault."""
        words = line.split()
        try:
            fault = Fault(words[0])
            numbers = [int(word) for word in words[1:] if word != "times"]
        except (ValueError, IndexError) as error:
            raise UnknownFault(f"not a fault of a virtual device: {line!r}") from error
        times = numbers.pop() if "times" in words and numbers else None
        if len(numbers) > 1 or any(number < 0 for number in numbers) or (times is not None and times < 1):
            raise UnknownFault(f"numbers that do not fit the fault: {line!r}")
        amount = numbers[0] if numbers else 0
        if fault in _AMOUNT_NEEDED and not numbers:
            raise UnknownFault(f"{fault} needs a number behind it")
        if fault is Fault.SLOW and amount == 0:
            raise UnknownFault("slow 0 would be a standstill; say unreachable")
        if fault is Fault.BUSY:
            amount, times = 0, amount
        return cls(fault, amount, times)

    def __str__(self) -> str:
        if self.fault is Fault.BUSY:
            return f"{self.fault} {self.times}"
        amount = f" {self.amount}" if self.fault in _AMOUNT_NEEDED else ""
        return f"{self.fault}{amount}" + (f" times {self.times}" if self.times is not None else "")


def read_faults(text: str) -> list[Trouble]:
    """A control file: one fault a line; blank lines and lines that begin with # say nothing."""
    lines = (line.strip() for line in text.splitlines())
    return [Trouble.read(line) for line in lines if line and not line.startswith("#")]


class Faults:
    """The troubles of one device. Belongs to its event loop; nothing here is for other threads."""

    def __init__(self) -> None:
        self._now: dict[Fault, Trouble] = {}
        self._changed = asyncio.Event()

    def put(self, trouble: Trouble) -> None:
        if trouble.times == 0:
            self.clear(trouble.fault)
            return
        self._now[trouble.fault] = trouble
        self._wake()

    def clear(self, fault: Fault | None = None) -> None:
        """End one fault, or all of them."""
        if fault is None:
            self._now.clear()
        else:
            self._now.pop(fault, None)
        self._wake()

    def replace(self, troubles: Iterable[Trouble]) -> None:
        self._now = {trouble.fault: trouble for trouble in troubles if trouble.times != 0}
        self._wake()

    def __contains__(self, fault: Fault) -> bool:
        return fault in self._now

    def amount(self, fault: Fault) -> int | None:
        """The number behind the fault; None when the device does not have it."""
        trouble = self._now.get(fault)
        return None if trouble is None else trouble.amount

    def meet(self, fault: Fault) -> bool:
        """Whether a job meets this fault now; each meeting uses up one of its times."""
        trouble = self._now.get(fault)
        if trouble is None:
            return False
        if trouble.times is not None:
            self.put(Trouble(fault, trouble.amount, trouble.times - 1))
        return True

    def now(self) -> list[Trouble]:
        return list(self._now.values())

    async def gone(self, fault: Fault) -> None:
        """Return as soon as the device does not have the fault."""
        while fault in self._now:
            await self._changed.wait()

    def _wake(self) -> None:
        self._changed.set()
        self._changed = asyncio.Event()
