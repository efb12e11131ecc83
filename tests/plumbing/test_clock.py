import os
import threading
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from frisket.plumbing.clock import HandClock, HouseClock


def shift_wall(monkeypatch: pytest.MonkeyPatch, seconds: float) -> None:
    """Somebody sets the wall clock; the monotonic one does not see it."""
    real = time.time
    monkeypatch.setattr(time, "time", lambda: real() + seconds)


class TestHouseSeconds:
    def test_they_go_on_where_the_last_run_ended(self, tmp_path: Path) -> None:
        (tmp_path / "clock").write_text(f"5000.0 {time.time()} 0")
        assert 5000.0 <= HouseClock(tmp_path / "clock").elapsed() < 5060.0

    def test_time_while_the_house_is_off_does_not_count(self, tmp_path: Path) -> None:
        (tmp_path / "clock").write_text(f"5000.0 {time.time() - 86400} 0")
        assert HouseClock(tmp_path / "clock").elapsed() < 5060.0

    def test_setting_the_wall_clock_moves_them_not_at_all(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        clock = HouseClock(tmp_path / "clock")
        before = clock.elapsed()
        shift_wall(monkeypatch, 10 * 86400)
        assert clock.elapsed() - before < 60.0

    def test_they_never_run_backwards_for_many_threads(self, tmp_path: Path) -> None:
        clock = HouseClock(tmp_path / "clock")
        backwards: list[float] = []

        def look() -> None:
            last = 0.0
            for _ in range(2000):
                now = clock.elapsed()
                if now < last:
                    backwards.append(last - now)
                last = now

        threads = [threading.Thread(target=look) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert backwards == []

    def test_a_process_that_is_behind_does_not_take_them_back(self, tmp_path: Path) -> None:
        file = tmp_path / "clock"
        behind = HouseClock(file)
        file.write_text(f"7000.0 {time.time()} 0")
        behind.confirm()
        assert HouseClock(file).elapsed() >= 7000.0

    def test_a_damaged_file_begins_anew_instead_of_stopping_the_house(self, tmp_path: Path) -> None:
        (tmp_path / "clock").write_text("not a clock")
        assert HouseClock(tmp_path / "clock").elapsed() < 60.0

    def test_a_disk_that_refuses_does_not_stop_the_clock(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        folder = tmp_path / "kept"
        folder.mkdir()
        clock = HouseClock(folder / "clock")
        os.unlink(folder / "clock")
        folder.rmdir()
        real = time.monotonic
        monkeypatch.setattr(time, "monotonic", lambda: real() + 100.0)
        assert clock.elapsed() >= 100.0


class TestJumps:
    def test_more_than_an_hour_ahead_is_seen_until_somebody_confirms(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        clock = HouseClock(tmp_path / "clock")
        assert not clock.jumped()
        shift_wall(monkeypatch, 3700)
        assert clock.jumped()
        assert HouseClock(tmp_path / "clock").jumped(), "a restart does not forget it"
        clock.confirm()
        assert not clock.jumped()
        assert not HouseClock(tmp_path / "clock").jumped()

    def test_many_small_steps_ahead_add_up(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        clock = HouseClock(tmp_path / "clock")
        shift_wall(monkeypatch, 1500)
        assert not clock.jumped()
        shift_wall(monkeypatch, 1500)
        assert not clock.jumped()
        shift_wall(monkeypatch, 1500)
        assert clock.jumped()

    def test_a_step_back_then_forth_again_counts_as_ahead(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        clock = HouseClock(tmp_path / "clock")
        shift_wall(monkeypatch, -7200)
        assert not clock.jumped()
        shift_wall(monkeypatch, 7200)
        assert clock.jumped()

    @pytest.mark.parametrize(("days", "jumped"), [(3, False), (20, True)])
    def test_a_long_rest_is_doubted_and_a_weekend_is_not(self, tmp_path: Path, days: int, jumped: bool) -> None:
        (tmp_path / "clock").write_text(f"5000.0 {time.time() - days * 86400} 0")
        assert HouseClock(tmp_path / "clock").jumped() is jumped


class TestHandClock:
    def test_time_that_passes_moves_both_and_setting_the_wall_moves_one(self) -> None:
        start = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
        clock = HandClock(start)
        clock.pass_time(timedelta(hours=3))
        assert (clock.now(), clock.elapsed(), clock.jumped()) == (start + timedelta(hours=3), 10800.0, False)
        clock.set_wall(start + timedelta(days=1))
        assert (clock.elapsed(), clock.jumped()) == (10800.0, True)
        clock.confirm()
        assert not clock.jumped()
