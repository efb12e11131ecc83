"""How soon a house takes its first job, and how much memory it takes while nothing happens."""

import time
from statistics import median

from bench import load, machine
from bench.result import Row, at_most
from bench.servers import Server
from bench.setting import Setting

__all__ = ["measure"]


def measure(setting: Setting) -> list[Row]:
    servers = setting.workshop.all_three()
    seconds: dict[str, list[float]] = {server.name: [] for server in servers}
    try:
        for turn in range(setting.turns):
            for server in servers:
                setting.say(f"{server.name}, turn {turn + 1}")
                seconds[server.name].append(_first_job(server))
        time.sleep(3.0)
        memory = {server.name: machine.use_of(server.pid, proportional=True).pss / 1e6 for server in servers}
    finally:
        setting.workshop.close(servers)
    ours = median(seconds["Frisket"])
    peers = {name: median(values) for name, values in seconds.items() if name != "Frisket"}
    idle = memory["Frisket"]
    others = {name: value for name, value in memory.items() if name != "Frisket"}
    return [
        Row(
            "start", "Start to the first accepted job", "s", ours, peers, ours, at_most(3, "≤ 3 s"), {"turns": seconds}
        ),
        Row("start", "Idle memory of everything that runs (PSS)", "MB", idle, others, idle, at_most(200, "≤ 200 MB")),
    ]


def _first_job(server: Server) -> float:
    server.stop()
    began = time.perf_counter()
    server.start()
    first = load.run(load.Plan(server.held, requests=1, connections=1))
    return time.perf_counter() - began if first.latencies else float("nan")
