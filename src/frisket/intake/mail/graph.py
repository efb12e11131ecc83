"""Mailboxes of Exchange Online by Microsoft Graph, version 1.0: the mail as MIME, folders, moving and deleting.

EWS is no longer offered there from 2027-04-01; for servers on premises there is `ews`.
"""

import json
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import quote, urlencode

from frisket.intake.mail.errors import MailboxClosed, MailboxTrouble
from frisket.intake.mail.stores import Login, Waiting
from frisket.plumbing import https

__all__ = ["GraphStore"]

_WELL_KNOWN = frozenset({"inbox", "archive", "deleteditems", "junkemail"})


class GraphStore:
    def __init__(self, login: Login) -> None:
        self._login = login
        self._user = f"https://{login.host}:{login.port}/v1.0/users/{quote(login.user, safe='')}"
        self._folders: dict[str, str] = {}
        self._folder = self._folder_id(login.folder, make=False)

    def waiting(self, most: int) -> list[Waiting]:
        asked = {"$select": "id", "$orderby": "receivedDateTime", "$top": str(most)}
        if self._login.afterwards == "seen":
            # The service wants what it orders by at the head of the filter.
            asked["$filter"] = "receivedDateTime ge 1970-01-01T00:00:00Z and isRead eq false"
        told = self._ask("GET", f"/mailFolders/{quote(self._folder, safe='')}/messages?{urlencode(asked)}")
        rows = told.get("value")
        if not isinstance(rows, list):
            raise MailboxTrouble("the service's list of mails cannot be read")
        keys = [row.get("id") for row in rows[:most] if isinstance(row, dict)]
        return [Waiting(key, None) for key in keys if isinstance(key, str)]

    def octets(self, key: str) -> Iterator[bytes]:
        url = f"{self._user}/messages/{quote(key, safe='')}/$value"
        try:
            with https.opened("GET", url, self._login.context, headers=self._headers()) as (status, _, pieces):
                self._look(status)
                yield from pieces
        except https.CallFailed as error:
            raise MailboxTrouble(str(error)) from error

    def settle(self, key: str, folder: str) -> None:
        path = f"/messages/{quote(key, safe='')}"
        how = self._login.afterwards
        if how == "seen":
            self._ask("PATCH", path, {"isRead": True}, gone=True)
        elif how == "delete":
            self._ask("DELETE", path, gone=True)
        else:
            self._ask("POST", f"{path}/move", {"destinationId": self._folder_id(folder, make=True)}, gone=True)

    def rest(self, seconds: float) -> None:
        """The service tells of new mails only whom it can call; so the folder is looked into again."""

    def close(self) -> None:
        """Each call has its own connection."""

    def _folder_id(self, name: str, *, make: bool) -> str:
        if name.lower() in _WELL_KNOWN:
            return name.lower()
        if name not in self._folders:
            wanted = urlencode({"$filter": f"displayName eq '{name.replace(chr(39), chr(39) * 2)}'", "$select": "id"})
            rows = self._ask("GET", f"/mailFolders?{wanted}").get("value") or []
            if not rows and make:
                rows = [self._ask("POST", "/mailFolders", {"displayName": name})]
            if not rows or not isinstance(rows[0].get("id"), str):
                raise MailboxTrouble("there is no such folder")
            self._folders[name] = rows[0]["id"]
        return self._folders[name]

    def _headers(self) -> dict[str, str]:
        assert self._login.token is not None
        # Ids that stay when a mail is moved: the same call after a crash still means the same mail.
        return {"authorization": f"Bearer {self._login.token()}", "prefer": 'IdType="ImmutableId"'}

    def _ask(
        self, method: str, path: str, body: Mapping[str, object] | None = None, *, gone: bool = False
    ) -> dict[str, Any]:
        headers = self._headers() | ({"content-type": "application/json"} if body is not None else {})
        octets = json.dumps(body).encode() if body is not None else None
        try:
            answer = https.call(method, self._user + path, self._login.context, headers=headers, body=octets)
            if gone and answer.status == 404:
                return {}
            self._look(answer.status)
            return answer.json() if answer.body else {}
        except https.CallFailed as error:
            raise MailboxTrouble(str(error)) from error

    def _look(self, status: int) -> None:
        if status in (401, 403):
            raise MailboxClosed(f"the service refuses the token: {status}")
        if not 200 <= status < 300:
            raise MailboxTrouble(f"the service answers {status}")
