"""A double of Exchange: says so in every answer, and answers as the published references of both services write it.

No free server speaks these protocols. The shapes are those of the documentation of Microsoft Graph 1.0 and of
Exchange Web Services; what only a real server would show is not shown by it.
"""

import base64
import json
import re
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_address
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit
from uuid import uuid4

from frisket.plumbing import keys

SAYS = "Frisket-Test-Double (this is no Exchange)"
_TYPES = "http://schemas.microsoft.com/exchange/services/2006/types"
_MESSAGES = "http://schemas.microsoft.com/exchange/services/2006/messages"


@dataclass
class Exchange:
    """The mailbox behind it: folders of mails by id."""

    port: int = 0
    authority: str = ""  # PEM of who vouches for its certificate
    folders: dict[str, dict[str, bytes]] = field(default_factory=lambda: {"inbox": {}})
    tokens: set[str] = field(default_factory=set)
    refresh: str = "refresh-1"
    asked: list[str] = field(default_factory=list)
    cut: bool = False  # break off in the middle of mails
    doctype: bool = False
    fail: int = 0  # answer so with an error, once

    def put(self, key: str, mail: bytes) -> None:
        self.folders["inbox"][key] = mail

    def move(self, key: str, folder: str) -> bool:
        for mails in self.folders.values():
            if key in mails:
                self.folders.setdefault(folder, {})[key] = mails.pop(key)
                return True
        return False

    def find(self, key: str) -> bytes | None:
        return next((mails[key] for mails in self.folders.values() if key in mails), None)

    def new_token(self, form: dict[str, list[str]]) -> tuple[int, dict[str, Any]]:
        grant = form.get("grant_type", [""])[0]
        good = grant == "client_credentials" and form.get("client_secret") == ["the client secret"]
        good |= grant == "refresh_token" and form.get("refresh_token") == [self.refresh]
        if not good or form.get("client_id") != ["print-client"]:
            return 400, {"error": "invalid_client"}
        token = f"token-{len(self.tokens) + 1}"
        self.tokens.add(token)
        told: dict[str, Any] = {"access_token": token, "token_type": "Bearer", "expires_in": 3600}
        if grant == "refresh_token":
            self.refresh += "x"
            told["refresh_token"] = self.refresh
        return 200, told


class _Handler(BaseHTTPRequestHandler):
    server_version, sys_version, protocol_version = SAYS, "", "HTTP/1.1"
    exchange: Exchange

    def log_message(self, format: str, *args: object) -> None:
        pass

    def _answer(self, status: int, body: bytes = b"", kind: str = "application/json") -> None:
        self.send_response(status)
        self.send_header("content-type", kind)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        if self.exchange.cut and len(body) > 1000:
            self.wfile.write(body[: len(body) // 2])
            self.close_connection = True
            return
        self.wfile.write(body)

    def _body(self) -> bytes:
        return self.rfile.read(int(self.headers.get("content-length") or 0))

    def _handle(self) -> None:
        found, body = self.exchange, self._body()
        path = unquote(urlsplit(self.path).path)
        found.asked.append(f"{self.command} {path}")
        if path in ("/token", "/introspect"):
            self._token(path, parse_qs(body.decode()))
            return
        if found.fail:
            status, found.fail = found.fail, 0
            self._answer(status)
        elif not self._signed():
            self._answer(401)
        elif path == "/EWS/Exchange.asmx":
            self._answer(200, _ews(found, body.decode()).encode(), "text/xml; charset=utf-8")
        else:
            self._answer(*_graph(found, self.command, path, parse_qs(urlsplit(self.path).query), body))

    do_GET = do_POST = do_PATCH = do_DELETE = _handle

    def _token(self, path: str, form: dict[str, list[str]]) -> None:
        if path == "/token":
            status, told = self.exchange.new_token(form)
        else:
            known = form.get("token", [""])[0] in self.exchange.tokens
            status, told = 200, {"active": known, "username": "print"}
        self._answer(status, json.dumps(told).encode())

    def _signed(self) -> bool:
        scheme, _, said = (self.headers.get("authorization") or "").partition(" ")
        if scheme == "Basic":
            return base64.b64decode(said) == b"print@office.lab:the password"
        return scheme == "Bearer" and said in self.exchange.tokens


def _graph(found: Exchange, verb: str, path: str, query: dict[str, list[str]], body: bytes) -> tuple[int, bytes, str]:
    """Graph 1.0: user: list messages, get MIME content, move, delete, update; list and create folders."""
    kind = "application/json"
    inside = path.removeprefix("/v1.0/users/print@office.lab")
    if inside == path:
        return 404, b"{}", kind
    if inside == "/mailFolders":
        if verb == "POST":
            name = json.loads(body)["displayName"]
            found.folders.setdefault(name, {})
            return 201, json.dumps({"id": f"F={name}", "displayName": name}).encode(), kind
        wanted = re.fullmatch(r"displayName eq '(.*)'", query["$filter"][0])
        assert wanted is not None
        rows = [{"id": f"F={name}"} for name in found.folders if name == wanted[1].replace("''", "'")]
        return 200, json.dumps({"value": rows}).encode(), kind
    if match := re.fullmatch(r"/mailFolders/(.+)/messages", inside):
        mails = found.folders.get(match[1].removeprefix("F="), {})
        rows = [{"id": key} for key in list(mails)[: int(query["$top"][0])]]
        return 200, json.dumps({"value": rows}).encode(), kind
    match = re.fullmatch(r"/messages/([^/]+=)(/\$value|/move)?", inside)
    mail = found.find(match[1]) if match is not None else None
    if match is None or mail is None:
        return 404, b"{}", kind
    if match[2] == "/$value":
        return 200, mail, "text/plain"
    if match[2] == "/move":
        found.move(match[1], json.loads(body)["destinationId"].removeprefix("F="))
        return 201, b"{}", kind
    if verb == "DELETE":
        found.move(match[1], "gone")
        return 204, b"", kind
    return 200, b"{}", kind


def _ews(found: Exchange, asked: str) -> str:
    """EWS 2013: FindItem, GetItem with MimeContent, MoveItem, DeleteItem, FindFolder, CreateFolder."""
    verb = re.search(r"<m:(\w+)", asked.partition("Body>")[2])
    assert verb is not None
    key = re.search(r'<t:ItemId Id="([^"]+)"', asked)
    code, inner = "NoError", ""
    if verb[1] == "FindItem":
        items = "".join(
            f'<t:Message><t:ItemId Id="{each}" ChangeKey="c"/><t:Size>{len(mail)}</t:Size></t:Message>'
            for each, mail in found.folders["inbox"].items()
        )
        inner = f"<m:RootFolder><t:Items>{items}</t:Items></m:RootFolder>"
    elif verb[1] == "GetItem" and key is not None:
        coded = base64.encodebytes(found.find(key[1]) or b"").decode()
        inner = (
            f'<m:Items><t:Message><t:MimeContent CharacterSet="UTF-8">{coded}</t:MimeContent>'
            f'<t:ItemId Id="{key[1]}"/></t:Message></m:Items>'
        )
    elif verb[1] == "MoveItem" and key is not None:
        folder = re.search(r'<t:FolderId Id="F=([^"]+)"', asked)
        assert folder is not None
        code = "NoError" if found.move(key[1], folder[1]) else "ErrorItemNotFound"
    elif verb[1] == "DeleteItem" and key is not None:
        code = "NoError" if found.move(key[1], "gone") else "ErrorItemNotFound"
    elif verb[1] == "FindFolder":
        rows = "".join(
            f'<t:Folder><t:FolderId Id="F={name}"/><t:DisplayName>{name}</t:DisplayName></t:Folder>'
            for name in found.folders
        )
        inner = f"<m:RootFolder><t:Folders>{rows}</t:Folders></m:RootFolder>"
    elif verb[1] == "CreateFolder":
        name = re.search(r"<t:DisplayName>([^<]+)<", asked)
        assert name is not None
        found.folders.setdefault(name[1], {})
        inner = f'<m:Folders><t:Folder><t:FolderId Id="F={name[1]}"/></t:Folder></m:Folders>'
    doctype = '<!DOCTYPE s [<!ENTITY a "aaaa">]>' if found.doctype else ""
    return (
        f'<?xml version="1.0" encoding="utf-8"?>{doctype}<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/">'
        f'<s:Body xmlns:m="{_MESSAGES}" xmlns:t="{_TYPES}"><m:{verb[1]}Response><m:ResponseMessages>'
        f'<m:{verb[1]}ResponseMessage ResponseClass="Success"><m:ResponseCode>{code}</m:ResponseCode>{inner}'
        f"</m:{verb[1]}ResponseMessage></m:ResponseMessages></m:{verb[1]}Response></s:Body></s:Envelope>"
    )


def certificates(folder: Path) -> keys.Certificates:
    """Of today, whatever the clock of a test says."""
    store = keys.KeyStore.create(folder / "exchange-keys", uuid4(), clock=lambda: datetime.now(UTC))
    return keys.Certificates.create(store, ["localhost"], [ip_address("127.0.0.1")])


@contextmanager
def exchange_running(context: ssl.SSLContext | None, same: Exchange | None = None) -> Iterator[Exchange]:
    """context: TLS, or None for the introspection a local mail server asks; same: knows the tokens of that one."""
    found = Exchange(tokens=same.tokens) if same is not None else Exchange()
    handler = type("Handler", (_Handler,), {"exchange": found})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    if context is not None:
        server.socket = context.wrap_socket(server.socket, server_side=True)
    found.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield found
    finally:
        server.shutdown()
        server.server_close()
