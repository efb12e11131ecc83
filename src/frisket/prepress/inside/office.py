"""Office files by LibreOffice, inside this very process: no macro, no link, no profile of anybody, no other process.

The office program is a library here (LibreOfficeKit). Its start takes most of a second and needs no document, so it
is done before the document comes. Loading and storing is told in its own Basic, because only there a document can be
loaded without a view, its macros off and its links left alone by arguments; spreadsheets cannot be loaded otherwise
where no user interface is installed.
"""

import ctypes
import os
import shutil
import sys
from typing import Any

from frisket.prepress.inside.archive import is_binary, is_locked, look_over
from frisket.prepress.inside.making import DOCUMENT, Maker, Refused, Task, run
from frisket.prepress.inside.stream import Tell
from frisket.prepress.inside.text import document_of, web_page

__all__ = ["main"]

_PROFILE = "/tmp/profile"
_MADE = "/tmp/made.pdf"
_PIECE = 1 << 20
_LONGEST_TEXT = 64 << 20
_ENDS_OF_TEXT = ("txt", "html")
_WEB_READER = "HTML (StarWriter)"  # the one the office would choose itself reads on after loading has ended

_LIBRARIES = ("libmergedlo.so", "libsofficeapp.so")
_Pointer, _Text = ctypes.c_void_p, ctypes.c_char_p


def _function(answer: Any, *values: Any) -> Any:
    return ctypes.CFUNCTYPE(answer, *values)


class _OfficeClass(ctypes.Structure):
    """LibreOfficeKit/LibreOfficeKit.h, as far as it is used."""

    _fields_ = [
        ("size", ctypes.c_size_t),
        ("unused", _Pointer * 10),  # destroy, documentLoad, getError … getVersionInfo
        ("run_macro", _function(ctypes.c_int, _Pointer, _Text)),
    ]


class _OfficeObject(ctypes.Structure):
    _fields_ = [("functions", ctypes.POINTER(_OfficeClass))]


def main() -> None:
    run(lambda: _start(sys.argv[1]))


def _start(folder: str) -> Maker:
    _furnish(folder)
    name = next(name for name in _LIBRARIES if os.path.exists(f"{folder}/{name}"))
    library = ctypes.CDLL(f"{folder}/{name}", mode=ctypes.RTLD_GLOBAL)
    hook = library.libreofficekit_hook_2
    hook.restype, hook.argtypes = _Pointer, [_Text, _Text]
    office = hook(folder.encode(), f"file://{_PROFILE}".encode())
    if not office:
        raise Refused("unavailable")
    functions = ctypes.cast(office, ctypes.POINTER(_OfficeObject)).contents.functions.contents

    def make(task: Task, result: int, tell: Tell) -> None:
        look_over(task)
        name, password = _prepared(task), str(task["password"])
        reader = _WEB_READER if name.endswith(".html") else ""
        binary = "binary" if is_binary(name) else ""
        digits = password.encode("utf-16-be").hex()  # nothing in it can end the words around it
        told = ", ".join(f'"{each}"' for each in (f"file://{name}", f"file://{_MADE}", digits, reader, binary))
        call = f"macro:///Standard.Module1.Make({told})"
        functions.run_macro(office, call.encode())
        if not os.path.exists(_MADE):
            if is_locked(name):
                raise Refused("wrong-password" if password else "password")
            raise Refused("damaged")
        os.remove(name)
        _hand_over(result)

    return make


def _furnish(folder: str) -> None:
    """A profile that nobody has used: its settings, and the few lines of Basic that load and store."""
    os.makedirs(f"{_PROFILE}/user")
    shutil.copytree(f"{folder}/../presets/basic", f"{_PROFILE}/user/basic")
    with open(f"{_PROFILE}/user/registrymodifications.xcu", "w") as out:
        out.write(_SETTINGS)
    with open(f"{_PROFILE}/user/basic/Standard/Module1.xba", "w") as out:
        out.write(_MAKE)


def _hand_over(result: int) -> None:
    with open(_MADE, "rb") as made:
        while piece := made.read(_PIECE):
            view = memoryview(piece)
            while view:
                view = view[os.write(result, view) :]


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


# document.MacroExecMode.NEVER_EXECUTE and UpdateDocMode.NO_UPDATE are both 0.
_MAKE = """<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE script:module PUBLIC "-//OpenOffice.org//DTD OfficeDocument 1.0//EN" "module.dtd">
<script:module xmlns:script="http://openoffice.org/2000/script" script:name="Module1" script:language="StarBasic">
Sub Make(source, target, digits, reader, octets)
  Dim how(5) As New com.sun.star.beans.PropertyValue
  how(0).Name = "Hidden" : how(0).Value = True
  how(1).Name = "MacroExecutionMode" : how(1).Value = 0
  how(2).Name = "UpdateDocMode" : how(2).Value = 0
  how(3).Name = "ReadOnly" : how(3).Value = True
  how(4).Name = "Password" : how(4).Value = Told(digits)
  how(5).Name = "AsTemplate" : how(5).Value = False
  If Len(reader) &gt; 0 Then
    how(5).Name = "FilterName" : how(5).Value = reader
  End If
  document = StarDesktop.loadComponentFromURL(source, "_blank", 0, how())
  If IsNull(document) Then Exit Sub
  If Len(octets) &gt; 0 Then
    If ReadAsText(document) Then Exit Sub
  End If
  Dim out(0) As New com.sun.star.beans.PropertyValue
  out(0).Name = "FilterName" : out(0).Value = Kind(document) &amp; "_pdf_Export"
  document.storeToURL(target, out())
End Sub

Function Told(digits)
  said = ""
  For at = 1 To Len(digits) Step 4
    said = said &amp; Chr(CLng("&amp;H" &amp; Mid(digits, at, 4)))
  Next at
  Told = said
End Function

Function ReadAsText(document)
  ReadAsText = False
  For Each argument In document.getArgs()
    If argument.Name = "FilterName" Then ReadAsText = (Left(argument.Value, 4) = "Text")
  Next argument
End Function

Function Kind(document)
  Kind = "writer"
  If document.supportsService("com.sun.star.sheet.SpreadsheetDocument") Then Kind = "calc"
  If document.supportsService("com.sun.star.drawing.DrawingDocument") Then Kind = "draw"
  If document.supportsService("com.sun.star.presentation.PresentationDocument") Then Kind = "impress"
  If document.supportsService("com.sun.star.text.WebDocument") Then Kind = "writer_web"
End Function
</script:module>
"""

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
