"""Office files by LibreOffice, inside this very process: no macro, no link, no profile of anybody, no other process.

The office program is a library here (LibreOfficeKit). Its start takes most of a second and needs no document, so it
is done before the document comes.
"""

import ctypes
import os
import sys

from frisket.prepress.inside.archive import look_over
from frisket.prepress.inside.making import DOCUMENT, Maker, Refused, Task, run
from frisket.prepress.inside.stream import Tell
from frisket.prepress.inside.text import document_of, web_page

__all__ = ["main"]

_PROFILE = "/tmp/profile"
_MADE = "/tmp/made.pdf"
_PIECE = 1 << 20
_ASKS_PASSWORD = 20  # LOK_CALLBACK_DOCUMENT_PASSWORD
_ASKS_PASSWORD_TO_MODIFY = 21
_ANSWERS_FOR_PASSWORDS = 3  # LOK_FEATURE_DOCUMENT_PASSWORD and …_TO_MODIFY
_LONGEST_TEXT = 64 << 20
_ENDS_OF_TEXT = ("txt", "html")

_LIBRARIES = ("libmergedlo.so", "libsofficeapp.so")
_Pointer, _Text = ctypes.c_void_p, ctypes.c_char_p


def _function(answer: object, *values: object) -> object:
    return ctypes.CFUNCTYPE(answer, *values)  # type: ignore[arg-type]


class _OfficeClass(ctypes.Structure):
    """LibreOfficeKit/LibreOfficeKit.h, as far as it is used."""

    _fields_ = [
        ("size", ctypes.c_size_t),
        ("destroy", _function(None, _Pointer)),
        ("load", _function(_Pointer, _Pointer, _Text)),
        ("error", _function(_Text, _Pointer)),
        ("load_with_options", _function(_Pointer, _Pointer, _Text, _Text)),
        ("free_error", _Pointer),
        ("register", _function(None, _Pointer, _Pointer, _Pointer)),
        ("filter_types", _Pointer),
        ("set_features", _function(None, _Pointer, ctypes.c_ulonglong)),
        ("set_password", _function(None, _Pointer, _Text, _Text)),
    ]


class _DocumentClass(ctypes.Structure):
    _fields_ = [
        ("size", ctypes.c_size_t),
        ("destroy", _function(None, _Pointer)),
        ("save_as", _function(ctypes.c_int, _Pointer, _Text, _Text, _Text)),
    ]


class _OfficeObject(ctypes.Structure):
    _fields_ = [("functions", ctypes.POINTER(_OfficeClass))]


class _DocumentObject(ctypes.Structure):
    _fields_ = [("functions", ctypes.POINTER(_DocumentClass))]


_Callback = ctypes.CFUNCTYPE(None, ctypes.c_int, _Text, _Pointer)


def main() -> None:
    run(lambda: _start(sys.argv[1]))


def _start(folder: str) -> Maker:
    os.makedirs(f"{_PROFILE}/user")
    with open(f"{_PROFILE}/user/registrymodifications.xcu", "w") as out:
        out.write(_SETTINGS)
    name = next(name for name in _LIBRARIES if os.path.exists(f"{folder}/{name}"))
    library = ctypes.CDLL(f"{folder}/{name}", mode=ctypes.RTLD_GLOBAL)
    hook = library.libreofficekit_hook_2
    hook.restype, hook.argtypes = _Pointer, [_Text, _Text]
    office = hook(folder.encode(), f"file://{_PROFILE}".encode())
    if not office:
        raise Refused("unavailable")
    return _Office(office).make


class _Office:
    def __init__(self, office: int) -> None:
        self._office = office
        self._functions = ctypes.cast(office, ctypes.POINTER(_OfficeObject)).contents.functions.contents
        self._password = b""
        self._asked = 0
        self._callback = _Callback(self._called)
        self._functions.set_features(office, _ANSWERS_FOR_PASSWORDS)
        self._functions.register(office, ctypes.cast(self._callback, _Pointer), None)

    def make(self, task: Task, result: int, tell: Tell) -> None:
        look_over(task)
        name = _prepared(task)
        self._password = str(task["password"]).encode()
        document = self._functions.load_with_options(self._office, f"file://{name}".encode(), b"Language=en-GB")
        if not document:
            if self._asked:
                raise Refused("wrong-password" if self._password else "password")
            raise Refused("damaged")
        functions = ctypes.cast(document, ctypes.POINTER(_DocumentObject)).contents.functions.contents
        if not functions.save_as(document, f"file://{_MADE}".encode(), b"pdf", b""):
            raise Refused("damaged")
        os.remove(name)
        with open(_MADE, "rb") as made:
            while piece := made.read(_PIECE):
                view = memoryview(piece)
                while view:
                    view = view[os.write(result, view) :]

    def _called(self, kind: int, payload: bytes, _data: object) -> None:
        if kind == _ASKS_PASSWORD:
            self._asked += 1
            # Asked again it was the wrong one, and nothing ends the asking.
            offered = self._password if self._asked == 1 and self._password else None
            self._functions.set_password(self._office, payload, offered)
        elif kind == _ASKS_PASSWORD_TO_MODIFY:
            self._functions.set_password(self._office, payload, b"")


def _prepared(task: Task) -> str:
    """The file under a name that ends as its kind does; text and web pages in the form the office reads."""
    suffix = str(task["suffix"])
    if suffix in _ENDS_OF_TEXT:
        if os.path.getsize(DOCUMENT) > _LONGEST_TEXT:
            raise Refused("large")
        with open(DOCUMENT, "rb") as document:
            data = document.read()
        if suffix == "txt":
            data, suffix = document_of(data, task["sheet"], pages=task["pages"]), "fodt"
        else:
            data = web_page(data, task["sheet"])
        with open(DOCUMENT, "wb") as document:
            document.write(data)
    name = f"{DOCUMENT}.{suffix}" if suffix else DOCUMENT
    if suffix:
        os.rename(DOCUMENT, name)
    return name


# No macro runs whoever signed it, nothing that is linked is fetched or renewed, and A4 where no size is told.
_SETTINGS = """<?xml version="1.0" encoding="UTF-8"?>
<oor:items xmlns:oor="http://openoffice.org/2001/registry" xmlns:xs="http://www.w3.org/2001/XMLSchema"
 xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance">
<item oor:path="/org.openoffice.Office.Common/Security/Scripting"><prop oor:name="MacroSecurityLevel" oor:op="fuse">
<value>3</value></prop><prop oor:name="DisableMacrosExecution" oor:op="fuse"><value>true</value></prop>
<prop oor:name="BlockUntrustedRefererLinks" oor:op="fuse"><value>true</value></prop></item>
<item oor:path="/org.openoffice.Office.Writer/Content/Update"><prop oor:name="Link" oor:op="fuse">
<value>2</value></prop></item>
<item oor:path="/org.openoffice.Office.Calc/Content/Update"><prop oor:name="Link" oor:op="fuse">
<value>2</value></prop></item>
<item oor:path="/org.openoffice.Setup/L10N"><prop oor:name="ooSetupSystemLocale" oor:op="fuse">
<value>en-GB</value></prop></item>
<item oor:path="/org.openoffice.Setup/Office"><prop oor:name="ooSetupInstCompleted" oor:op="fuse">
<value>true</value></prop></item>
</oor:items>
"""
