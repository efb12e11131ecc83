"""Hostile documents at the doors that take no frames: refused with the documented errors, or kept without a command."""

import random

import pytest
from tests.conftest import House
from tests.fuzz.test_fuzz_pjl import mutated
from tests.intake.test_guarding import commands_left, through
from tests.wire.pjl_samples import JOBS, PDF, UEL

from frisket.errors import Blame, FrisketError

SHORT, LONG = 1_500, 20_000


def fuzz(times: int) -> None:
    source, kept = random.Random(631), 0
    for _ in range(times):
        octets = source.choice((b"", b"", PDF, PDF + UEL, bytes(9))) + mutated(source)
        try:
            said, _, _ = through(octets, source.choice((1 << 20, 97, 11)), source.choice(("application/pdf", "")))
        except FrisketError as error:
            assert error.blame is Blame.PEER
        else:
            kept += 1
            assert set(commands_left(said)) <= {"", "EOJ", "COMMENT"}
    assert times // 20 < kept < times


def test_mutated_frames_are_refused_or_lose_all_their_commands(house: House) -> None:
    fuzz(SHORT)


@pytest.mark.long
def test_many_mutated_frames_are_refused_or_lose_all_their_commands(house: House) -> None:
    fuzz(LONG)


def test_every_cut_of_a_recorded_frame_is_refused_or_kept_without_commands(house: House) -> None:
    """A client that stops anywhere: a connection that breaks off is told apart before; this one just ends."""
    for octets in JOBS.values():
        for at in range(0, len(octets), 5):
            try:
                said, _, _ = through(octets[:at], 64)
            except FrisketError as error:
                assert error.blame is Blame.PEER
            else:
                assert set(commands_left(said)) <= {"", "EOJ", "COMMENT"}
