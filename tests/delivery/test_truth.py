"""The device's own counter, read before the first octet and after the last page."""

import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from frisket import delivery, device, flow, job, lab, ledger
from frisket.flow import stages
from tests.delivery.conftest import Collector, Post, set_settings
from tests.delivery.test_status import ask_by_snmp
from tests.peers.agents import Counter, ReplayAgent, office

Start = Callable[..., lab.Running]
MARKED, STATE = "1.3.6.1.2.1.43.10.2.1.4.1.1", "1.3.6.1.2.1.25.3.5.1.1.1"
PDF = b"%PDF-1.4\n" + b"x" * 5_000


@pytest.fixture
def agent() -> Iterator[ReplayAgent]:
    with ReplayAgent(office()) as running:
        yield running


class Engine(threading.Thread):
    """Marks pages in the agent's counter once a document has come, while it says that it prints: it is at work
    before the connection ends, so nobody can have looked too early."""

    def __init__(self, agent: ReplayAgent, sink: Collector, *steps: int) -> None:
        super().__init__(daemon=True)
        self.agent, self.steps = agent, steps
        sink.then = self.begin

    def begin(self) -> None:
        self.agent.walk[STATE] = 4
        self.start()

    def run(self) -> None:
        for step in self.steps:
            time.sleep(0.2)
            self.agent.walk[MARKED] = Counter(int(self.agent.walk[MARKED]) + step)  # type: ignore[arg-type]
        self.agent.walk[STATE] = 3


def mute(post: Post, agent: ReplayAgent, sink: Collector) -> device.DeviceView:
    return ask_by_snmp(post, post.adopted(sink.uri, probe=False, silence_is_done=True), agent.port)


def entry_of(post: Post, job_id: object) -> ledger.EntryView:
    since = post.house.clock.now().replace(year=2020)
    found = ledger.entries(post.house.scope, since, post.house.clock.now().replace(year=2030)).rows
    return next(each for each in found if each.job == job_id)


@pytest.mark.requirement("SPM-25", "SPM-26")
def test_the_counter_of_a_mute_device_is_read_until_the_job_is_complete(post: Post, agent: ReplayAgent) -> None:
    with Collector() as sink:
        there = mute(post, agent, sink)
        Engine(agent, sink, 1, 1, 2)
        job_id = post.released(there, PDF)
        view = post.send(job_id)
    attempt = post.attempt(job_id)
    assert view.state is job.State.DELIVERED and view.why is job.Reason.CONFIRMED
    assert (attempt.counter, attempt.counter_unit) == (4, "impressions") and "counter=+4" in attempt.evidence


def test_a_counter_that_does_not_move_leaves_the_silence_what_it_is(
    post: Post, agent: ReplayAgent, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("frisket.delivery.truth.SETTLES_S", 0.6)
    with Collector() as sink:
        job_id = post.released(mute(post, agent, sink), PDF)
        view = post.send(job_id)
    assert view.state is job.State.DELIVERED and view.why is job.Reason.SILENCE
    assert post.attempt(job_id).counter == 0


def test_a_silent_agent_slows_no_print_and_is_not_asked_again_before_it_answers(post: Post, agent: ReplayAgent) -> None:
    agent.bend = lambda answer: None
    with Collector() as sink:
        there = mute(post, agent, sink)
        from_first = post.send(post.released(there, PDF))
        assert from_first.state is job.State.DELIVERED and post.attempt(from_first.id).counter is None
        asked = agent.asked
        set_settings(delivery={"snmp_s": 0.2})
        delivery.condition(post.house.scope, there.id)
        asked = agent.asked
        assert post.send(post.released(there, PDF)).state is job.State.DELIVERED
        assert agent.asked == asked


@pytest.mark.parametrize(("before", "steps", "rose"), [(2**32 - 2, (3,), 3), (500, (-400,), None)])
def test_a_counter_that_wraps_is_no_trouble_and_one_that_falls_says_nothing(
    post: Post, agent: ReplayAgent, monkeypatch: pytest.MonkeyPatch, before: int, steps: tuple[int, ...], rose: int
) -> None:
    monkeypatch.setattr("frisket.delivery.truth.SETTLES_S", 0.6)
    agent.walk[MARKED] = Counter(before)
    with Collector() as sink:
        there = mute(post, agent, sink)
        sink.then = lambda: agent.walk.update({MARKED: Counter((before + steps[0]) % 2**32)})
        job_id = post.released(there, PDF)
        post.send(job_id)
    assert post.attempt(job_id).counter == rose


@pytest.mark.parametrize(
    ("counted", "pages", "wanted"),
    [
        (1, 1, ("agreed", 1, {"document", "device", "counter"})),
        (7, 1, ("likely", 1, {"document", "device", "counter"})),
    ],
)
def test_the_entry_has_the_number_its_sources_and_how_far_they_agree(
    post: Post,
    agent: ReplayAgent,
    virtual: Start,
    monkeypatch: pytest.MonkeyPatch,
    counted: int,
    pages: int,
    wanted: tuple[str, int, set[str]],
) -> None:
    monkeypatch.setattr("frisket.delivery.truth.SETTLES_S", 60.0)  # what moves within it is seen
    running = virtual(lab.DevicePlan("office", lab.Door.IPP))
    there = ask_by_snmp(post, post.adopted(running.uri("office")), agent.port)
    sample = (Path(__file__).parents[1] / "samples" / "one-page.pdf").read_bytes()
    job_id = post.released(there, sample)
    job.record_facts(job_id, pages, False, "iso_a4_210x297mm", [(1, pages)])

    def print_in_the_engine() -> None:
        while not running.jobs("office"):
            time.sleep(0.01)
        agent.walk[MARKED] = Counter(4711 + counted)

    threading.Thread(target=print_in_the_engine, daemon=True).start()
    assert post.send(job_id).state is job.State.DELIVERED
    stages.settle(post.view(job_id))
    entry = entry_of(post, job_id)
    assert (entry.confidence.value, entry.impressions, set(entry.counts)) == wanted
    assert entry.counts["counter"] == counted
    told = " ".join(step.text for step in job.explain(post.house.scope, post.view(job_id)).steps)
    assert f"its counter {counted}" in told
    assert ("agree" in told) == (wanted[0] == "agreed")


@pytest.mark.parametrize("on", [True, False])
def test_a_pjl_device_is_asked_for_its_counter_where_the_settings_say_so(post: Post, virtual: Start, on: bool) -> None:
    set_settings(delivery={"pjl_counter": on})
    running = virtual(lab.DevicePlan("office", lab.Door.RAW))
    there = post.adopted(running.uri("office"))
    assert there.capabilities.pjl
    sample = (Path(__file__).parents[1] / "samples" / "one-page.pdf").read_bytes()
    job_id = post.released(there, sample)
    assert post.send(job_id).state is job.State.DELIVERED
    attempt = post.attempt(job_id)
    assert attempt.counter == (attempt.impressions if on else None)


def test_the_own_count_follows_ranges_pages_on_a_sheet_sides_and_copies(post: Post) -> None:
    there = post.adopted("socket://127.0.0.1:9", probe=False)
    options = job.Options(page_ranges=((2, 4), (8, 99)), number_up=2, sides="two-sided-long-edge")
    job_id = post.released(there, PDF, copies=3, options=options)
    assert flow.own_count(post.view(job_id)) == (None, None)
    job.record_facts(job_id, 10, False, "", [(1, 10)])
    assert flow.own_count(post.view(job_id)) == (9, 6)
