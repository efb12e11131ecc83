"""What every measurement is given: how long it may take, where servers live, whom to tell."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median

from bench import load
from bench.servers import Server, Workshop

__all__ = ["Setting", "by_turns", "middle"]


@dataclass(frozen=True, slots=True)
class Setting:
    workshop: Workshop
    form: str  # quick, usual, full
    say: Callable[[str], None]

    @property
    def quick(self) -> bool:
        return self.form == "quick"

    @property
    def turns(self) -> int:
        return 2 if self.quick else 3

    @property
    def folder(self) -> Path:
        return self.workshop.folder


def by_turns(
    setting: Setting, servers: Sequence[Server], plan: Callable[[Server], load.Plan]
) -> dict[str, list[load.Measured]]:
    """Each server in turn, A B C A B C: neighbours of one moment disturb them alike."""
    found: dict[str, list[load.Measured]] = {server.name: [] for server in servers}
    for _ in range(setting.turns):
        for server in servers:
            found[server.name].append(load.run(replace(plan(server), server=server.pid)))
    return found


def middle(found: Mapping[str, Sequence[load.Measured]], of: Callable[[load.Measured], float]) -> dict[str, float]:
    """The median of each server's turns; a turn in which nothing succeeded counts as nothing."""
    out = {}
    for name, turns in found.items():
        values = [value for value in map(of, turns) if value == value]
        out[name] = median(values) if values else float("nan")
    return out
