"""Looks into the mailboxes: one task for each, one connection at a time, and no mail dealt with before it is durable.

Order of each mail: read it, make its jobs, write its row, then move or delete it at its server. Cut anywhere, the
mail is met again and its row or its jobs say how far it had come.
"""

import asyncio
import logging
from collections import Counter
from collections.abc import AsyncGenerator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar
from uuid import UUID

from frisket import device
from frisket.errors import FrisketError
from frisket.intake.accept import Intake
from frisket.intake.mail import boxes, ledger
from frisket.intake.mail.boxes import MailboxView
from frisket.intake.mail.errors import MailRefused, NoQueue
from frisket.intake.mail.senders import Envelope
from frisket.intake.mail.stores import Store, Waiting
from frisket.intake.mail.taking import take
from frisket.plumbing import db, parts
from frisket.plumbing.places import places
from frisket.wire import mime

__all__ = ["Lookout"]

log = logging.getLogger("frisket.mail")
Result = TypeVar("Result")
_AT_ONCE = 100  # mails of one look
_IDLE_S = 20.0  # an IDLE is broken off so often, so that stopping and settings are noticed
_AGAIN_S = (5.0, 15.0, 60.0, 300.0)  # pauses after trouble
_CHANGES_S = 5.0
_MOST_FAILURES = 5  # of one mail, before it is put aside


class Lookout:
    """Built by programs where the doors are; start() and stop() on the loop."""

    def __init__(self, intake: Intake) -> None:
        self._intake = intake
        self._tasks: dict[UUID, tuple[tuple[object, ...], asyncio.Task[None]]] = {}
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        self._task = asyncio.create_task(self._follow())

    async def stop(self) -> None:
        tasks = [task for _, task in self._tasks.values()]
        if self._task is not None:
            tasks.append(self._task)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _follow(self) -> None:
        """Begin and end the tasks as mailboxes come, change and go."""
        while True:
            try:
                known = {each.id: each for each in await self._intake.ask(boxes.mailboxes) if each.active}
            except FrisketError as error:
                log.error("the mailboxes cannot be read: %s", places(error))
                known = {}
            for identifier, (key, task) in list(self._tasks.items()):
                if identifier not in known or known[identifier].key != key:
                    task.cancel()
                    await asyncio.gather(task, return_exceptions=True)
                    del self._tasks[identifier]
            for identifier, view in known.items():
                if identifier not in self._tasks:
                    watch = _Watch(self._intake, view)
                    self._tasks[identifier] = (view.key, asyncio.create_task(watch.run()))
            await asyncio.sleep(_CHANGES_S)


class _Watch:
    """One mailbox, its connection and the one thread that connection lives in."""

    def __init__(self, intake: Intake, view: MailboxView) -> None:
        self._intake = intake
        self._view = view
        self._thread = ThreadPoolExecutor(1, thread_name_prefix=f"mailbox-{view.name}")
        self._store: Store | None = None
        self._failures: Counter[str] = Counter()

    async def run(self) -> None:
        trouble = 0
        try:
            while True:
                try:
                    await self._look()
                    trouble = 0
                except asyncio.CancelledError:
                    raise
                except Exception as error:  # the top of a unit of work: told to the operator, tried again later
                    await self._troubled(error)
                    await asyncio.sleep(_AGAIN_S[min(trouble, len(_AGAIN_S) - 1)])
                    trouble += 1
        finally:
            self._thread.submit(self._leave)
            self._thread.shutdown(wait=False)

    def _leave(self) -> None:
        if self._store is not None:
            self._store.close()
        db.close_connections()

    async def _troubled(self, error: Exception) -> None:
        if not isinstance(error, FrisketError):
            log.error("mailbox %s: %s", self._view.id, places(error))
        words = f"{error} {error.remedy}" if isinstance(error, FrisketError) else "This server failed; see its log."
        await self._in_thread(self._close)
        await self._intake.ask(boxes.tell_state, self._view.id, "trouble", words)

    def _close(self) -> None:
        store, self._store = self._store, None
        if store is not None:
            store.close()

    async def _in_thread(self, act: Callable[..., Result], *values: object) -> Result:
        return await asyncio.get_running_loop().run_in_executor(self._thread, act, *values)

    async def _look(self) -> None:
        """Deal with everything that waits, then rest until there may be more."""
        if self._store is None:
            self._store = await self._in_thread(boxes.connect, self._view)
        waiting = await self._in_thread(self._store.waiting, _AT_ONCE)
        for each in waiting:
            await self._one(self._store, each)
        await self._intake.ask(boxes.tell_state, self._view.id, "watching", "")
        if len(waiting) == _AT_ONCE:
            return
        loop = asyncio.get_running_loop()
        until = loop.time() + parts.settings().mail.look_every_s
        idle = min(_IDLE_S, parts.settings().mail.look_every_s)
        before = loop.time()
        await self._in_thread(self._store.rest, idle)
        if loop.time() - before < idle / 2 and self._view.kind != "imap":
            await asyncio.sleep(max(until - loop.time(), 0))

    async def _one(self, store: Store, waiting: Waiting) -> None:
        folder = self._view.done_folder
        try:
            await self._take(store, waiting)
        except (MailRefused, mime.MimeError) as error:
            folder = self._view.refused_folder
            await self._intake.ask(self._note, error.why)
        except FrisketError as error:
            if error.retry:
                raise
            await self._failed(waiting, error)
            folder = self._view.refused_folder
        await self._in_thread(store.settle, waiting.key, folder)

    async def _failed(self, waiting: Waiting, error: FrisketError) -> None:
        """A mail that we cannot deal with is tried a few times, then put aside: it must not stop the others."""
        self._failures[waiting.key] += 1
        log.error("mailbox %s: %s", self._view.id, places(error))
        if self._failures[waiting.key] < _MOST_FAILURES:
            raise error
        await self._intake.ask(self._note, "failed")

    def _note(self, why: str) -> None:
        ledger.note_refusal(self._view.kind, why, mailbox=self._view.id)

    async def _take(self, store: Store, waiting: Waiting) -> None:
        if waiting.size is not None and waiting.size > parts.settings().mail.message_bytes:
            raise MailRefused("too-large", "the mail is too large")
        pieces = self._pieces(store.octets(waiting.key))
        try:
            await take(self._intake, await self._intake.ask(self._envelope), pieces)
        finally:
            await pieces.aclose()

    async def _pieces(self, source: Iterator[bytes]) -> AsyncGenerator[bytes, None]:
        try:
            while (piece := await self._in_thread(next, source, b"")) != b"":
                yield piece
        finally:
            close = getattr(source, "close", None)
            if close is not None:
                await asyncio.shield(self._in_thread(close))

    def _envelope(self) -> Envelope:
        queue = device.queue(self._view.queue) if self._view.queue is not None else device.default_queue()
        if queue is None:
            raise NoQueue("there is no queue for the mails of this mailbox")
        return Envelope(
            source=self._view.kind,
            queue=queue,
            results_believed=self._view.believe_results,
            mailbox=self._view.id,
        )
