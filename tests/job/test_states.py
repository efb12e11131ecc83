"""The one table of states and moves, walked for dead ends."""

from itertools import pairwise, permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from frisket import flow, job
from frisket.job import MOVES, ONWARD, State, allowed
from frisket.job.explain import STATIONS, station


def reachable(start: State) -> set[State]:
    found, todo = {start}, [start]
    while todo:
        for there in MOVES[todo.pop()] - found:
            found.add(there)
            todo.append(there)
    return found


def test_every_state_has_its_moves_and_no_move_leads_out_of_the_table() -> None:
    assert set(MOVES) == set(State)
    assert all(there in State for moves in MOVES.values() for there in moves)


@pytest.mark.parametrize("state", list(State))
def test_from_every_state_a_job_comes_to_its_end_and_is_erased(state: State) -> None:
    assert State.ERASED in reachable(state)
    assert state is State.ERASED or MOVES[state]


def test_every_state_can_be_reached() -> None:
    assert reachable(State.RECEIVING) == set(State)


def test_nothing_comes_back_from_the_end() -> None:
    assert MOVES[State.ERASED] == frozenset()
    assert MOVES[State.ENDED] == frozenset({State.ERASED})
    assert State.SENDING not in reachable(State.DELIVERED)


def test_nothing_is_sent_that_was_not_released() -> None:
    assert [state for state in State if State.SENDING in MOVES[state]] == [State.RELEASED]


def test_an_uncertain_job_never_prints_by_itself() -> None:
    assert MOVES[State.UNCERTAIN] == frozenset({State.DELIVERED, State.HELD, State.ENDED})
    assert State.UNCERTAIN not in ONWARD and State.UNCERTAIN in flow.WAITS_FOR_SOMEBODY


def test_each_state_either_has_a_next_stage_or_waits_for_somebody() -> None:
    assert set(flow.NEXT_STAGE) | flow.WAITS_FOR_SOMEBODY == set(State)
    assert not set(flow.NEXT_STAGE) & flow.WAITS_FOR_SOMEBODY
    assert set(ONWARD) <= set(flow.NEXT_STAGE)


def test_every_state_has_its_place_on_the_page() -> None:
    assert {station(state) for state in State} == {*STATIONS, "uncertain", "stopped"}


@given(st.lists(st.sampled_from(list(State)), min_size=2, max_size=6))
def test_a_walk_is_allowed_exactly_when_each_of_its_steps_is(walk: list[State]) -> None:
    steps = all(after in MOVES[before] for before, after in pairwise(walk))
    assert allowed(walk[0], walk[-1], tuple(walk[1:-1])) is steps


def test_a_new_job_walks_only_along_moves() -> None:
    walk = (State.RECEIVED, State.ADMITTED, State.PREPARED)
    assert allowed(State.RECEIVING, State.HELD, walk) and allowed(State.RECEIVING, State.RELEASED, walk)
    wrong = [order for order in permutations(walk) if order != walk]
    assert not any(allowed(State.RECEIVING, State.HELD, order) for order in wrong)


_SIDES = st.sampled_from(["", "one-sided", "two-sided-long-edge", "two-sided-short-edge"])
_RANGES = st.lists(st.tuples(st.integers(1, 9999), st.integers(1, 9999)), max_size=5).map(tuple)


@given(
    st.builds(
        job.Options,
        sides=_SIDES,
        color_mode=st.sampled_from(["", "auto", "color", "monochrome"]),
        media=st.text(max_size=40),
        quality=st.sampled_from([0, 3, 4, 5]),
        page_ranges=_RANGES,
        resolution=st.none() | st.tuples(st.integers(1, 2400), st.integers(1, 2400)),
        orientation=st.integers(0, 7),
        finishings=st.lists(st.integers(3, 100), max_size=5).map(tuple),
        number_up=st.integers(0, 16),
        output_bin=st.text(max_size=20),
    )
)
def test_options_come_back_from_the_database_as_they_went(options: job.Options) -> None:
    plain = options.to_plain()
    assert job.Options.from_plain(plain) == options
    assert all(plain.values()), "nothing nobody asked for is kept"
