"""Over the API: from where somebody may come to the doors, and who may use the upload page."""

from typing import Literal

from django.http import HttpRequest
from ninja import Schema
from pydantic import Field

from frisket import intake
from frisket.identity import Permission
from frisket.plumbing.db import transaction
from frisket.web.api.entry import operation
from frisket.web.api.shapes import In
from frisket.web.visits import place, visit

__all__ = ["access"]

Word = Literal["everybody", "operators", "nobody"]


class AccessOut(Schema):
    networks: list[str] = Field(description="From where somebody may come to any door; empty: from everywhere")
    upload_by: Word
    upload_has_password: bool

    @classmethod
    def of(cls, found: intake.AccessView) -> "AccessOut":
        return cls(
            networks=list(found.networks), upload_by=found.upload_by.value, upload_has_password=bool(found.stamp)
        )


class AccessIn(In):
    """What is left out stays as it is."""

    networks: list[str] | None = Field(None, max_length=1000, description="Must let the address of who asks in")
    upload_by: Word | None = None
    upload_password: str | None = Field(None, max_length=256, description="Empty takes it away; no answer has it")


@operation("GET", "/access", needs=Permission.SETTINGS_MANAGE, tag="access", response=AccessOut)
def access(request: HttpRequest) -> AccessOut:
    """From where somebody may come, and who may upload."""
    return AccessOut.of(intake.access())


@operation("PATCH", "/access", needs=Permission.SETTINGS_MANAGE, fresh=True, tag="access", response=AccessOut)
def access_change(request: HttpRequest, told: AccessIn) -> AccessOut:
    """A list that would keep out the address this comes from is refused."""
    who = visit(request)
    change = intake.AccessChange(
        networks=tuple(told.networks) if told.networks is not None else None,
        upload_by=intake.UploadBy(told.upload_by) if told.upload_by is not None else None,
        upload_password=told.upload_password,
    )
    with transaction() as tx:
        return AccessOut.of(intake.change_access(who.scope, change, peer=place(request).network, by=who.actor, tx=tx))
