"""The first administrator: made with a one-time token from the server's console, and never again (R1)."""

from frisket import audit
from frisket.identity.credentials import Shown
from frisket.identity.errors import SetupRefused
from frisket.identity.models import Person, SetupToken
from frisket.identity.persons import PersonView
from frisket.identity.register import NewPerson, add
from frisket.identity.rights import Role
from frisket.plumbing import keys, parts
from frisket.plumbing.db import Tx
from frisket.plumbing.scope import HOUSE, Actor, Purpose, Scope

__all__ = ["new_setup_token", "setup_needed", "use_setup_token"]


def setup_needed() -> bool:
    """True until there is an administrator; one who is disabled counts."""
    rows = Person.objects.filter(tenant=parts.tenant(), role=Role.ADMINISTRATOR.value)
    return not rows.exists()


def new_setup_token(*, tx: Tx) -> str:
    """To be printed on the console; the one before no longer works. Raises SetupRefused after set-up."""
    if not setup_needed():
        raise SetupRefused("there is an administrator already")
    token = keys.new_token()
    SetupToken.objects.update_or_create(
        tenant=parts.tenant(), defaults={"index": _index(token), "created_at": parts.clock().now()}
    )
    return token


def use_setup_token(token: str, new: NewPerson, *, by: Actor, tx: Tx) -> tuple[PersonView, Shown]:
    """Make the first administrator. The token is gone with the commit, and stays if this fails.

    Raises SetupRefused, and what `add` raises.
    """
    # The delete is the check: of two who come at once with the token only one deletes the row.
    used, _ = SetupToken.objects.filter(tenant=parts.tenant(), index=_index(token)).delete()
    if not used or not setup_needed():
        raise SetupRefused("the set-up token does not fit")
    first = NewPerson(new.name, new.full_name, new.mail, Role.ADMINISTRATOR, new.password, new.language, new.bare)
    person, shown = add(Scope(HOUSE, parts.tenant(), Purpose.STAGE), first, by=HOUSE, tx=tx)
    audit.record("setup.done", person.id, by=by, tx=tx)
    return person, shown


def _index(token: str) -> bytes:
    return parts.keys().index(parts.tenant(), "token", b"setup\0" + token.encode("utf-8", "surrogatepass"))
