"""Mailboxes of Exchange on premises by Exchange Web Services: SOAP over HTTPS, four operations of it.

Signing in is Basic inside TLS or a bearer token; NTLM is not spoken. The mail comes as base64 inside XML: it is
decoded while it comes. A document type in an answer ends the reading (boundary B3: XML is hostile).
"""

import base64
import binascii
from collections.abc import Callable, Iterator
from xml.parsers import expat
from xml.sax.saxutils import escape, quoteattr

from frisket.intake.mail.errors import MailboxClosed, MailboxTrouble
from frisket.intake.mail.stores import Login, Waiting
from frisket.plumbing import https

__all__ = ["EwsStore"]

_TYPES = "http://schemas.microsoft.com/exchange/services/2006/types"
_SOAP = (
    '<?xml version="1.0" encoding="utf-8"?><s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/" '
    'xmlns:m="http://schemas.microsoft.com/exchange/services/2006/messages" '
    f'xmlns:t="{_TYPES}"><s:Header><t:RequestServerVersion Version="Exchange2013"/></s:Header>'
    "<s:Body>{}</s:Body></s:Envelope>"
)
_DEEPEST = 64
_WELL_KNOWN = {"inbox": "inbox", "deleteditems": "deleteditems", "junkemail": "junkemail"}
_LONGEST_TEXT = 65_536


class _Answer:
    """Reads an answer as it comes; mail: gets the base64 of MimeContent in pieces."""

    def __init__(self, mail: Callable[[str], None] | None = None) -> None:
        self.ids: list[tuple[str, int | None]] = []
        self.folders: list[tuple[str, str]] = []  # id, name
        self.last_folder = ""  # its id
        self.code = ""
        self._mail = mail
        self._path: list[str] = []
        self._text = ""
        self._id = ""
        self._parser = expat.ParserCreate(namespace_separator="|")
        self._parser.buffer_text = True
        self._parser.StartElementHandler = self._start
        self._parser.EndElementHandler = self._end
        self._parser.CharacterDataHandler = self._characters
        self._parser.StartDoctypeDeclHandler = self._refuse
        self._parser.EntityDeclHandler = self._refuse

    def feed(self, piece: bytes, *, last: bool = False) -> None:
        try:
            self._parser.Parse(piece, last)
        except expat.ExpatError as error:
            raise MailboxTrouble("the server's answer is no XML") from error

    def _refuse(self, *_: object) -> None:
        raise MailboxTrouble("the server's answer declares a document type")

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        if len(self._path) >= _DEEPEST:
            raise MailboxTrouble("the server's answer is too deep")
        tag = name.rpartition("|")[2]
        self._path.append(tag)
        self._text = ""
        if tag in ("ItemId", "FolderId"):
            self._id = attributes.get("Id", "")
            if tag == "ItemId":
                self.ids.append((self._id, None))
            else:
                self.last_folder = self._id

    def _characters(self, text: str) -> None:
        if self._path and self._path[-1] == "MimeContent":
            if self._mail is not None:
                self._mail(text)
        elif len(self._text) < _LONGEST_TEXT:
            self._text += text

    def _end(self, name: str) -> None:
        tag = self._path.pop()
        if tag == "ResponseCode" and self.code in ("", "NoError"):
            self.code = self._text.strip()
        elif tag == "Size" and self.ids and self._text.strip().isdigit():
            self.ids[-1] = (self.ids[-1][0], int(self._text))
        elif tag == "DisplayName" and self._id:
            self.folders.append((self._id, self._text))


class EwsStore:
    def __init__(self, login: Login) -> None:
        self._login = login
        self._url = f"https://{login.host}:{login.port}/EWS/Exchange.asmx"
        self._folders: dict[str, str] = {}
        self._folder = self._folder_ref(login.folder, make=False)

    def waiting(self, most: int) -> list[Waiting]:
        unread = (
            '<m:Restriction><t:IsEqualTo><t:FieldURI FieldURI="message:IsRead"/><t:FieldURIOrConstant>'
            '<t:Constant Value="false"/></t:FieldURIOrConstant></t:IsEqualTo></m:Restriction>'
        )
        asked = (
            '<m:FindItem Traversal="Shallow"><m:ItemShape><t:BaseShape>IdOnly</t:BaseShape><t:AdditionalProperties>'
            '<t:FieldURI FieldURI="item:Size"/></t:AdditionalProperties></m:ItemShape>'
            f'<m:IndexedPageItemView MaxEntriesReturned="{most}" Offset="0" BasePoint="Beginning"/>'
            f"{unread if self._login.afterwards == 'seen' else ''}"
            '<m:SortOrder><t:FieldOrder Order="Ascending"><t:FieldURI FieldURI="item:DateTimeReceived"/>'
            f"</t:FieldOrder></m:SortOrder><m:ParentFolderIds>{self._folder}</m:ParentFolderIds></m:FindItem>"
        )
        return [Waiting(key, size) for key, size in self._ask(asked).ids[:most] if key]

    def octets(self, key: str) -> Iterator[bytes]:
        held: list[str] = []
        rest = ""
        answer = _Answer(held.append)
        asked = (
            "<m:GetItem><m:ItemShape><t:BaseShape>IdOnly</t:BaseShape><t:IncludeMimeContent>true</t:IncludeMimeContent>"
            f"</m:ItemShape><m:ItemIds><t:ItemId Id={quoteattr(key)}/></m:ItemIds></m:GetItem>"
        )
        for piece in self._pieces(asked):
            answer.feed(piece)
            text = rest + "".join("".join(held).split())
            held.clear()
            whole = len(text) - len(text) % 4
            rest = text[whole:]
            if whole:
                yield _octets(text[:whole])
        answer.feed(b"", last=True)
        if answer.code != "NoError" or rest or "".join(held).strip():
            raise MailboxTrouble("the server did not give the whole mail")

    def settle(self, key: str, folder: str) -> None:
        item = f"<m:ItemIds><t:ItemId Id={quoteattr(key)}/></m:ItemIds>"
        how = self._login.afterwards
        if how == "delete":
            asked = f'<m:DeleteItem DeleteType="HardDelete">{item}</m:DeleteItem>'
        elif how == "move":
            to = self._folder_ref(folder, make=True)
            asked = f"<m:MoveItem><m:ToFolderId>{to}</m:ToFolderId>{item}</m:MoveItem>"
        else:
            asked = (
                '<m:UpdateItem MessageDisposition="SaveOnly" ConflictResolution="AlwaysOverwrite"><m:ItemChanges>'
                f"<t:ItemChange><t:ItemId Id={quoteattr(key)}/><t:Updates><t:SetItemField>"
                '<t:FieldURI FieldURI="message:IsRead"/><t:Message><t:IsRead>true</t:IsRead></t:Message>'
                "</t:SetItemField></t:Updates></t:ItemChange></m:ItemChanges></m:UpdateItem>"
            )
        self._ask(asked, fine=("NoError", "ErrorItemNotFound"))

    def rest(self, seconds: float) -> None:
        """Nothing is told; the folder is looked into again."""

    def close(self) -> None:
        """Each call has its own connection."""

    def _folder_ref(self, name: str, *, make: bool) -> str:
        if name.lower() in _WELL_KNOWN:
            return f'<t:DistinguishedFolderId Id="{_WELL_KNOWN[name.lower()]}"/>'
        if name not in self._folders:
            root = '<t:DistinguishedFolderId Id="msgfolderroot"/>'
            asked = (
                '<m:FindFolder Traversal="Deep"><m:FolderShape><t:BaseShape>IdOnly</t:BaseShape>'
                '<t:AdditionalProperties><t:FieldURI FieldURI="folder:DisplayName"/></t:AdditionalProperties>'
                f"</m:FolderShape><m:ParentFolderIds>{root}</m:ParentFolderIds></m:FindFolder>"
            )
            known = next((key for key, shown in self._ask(asked).folders if shown == name), "")
            if not known and make:
                known = self._make(name, root)
            if not known:
                raise MailboxTrouble("there is no such folder")
            self._folders[name] = known
        return f"<t:FolderId Id={quoteattr(self._folders[name])}/>"

    def _make(self, name: str, root: str) -> str:
        folder = f"<t:Folder><t:DisplayName>{escape(name)}</t:DisplayName></t:Folder>"
        below = f"<m:ParentFolderId>{root}</m:ParentFolderId>"
        asked = f"<m:CreateFolder>{below}<m:Folders>{folder}</m:Folders></m:CreateFolder>"
        return self._ask(asked).last_folder

    def _ask(self, body: str, fine: tuple[str, ...] = ("NoError",)) -> _Answer:
        answer = _Answer()
        for piece in self._pieces(body):
            answer.feed(piece)
        answer.feed(b"", last=True)
        if answer.code not in fine:
            raise MailboxTrouble(f"the server answers {answer.code[:60] or 'nothing that is understood'}")
        return answer

    def _pieces(self, body: str) -> Iterator[bytes]:
        login = self._login
        if login.token is not None:
            sign = f"Bearer {login.token()}"
        else:
            sign = "Basic " + base64.b64encode(f"{login.user}:{login.password}".encode()).decode()
        headers = {"content-type": "text/xml; charset=utf-8", "authorization": sign}
        if login.token is not None:
            headers["x-anchormailbox"] = login.user
        octets = _SOAP.format(body).encode()
        seen = 0
        try:
            with https.opened("POST", self._url, login.context, headers=headers, body=octets) as (status, _, pieces):
                if status in (401, 403):
                    raise MailboxClosed(f"the server refuses the name, the password or the token: {status}")
                if status not in (200, 500):  # faults of SOAP come with 500
                    raise MailboxTrouble(f"the server answers {status}")
                for piece in pieces:
                    seen += len(piece)
                    if seen > login.largest:
                        raise MailboxTrouble("the server's answer is too long")
                    yield piece
        except https.CallFailed as error:
            raise MailboxTrouble(str(error)) from error


def _octets(text: str) -> bytes:
    try:
        return binascii.a2b_base64(text)
    except (binascii.Error, ValueError) as error:
        raise MailboxTrouble("the mail in the server's answer cannot be read") from error
