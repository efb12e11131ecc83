"""Django's SQLite backend, with one addition: writers of this process take turns in order.

SQLite makes a second writer poll with growing sleeps (up to 100 ms), so under load a late one starves.
Here a transaction waits on a lock of the process first and finds the file free.
The module is called ``base`` because Django looks for that name.
"""

import threading
from typing import Any

from django.db.backends.sqlite3 import base

_turns: dict[str, threading.Lock] = {}
_turns_lock = threading.Lock()


def _turn_for(name: str) -> threading.Lock:
    with _turns_lock:
        return _turns.setdefault(name, threading.Lock())


class DatabaseWrapper(base.DatabaseWrapper):
    _has_turn = False

    def _start_transaction_under_autocommit(self) -> None:
        self._take_turn()
        try:
            super()._start_transaction_under_autocommit()
        except BaseException:
            self._give_turn()
            raise

    def _set_autocommit(self, autocommit: bool) -> None:
        super()._set_autocommit(autocommit)
        if autocommit:
            self._give_turn()

    def _close(self) -> None:
        try:
            super()._close()
        finally:
            self._give_turn()

    def _take_turn(self) -> None:
        if not self._has_turn:
            _turn_for(str(self.settings_dict["NAME"])).acquire()
            self._has_turn = True

    def _give_turn(self) -> None:
        if self._has_turn:
            self._has_turn = False
            _turn_for(str(self.settings_dict["NAME"])).release()

    def get_new_connection(self, conn_params: dict[str, Any]) -> Any:
        connection = super().get_new_connection(conn_params)
        # Not in init_command: secure_delete answers with a row, which executescript would leave unread.
        for pragma in ("secure_delete=ON", "synchronous=FULL", "wal_autocheckpoint=4000"):
            connection.execute(f"PRAGMA {pragma}").fetchall()
        return connection
