"""Reading hold, delay, retention, release, storage and proof from a request."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.conftest import House

from frisket import device, job
from frisket.intake.ipp.releasing import password_of
from frisket.intake.ipp.template import Conflict, Ticket, read_ticket
from frisket.intake.ipp.terms import JOB_WRITERS, Reading, described
from frisket.wire import ipp

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)  # of the house's clock, a Monday
a = ipp.attribute


@pytest.fixture(autouse=True)
def here(house: House) -> Iterator[None]:
    yield


def ticket(*job_attributes: ipp.Attribute) -> Ticket:
    message = ipp.request(ipp.Operation.PRINT_JOB, 1, a("printer-uri", ipp.uri("ipp://here/ipp/print/q")))
    message.groups.append(ipp.Group(ipp.Tag.JOB_GROUP, list(job_attributes)))
    return read_ticket(message, device.UNKNOWN)


def storage(**members: str) -> ipp.Attribute:
    named = {name.replace("_", "-"): ipp.keyword(word) for name, word in members.items()}
    return a("job-storage", ipp.collection(named))


@pytest.mark.parametrize(
    ("asked", "hold", "until"),
    [
        ([a("job-hold-until", ipp.keyword("no-hold"))], "", None),
        ([a("job-hold-until", ipp.keyword("indefinite"))], "indefinite", None),
        ([a("job-hold-until", ipp.keyword("day-time"))], "", None),  # it is day-time
        ([a("job-hold-until", ipp.keyword("evening"))], "until", NOW.replace(hour=18)),
        ([a("job-hold-until", ipp.name("10:30"))], "until", NOW.replace(hour=10, minute=30)),
        ([a("job-hold-until", ipp.name("08:00:05"))], "until", datetime(2026, 3, 3, 8, 0, 5, tzinfo=UTC)),
        ([a("job-hold-until-time", ipp.datetime_value(NOW + timedelta(hours=2)))], "until", NOW.replace(hour=11)),
        ([a("job-hold-until-time", ipp.datetime_value(NOW - timedelta(hours=2)))], "", None),
        ([a("job-delay-output-until", ipp.keyword("night"))], "until", NOW.replace(hour=22)),
        (
            [
                a("job-hold-until", ipp.keyword("evening")),
                a("job-delay-output-until-time", ipp.datetime_value(NOW.replace(hour=20))),
            ],
            "until",
            NOW.replace(hour=20),
        ),
        ([storage(job_storage_disposition="store-only")], "stored", None),
    ],
)
def test_what_holds_a_job_and_until_when(asked: list[ipp.Attribute], hold: str, until: datetime | None) -> None:
    read = ticket(*asked)
    assert (read.hold, read.hold_until, read.unsupported) == (hold, until, ())


@pytest.mark.parametrize(
    "attribute",
    [
        a("job-hold-until", ipp.keyword("tea-time")),
        a("job-hold-until", ipp.name("24:00")),
        a("job-hold-until-time", ipp.datetime_value(NOW + timedelta(days=32))),
        a("job-hold-until-time", ipp.integer(7)),
        a("job-hold-until-time", ipp.datetime_value(datetime(1, 1, 1, tzinfo=UTC)), ipp.integer(1)),
        a("job-delay-output-until", ipp.keyword("indefinite")),
        a("job-retain-until", ipp.keyword("indefinite")),
        a("job-retain-until-interval", ipp.integer(40 * 86400)),
        a("job-retain-until-time", ipp.datetime_value(NOW + timedelta(days=40))),
        a("job-cancel-after", ipp.integer(-1)),
        a("job-release-action", ipp.keyword("shout")),
        a("job-storage", ipp.keyword("store-only")),
        storage(job_storage_access="group"),
        storage(job_storage_group="design"),
        a("proof-copies", ipp.integer(0)),
        a("proof-copies", ipp.integer(100)),
        a("proof-print", ipp.collection({"media": ipp.keyword("iso_a4_210x297mm")})),
    ],
)
def test_what_cannot_be_kept_is_given_back_as_it_came(attribute: ipp.Attribute) -> None:
    read = ticket(attribute)
    assert list(read.unsupported) == [attribute]
    assert (read.hold, read.terms) == ("", job.NO_TERMS)


def test_everything_a_sender_may_ask_about_release_and_keeping_is_read() -> None:
    read = ticket(
        a("job-cancel-after", ipp.integer(300)),
        a("job-release-action", ipp.keyword("owner-authorized")),
        a("job-retain-until", ipp.keyword("end-of-week")),
        a("job-retain-until-interval", ipp.integer(10)),
        storage(job_storage_access="public", job_storage_disposition="print-and-store"),
        a("proof-print", ipp.collection({"proof-print-copies": ipp.integer(2)})),
    )
    assert read.terms == job.Terms(
        retain="end-of-week",
        cancel_after_s=300,
        release="owner-authorized",
        store="print-and-store",
        access="public",
        proof_copies=2,
    )


def test_terms_survive_the_way_through_the_table() -> None:
    terms = job.Terms(output_until=NOW, output_word="night", retain_s=0, proof_copies=1, proof_made=True, parent=7)
    assert job.Terms.from_plain(terms.to_plain()) == terms
    assert job.Terms.from_plain({}) is job.NO_TERMS and job.NO_TERMS.to_plain() == {}


VALUES = st.one_of(
    st.integers(-(2**31), 2**31 - 1).map(ipp.integer),
    st.sampled_from(["none", "night", "12:30", "stored", ""]).map(ipp.keyword),
    st.text(max_size=20).map(ipp.name),
    st.datetimes().map(lambda each: ipp.datetime_value(each.replace(tzinfo=UTC))),
    st.binary(max_size=11).map(lambda data: ipp.Value(0x31, data)),
    st.dictionaries(
        st.sampled_from(["job-storage-access", "job-storage-disposition", "proof-print-copies", "media"]),
        st.sampled_from([ipp.keyword("owner"), ipp.keyword("store-only"), ipp.integer(1), ipp.no_value()]),
    ).map(ipp.collection),
    st.just(ipp.no_value()),
)
NAMES = sorted({each.removesuffix("-actual") for each in JOB_WRITERS} | {"proof-print"})


@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.dictionaries(st.sampled_from(NAMES), st.lists(VALUES, min_size=1, max_size=3), max_size=6))
def test_whatever_is_asked_it_is_read_or_given_back_and_nothing_else_happens(asked: dict[str, Any]) -> None:
    read = ticket(*[ipp.Attribute(name, values) for name, values in asked.items()])
    assert {each.name for each in read.unsupported} <= set(asked)
    assert read.hold in ("", "indefinite", "until", "stored")
    assert (read.hold == "until") == (read.hold_until is not None)
    assert read.hold_until is None or read.hold_until > NOW
    assert job.Terms.from_plain(read.terms.to_plain()) == read.terms


@pytest.mark.parametrize(
    ("secret", "encryption", "good"),
    [
        (b"4711", "none", True),
        (b"\x00" * 32, "sha2-256", True),
        (b"471", "none", False),
        (b"x" * 256, "none", False),
        (b"4711", "md5", False),
        (b"", "none", False),
    ],
)
def test_a_job_password_has_its_lengths_and_its_encryptions(secret: bytes, encryption: str, good: bool) -> None:
    named = [a("job-password", ipp.octets(secret)), a("job-password-encryption", ipp.keyword(encryption))]
    message = ipp.request(ipp.Operation.PRINT_JOB, 1, *named)
    if good:
        assert password_of(message) == (secret, encryption)
    else:
        with pytest.raises(Conflict) as refused:
            password_of(message)
        assert b"4711" not in str(refused.value).encode()


def test_a_queue_says_default_and_supported_of_everything_a_job_may_ask() -> None:
    said = {each.name for each in described()}
    for stem in ("job-hold-until", "job-delay-output-until", "job-retain-until", "job-cancel-after"):
        assert {f"{stem}-default", f"{stem}-supported"} <= said
    for stem in ("job-release-action", "job-storage", "proof-copies", "proof-print", "job-password"):
        assert f"{stem}-supported" in said
    assert Reading(NOW).take(a("copies", ipp.integer(1))) is None
