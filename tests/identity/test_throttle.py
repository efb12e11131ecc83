"""How often somebody may be wrong."""

import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import pytest
from tests.conftest import House
from tests.identity.conftest import CONSOLE, Cast, terminal

from frisket import audit, identity
from frisket.identity import throttle
from frisket.identity.models import Throttle
from frisket.plumbing import parts
from frisket.plumbing.clock import HandClock, HouseClock
from frisket.plumbing.db import close_connections, transaction
from frisket.plumbing.scope import HOUSE


def guess(name: str, pin: str, at: identity.Place = CONSOLE) -> str:
    try:
        identity.check(identity.PinOffered(name, pin), at=at)
        return "in"
    except identity.Refused:
        return "refused"
    except identity.Throttled as throttled:
        return f"wait {throttled.wait_s}"


def attempt(who: bytes | None = None, at: identity.Place | None = None) -> str:
    """A failed guess, without the price of a hash."""
    try:
        begun = throttle.begin("pin", who, at or identity.Place("console"))
    except identity.Throttled as throttled:
        return f"wait {throttled.wait_s}"
    with transaction() as tx:
        throttle.failed(begun, None, HOUSE, tx=tx)
    return "refused"


@pytest.mark.requirement("SAFEQ-06")
def test_the_fifth_failure_locks_for_half_a_minute_and_each_further_one_twice_as_long(
    house: House, cast: Cast, wrong: Callable[[str], str]
) -> None:
    _, pin = cast.with_pin("alice")
    for _ in range(5):
        assert guess("alice", wrong(pin)) == "refused"
    for wait in (30, 60, 120, 240, 480, 900, 900):
        assert guess("alice", pin) == f"wait {wait}"  # even the right one is not looked at
        house.clock.pass_time(timedelta(seconds=wait - 1))
        assert guess("alice", pin) == "wait 1"
        house.clock.pass_time(timedelta(seconds=1))
        assert guess("alice", wrong(pin)) == "refused"
    house.clock.pass_time(timedelta(seconds=900))
    assert guess("alice", pin) == "in"
    assert guess("alice", wrong(pin)) == "refused"
    assert guess("alice", pin) == "in"  # success began the count anew


def test_a_name_nobody_has_is_locked_exactly_like_one_that_somebody_has(
    house: House, cast: Cast, wrong: Callable[[str], str]
) -> None:
    _, pin = cast.with_pin("alice")

    def story(name: str) -> list[str]:
        told = []
        for _ in range(12):
            told.append(guess(name, wrong(pin), identity.Place("console")))
            house.clock.pass_time(timedelta(seconds=15))
        return told

    known = story("alice")
    assert known == story("nobody") == story("NOBODY-2@x")
    assert known.count("refused") < 12


def test_all_ways_to_write_a_name_are_one_count(cast: Cast, wrong: Callable[[str], str]) -> None:
    _, pin = cast.with_pin("alice")
    ways = ("alice", "ALICE", "OFFICE\\alice", "alice@a", "ａlice")
    assert [guess(way, wrong(pin)) for way in ways] == ["refused"] * 5
    assert guess("alice@b", wrong(pin)) == "wait 30"
    others = ("eve", "EVE", "X\\eve", "eve@a", "ｅve")
    assert [guess(way, pin) for way in others] == ["refused"] * 5
    assert guess("eve", pin) == "wait 30"


def test_card_with_pin_and_name_with_pin_are_one_count(cast: Cast, wrong: Callable[[str], str]) -> None:
    person, pin = cast.with_pin("alice")
    cast.enrol(person, identity.NewCard("12345678"))
    for _ in range(5):
        with pytest.raises(identity.Refused):
            identity.check(identity.CardOffered("12345678", wrong(pin)), at=CONSOLE)
    assert guess("alice", pin) == "wait 30"


def test_a_lock_is_for_one_method_and_leaves_the_others_alone(cast: Cast, wrong: Callable[[str], str]) -> None:
    person, shown = cast.add("alice", password="seven green otters sing")
    cast.enrol(person, identity.NewCard("12345678"))
    assert shown.pin
    for _ in range(5):
        guess("alice", wrong(shown.pin))
    assert guess("alice", shown.pin) == "wait 30"
    password = identity.PasswordOffered("alice", "seven green otters sing")
    assert identity.check(password, at=CONSOLE).id == person.id
    assert identity.check(identity.CardOffered("12345678"), at=CONSOLE).id == person.id
    assert guess("alice", shown.pin) == "wait 30"  # and another method's success does not lift it


def test_a_hundred_failures_in_a_row_disable_the_method_until_somebody_lifts_it(
    house: House, cast: Cast, wrong: Callable[[str], str]
) -> None:
    person, pin = cast.with_pin("alice")
    place = identity.Place("console")
    for _ in range(99):
        assert guess("alice", wrong(pin), place) == "refused"
        house.clock.pass_time(timedelta(seconds=900))
    assert guess("alice", wrong(pin), place) == "refused"
    house.clock.pass_time(timedelta(days=400))
    assert guess("alice", pin, place) == "wait 900"
    (seen,) = identity.credentials(house.scope, person.id)
    assert seen.locked_s is None
    with transaction() as tx:
        assert identity.lift_lock(house.scope, person.id, "pin", by=house.administrator, tx=tx)
    assert guess("alice", pin, place) == "in"
    told = [entry for entry in audit.history(house.scope, person.id) if entry.act.startswith("lock")]
    assert len(told) == 97 and told[-1].act == "lock.lifted"
    assert told[-2].facts == {"scope": "identifier", "method": "pin", "seconds": 900, "disabled": True}
    assert told[-3].facts["disabled"] is False


def test_the_right_one_as_the_hundredth_is_not_taken_for_the_hundredth_failure(
    house: House, cast: Cast, wrong: Callable[[str], str]
) -> None:
    _, pin = cast.with_pin("alice")
    for _ in range(99):
        guess("alice", wrong(pin), identity.Place("console"))
        house.clock.pass_time(timedelta(seconds=900))
    assert guess("alice", pin) == "in"
    assert guess("alice", pin) == "in"


def test_guesses_made_at_the_same_time_cannot_exceed_the_bound(
    house: House, cast: Cast, wrong: Callable[[str], str]
) -> None:
    _, pin = cast.with_pin("alice")
    start, answers = threading.Barrier(16), []

    def one() -> None:
        start.wait()
        try:
            answers.append(guess("alice", wrong(pin), identity.Place("console")))
        finally:
            close_connections()

    threads = [threading.Thread(target=one) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(answers) == ["refused"] * 5 + ["wait 30"] * 11


def test_a_guess_is_counted_before_the_slow_check_ends(house: House, cast: Cast) -> None:
    """Whoever pulls the plug during the check has used up a guess."""
    person = cast.bare("alice")
    who = throttle.identifier("person", person.id.bytes)
    for _ in range(5):
        throttle.begin("pin", who, identity.Place("console"))  # and nothing after it: the process died
    with pytest.raises(identity.Throttled):
        throttle.begin("pin", who, identity.Place("console"))


def test_setting_the_wall_clock_shortens_no_lock(house: House, cast: Cast, wrong: Callable[[str], str]) -> None:
    _, pin = cast.with_pin("alice")
    for _ in range(5):
        guess("alice", wrong(pin))
    for year in (2036, 1999):
        house.clock.set_wall(datetime(year, 1, 1, tzinfo=UTC))
        assert guess("alice", pin) == "wait 30"


def test_a_restart_shortens_no_lock(house: House, cast: Cast, tmp_path: Path) -> None:
    who = throttle.identifier("person", cast.bare("alice").id.bytes)
    file = tmp_path / "clock"
    old = parts.installed()
    try:
        for _ in range(3):  # three processes, one after another
            clock = HouseClock(file)
            parts.install(parts.Parts(old.data, old.settings, clock, old.keys, old.tenant, old.site))
            answers = [attempt(who) for _ in range(6)]
            # What a restart loses of the house seconds can only lengthen the lock.
            assert answers[-1].startswith("wait") and 29 <= int(answers[-1].split()[1]) <= 36
    finally:
        parts.install(old)
    assert Throttle.objects.get(scope="identifier").failures == 5


def test_a_lost_clock_file_lengthens_no_lock_beyond_its_longest(house: House, cast: Cast) -> None:
    house.clock.pass_time(timedelta(days=900))
    place = terminal()
    who = throttle.identifier("person", cast.bare("alice").id.bytes)
    for _ in range(10):
        attempt(who, place)
        house.clock.pass_time(timedelta(seconds=1))
    old = parts.installed()
    fresh = HandClock(house.clock.now())  # house seconds begin at nought again
    parts.install(parts.Parts(old.data, old.settings, fresh, old.keys, old.tenant, old.site))
    assert attempt(who, place).startswith("wait")
    fresh.pass_time(timedelta(seconds=901))
    assert attempt(who, place) == "refused"


def test_a_terminal_takes_ten_failures_in_any_minute_and_fifty_in_any_hour(house: House) -> None:
    place, times = terminal(), []
    while house.clock.elapsed() < 1.5 * 3600:
        if attempt(None, place) == "refused":
            times.append(house.clock.elapsed())
        house.clock.pass_time(timedelta(seconds=5.3))
    for most, span in ((10, 60), (50, 3600)):
        assert max(sum(start <= at < start + span for at in times) for start in times) == most


def test_a_terminal_on_which_everybody_signs_in_well_is_never_locked(house: House, cast: Cast) -> None:
    place = terminal()
    cast.enrol(cast.bare("alice"), identity.NewCard("12345678"))
    for _ in range(30):
        identity.check(identity.CardOffered("12345678"), at=place)
    other = terminal()
    for _ in range(10):
        with pytest.raises(identity.Refused):
            identity.check(identity.CardOffered("87654321"), at=place)
    with pytest.raises(identity.Throttled):
        identity.check(identity.CardOffered("12345678"), at=place)
    assert identity.check(identity.CardOffered("12345678"), at=other).name == "alice"


def test_an_ipv6_host_cannot_escape_by_changing_its_address(house: House) -> None:
    def at(address: str) -> identity.Place:
        return identity.Place("console", address)

    assert [attempt(None, at(f"2001:db8::{n:x}")) for n in range(31)].count("refused") == 30
    assert attempt(None, at("2001:db8::ffff")).startswith("wait")
    assert attempt(None, at("2001:db8:0:1::1")) == "refused"
    assert attempt(None, at("192.0.2.1")) == "refused"
    for _ in range(29):
        attempt(None, at("::ffff:192.0.2.1"))
    assert attempt(None, at("192.0.2.1")).startswith("wait")


def test_a_hundred_failures_a_day_at_a_site_raise_one_alarm_and_lock_nobody(house: House) -> None:
    def alarms() -> int:
        return len([e for e in audit.history(house.scope, parts.site()) if e.act == "alarm.sign-in"])

    for _ in range(99):
        assert attempt(uuid4().bytes * 2) == "refused"
    assert alarms() == 0
    for _ in range(60):
        assert attempt(uuid4().bytes * 2) == "refused"
    assert alarms() == 1
    house.clock.pass_time(timedelta(days=1, seconds=1))
    for _ in range(100):
        attempt(uuid4().bytes * 2)
    assert alarms() == 2


def test_names_nobody_has_do_not_fill_the_table_for_ever(house: House) -> None:
    for _ in range(20):
        attempt(uuid4().bytes * 2)
    house.clock.pass_time(timedelta(days=31))
    attempt(uuid4().bytes * 2)
    assert Throttle.objects.filter(scope="identifier").count() == 1


def test_a_new_pin_ends_the_lock_of_the_old_one(cast: Cast, wrong: Callable[[str], str]) -> None:
    person, pin = cast.with_pin("alice")
    for _ in range(5):
        guess("alice", wrong(pin))
    new = cast.enrol(person, identity.NewPin()).pin
    assert new and guess("alice", new) == "in"
