"""Looks: what is found due again and again, without a row of its own that says when.

A look reads, and writes only when something is due; that it is due stands in the rooms' own rows. So nothing is
lost by a crash, and an idle house writes nothing. Pauses are of the machine's clock: setting the wall clock
neither hurries nor delays a look.
"""

import logging
import threading
import zlib

from django.db import connection
from django.db.utils import DatabaseError, InterfaceError

from frisket.plumbing.db import close_connections, is_sqlite
from frisket.plumbing.places import places
from frisket.plumbing.work.terms import LOOKS, Look

__all__ = ["Looking"]

_OURS = 0x4652  # of the two numbers of an advisory lock the one that says whose it is
log = logging.getLogger("frisket.work")


class Looking:
    """One thread for each look, so that a long one holds up no other."""

    def __init__(self) -> None:
        self._stopping = threading.Event()
        self._threads: list[threading.Thread] = []

    def start(self) -> None:
        for look in list(LOOKS.values()):
            thread = threading.Thread(target=self._run, args=(look,), name=f"look-{look.name}", daemon=True)
            self._threads.append(thread)
            thread.start()

    def stop(self, timeout: float) -> None:
        self._stopping.set()
        for thread in self._threads:
            thread.join(timeout)

    def _run(self, look: Look) -> None:
        while not self._stopping.is_set():
            try:
                if _mine(look.name):
                    look.act(self._stopping.is_set)
            except (DatabaseError, InterfaceError) as error:
                log.error("look %s: the database refused: %s", look.name, type(error).__name__)
                close_connections()
            except Exception as error:
                log.error("look %s: %s", look.name, places(error))
            self._stopping.wait(look.every_s)
        close_connections()


def _mine(name: str) -> bool:
    """Whether this process looks for the whole house: the first one that asks, as long as it is connected."""
    if is_sqlite():
        return True  # there is one process with a worker
    number = zlib.crc32(name.encode()) & 0x7FFFFFFF
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT CASE WHEN EXISTS (SELECT 1 FROM pg_locks WHERE locktype = 'advisory'"
            " AND pid = pg_backend_pid() AND classid = %s AND objid = %s)"
            " THEN true ELSE pg_try_advisory_lock(%s, %s) END",
            [_OURS, number, _OURS, number],
        )
        return bool(cursor.fetchone()[0])
