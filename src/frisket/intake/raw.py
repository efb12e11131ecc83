"""The RAW door (AppSocket, TCP 9100): a connection is a job, or several that PJL names apart (boundary B2).

There is no acknowledgement: a connection whose jobs are sealed, durable and committed is closed in order, any
other is reset. Questions in PJL are answered about the queue; nothing of a device behind it is told.
"""

import logging
from collections.abc import AsyncIterator

from frisket import device
from frisket.errors import FrisketError
from frisket.intake.accept import Intake
from frisket.intake.capabilities import capabilities_of, formats_of
from frisket.intake.errors import NotWelcome
from frisket.intake.framed import Found, Framed
from frisket.intake.ipp import Commands
from frisket.intake.offers import Offer, Part
from frisket.intake.sensing import UNSTATED
from frisket.intake.whose import Peer, offer, somebody_may, whose
from frisket.plumbing import parts
from frisket.plumbing.streams import Stream
from frisket.wire import pjl

__all__ = ["RawDoor"]

log = logging.getLogger("frisket.intake")
_LANGUAGES = {
    "application/pdf": "PDF",
    "application/postscript": "POSTSCRIPT",
    "application/vnd.hp-pcl": "PCL",
    "application/vnd.hp-pclxl": "PCLXL",
}


class RawDoor:
    """Serves connections to the RAW ports: that of the default queue, and those that queues have of their own."""

    def __init__(self, intake: Intake, commands: Commands) -> None:
        self._intake = intake
        self._commands = commands

    async def serve(self, stream: Stream) -> None:
        """Raises what the job was refused for; the connection is reset then."""
        queue = device.queue_by_raw_port(stream.port) or device.default_queue()
        if queue is None:
            raise device.NoSuchQueue("there is no queue yet")
        try:
            await _Connection(self._intake, self._commands, stream, queue).take()
        except FrisketError as error:
            log.warning("a RAW connection to %s was refused: %s", queue.name, error)
            raise


class _Connection:
    def __init__(self, intake: Intake, commands: Commands, stream: Stream, queue: device.QueueView) -> None:
        settings = parts.settings()
        self._intake = intake
        self._commands = commands
        self._stream = stream
        self._queue = queue
        self._peer = Peer("raw", stream.address)
        self._tells_end = False
        self._documents = Framed(
            _octets(stream),
            most=settings.limits.pjl_bytes,
            code_page=settings.doors.raw.code_page,
            hear=self._answer,
            to_the_end=True,
        )
        self._next: Found | None = None

    async def take(self) -> None:
        self._next = await self._documents.next()
        while self._next is not None:
            found = self._next
            offered = await self._offer(found)
            self._stream.served()
            await self._intake.accept(offered, self._of_one_job(found))
            if self._tells_end:
                name = pjl.neutral(found.told.title)
                self._stream.offer(pjl.reply("USTATUS JOB", "END", f'NAME="{name}"'))

    async def _offer(self, found: Found) -> Offer:
        if not somebody_may(self._queue, self._peer):
            raise NotWelcome("no job of this peer can be anybody's on this queue")
        known = await self._intake.ask(whose, self._queue, self._peer, found.told.user)
        return await self._intake.ask(
            offer, self._queue, known, self._peer, found.told, self._commands.password_verifier
        )

    async def _of_one_job(self, found: Found) -> AsyncIterator[Part]:
        """Documents up to the end, or to one that another name or another user sets apart."""
        first = found
        following: Found | None = found
        while following is not None:
            if following.format == UNSTATED and UNSTATED not in formats_of(self._queue):
                self._intake.admit_to(self._queue, "an unknown language", None)
            yield Part(following.data, following.format, bare=True)
            following = await self._documents.next()
            if following is not None and (following.begins or following.told.user not in ("", first.told.user)):
                break
        self._next = following

    # -- questions

    def _answer(self, command: pjl.Command) -> None:
        """About the queue, where the peer still reads."""
        head = f"{command.verb} {command.words}".strip()
        if command.verb == "ECHO":
            self._stream.offer(pjl.reply(pjl.neutral(head, 512)))
        elif command.verb == "INFO":
            about = command.words.upper()
            self._stream.offer(pjl.reply(f"INFO {pjl.neutral(about)}", *self._info(about)))
        elif command.verb in ("INQUIRE", "DINQUIRE"):
            known = {"COPIES": "1", "QTY": "1", "DUPLEX": "OFF", "HOLD": "ON" if self._queue.hold else "OFF"}
            self._stream.offer(pjl.reply(pjl.neutral(head), known.get(command.words.upper(), '"?"')))
        elif command.verb == "USTATUS" and "JOB" in command.options:
            self._tells_end = command.options["JOB"].upper() == "ON"
        elif command.verb == "USTATUSOFF":
            self._tells_end = False
        elif command.verb == "JOB" and self._tells_end:
            name = pjl.neutral(command.options.get("NAME", ""))
            self._stream.offer(pjl.reply("USTATUS JOB", "START", f'NAME="{name}"'))

    def _info(self, about: str) -> list[str]:
        takes = self._queue.accepting
        if about == "ID":
            return [f'"Frisket {self._queue.name}"']
        if about == "STATUS":
            words = "Ready" if takes else "Takes no jobs"
            return [f"CODE={10001 if takes else 40079}", f'DISPLAY="{words}"', f"ONLINE={str(takes).upper()}"]
        if about == "CONFIG":
            known = [_LANGUAGES[each] for each in capabilities_of(self._queue).formats if each in _LANGUAGES]
            return [f"LANGUAGES [{len(known)} ENUMERATED]", *(f"\t{each}" for each in known)]
        if about == "VARIABLES":
            return ["COPIES=1 [2 RANGE]", "\t1", "\t999", "DUPLEX=OFF [2 ENUMERATED]", "\tOFF", "\tON"]
        return ["PAGECOUNT=?"] if about == "PAGECOUNT" else []


async def _octets(stream: Stream) -> AsyncIterator[bytes]:
    while data := await stream.read():
        yield data
