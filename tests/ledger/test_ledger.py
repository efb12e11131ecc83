"""Entries: written once, read by those who may, summed, exported."""

import csv
import io
from datetime import timedelta
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from frisket import ledger
from frisket.ledger import By, NewEntry, Total
from frisket.ledger.spreadsheet import cell
from frisket.plumbing import db
from frisket.plumbing.scope import HOUSE, Purpose, Scope

ALICE, BOB, QUEUE, DEVICE = (uuid4() for _ in range(4))


def entry(**changes):
    plain = {
        "job": uuid4(),
        "number": 1,
        "person": ALICE,
        "queue": QUEUE,
        "device": DEVICE,
        "outcome": "printed",
        "counted_from": "device",
        "pages": 3,
        "copies": 2,
        "impressions": 6,
        "sheets": 4,
        "colour": False,
    }
    return NewEntry(**{**plain, **changes})


def write(*entries):
    with db.transaction() as tx:
        for one in entries:
            ledger.write(one, tx=tx)


def span(house):
    return house.clock.now() - timedelta(days=1), house.clock.now() + timedelta(days=1)


def test_an_entry_is_read_back_as_it_was_written(house):
    new = entry(
        marks=("reprint",), colour=True, confidence=ledger.Confidence.AGREED, counts={"device": 6, "document": 6}
    )
    write(new)
    (got,) = ledger.entries(house.scope, *span(house)).rows
    assert got.at == house.clock.now()
    names = set(NewEntry.__dataclass_fields__) - {"at"}
    assert {name: getattr(got, name) for name in names} == {name: getattr(new, name) for name in names}


def test_an_entry_undone_with_its_transaction_is_not_there(house):
    with pytest.raises(KeyError), db.transaction() as tx:
        ledger.write(entry(), tx=tx)
        raise KeyError
    assert ledger.entries(house.scope, *span(house)).rows == []


def test_pages_follow_one_another_newest_first_without_gap(house):
    since, until = span(house)
    for number in range(1, 26):
        write(entry(number=number))
        if number % 4 == 0:
            house.clock.pass_time(timedelta(seconds=1))
    numbers, after = [], None
    while True:
        page = ledger.entries(house.scope, since, until, after, limit=5)
        numbers += [row.number for row in page.rows]
        after = page.after
        if after is None:
            break
    assert numbers == list(range(25, 0, -1))


@pytest.mark.parametrize("after", ["", "x", "2026-03-02_1", "2026-03-02T09:00:00+00:00_x", "_-1"])
def test_a_cursor_that_nobody_gave_out_is_refused(house, after):
    with pytest.raises(ledger.BadCursor):
        ledger.entries(house.scope, *span(house), after)


def test_the_end_of_a_span_belongs_to_the_next(house):
    start = house.clock.now()
    write(entry(number=1))
    house.clock.pass_time(timedelta(hours=1))
    write(entry(number=2))
    first = ledger.entries(house.scope, start, house.clock.now()).rows
    second = ledger.entries(house.scope, house.clock.now(), house.clock.now() + timedelta(hours=1)).rows
    assert ([row.number for row in first], [row.number for row in second]) == ([1], [2])


def test_a_person_never_sees_what_others_printed(house):
    write(entry(number=1), entry(number=2, person=BOB))
    assert [row.person for row in ledger.entries(house.own(BOB), *span(house)).rows] == [BOB]
    assert ledger.totals(house.own(BOB), *span(house))[0].entries == 1
    assert len(list(ledger.export(house.own(BOB), *span(house)))) == 2
    nobody = Scope(HOUSE, house.tenant, Purpose.OWN)
    assert ledger.entries(nobody, *span(house)).rows == []


def test_another_tenant_sees_nothing(house):
    write(entry())
    other = Scope(house.administrator, uuid4(), Purpose.OPERATE)
    assert ledger.entries(other, *span(house)).rows == []
    assert ledger.totals(other, *span(house)) == [Total(None, 0, 0, 0, 0, 0)]


def test_totals_add_up_and_what_nobody_counted_is_not_nought(house):
    write(
        entry(),
        entry(person=BOB, colour=True, impressions=10, sheets=5),
        entry(person=BOB, device=None, counted_from="none", impressions=None, sheets=None, pages=None),
    )
    assert ledger.totals(house.scope, *span(house)) == [Total(None, 3, 16, 10, 9, 1)]
    assert ledger.totals(house.scope, *span(house), By.PERSON) == [
        Total(BOB, 2, 10, 10, 5, 1),
        Total(ALICE, 1, 6, 0, 4, 0),
    ]
    assert ledger.totals(house.scope, *span(house), By.DEVICE) == [
        Total(DEVICE, 2, 16, 10, 9, 0),
        Total(None, 1, 0, 0, 0, 1),
    ]
    assert ledger.totals(house.scope, *span(house), By.QUEUE) == [Total(QUEUE, 3, 16, 10, 9, 1)]


@pytest.mark.parametrize(
    "wrong",
    [
        {"counted_from": "guess"},
        {"impressions": None},
        {"counted_from": "none"},
        {"impressions": -1},
        {"sheets": -1},
        {"copies": 0},
    ],
)
def test_an_entry_that_contradicts_itself_is_refused(house, wrong):
    with pytest.raises(ledger.BadEntry):
        write(entry(**wrong))


def test_the_export_is_csv_with_names_and_times_in_utc(house):
    write(entry(colour=True, marks=("reprint", "checked")))
    names = {ALICE: "Ähre, Anna", QUEUE: 'the "quick" one', DEVICE: "d1"}
    text = "".join(ledger.export(house.scope, *span(house), names.__getitem__))
    heading, row = csv.reader(io.StringIO(text, newline=""))
    assert heading[:5] == ["at", "job", "person", "queue", "device"]
    assert row == [
        "2026-03-02T09:00:00Z",
        "1",
        "Ähre, Anna",
        'the "quick" one',
        "d1",
        "printed",
        "3",
        "2",
        "6",
        "4",
        "yes",
        "device",
        "reprint checked",
        "likely",
    ]


@pytest.mark.parametrize("name", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "  =1", "＝1", "－1", "\x00=1"])
def test_a_name_never_becomes_a_formula(house, name):
    write(entry())
    text = "".join(ledger.export(house.scope, *span(house), lambda _: name))
    _, row = csv.reader(io.StringIO(text, newline=""))
    assert row[2].startswith("'") and "\t" not in row[2] and "\r" not in row[2]


@given(st.text())
def test_whatever_a_cell_holds_it_stays_one_line_and_no_formula(text):
    clean = cell(text)
    assert clean.lstrip()[:1] not in set("=+-@") or not clean
    assert not any(ord(sign) < 32 for sign in clean)


def test_a_plain_name_is_exported_as_it_is():
    assert cell("Ähre, Anna") == "Ähre, Anna"
