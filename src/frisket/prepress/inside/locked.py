"""PDF with a protection: what it allows, and the same without it for whoever has the password (ISO 32000-1 7.6)."""

import pikepdf

from frisket.prepress.inside.making import DOCUMENT, Refused, Task, run
from frisket.prepress.inside.pdf import is_remains
from frisket.prepress.inside.stream import Tell

__all__ = ["main"]


def main() -> None:
    run(lambda: make)


def make(task: Task, result: int, tell: Tell) -> None:
    password = str(task["password"])
    try:
        with pikepdf.open(DOCUMENT, password=password, suppress_warnings=True) as document:
            if len(document.pages) > task["pages"]:
                raise Refused("pages")
            if not len(document.pages) or is_remains(document):
                raise Refused("damaged")
            if document.is_encrypted and not _printable(document):
                raise Refused("forbidden")
            tell(open=True)
            if document.is_encrypted and password:
                with open(result, "wb", closefd=False) as out:
                    document.save(out)
    except pikepdf.PasswordError as error:
        raise Refused("wrong-password" if password else "password") from error
    except (Refused, MemoryError):
        raise
    except Exception as error:  # the top of a unit of work: whatever the library makes of a hostile document
        raise Refused("damaged") from error


def _printable(document: pikepdf.Pdf) -> bool:
    return bool(document.owner_password_matched or document.allow.print_lowres)
