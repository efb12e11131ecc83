"""What a job costs, how long a list takes and how long a restart, as held jobs pile up."""

import re
import time
from dataclasses import dataclass, field
from signal import SIGKILL, SIGTERM

from bench import load, machine
from bench.result import Row, at_most
from bench.servers import Frisket, Server
from bench.setting import Setting
from bench.sink import Sink
from bench.web import Web, csrf_of

__all__ = ["measure"]

SMALL = 1_000  # octets: the fill is about how many, not how large
LEVELS = {"quick": (0, 1_000, 10_000), "usual": (0, 1_000, 10_000, 100_000), "full": (0, 10_000, 100_000, 1_000_000)}


@dataclass(slots=True)
class _Grown:
    """One server on its way up; keyed by how many jobs it held."""

    held: int = 0
    cpu_ms: dict[int, float] = field(default_factory=dict)
    list_ms: dict[int, float] = field(default_factory=dict)
    pages_ms: dict[str, dict[int, float]] = field(default_factory=dict)
    rss_mb: dict[int, float] = field(default_factory=dict)
    restart_s: dict[str, float] = field(default_factory=dict)


def measure(setting: Setting) -> list[Row]:
    peer = setting.workshop.cups(durable=False)
    house = setting.workshop.frisket()
    sink = Sink()
    house.device(sink.port)
    servers: list[Server] = [house, *([peer] if peer is not None else [])]
    grown = {server.name: _Grown() for server in servers}
    try:
        for level in LEVELS[setting.form]:
            for server in servers:
                setting.say(f"{server.name}: {level} held")
                if not _fill(setting, server, grown[server.name], level):
                    continue
                _look(setting, server, grown[server.name], level)
        for server in servers:
            setting.say(f"{server.name}: restart with {grown[server.name].held} held")
            _restart(server, grown[server.name])
    finally:
        sink.close()
        setting.workshop.close(servers)
    return _rows(grown)


def _fill(setting: Setting, server: Server, grown: _Grown, level: int) -> bool:
    """False where the time was over before there were so many: the peer slows down on the way."""
    patience = {"quick": 45.0, "usual": 300.0, "full": 1800.0}[setting.form]
    missing = level - grown.held
    if missing > 0:
        plan = load.Plan(server.held, requests=missing, seconds=patience, connections=16, octets=SMALL)
        grown.held += len(load.run(plan).latencies)
    return grown.held >= level


def _look(setting: Setting, server: Server, grown: _Grown, level: int) -> None:
    plan = load.Plan(server.held, requests=600 if setting.quick else 1500, octets=SMALL, server=server.pid)
    turns = [load.run(plan) for _ in range(setting.turns)]
    grown.held += sum(len(turn.latencies) for turn in turns)
    grown.cpu_ms[level] = sorted(turn.cpu_ms for turn in turns)[len(turns) // 2]
    asked = load.run(load.Plan(server.held, "get-jobs", requests=100, connections=1, limit=100))
    grown.list_ms[level] = asked.ms(95)
    grown.rss_mb[level] = machine.use_of(server.pid).rss / 1e6
    if isinstance(server, Frisket):
        rounds = 20 if setting.quick else 40
        for name, milliseconds in _pages(server, rounds).items():
            grown.pages_ms.setdefault(name, {})[level] = milliseconds


def _pages(house: Frisket, rounds: int) -> dict[str, float]:
    """95th percentiles, in ms, of my held jobs over HTTPS."""
    script = Web(house.urls["web"], house.token)
    api = _p95([script.get("/api/v1/jobs?state=held&limit=100")[1] for _ in range(rounds)])
    script.close()
    browser = Web(house.urls["web"])
    taps = [tap(browser) for _ in range(max(5, rounds // 2))]
    terminal = _p95([browser.get("/terminal/sink")[1] for _ in range(rounds)])
    browser.close()
    return {"list over the API": api, "page at the terminal": terminal, "tap to the list of jobs": _p95(taps)}


def tap(browser: Web) -> float:
    """Seconds from a card at a reader to its person's list of jobs."""
    browser.forget("__Host-terminal")
    page, _ = browser.get("/terminal/sink")
    fields = {"by": "card", "number": "04A1B2C3D4", "csrfmiddlewaretoken": csrf_of(page)}
    began = time.perf_counter()
    browser.post_form("/terminal/sink/sign-in", fields)
    page, _ = browser.get("/terminal/sink")
    taken = time.perf_counter() - began
    if re.search(rb'name="number"', page):
        raise RuntimeError("the card was not accepted")
    return taken


def _p95(seconds: list[float]) -> float:
    return load.percentile(sorted(seconds), 95) * 1000


def _restart(server: Server, grown: _Grown) -> None:
    for how, words in ((SIGTERM, "orderly"), (SIGKILL, "killed")):
        if how is SIGKILL and not isinstance(server, Frisket):
            continue  # cupsd forgets its jobs then, and forgetting is quick
        server.stop(how)
        began = time.perf_counter()
        server.start()
        first = load.run(load.Plan(server.held, requests=1, connections=1, octets=SMALL))
        grown.restart_s[words] = time.perf_counter() - began if first.latencies else float("nan")


def _rows(grown: dict[str, _Grown]) -> list[Row]:
    ours = grown["Frisket"]
    theirs = next((each for name, each in grown.items() if name != "Frisket"), None)
    name = "cupsd default"
    lowest = min(ours.cpu_ms)
    rows = []
    for level, cpu in ours.cpu_ms.items():
        peers = {name: theirs.cpu_ms.get(level)} if theirs else {}
        goal = at_most(1.2, "≤ 1.2 × at 0 held") if level > lowest else None
        ratio = cpu / ours.cpu_ms[lowest]
        detail = {"growth": {name: _growth(theirs, level)}, "rss_mb": ours.rss_mb.get(level)}
        rows.append(Row("growth", f"CPU per job, {level:,} held", "ms", cpu, peers, ratio, goal, detail))
    top = max(ours.cpu_ms)
    peers = {name: theirs.list_ms.get(top)} if theirs else {}
    lists = {"Frisket": ours.list_ms, name: theirs.list_ms if theirs else {}}
    listed = ours.list_ms[top]
    goal = at_most(5, "p95 ≤ 5 ms")
    rows.append(Row("growth", f"Get-Jobs, my first 100 of {top:,}", "ms", listed, peers, listed, goal, lists))
    for page, by_level in ours.pages_ms.items():
        goal = at_most(500, "p95 ≤ 500 ms") if page.startswith("tap") else at_most(50, "p95 ≤ 50 ms")
        value = by_level[top]
        rows.append(
            Row("growth", f"My held jobs, {page}, {top:,} held", "ms", value, {}, value, goal, {page: by_level})
        )
    for how, seconds in ours.restart_s.items():
        peers = {name: theirs.restart_s.get(how)} if theirs else {}
        what = f"Restart, {how}, {ours.held:,} held, to the first accepted job"
        detail = {"cupsd_held": theirs.held if theirs else None}
        rows.append(Row("growth", what, "s", seconds, peers, seconds, at_most(5, "≤ 5 s"), detail))
    return rows


def _growth(grown: _Grown | None, level: int) -> float | None:
    if grown is None or level not in grown.cpu_ms or not grown.cpu_ms[min(grown.cpu_ms)]:
        return None
    return grown.cpu_ms[level] / grown.cpu_ms[min(grown.cpu_ms)]
