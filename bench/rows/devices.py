"""To the printer: small jobs on to one RAW device, and from a release to the first octet there."""

import time
from statistics import median

from bench import load
from bench.result import Row, at_least, at_most
from bench.servers import Cups, Frisket, Server
from bench.setting import Setting
from bench.sink import Sink
from bench.web import Web

__all__ = ["measure_forwarding", "measure_release"]


def measure_forwarding(setting: Setting) -> list[Row]:
    sink = Sink()
    house = setting.workshop.frisket()
    peer = setting.workshop.cups(durable=False)
    servers: list[Server] = [house, *([peer] if peer is not None else [])]
    try:
        queues = {server.name: server.forward_to(sink.port) for server in servers}
        rates: dict[str, list[float]] = {server.name: [] for server in servers}
        for turn in range(setting.turns):
            for server in servers:
                setting.say(f"{server.name}, turn {turn + 1}")
                jobs = 100 if isinstance(server, Cups) or setting.quick else 500
                rates[server.name].append(_forward(sink, queues[server.name], jobs))
    finally:
        sink.close()
        setting.workshop.close(servers)
    ours = median(rates["Frisket"])
    peers = {name: median(values) for name, values in rates.items() if name != "Frisket"}
    theirs = next(iter(peers.values()), None)
    ratio = ours / theirs if theirs else None
    goal = at_least(10, "≥ 10 × cupsd")
    return [Row("forward", "Small jobs on to one RAW device", "jobs/s", ours, peers, ratio, goal, {"turns": rates})]


def _forward(sink: Sink, queue: str, jobs: int) -> float:
    """Jobs a second, from the first request to the end of the last at the device."""
    sink.forget()
    began = time.perf_counter()
    load.run(load.Plan(queue, requests=jobs, connections=8, octets=20_480, hold=False))
    came = sink.wait_for(jobs, 60.0)
    return came / (time.perf_counter() - began)


def measure_release(setting: Setting) -> list[Row]:
    """One at a time on a quiet server: how long its person waits for paper to move."""
    sink = Sink()
    house = setting.workshop.frisket()
    peer = setting.workshop.cups(durable=False)
    rounds = 30 if setting.quick else 80
    try:
        setting.say("Frisket")
        house.device(sink.port)
        ours = _released(sink, house, rounds)
        theirs: list[float] = []
        if peer is not None:
            setting.say("cupsd")
            theirs = _released_there(sink, peer, rounds)
    finally:
        sink.close()
        setting.workshop.close([house, *([peer] if peer is not None else [])])
    p95 = load.percentile(sorted(ours), 95) * 1000
    peers = {"cupsd default": load.percentile(sorted(theirs), 95) * 1000} if theirs else {}
    detail = {"p50_ms": median(ours) * 1000, "rounds": rounds, "came": len(ours)}
    goal = at_most(50, "p95 ≤ 50 ms")
    return [Row("release", "Release to the first octet at the device", "ms", p95, peers, p95, goal, detail)]


def _released(sink: Sink, house: Frisket, rounds: int) -> list[float]:
    """Over the API, as a terminal does it."""
    jobs = load.run(load.Plan(house.held, requests=rounds, connections=4)).jobs
    script = Web(house.urls["web"], house.token)
    found = []
    for number in jobs:
        sink.forget()
        began = time.monotonic()
        script.post_json(f"/api/v1/jobs/{number}/release", {"device": "sink"})
        if sink.wait_for(1, 10.0):
            found.append(sink.jobs[0].first - began)
    script.close()
    return found


def _released_there(sink: Sink, peer: Cups, rounds: int) -> list[float]:
    queue = peer.forward_to(sink.port)
    jobs = load.run(load.Plan(queue, requests=rounds, connections=4)).jobs
    found = []
    for number in jobs:
        sink.forget()
        began = time.monotonic()
        load.run(load.Plan(queue, "release-job", requests=1, connections=1, job=number))
        if sink.wait_for(1, 10.0):
            found.append(sink.jobs[0].first - began)
    return found
