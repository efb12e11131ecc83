"""Who may do what, and the first administrator."""

import threading
from uuid import uuid4

import pytest
from tests.conftest import House
from tests.identity.conftest import Cast

from frisket import audit, identity
from frisket.identity import RIGHTS, NewPerson, Permission, Role
from frisket.identity.models import SetupToken
from frisket.plumbing.db import close_connections, transaction
from frisket.plumbing.scope import HOUSE, Actor, ActorKind


def actor(role: str, kind: ActorKind = ActorKind.PERSON) -> Actor:
    return Actor(kind, uuid4(), role=role)


@pytest.mark.requirement("SAFEQ-25")
@pytest.mark.parametrize(
    ("role", "first_refused"),
    [
        (Role.PERSON, Permission.JOBS_ALL),
        (Role.OPERATOR, Permission.PERSONS_MANAGE),
        (Role.ADMINISTRATOR, None),
    ],
)
def test_each_role_may_do_what_its_row_says_and_nothing_else(role: Role, first_refused: Permission | None) -> None:
    order = list(Permission)
    split = order.index(first_refused) if first_refused else len(order)
    for at, permission in enumerate(order):
        assert identity.may(actor(role), permission) is (at < split)
        if at < split:
            identity.require(actor(role), permission)
        else:
            with pytest.raises(identity.NotAllowed):
                identity.require(actor(role), permission)


def test_every_permission_belongs_to_somebody_and_every_role_has_a_row() -> None:
    assert set(RIGHTS) == set(Role)
    assert set().union(*RIGHTS.values()) == set(Permission)


def test_no_role_a_made_up_one_a_device_and_a_rule_may_do_nothing() -> None:
    for permission in Permission:
        assert not identity.may(actor(""), permission)
        assert not identity.may(actor("root"), permission)
        assert not identity.may(Actor(ActorKind.PERSON, None, role="administrator"), permission)
        assert not identity.may(actor("administrator", ActorKind.DEVICE), permission)
        assert not identity.may(actor("administrator", ActorKind.RULE), permission)
        assert identity.may(HOUSE, permission)


def new_token() -> str:
    with transaction() as tx:
        return identity.new_setup_token(tx=tx)


def use(token: str, name: str = "root") -> identity.PersonView:
    with transaction() as tx:
        person, _ = identity.use_setup_token(
            token, NewPerson(name, password="seven green otters sing"), by=HOUSE, tx=tx
        )
    return person


def test_the_token_makes_the_first_administrator_once(house: House) -> None:
    assert identity.setup_needed()
    token = new_token()
    person = use(token)
    assert person.role is Role.ADMINISTRATOR and not identity.setup_needed()
    with pytest.raises(identity.SetupRefused):
        use(token, "second")
    with pytest.raises(identity.SetupRefused):
        new_token()
    assert [entry.act for entry in audit.history(house.scope, person.id)][-1] == "setup.done"


def test_only_the_newest_token_works_and_a_wrong_one_spends_nothing(house: House) -> None:
    old, token = new_token(), new_token()
    for wrong in (old, "", token + "x", "\ud800"):
        with pytest.raises(identity.SetupRefused):
            use(wrong)
    assert use(token).role is Role.ADMINISTRATOR


def test_a_set_up_that_fails_leaves_its_token_for_another_try(house: House) -> None:
    token = new_token()
    with pytest.raises(identity.BadName):
        use(token, "\x00")
    assert use(token).role is Role.ADMINISTRATOR


def test_a_token_left_over_is_worthless_once_there_is_an_administrator(house: House, cast: Cast) -> None:
    token = new_token()
    cast.bare("chief", Role.ADMINISTRATOR)
    with pytest.raises(identity.SetupRefused):
        use(token)


def test_the_token_itself_is_not_kept(house: House) -> None:
    token = new_token()
    assert token.encode() not in bytes(SetupToken.objects.get().index)


def test_of_two_who_use_the_token_at_once_one_becomes_administrator(house: House) -> None:
    token, outcome, start = new_token(), [], threading.Barrier(2)

    def one(name: str) -> None:
        start.wait()
        try:
            outcome.append(use(token, name).name)
        except identity.SetupRefused:
            outcome.append("refused")
        finally:
            close_connections()

    threads = [threading.Thread(target=one, args=(name,)) for name in ("one", "two")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert outcome.count("refused") == 1
