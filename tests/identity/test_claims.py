"""Who a program at a door says it prints for."""

import threading
import time
from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from tests.conftest import House
from tests.identity.conftest import Cast

from frisket import identity
from frisket.identity.models import Person
from frisket.plumbing import keys, parts
from frisket.plumbing.db import close_connections, transaction

TRUSTED = identity.Origin("ipp", "192.0.2.5", trusted=True)
STRANGE = identity.Origin("ipp", "198.51.100.5")


def test_a_name_is_believed_only_where_the_queue_trusts_its_origin(cast: Cast) -> None:
    alice = cast.bare("Alice")
    claim = identity.TrustedName("OFFICE\\alice")
    found = identity.person_by_claim(claim, origin=TRUSTED)
    assert found is not None and found.id == alice.id
    assert identity.person_by_claim(claim, origin=STRANGE) is None
    assert identity.recall(claim, origin=STRANGE) is None
    assert identity.person_by_claim(identity.TrustedName("\x00"), origin=TRUSTED) is None


@pytest.mark.parametrize("new", [identity.NewQueueSecret(), identity.NewToken()])
def test_a_secret_finds_its_person_from_anywhere_until_it_is_revoked(
    house: House, cast: Cast, new: identity.NewQueueSecret | identity.NewToken
) -> None:
    alice = cast.bare("alice")
    shown = cast.enrol(alice, new)
    assert shown.credential is not None
    claim: identity.Claim = identity.Token(shown.token or "")
    if shown.queue_secret is not None:
        claim = identity.QueueSecret(shown.queue_secret)
    found = identity.person_by_claim(claim, origin=STRANGE)
    assert found is not None and found.id == alice.id
    assert identity.recall(claim, origin=STRANGE) == found
    with transaction() as tx:
        identity.revoke(house.scope, shown.credential, by=house.administrator, tx=tx)
    assert identity.recall(claim, origin=STRANGE) is None
    assert identity.person_by_claim(claim, origin=STRANGE) is None


def test_a_queue_secret_is_no_token_and_a_token_no_queue_secret(cast: Cast) -> None:
    alice = cast.bare("alice")
    secret = cast.enrol(alice, identity.NewQueueSecret()).queue_secret
    token = cast.enrol(alice, identity.NewToken()).token
    assert secret and token
    assert len(secret) >= 32 and secret.replace("-", "").replace("_", "").isalnum()  # fits in an address
    assert identity.person_by_claim(identity.Token(secret), origin=TRUSTED) is None
    assert identity.person_by_claim(identity.QueueSecret(token), origin=TRUSTED) is None


def test_a_certificate_finds_its_person_and_another_does_not(cast: Cast) -> None:
    alice = cast.bare("alice")
    cast.enrol(alice, identity.NewCertificate(b"0\x82 a certificate", label="laptop"))
    found = identity.person_by_claim(identity.Certificate(b"0\x82 a certificate"), origin=STRANGE)
    assert found is not None and found.id == alice.id
    assert identity.person_by_claim(identity.Certificate(b"0\x82 a certificatf"), origin=STRANGE) is None


def test_a_secret_that_lasts_a_day_ends_with_it(house: House, cast: Cast) -> None:
    shown = cast.enrol(cast.bare("alice"), identity.NewQueueSecret(lasting=timedelta(days=1)))
    assert shown.queue_secret
    claim = identity.QueueSecret(shown.queue_secret)
    assert identity.person_by_claim(claim, origin=STRANGE) is not None
    house.clock.pass_time(timedelta(days=1))
    assert identity.person_by_claim(claim, origin=STRANGE) is None


def test_what_was_found_once_costs_no_look_at_the_database(cast: Cast) -> None:
    cast.bare("alice")
    claim = identity.TrustedName("alice")
    identity.person_by_claim(claim, origin=TRUSTED)
    with CaptureQueriesContext(connection) as asked:
        assert identity.person_by_claim(claim, origin=TRUSTED) is not None
        assert identity.recall(claim, origin=TRUSTED) is not None
    assert len(asked) == 0


def test_a_known_claim_is_answered_in_microseconds(cast: Cast) -> None:
    secret = cast.add("alice")[1].queue_secret
    assert secret
    for claim in (identity.TrustedName("alice"), identity.QueueSecret(secret)):
        identity.person_by_claim(claim, origin=TRUSTED)
        best = float("inf")
        for _ in range(5):
            start = time.perf_counter()
            for _ in range(500):
                identity.person_by_claim(claim, origin=TRUSTED)
            best = min(best, (time.perf_counter() - start) / 500)
        assert best < 20e-6


def test_a_change_here_shows_from_its_commit_on(house: House, cast: Cast) -> None:
    alice = cast.bare("alice")
    claim = identity.TrustedName("alice")
    assert identity.person_by_claim(claim, origin=TRUSTED) is not None
    assert identity.person_by_claim(identity.TrustedName("bob"), origin=TRUSTED) is None
    cast.bare("bob")
    assert identity.person_by_claim(identity.TrustedName("bob"), origin=TRUSTED) is not None
    with transaction() as tx:
        identity.set_active(house.scope, alice.id, False, by=house.administrator, tx=tx)
    assert identity.person_by_claim(claim, origin=TRUSTED) is None


def test_a_change_that_is_rolled_back_is_never_remembered(house: House, cast: Cast) -> None:
    alice = cast.bare("alice")
    with pytest.raises(RuntimeError), transaction() as tx:
        identity.set_active(house.scope, alice.id, False, by=house.administrator, tx=tx)
        assert identity.person_by_claim(identity.TrustedName("alice"), origin=TRUSTED) is None
        assert identity.standing(alice.id, alice.stamp) is None
        raise RuntimeError
    assert identity.person_by_claim(identity.TrustedName("alice"), origin=TRUSTED) is not None
    assert identity.standing(alice.id, alice.stamp) is not None


def test_another_processes_change_shows_within_five_seconds_and_in_sessions_within_one(
    house: House, cast: Cast
) -> None:
    alice = cast.bare("alice")
    claim = identity.TrustedName("alice")
    identity.person_by_claim(claim, origin=TRUSTED)
    identity.standing(alice.id, alice.stamp)
    Person.objects.update(active=False)  # as another process would, without telling this one
    house.clock.pass_time(timedelta(seconds=1))
    assert identity.standing(alice.id, alice.stamp) is None
    house.clock.pass_time(timedelta(seconds=4))
    assert identity.person_by_claim(claim, origin=TRUSTED) is None


def test_nothing_is_remembered_beyond_the_sealing_of_the_keys(cast: Cast) -> None:
    alice = cast.bare("alice")
    claim = identity.TrustedName("alice")
    identity.person_by_claim(claim, origin=TRUSTED)
    identity.standing(alice.id, alice.stamp)
    parts.keys().seal()
    with pytest.raises(keys.Sealed):
        identity.person_by_claim(claim, origin=TRUSTED)
    with pytest.raises(keys.Sealed):
        identity.standing(alice.id, alice.stamp)


IPP = identity.Place("ipp", "192.0.2.5")
RIGHT = identity.PasswordOffered("alice", "seven green otters sing")


def test_a_password_that_comes_with_every_request_is_hashed_once_a_minute(house: House, cast: Cast) -> None:
    cast.add("alice", password=RIGHT.password)
    assert identity.recall(RIGHT, origin=STRANGE) is None
    identity.check(RIGHT, at=IPP)
    identity.check(RIGHT, at=IPP)  # looks once whether the person still stands
    with CaptureQueriesContext(connection) as asked:
        assert identity.check(RIGHT, at=IPP).name == "alice"
        assert identity.recall(RIGHT, origin=STRANGE) is not None
    assert len(asked) == 0
    with pytest.raises(identity.Refused):
        identity.check(identity.PasswordOffered("alice", "seven green otters sinG"), at=IPP)
    house.clock.pass_time(timedelta(seconds=59))
    with CaptureQueriesContext(connection) as asked:
        identity.check(RIGHT, at=IPP)
    assert len(asked) == 1  # only whether the person still stands
    house.clock.pass_time(timedelta(seconds=2))
    with CaptureQueriesContext(connection) as asked:
        identity.check(RIGHT, at=IPP)
    assert len(asked) > 1


def test_a_remembered_password_ends_with_the_password_also_when_another_process_changes_it(
    house: House, cast: Cast
) -> None:
    person, _ = cast.add("alice", password=RIGHT.password)
    identity.check(RIGHT, at=IPP)
    with transaction() as tx:
        identity.set_password(house.scope, person.id, None, by=house.administrator, tx=tx)
    with pytest.raises(identity.Refused):
        identity.check(RIGHT, at=IPP)
    with transaction() as tx:
        identity.set_password(house.scope, person.id, RIGHT.password, by=house.administrator, tx=tx)
    identity.check(RIGHT, at=IPP)
    row = Person.objects.get(id=person.id)
    row.stamp, row.password = row.stamp + 1, ""
    row.save()
    house.clock.pass_time(timedelta(seconds=5))
    with pytest.raises(identity.Refused):
        identity.check(RIGHT, at=IPP)


def test_somebody_elses_change_costs_nobody_another_hash(house: House, cast: Cast) -> None:
    cast.add("alice", password=RIGHT.password)
    identity.check(RIGHT, at=IPP)
    cast.bare("bob")
    assert identity.recall(RIGHT, origin=STRANGE) is None
    with CaptureQueriesContext(connection) as asked:
        identity.check(RIGHT, at=IPP)
    assert len(asked) == 1


def test_a_remembered_password_does_not_outlive_a_rename(house: House, cast: Cast) -> None:
    person, _ = cast.add("alice", password=RIGHT.password)
    identity.check(RIGHT, at=IPP)
    with transaction() as tx:
        change = identity.PersonChange(name="alix")
        identity.change(house.scope, person.id, change, by=house.administrator, tx=tx)
    with pytest.raises(identity.Refused):
        identity.check(RIGHT, at=IPP)


def test_connections_opened_at_once_with_the_right_password_are_all_let_in(cast: Cast) -> None:
    cast.add("alice", password=RIGHT.password)
    start, names = threading.Barrier(12), []

    def one() -> None:
        start.wait()
        try:
            names.append(identity.check(RIGHT, at=IPP).name)
        finally:
            close_connections()

    threads = [threading.Thread(target=one) for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert names == ["alice"] * 12


def test_signing_in_at_the_console_is_never_answered_from_memory(cast: Cast) -> None:
    cast.add("alice", password=RIGHT.password)
    identity.check(RIGHT, at=IPP)
    with CaptureQueriesContext(connection) as asked:
        identity.check(RIGHT, at=identity.Place("console"))
    assert len(asked) > 1
