"""Accepted jobs a second and how long an answer takes, durable and encrypted here, against both forms of cupsd."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from bench import load
from bench.result import Row, at_least, at_most
from bench.servers import Server
from bench.setting import Setting, by_turns, middle

__all__ = ["measure", "measure_worst"]

SIZES = ((20_480, "20 kB"), (102_400, "100 kB"))
CONNECTIONS = (1, 8, 32)


def measure(setting: Setting) -> list[Row]:
    servers = setting.workshop.all_three()
    rows: list[Row] = []
    try:
        for server in servers:
            load.run(load.Plan(server.held, requests=100, connections=4))  # warm: code, caches, files
        for octets, words in SIZES:
            for connections in CONNECTIONS:
                if setting.quick and octets > SIZES[0][0] and connections != 32:
                    continue
                setting.say(f"{words}, {connections} connections")
                rows += _rows(setting, servers, octets, words, connections)
    finally:
        setting.workshop.close(servers)
    return rows


def _rows(setting: Setting, servers: Sequence[Server], octets: int, words: str, connections: int) -> list[Row]:
    plan = load.Plan("", octets=octets, connections=connections)
    plan = replace(plan, requests=500 if setting.quick else 1500, seconds=3.0 if setting.quick else 7.0)
    found = by_turns(setting, servers, lambda server: replace(plan, url=server.held))
    rate, cpu = middle(found, lambda m: m.per_second), middle(found, lambda m: m.cpu_ms)
    ours, durable, default = (rate.get(name) for name in ("Frisket", "cupsd durable", "cupsd default"))
    detail = {"turns": _turns(found), "latency_ms": _latency(found), "cpu_ms": cpu}
    what = f"Print-Job {words}, {connections} connection{'s' if connections > 1 else ''}"
    peers = {name: value for name, value in rate.items() if name != "Frisket"}
    row = Row("accept", what, "jobs/s", ours, peers, _ratio(ours, durable), at_least(1.0, "≥ 1.0 × durable"), detail)
    lost = _against_default(row, _ratio(ours, default))
    costs = {name: value for name, value in cpu.items() if name != "Frisket"}
    ratio = _ratio(cpu.get("Frisket"), cpu.get("cupsd durable"))
    cost = Row("accept", f"{what}: CPU", "ms/job", cpu.get("Frisket"), costs, ratio)
    return [row, lost, cost]


def _against_default(row: Row, ratio: float | None) -> Row:
    """The same measurement against the peer that loses what it acknowledged when it is killed."""
    return replace(
        row, what=f"{row.what}, against default", judged=ratio, goal=at_least(1.0, "then ≥ 1.0 × default"), detail={}
    )


def _ratio(ours: float | None, theirs: float | None) -> float | None:
    return ours / theirs if ours and theirs else None


def _turns(found: Mapping[str, Sequence[load.Measured]]) -> dict[str, list[dict[str, object]]]:
    return {
        name: [
            {
                "ok": len(turn.latencies),
                "errors": dict(turn.errors),
                "per_second": turn.per_second,
                "cpu_ms": turn.cpu_ms,
                "other_cpu_pct": turn.other_cpu * 100,
            }
            for turn in turns
        ]
        for name, turns in found.items()
    }


def _latency(found: Mapping[str, Sequence[load.Measured]]) -> dict[str, dict[str, float]]:
    p50, p99 = middle(found, lambda m: m.ms(50)), middle(found, lambda m: m.ms(99))
    worst = middle(found, lambda m: m.worst_ms)
    return {name: {"p50": p50[name], "p99": p99[name], "worst": worst[name]} for name in found}


def measure_worst(setting: Setting) -> list[Row]:
    """The longest wait at a steady rate, over more than the 30 seconds after which cupsd writes what it kept."""
    servers = setting.workshop.all_three()
    plan = load.Plan("", rate=150.0 if setting.quick else 250.0, requests=1 << 20, connections=32)
    found: dict[str, load.Measured] = {}
    try:
        for server in servers:
            load.run(load.Plan(server.held, requests=100, connections=4))
            short = setting.quick and server.name != "cupsd default"
            setting.say(f"{server.name}, {plan.rate:.0f} jobs a second")
            lasting = 15.0 if short else 36.0 if setting.quick else 70.0
            found[server.name] = load.run(replace(plan, url=server.held, seconds=lasting, server=server.pid))
    finally:
        setting.workshop.close(servers)
    ours = found["Frisket"]
    others = {name: each for name, each in found.items() if name != "Frisket"}
    detail = {
        name: {"p50": m.ms(50), "p99": m.ms(99), "worst": m.worst_ms, "jobs": len(m.latencies), "errors": m.errors}
        for name, m in found.items()
    }
    worst = {name: each.worst_ms for name, each in others.items()}
    p99 = {name: each.ms(99) for name, each in others.items()}
    rate = f"at {plan.rate:.0f} jobs/s"
    return [
        Row(
            "worst", f"Worst answer {rate}", "ms", ours.worst_ms, worst, ours.worst_ms, at_most(250, "≤ 250 ms"), detail
        ),
        Row("worst", f"99th percentile {rate}", "ms", ours.ms(99), p99, ours.ms(99), at_most(50, "≤ 50 ms")),
    ]
