"""Who may send by the upload page: whom the rules let, and who gave the page's own password in this session.

The session remembers which password it was by that one's stamp, so another password asks everybody again.
"""

from django.contrib.sessions.backends.base import SessionBase
from django.http import HttpRequest

from frisket import identity, intake
from frisket.web.visits import place, visit

__all__ = ["UploadLocked", "check", "let_in", "passed"]

_KEY = "upload"


class UploadLocked(identity.NotAllowed):
    remedy = "Open the upload page, enter its password there, and send the document again."


def passed(session: SessionBase) -> bool:
    stamp = intake.access().stamp
    return not stamp or session.get(_KEY) == stamp


def let_in(request: HttpRequest, password: str) -> None:
    """Raises identity.Refused, identity.Throttled."""
    request.session[_KEY] = intake.check_upload_password(visit(request).known, password, at=place(request, "upload"))


def check(session: SessionBase, person: identity.PersonView) -> None:
    """Of a document that the page's form sends. Raises intake.UploadClosed, UploadLocked."""
    if not intake.access().lets_upload(person):
        raise intake.UploadClosed("the upload page is closed to you")
    if not passed(session):
        raise UploadLocked("the upload page has a password of its own")
