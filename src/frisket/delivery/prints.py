"""A job as several prints, each over a connection of its own: for devices that take one document at a time."""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import replace

from frisket.delivery.stream import Stream, open_stream
from frisket.delivery.values import BROKE_OFF, End, Ending, TicketDocument, Times
from frisket.device import Address
from frisket.plumbing.keys import Damaged

__all__ = ["UNANSWERED", "Cancelled", "broken", "connect", "connection", "one_after_another"]

UNANSWERED = "The device does not answer."


class Cancelled(Exception):
    """Somebody asked for the job to be stopped while its document went out."""


async def one_after_another(
    documents: Iterable[TicketDocument], print_one: Callable[[TicketDocument, bool], Awaitable[Ending]]
) -> Ending:
    """print_one: is also told whether it is the first. Ends with the first that was not delivered."""
    ended: list[Ending] = []
    for document in documents:
        ended.append(await print_one(document, not ended))
        if ended[-1].end is not End.DELIVERED:
            return _so_far(ended)
    return replace(ended[-1], silent=any(each.silent for each in ended), impressions=_sum(ended))


def _so_far(ended: list[Ending]) -> Ending:
    """Some prints of a job may be out and the last one is not: nothing of it goes again by itself."""
    last = ended[-1]
    if len(ended) == 1:
        return last
    said = f"{len(ended) - 1} of its prints were sent, then: {last.words}"
    if last.end is End.CANCELLED:
        return replace(last, impressions=_sum(ended))
    return replace(last, end=End.UNCERTAIN, words=said, impressions=_sum(ended))


def _sum(ended: list[Ending]) -> int | None:
    counts = [each.impressions for each in ended]
    return None if None in counts else sum(count or 0 for count in counts)


async def connect(address: Address, times: Times) -> Stream:
    """In clear: these protocols know no other. Raises DeviceUnreachable."""
    return await open_stream(address, pinned=None, connect_s=times.connect_s, stall_s=times.stall_s)


@asynccontextmanager
async def connection(address: Address, times: Times) -> AsyncIterator[Stream]:
    """One print's. Whatever still lies in a buffer when it is left does not come out later."""
    stream = await connect(address, times)
    try:
        yield stream
    finally:
        if stream.unsent():
            stream.abort()
        else:
            await stream.close()


def broken(error: Exception, *, left: bool, impressions: int | None = None) -> Ending:
    """left: octets of the document had left when the connection, or the document at rest, failed."""
    if left:
        return replace(BROKE_OFF, evidence=type(error).__name__, impressions=impressions)
    if isinstance(error, Damaged):
        return Ending(End.DAMAGED, "damaged", "The document at rest is damaged.")
    return Ending(End.RETRY, type(error).__name__, UNANSWERED)
