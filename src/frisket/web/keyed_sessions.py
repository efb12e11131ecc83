"""Sessions whose keys are not in the database: a row is named by a keyed index of the key in the cookie.

The framework's own store keeps the key itself, so a stolen copy of the database would be a bunch of open
sessions. The class has the name the framework looks for.
"""

from typing import Any

from django.contrib.sessions.backends import db
from django.contrib.sessions.base_session import AbstractBaseSession
from django.utils import timezone

from frisket.plumbing import parts

__all__ = ["SessionStore"]

_LENGTH = 40  # of the framework's column: 160 bits


def _row(session_key: str) -> str:
    return parts.keys().index(parts.tenant(), "token", b"session\0" + session_key.encode()).hex()[:_LENGTH]


class SessionStore(db.SessionStore):
    def _get_session_from_db(self) -> Any:
        key = self.session_key
        found = (
            self.model.objects.filter(session_key=_row(key), expire_date__gt=timezone.now()).first() if key else None
        )
        if found is None:
            self._session_key = None  # as the framework does: a key without a row is forgotten
        return found

    def exists(self, session_key: str) -> bool:
        return super().exists(_row(session_key))

    def create_model_instance(self, data: dict[str, Any]) -> AbstractBaseSession:
        made = super().create_model_instance(data)
        made.session_key = _row(made.session_key)
        return made

    def delete(self, session_key: str | None = None) -> None:
        key = session_key if session_key is not None else self.session_key
        if key is not None:
            super().delete(_row(key))
