"""A house with people, queues and jobs; and one with a folder that is picked up from round by round."""

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

import pytest
from tests.conftest import House
from tests.flow.conftest import Way, way

from frisket import device, flow, identity, intake, job, spool
from frisket.intake.sources import collecting, local, pickups, register, thread, views
from frisket.plumbing import parts
from frisket.plumbing.db import transaction

__all__ = ["Desk", "Way", "way"]


@dataclass
class Desk:
    """One hot folder, and what its rounds do. Each call is a life of its own: nothing is remembered between."""

    house: House
    doors: intake.Intake
    folder: Path
    source: views.SourceView

    def collector(self) -> collecting.Collector:
        there = thread.OwnThread("test", 30)
        return collecting.Collector(self.doors, self.source, local.LocalPlace(self.folder), there)

    def rounds(self, until_idle: int = 4) -> None:
        """Look until several looks in a row find nothing that is due at once."""

        async def look() -> None:
            collector, idle = self.collector(), 0
            while idle < until_idle:
                pause = await collector.round()
                idle = 0 if pause == 0 else idle + 1
                await asyncio.sleep(min(pause, 0.3))

        asyncio.run(look())

    def jobs(self) -> list[str]:
        found = job.find(self.house.scope, job.Filter(), limit=1000).rows
        return sorted(str(each.title) for each in found)

    def log(self) -> list[views.PickUpView]:
        return list(pickups.history(self.house.scope, self.source.id).rows)

    def private(self) -> list[str]:
        return sorted(file.name for file in (self.folder / ".frisket").iterdir())

    def forget(self, after: timedelta) -> None:
        self.house.clock.pass_time(after)
        pickups.forget_old(timedelta(hours=1))


@pytest.fixture
def desk(house: House, tmp_path: Path) -> Iterator[Desk]:
    before = parts.installed()
    settings = before.settings
    folders = settings.folders.model_copy(update={"roots": [str(tmp_path)]})
    parts.install(replace(before, data=tmp_path / "data", settings=settings.model_copy(update={"folders": folders})))
    (tmp_path / "data").mkdir()
    by = house.administrator
    with transaction() as tx:
        device.add_device(house.scope, device.NewDevice("copy-1", "socket://127.0.0.1:9"), by=by, tx=tx)
        queue = device.add_queue(house.scope, device.NewQueue("secure"), by=by, tx=tx)
        alice, _ = identity.add(house.scope, identity.NewPerson("alice"), by=by, tx=tx)
        new = views.NewSource("letters", str(tmp_path / "in"), queue.id, person=alice.id, settle_s=0.2)
        source = register.add(house.scope, new, by=by, tx=tx)
    (tmp_path / "in").mkdir()
    spool.load_counters()
    doors = intake.Intake(flow.walk, on_failed_sync=lambda error: None)
    doors.start()
    try:
        yield Desk(house, doors, tmp_path / "in", source)
    finally:
        doors.stop()
        spool.close()
        parts.install(before)
