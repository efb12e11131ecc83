"""Cards, PINs and passwords: right ones, wrong ones, and what a refusal tells."""

import time
from collections.abc import Callable
from datetime import timedelta
from statistics import median
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.conftest import House
from tests.identity.conftest import CONSOLE, Cast, terminal

from frisket import audit, identity
from frisket.identity import Role
from frisket.identity.models import Credential, Person
from frisket.plumbing import keys, parts
from frisket.plumbing.db import transaction
from frisket.plumbing.scope import HOUSE

CARD = "04A2246B115C80"


@pytest.mark.requirement("SAFEQ-05")
def test_a_card_signs_its_person_in_and_no_other_number_does(cast: Cast) -> None:
    alice, bob = cast.bare("alice"), cast.bare("bob")
    cast.enrol(alice, identity.NewCard(CARD))
    cast.enrol(bob, identity.NewCard("04FFFFFFFFFF81"))
    assert identity.check(identity.CardOffered("04:a2:24:6b:11:5c:80\r\n"), at=CONSOLE).id == alice.id
    for wrong in (CARD[:-2], CARD[2:], CARD + "0", "0" + CARD, CARD[:-1] + "1", "", "\x02\x03", CARD * 2):
        with pytest.raises(identity.Refused):
            identity.check(identity.CardOffered(wrong), at=terminal())


@pytest.mark.requirement("SAFEQ-05")
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_a_partly_read_card_is_nobodys(house: House, data: st.DataObject) -> None:
    if identity.by_name("alice") is None:
        cast = Cast(house)
        cast.enrol(cast.bare("alice"), identity.NewCard(CARD))
    start = data.draw(st.integers(0, len(CARD)))
    end = data.draw(st.integers(start, len(CARD)))
    if end - start == len(CARD):
        return
    with pytest.raises(identity.Refused):
        identity.check(identity.CardOffered(CARD[start:end]), at=identity.Place("terminal"))
    house.clock.pass_time(timedelta(minutes=1))


def test_a_card_enrolled_for_somebody_is_not_enrolled_twice_until_it_is_revoked(house: House, cast: Cast) -> None:
    alice, bob = cast.bare("alice"), cast.bare("bob")
    first = cast.enrol(alice, identity.NewCard(CARD)).credential
    assert first is not None
    with pytest.raises(identity.CredentialTaken):
        cast.enrol(bob, identity.NewCard(CARD.lower()))
    with transaction() as tx:
        identity.revoke(house.scope, first, by=house.administrator, tx=tx)
    with pytest.raises(identity.Refused):
        identity.check(identity.CardOffered(CARD), at=CONSOLE)
    cast.enrol(bob, identity.NewCard(CARD))
    assert identity.check(identity.CardOffered(CARD), at=CONSOLE).id == bob.id


def test_where_a_second_factor_is_asked_a_card_alone_signs_nobody_in(cast: Cast, wrong: Callable[[str], str]) -> None:
    alice, pin = cast.with_pin("alice")
    cast.enrol(alice, identity.NewCard(CARD))
    both = identity.Place("terminal", second_factor=True)
    assert identity.card_needs_pin(both) and not identity.card_needs_pin(CONSOLE)
    for offered in (
        identity.CardOffered(CARD),
        identity.CardOffered(CARD, wrong(pin)),
        identity.CardOffered("04000000000000", pin),
    ):
        with pytest.raises(identity.Refused):
            identity.check(offered, at=both)
    assert identity.check(identity.CardOffered(CARD, pin), at=both).id == alice.id
    assert identity.check(identity.CardOffered(CARD), at=CONSOLE).id == alice.id


def test_a_pin_without_a_name_signs_nobody_in(cast: Cast) -> None:
    _, pin = cast.with_pin("alice")
    with pytest.raises(identity.Refused):
        identity.check(identity.PinOffered("", pin), at=CONSOLE)


@pytest.mark.parametrize("pin", ["", "١٢٣٤٥٦", "\ud800", "1" * 5000])
def test_what_cannot_be_a_pin_is_refused_like_a_wrong_one(cast: Cast, pin: str) -> None:
    cast.with_pin("alice")
    with pytest.raises(identity.Refused):
        identity.check(identity.PinOffered("alice", pin), at=CONSOLE)


@pytest.mark.parametrize("pin", ["12345", "1234a6", "123456", "654321", "777777", "121212", "890123"])
def test_a_pin_that_is_short_or_tried_first_is_not_enrolled(cast: Cast, pin: str) -> None:
    person = cast.bare("alice")
    with pytest.raises(identity.BadCredential):
        cast.enrol(person, identity.NewPin(pin))


@pytest.mark.requirement("SAFEQ-06")
def test_a_guests_pin_signs_in_until_it_expires_and_never_after(house: House, cast: Cast) -> None:
    guest = cast.bare("guest-17")
    pin = cast.enrol(guest, identity.NewPin(digits=8, lasting=timedelta(hours=8))).pin
    assert pin is not None and len(pin) == 8
    house.clock.pass_time(timedelta(hours=7, minutes=59))
    assert identity.check(identity.PinOffered("guest-17", pin), at=CONSOLE).id == guest.id
    house.clock.pass_time(timedelta(minutes=1))
    with pytest.raises(identity.Refused):
        identity.check(identity.PinOffered("guest-17", pin), at=CONSOLE)


def test_a_new_pin_takes_the_place_of_the_old(cast: Cast) -> None:
    person, old = cast.with_pin("alice")
    new = cast.enrol(person, identity.NewPin()).pin
    assert new is not None
    assert identity.check(identity.PinOffered("alice", new), at=CONSOLE).id == person.id
    if old != new:
        with pytest.raises(identity.Refused):
            identity.check(identity.PinOffered("alice", old), at=CONSOLE)


def refusal(offered: identity.Offered) -> tuple[object, ...]:
    with pytest.raises(identity.Refused) as caught:
        identity.check(offered, at=terminal())
    error = caught.value
    return (type(error), error.args, error.blame, error.retry, error.remedy, vars(error))


def test_every_refusal_reads_the_same(house: House, cast: Cast) -> None:
    cast.add("alice", password="seven green otters sing")
    cast.add("gone", password="seven green otters sing")
    cast.bare("never")
    with transaction() as tx:
        gone = identity.by_name("gone")
        assert gone is not None
        identity.set_active(house.scope, gone.id, False, by=house.administrator, tx=tx)
    answers = [
        refusal(identity.PasswordOffered("alice", "wrong")),
        refusal(identity.PasswordOffered("nobody", "wrong")),
        refusal(identity.PasswordOffered("gone", "seven green otters sing")),
        refusal(identity.PasswordOffered("never", "")),
        refusal(identity.PasswordOffered("\x00", "wrong")),
        refusal(identity.PasswordOffered("alice", "x" * 100_000)),
        refusal(identity.PinOffered("nobody", "000000")),
        refusal(identity.CardOffered("00000000")),
    ]
    assert all(answer == answers[0] for answer in answers)


def test_a_wrong_password_takes_as_long_for_nobody_as_for_an_administrator(house: House, cast: Cast) -> None:
    cast.add("person", password="seven green otters sing")
    cast.add("chief", role=Role.ADMINISTRATOR, password="seven green otters sing")

    def took(name: str) -> float:
        start = time.process_time()
        refusal(identity.PasswordOffered(name, "not the right one"))
        house.clock.pass_time(timedelta(hours=1))
        return time.process_time() - start

    names = ("person", "chief", "nobody")
    times = {name: median(took(name) for _ in range(3)) for name in names}
    strong = time.process_time()
    keys.dummy_check("x", strong=True)
    strong = time.process_time() - strong
    # Without evening out, the administrator's would differ by about the strong check itself.
    assert max(times.values()) - min(times.values()) < strong * 0.6


def test_a_password_of_another_strength_is_hashed_anew_when_it_fits(house: House, cast: Cast) -> None:
    right = identity.PasswordOffered("alice", "seven green otters sing")
    person, _ = cast.add("alice", password=right.password)
    other = keys.make_password(right.password, strong=True)
    Person.objects.filter(id=person.id).update(password=other)
    identity.check(right, at=CONSOLE)
    now = Person.objects.get(id=person.id).password
    assert now != other and not keys.needs_rehash(now)
    assert identity.check(right, at=CONSOLE).id == person.id


def test_signing_in_and_failing_are_in_the_log_with_factor_and_origin_but_no_address(
    house: House, cast: Cast, wrong: Callable[[str], str]
) -> None:
    person, pin = cast.with_pin("alice")
    place = terminal()
    identity.check(identity.PinOffered("alice", pin), at=place)
    with pytest.raises(identity.Refused):
        identity.check(identity.PinOffered("alice", wrong(pin)), at=place)
    good, bad = audit.history(house.scope, person.id)[-2:]
    assert (good.act, good.actor.id, good.actor.at) == ("sign-in", person.id, f"terminal:{place.device}")
    assert (bad.act, bad.actor.id) == ("sign-in.failed", place.device)
    assert bad.facts == {"method": "pin", "door": "terminal"}


def test_a_pin_revoked_while_it_is_being_checked_signs_nobody_in(
    house: House, cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A slow check that began before the revocation must not end in a session after it."""
    shown = cast.enrol(cast.bare("alice"), identity.NewPin())
    slow, fitted = parts.keys().check_pin, []

    def check_pin(*given: Any) -> bool:
        fitted.append(slow(*given))
        assert shown.credential is not None
        with transaction() as tx:
            identity.revoke(house.scope, shown.credential, by=house.administrator, tx=tx)
        return fitted[0]

    monkeypatch.setattr(parts.keys(), "check_pin", check_pin)
    assert shown.pin is not None
    with pytest.raises(identity.Refused):
        identity.check(identity.PinOffered("alice", shown.pin), at=CONSOLE)
    assert fitted == [True]


def test_the_last_use_of_a_credential_is_kept(house: House, cast: Cast) -> None:
    person = cast.bare("alice")
    cast.enrol(person, identity.NewCard(CARD, label="blue"))
    house.clock.pass_time(timedelta(days=1))
    identity.check(identity.CardOffered(CARD), at=CONSOLE)
    (seen,) = identity.credentials(house.scope, person.id)
    assert (seen.kind, seen.label, seen.last_used_at) == ("card", "blue", house.clock.now())


def test_a_sign_in_inside_a_transaction_is_refused_because_its_failure_could_be_rolled_back(
    cast: Cast,
) -> None:
    _, pin = cast.with_pin("alice")
    with transaction(), pytest.raises(identity.InsideTransaction):
        identity.check(identity.PinOffered("alice", pin), at=CONSOLE)


def test_a_jobs_own_password_is_throttled_like_a_persons(house: House, cast: Cast) -> None:
    job = cast.bare("stands for a job").id
    calls = []

    def fits() -> bool:
        calls.append(1)
        return False

    for _ in range(5):
        with pytest.raises(identity.Refused):
            identity.check_job_password(job, fits, at=CONSOLE, by=HOUSE)
    with pytest.raises(identity.Throttled):
        identity.check_job_password(job, fits, at=CONSOLE, by=HOUSE)
    assert len(calls) == 5
    house.clock.pass_time(timedelta(seconds=31))
    identity.check_job_password(job, lambda: True, at=CONSOLE, by=HOUSE)


def test_no_secret_is_in_what_is_printed_of_an_offer_or_a_view(cast: Cast) -> None:
    person, shown = cast.add("Zebulon", full_name="Zebulon M", mail="z@example.org")
    texts = [
        repr(value)
        for value in (
            person,
            shown,
            identity.NewPerson("Zebulon", password="otters"),
            identity.PasswordOffered("Zebulon", "otters"),
            identity.PinOffered("Zebulon", "otters"),
            identity.CardOffered("otters"),
            identity.QueueSecret("otters"),
            identity.TrustedName("Zebulon"),
            identity.NewPin("otters"),
            identity.NewCard("otters"),
        )
    ]
    assert shown.password is not None
    assert not any(word in text for text in texts for word in ("Zebulon", "otters", shown.password))
    assert Credential.objects.count() == 2
