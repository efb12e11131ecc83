"""Django's SQLite backend, with one addition: writers of this process take turns in order.

SQLite makes a second writer poll with growing sleeps (up to 100 ms), so under load a late one starves.
Here a transaction waits on a lock of the process first and finds the file free.
The module is called ``base`` because Django looks for that name.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.db.backends.sqlite3 import base
from django.db.utils import OperationalError

_turns: dict[str, threading.Lock] = {}
_turns_lock = threading.Lock()
_WRITES = ("INSERT", "UPDATE", "DELETE", "REPLACE")


def _turn_for(name: str) -> threading.Lock:
    with _turns_lock:
        return _turns.setdefault(name, threading.Lock())


class DatabaseWrapper(base.DatabaseWrapper):
    _has_turn = False

    def _start_transaction_under_autocommit(self) -> None:
        self._take_turn()
        try:
            super()._start_transaction_under_autocommit()  # type: ignore[misc]
        except BaseException:
            self._give_turn()
            raise

    def _set_autocommit(self, autocommit: bool) -> None:
        try:
            super()._set_autocommit(autocommit)  # type: ignore[misc]
        finally:
            if autocommit:
                self._give_turn()

    def _close(self) -> None:
        try:
            super()._close()  # type: ignore[misc]
        finally:
            self._give_turn()

    def __del__(self) -> None:
        # A thread that ended inside a transaction: the file's lock went with its connection.
        self._give_turn()

    def _take_turn(self) -> None:
        """Wait for the turn as long as for the file's own lock, then say what SQLite would have said."""
        if self._has_turn:
            return
        patience = float(self.settings_dict["OPTIONS"].get("timeout", 5.0))
        if not _turn_for(str(self.settings_dict["NAME"])).acquire(timeout=patience):
            raise OperationalError("database is locked")
        self._has_turn = True

    def _give_turn(self) -> None:
        if self._has_turn:
            self._has_turn = False
            _turn_for(str(self.settings_dict["NAME"])).release()

    @contextmanager
    def turn_for(self, query: str) -> Iterator[None]:
        """A single write outside any transaction takes its turn as well."""
        alone = not self._has_turn and query.lstrip()[:7].upper().startswith(_WRITES)
        if not alone:
            yield
            return
        self._take_turn()
        try:
            yield
        finally:
            self._give_turn()

    def create_cursor(self, name: Any = None) -> Any:
        return self.connection.cursor(factory=lambda line: _Cursor(line, self))

    def get_new_connection(self, conn_params: dict[str, Any]) -> Any:
        connection = super().get_new_connection(conn_params)
        # Not in init_command: secure_delete answers with a row, which executescript would leave unread.
        for pragma in ("secure_delete=ON", "synchronous=FULL", "wal_autocheckpoint=4000"):
            connection.execute(f"PRAGMA {pragma}").fetchall()
        return connection


class _Cursor(base.SQLiteCursorWrapper):
    def __init__(self, line: Any, wrapper: DatabaseWrapper) -> None:
        super().__init__(line)
        self._wrapper = wrapper

    def execute(self, query: str, params: Any = None) -> Any:
        with self._wrapper.turn_for(query):
            return super().execute(query, params)

    def executemany(self, query: str, param_list: Any) -> Any:
        with self._wrapper.turn_for(query):
            return super().executemany(query, param_list)
