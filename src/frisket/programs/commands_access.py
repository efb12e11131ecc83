"""The control socket's commands about who may come to the doors and to the upload page."""

from typing import Any

from frisket import intake
from frisket.plumbing import db
from frisket.programs.commanding import Values, command
from frisket.programs.errors import WrongUse
from frisket.programs.house import AT_CONTROL, House

__all__ = ["access_show"]


def _shown(found: intake.AccessView) -> dict[str, Any]:
    return {
        "networks": list(found.networks) or ["from everywhere"],
        "upload_by": found.upload_by.value,
        "upload_has_password": bool(found.stamp),
    }


@command("access.show")
def access_show(house: House, values: Values) -> Any:
    return _shown(intake.access())


@command("access.set")
def access_set(house: House, values: Values) -> Any:
    """Whoever calls sits at this machine: no list keeps the control socket shut."""
    words = [each.value for each in intake.UploadBy]
    by = values.get("upload_by")
    if by is not None and by not in words:
        raise WrongUse("--upload is one of: " + ", ".join(words))
    told, password = values.get("networks"), values.get("upload_password")
    change = intake.AccessChange(
        networks=tuple(str(each) for each in told) if told is not None else None,
        upload_by=intake.UploadBy(by) if by is not None else None,
        upload_password=str(password) if password is not None else None,
    )
    with db.transaction() as tx:
        return _shown(intake.change_access(house.scope, change, peer="", by=AT_CONTROL, tx=tx))
