"""Adding, finding, changing and removing people."""

from uuid import uuid4

import pytest
from django.db import connection
from tests.conftest import House
from tests.identity.conftest import CONSOLE, Cast

from frisket import audit, identity
from frisket.identity import NewPerson, PersonChange, Role
from frisket.identity.models import Person
from frisket.plumbing import keys
from frisket.plumbing.db import transaction
from frisket.plumbing.scope import Actor, ActorKind


def acts(house: House, subject: object) -> list[str]:
    return [entry.act for entry in audit.history(house.scope, subject)]  # type: ignore[arg-type]


def test_a_new_person_signs_in_with_every_secret_that_was_shown(cast: Cast) -> None:
    person, shown = cast.add("Alice", full_name="Alice Example", mail="Alice@Example.org")
    assert (person.name, person.full_name, person.mail) == ("Alice", "Alice Example", "alice@example.org")
    assert shown.password and shown.pin and len(shown.pin) == 6 and shown.queue_secret
    for offered in (
        identity.PasswordOffered("alice", shown.password),
        identity.PinOffered("ALICE", shown.pin),
    ):
        assert identity.check(offered, at=CONSOLE).id == person.id
    claim = identity.QueueSecret(shown.queue_secret)
    found = identity.person_by_claim(claim, origin=identity.Origin("ipp"))
    assert found is not None and found.id == person.id


@pytest.mark.parametrize(
    "other", ["alice", "ALICE ", "OFFICE\\alice", "alice@office.example", "ａｌｉｃｅ", "x@y\\Alice@z"]
)
def test_a_name_in_any_of_its_forms_is_the_same_person_and_taken(cast: Cast, other: str) -> None:
    person = cast.bare("Alice")
    found = identity.by_name(other)
    assert found is not None and found.id == person.id
    with pytest.raises(identity.NameTaken):
        cast.bare(other)


def test_a_collision_leaves_the_callers_transaction_usable(house: House, cast: Cast) -> None:
    cast.bare("alice")
    with transaction() as tx:
        with pytest.raises(identity.NameTaken):
            identity.add(house.scope, NewPerson("ALICE", bare=True), by=house.administrator, tx=tx)
        identity.add(house.scope, NewPerson("bob", bare=True), by=house.administrator, tx=tx)
    assert identity.by_name("bob") is not None


def test_a_mail_address_belongs_to_one_person(cast: Cast) -> None:
    cast.add("alice", mail="team@example.org", bare=True)
    with pytest.raises(identity.NameTaken):
        cast.add("bob", mail="TEAM@example.org", bare=True)


def test_names_addresses_and_secrets_are_nowhere_in_the_database(house: House, cast: Cast) -> None:
    person, shown = cast.add("Zebulon", full_name="Zebulon Marker", mail="zeb@marker.example")
    cast.enrol(person, identity.NewCard("04:A2:24:6B:11:5C:80", label="blue"))
    assert shown.password and shown.pin and shown.queue_secret
    identity.check(identity.PasswordOffered("zebulon", shown.password), at=CONSOLE)
    with pytest.raises(identity.Refused):
        identity.check(identity.PasswordOffered("zebulon", "not it at all"), at=CONSOLE)
    stored = b""
    with connection.cursor() as cursor:
        for table in connection.introspection.table_names(cursor):
            cursor.execute(f'SELECT * FROM "{table}"')
            for row in cursor.fetchall():
                stored += b"|".join(bytes(v) if isinstance(v, bytes | memoryview) else str(v).encode() for v in row)
    stored = stored.lower()
    assert person.id.hex.encode() in stored.replace(b"-", b"")  # the search sees what is there
    for secret in (
        "zebulon",
        "marker.example",
        "04a2246b115c80",
        "04:a2:24",
        shown.password,
        shown.queue_secret,
        "192.0.2.7",
    ):
        assert secret.lower().encode() not in stored


def test_a_name_moved_to_another_row_of_the_database_is_noticed(cast: Cast, house: House) -> None:
    alice, bob = cast.bare("alice"), cast.bare("bob")
    identity.find(house.scope)
    Person.objects.filter(id=bob.id).update(name_sealed=Person.objects.get(id=alice.id).name_sealed)
    with pytest.raises(keys.Damaged):
        identity.get(house.scope, bob.id)


def test_people_are_listed_by_name_in_slices_and_found_by_parts_of_name_and_mail(house: House, cast: Cast) -> None:
    for name in ("Dora", "alice", "Bob", "carol"):
        cast.add(name, mail=f"{name}@print.example", bare=True)
    first = identity.find(house.scope, limit=3)
    assert [p.name for p in first.rows] == ["alice", "Bob", "carol"]
    second = identity.find(house.scope, after=first.after, limit=3)
    assert [p.name for p in second.rows] == ["Dora"] and second.after is None
    assert [p.name for p in identity.find(house.scope, search="ARO").rows] == ["carol"]
    assert [p.name for p in identity.find(house.scope, search="dora@print").rows] == ["Dora"]


def test_a_rename_shows_at_once_and_frees_the_old_name(house: House, cast: Cast) -> None:
    person = cast.bare("alice")
    identity.find(house.scope)
    with transaction() as tx:
        change = PersonChange(name="Alix", full_name="Alix B")
        identity.change(house.scope, person.id, change, by=house.administrator, tx=tx)
    assert identity.by_name("alice") is None
    assert [p.name for p in identity.find(house.scope).rows] == ["Alix"]
    assert cast.bare("alice").id != person.id


def test_a_person_sees_only_themselves(house: House, cast: Cast) -> None:
    alice, bob = cast.bare("alice"), cast.bare("bob")
    own = house.own(alice.id)
    assert identity.get(own, alice.id).name == "alice"
    assert [p.name for p in identity.find(own).rows] == ["alice"]
    assert identity.names_of(own, [alice.id, bob.id]) == {alice.id: "alice"}
    for ask in (identity.get, identity.credentials):
        with pytest.raises(identity.NotFound):
            ask(own, bob.id)


def test_another_tenants_people_are_not_there(house: House, cast: Cast) -> None:
    alice = cast.bare("alice")
    Person.objects.update(tenant=uuid4())
    with pytest.raises(identity.NotFound):
        identity.get(house.scope, alice.id)
    assert identity.by_name("alice") is None
    assert identity.find(house.scope).rows == []


def test_becoming_administrator_brings_a_new_password_and_ends_sessions(house: House, cast: Cast) -> None:
    person, shown = cast.add("alice")
    assert shown.password
    with transaction() as tx:
        raised, new = identity.set_role(house.scope, person.id, Role.ADMINISTRATOR, by=house.administrator, tx=tx)
    assert identity.standing(person.id, person.stamp) is None
    assert raised.stamp > person.stamp and identity.standing(person.id, raised.stamp) is not None
    assert new.password
    with pytest.raises(identity.Refused):
        identity.check(identity.PasswordOffered("alice", shown.password), at=CONSOLE)
    assert identity.check(identity.PasswordOffered("alice", new.password), at=CONSOLE).role is Role.ADMINISTRATOR


@pytest.mark.requirement("OCE-102")
@pytest.mark.parametrize(("length", "good"), [(255, True), (256, True), (257, False)])
def test_a_password_of_up_to_256_characters_is_whole_and_a_longer_one_is_refused(
    house: House, cast: Cast, length: int, good: bool
) -> None:
    person = cast.bare("alice")
    password = ("correct horse battery staple " * 10)[: length - 1] + "!"
    with transaction() as tx:
        if not good:
            with pytest.raises(keys.WeakPassword, match="256"):
                identity.set_password(house.scope, person.id, password, by=house.administrator, tx=tx)
            return
        identity.set_password(house.scope, person.id, password, by=house.administrator, tx=tx)
    assert identity.check(identity.PasswordOffered("alice", password), at=CONSOLE).id == person.id
    with pytest.raises(identity.Refused):
        identity.check(identity.PasswordOffered("alice", password[:-1] + "?"), at=CONSOLE)


def test_a_password_that_everybody_tries_is_refused(house: House, cast: Cast) -> None:
    person = cast.bare("alice")
    with transaction() as tx, pytest.raises(keys.WeakPassword):
        identity.set_password(house.scope, person.id, "password1234", by=house.administrator, tx=tx)


def test_a_new_password_ends_the_sessions_of_the_old_one(house: House, cast: Cast) -> None:
    person, _ = cast.add("alice")
    stamp = identity.get(house.scope, person.id).stamp
    assert identity.standing(person.id, stamp) is not None
    with transaction() as tx:
        identity.set_password(house.scope, person.id, None, by=house.administrator, tx=tx)
    assert identity.standing(person.id, stamp) is None


def test_a_disabled_person_signs_in_no_more_and_sessions_end_within_a_second(house: House, cast: Cast) -> None:
    person, pin = cast.with_pin("alice")
    assert identity.standing(person.id, person.stamp) is not None
    with transaction() as tx:
        identity.set_active(house.scope, person.id, False, by=house.administrator, tx=tx)
    assert identity.standing(person.id, person.stamp) is None
    with pytest.raises(identity.Refused):
        identity.check(identity.PinOffered("alice", pin), at=CONSOLE)
    trusted = identity.Origin("ipp", trusted=True)
    assert identity.person_by_claim(identity.TrustedName("alice"), origin=trusted) is None
    with transaction() as tx:
        identity.set_active(house.scope, person.id, True, by=house.administrator, tx=tx)
    assert identity.check(identity.PinOffered("alice", pin), at=CONSOLE).id == person.id
    assert identity.standing(person.id, person.stamp) is None  # the old session stays over


def test_the_last_administrator_can_neither_go_nor_be_disabled_nor_step_down(house: House, cast: Cast) -> None:
    only = cast.bare("root", Role.ADMINISTRATOR)
    by = house.administrator
    with transaction() as tx:
        with pytest.raises(identity.LastAdministrator):
            identity.set_active(house.scope, only.id, False, by=by, tx=tx)
        with pytest.raises(identity.LastAdministrator):
            identity.set_role(house.scope, only.id, Role.OPERATOR, by=by, tx=tx)
        with pytest.raises(identity.LastAdministrator):
            identity.remove(house.scope, only.id, by=by, tx=tx)
    cast.bare("second", Role.ADMINISTRATOR)
    with transaction() as tx:
        identity.set_role(house.scope, only.id, Role.OPERATOR, by=by, tx=tx)
    assert identity.get(house.scope, only.id).role is Role.OPERATOR


def test_a_removed_person_is_gone_with_every_credential(house: House, cast: Cast) -> None:
    person, pin = cast.with_pin("alice")
    with transaction() as tx:
        identity.remove(house.scope, person.id, by=house.administrator, tx=tx)
    with pytest.raises(identity.NotFound):
        identity.get(house.scope, person.id)
    with pytest.raises(identity.Refused):
        identity.check(identity.PinOffered("alice", pin), at=CONSOLE)
    assert acts(house, person.id) == ["person.add", "credential.add", "person.remove"]


def test_every_change_is_in_the_log_with_who_did_it(house: House, cast: Cast) -> None:
    by = house.administrator
    person = cast.bare("alice")
    card = cast.enrol(person, identity.NewCard("12345678")).credential
    assert card is not None
    with transaction() as tx:
        identity.revoke(house.scope, card, by=by, tx=tx)
        identity.set_password(house.scope, person.id, None, by=by, tx=tx)
        identity.set_role(house.scope, person.id, Role.OPERATOR, by=by, tx=tx)
        identity.set_language(house.scope, person.id, "de", by=by, tx=tx)
        identity.set_active(house.scope, person.id, False, by=by, tx=tx)
        identity.remove(house.scope, person.id, by=by, tx=tx)
    entries = audit.history(house.scope, person.id)
    assert [entry.act for entry in entries] == [
        "person.add",
        "credential.add",
        "credential.revoke",
        "credential.add",
        "person.role",
        "person.change",
        "person.disable",
        "person.remove",
    ]
    assert {entry.actor.id for entry in entries} == {by.id}
    assert entries[4].facts == {"from": "person", "to": "operator"}


def test_what_is_rolled_back_is_neither_in_the_tables_nor_in_the_log(house: House, cast: Cast) -> None:
    with pytest.raises(RuntimeError), transaction() as tx:
        person, _ = identity.add(house.scope, NewPerson("alice", bare=True), by=house.administrator, tx=tx)
        raise RuntimeError
    assert identity.by_name("alice") is None
    assert acts(house, person.id) == []


def test_a_person_changes_their_own_password_pin_and_language_but_nobody_elses(house: House, cast: Cast) -> None:
    alice, bob = cast.bare("alice"), cast.bare("bob")
    by, scope = identity.actor_for(alice, "console"), house.own(alice.id)
    with transaction() as tx:
        identity.set_password(scope, alice.id, "seven green otters sing", by=by, tx=tx)
        identity.enrol(alice.id, identity.NewPin(), by=by, tx=tx, scope=scope)
        assert identity.set_language(scope, alice.id, "de", by=by, tx=tx).language == "de"
        for change in (
            lambda: identity.set_password(scope, bob.id, None, by=by, tx=tx),
            lambda: identity.enrol(bob.id, identity.NewPin(), by=by, tx=tx, scope=scope),
            lambda: identity.set_language(scope, bob.id, "de", by=by, tx=tx),
        ):
            with pytest.raises(identity.NotFound):
                change()
        for forbidden in (
            lambda: identity.enrol(alice.id, identity.NewCard("12345678"), by=by, tx=tx, scope=scope),
            lambda: identity.set_role(scope, alice.id, Role.ADMINISTRATOR, by=by, tx=tx),
            lambda: identity.add(scope, NewPerson("eve"), by=by, tx=tx),
        ):
            with pytest.raises(identity.NotAllowed):
                forbidden()


def test_an_operator_enrols_cards_for_persons_but_not_for_those_above(house: House, cast: Cast) -> None:
    operator = cast.bare("olga", Role.OPERATOR)
    person, chief = cast.bare("alice"), cast.bare("root", Role.ADMINISTRATOR)
    by = identity.actor_for(operator, "console")
    with transaction() as tx:
        identity.enrol(person.id, identity.NewCard("11112222"), by=by, tx=tx, scope=house.scope)
        with pytest.raises(identity.NotAllowed):
            identity.enrol(chief.id, identity.NewCard("33334444"), by=by, tx=tx, scope=house.scope)
        with pytest.raises(identity.NotAllowed):
            identity.set_password(house.scope, chief.id, None, by=by, tx=tx)


def test_a_device_may_change_nothing(house: House) -> None:
    by = Actor(ActorKind.DEVICE, uuid4(), role="administrator")
    with transaction() as tx, pytest.raises(identity.NotAllowed):
        identity.add(house.scope, NewPerson("alice"), by=by, tx=tx)


@pytest.mark.parametrize("name", ["", "  ", "\x00", "al\nice", "al\u202eice", "a\u200bb", "x" * 129, "@here", "A\\"])
def test_what_cannot_be_a_name_is_refused_and_nobodys(cast: Cast, name: str) -> None:
    with pytest.raises(identity.BadName):
        cast.bare(name)
    assert identity.by_name(name) is None
