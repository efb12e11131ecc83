"""Further connections of a device: tried while not one octet has left, and never a second print."""

import asyncio
import socket
from collections.abc import AsyncIterator, Callable

import pytest

from frisket import delivery, device, job, lab
from frisket.delivery import values, ways
from frisket.plumbing.db import transaction
from tests.delivery.conftest import Post, set_settings

Start = Callable[..., lab.Running]
PDF = b"%PDF-1.4\n" + b"x" * 90_000


def nobody() -> int:
    """A port on loopback that nobody listens on."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def also(post: Post, there: device.DeviceView, *uris: str) -> device.DeviceView:
    with transaction() as tx:
        change = device.DeviceChange(ways=uris)
        return device.change_device(post.house.scope, there.id, change, by=post.house.administrator, tx=tx)


def test_where_the_first_connection_leads_nowhere_the_next_one_prints_it_once(post: Post, virtual: Start) -> None:
    running = virtual(lab.DevicePlan("office", lab.Door.IPP), lab.DevicePlan("spare", lab.Door.RAW))
    there = also(post, post.adopted(running.uri("office")), running.uri("spare"))
    running.put("office", "offline")
    job_id = post.released(there, PDF)
    assert post.send(job_id).state is job.State.DELIVERED
    assert running.jobs("office") == [] and len(running.jobs("spare")) == 1
    assert "way=2" in post.attempt(job_id).evidence
    running.clear("office")
    second = post.released(there, PDF)
    assert post.send(second).state is job.State.DELIVERED
    assert len(running.jobs("office")) == 1 and len(running.jobs("spare")) == 1


def test_the_connections_are_tried_in_their_order(post: Post, virtual: Start) -> None:
    running = virtual(lab.DevicePlan("one", lab.Door.RAW), lab.DevicePlan("two", lab.Door.RAW))
    made = post.adopted(f"ipp://127.0.0.1:{nobody()}/ipp/print", probe=False)
    there = also(post, made, f"ipp://127.0.0.1:{nobody()}/ipp/print", running.uri("two"), running.uri("one"))
    assert post.send(post.released(there, PDF)).state is job.State.DELIVERED
    assert len(running.jobs("two")) == 1 and running.jobs("one") == []


@pytest.mark.parametrize("fault", ["drop-mid-job 20000", "early-fin 20000", "drop-mid-job 1"])
def test_once_an_octet_has_left_no_other_connection_is_tried(post: Post, virtual: Start, fault: str) -> None:
    running = virtual(lab.DevicePlan("office", lab.Door.IPP), lab.DevicePlan("spare", lab.Door.RAW))
    there = also(post, post.adopted(running.uri("office")), running.uri("spare"))
    set_settings(delivery={"follow_s": 1.5, "stall_s": 1.0})
    running.put("office", fault)
    view = post.send(post.released(there, PDF))
    assert view.state is not job.State.RELEASED
    assert running.jobs("spare") == []


def test_a_device_that_takes_connections_and_answers_nothing_hands_on(post: Post, virtual: Start) -> None:
    running = virtual(lab.DevicePlan("office", lab.Door.IPP), lab.DevicePlan("spare", lab.Door.RAW))
    there = also(post, post.adopted(running.uri("office")), running.uri("spare"))
    set_settings(delivery={"stall_s": 0.5})
    running.put("office", "unreachable")
    assert post.send(post.released(there, PDF)).state is job.State.DELIVERED
    assert running.jobs("office") == [] and len(running.jobs("spare")) == 1


class Scripted:
    """A driver that takes so many octets and then ends as it was told to."""

    def __init__(self, takes: int, ending: values.Ending) -> None:
        self.takes, self.ending, self.asked = takes, ending, 0

    async def print(self, ticket: object, source: values.Source, watch: values.Watch) -> values.Ending:
        self.asked += 1
        await watch.leaving("7")
        if self.takes:
            watch.sent(self.takes)
        return self.ending


class Line:
    def __init__(self) -> None:
        self.octets, self.names = 0, list[str]()

    async def leaving(self, device_job: str = "") -> None:
        self.names.append(device_job)

    def sent(self, octets: int) -> None:
        self.octets += octets

    def cancelled(self) -> bool:
        return False


async def no_source(document: int) -> AsyncIterator[bytes]:
    yield b""


RETRY = values.Ending(values.End.RETRY, "ConnectionLost")
CASES = [(takes, values.Ending(end, evidence)) for takes in (0, 1, 65536) for end in values.End for evidence in (
    "DeviceUnreachable", "ConnectionLost", "Stalled", "certificate-changed", "not-adopted", "status=server-error-busy",
)]  # fmt: skip


def test_only_a_connection_that_took_nothing_and_leads_nowhere_hands_on(
    post: Post, monkeypatch: pytest.MonkeyPatch
) -> None:
    there = also(post, post.adopted("ipp://127.0.0.1:9", probe=False), "socket://127.0.0.1:9")
    for takes, ending in CASES:
        drivers = {
            "ipp": Scripted(takes, ending),
            "socket": Scripted(5, values.Ending(values.End.DELIVERED, "ok")),
        }
        monkeypatch.setattr(ways, "driver_for", lambda way, times, drivers=drivers: drivers[way.address.scheme])
        line = Line()
        told = asyncio.run(ways.print_by_ways(there, values.Times(1, 1, 1), None, no_source, line))  # type: ignore[arg-type]
        leads_nowhere = ending.evidence in ("DeviceUnreachable", "ConnectionLost", "Stalled")
        wanted = takes == 0 and ending.end is values.End.RETRY and leads_nowhere
        assert drivers["socket"].asked == int(wanted) and line.octets == takes + 5 * wanted, (takes, ending)
        assert told.end is (values.End.DELIVERED if wanted else ending.end)
        assert line.names == (["7", "1|7"] if wanted else ["7"])


def test_a_changed_certificate_leads_to_no_other_connection(post: Post, virtual: Start) -> None:
    running = virtual(lab.DevicePlan("office", lab.Door.IPPS), lab.DevicePlan("spare", lab.Door.RAW))
    there = also(post, post.adopted(running.uri("office")), running.uri("spare"))
    running.put("office", "certificate-changed")
    view = post.send(post.released(there, PDF))
    assert view.state is job.State.HELD and running.jobs("spare") == []


def test_an_encrypted_spare_is_used_only_once_its_certificate_is_adopted(post: Post, virtual: Start) -> None:
    running = virtual(lab.DevicePlan("spare", lab.Door.IPPS))
    made = post.adopted(f"ipp://127.0.0.1:{nobody()}/ipp/print", probe=False)
    there = also(post, made, running.uri("spare"))
    assert post.send(post.released(there, PDF)).state is job.State.HELD and running.jobs("spare") == []
    pins = delivery.look_at_ways(there)
    assert list(pins) == [there.ways[0].uri]
    with transaction() as tx:
        adoption = device.Adoption(there.capabilities, ways=pins)
        device.adopt(post.house.scope, there.id, adoption, by=post.house.administrator, tx=tx)
    assert post.send(post.released(there, PDF)).state is job.State.DELIVERED and len(running.jobs("spare")) == 1


def test_at_the_higher_levels_an_encrypted_device_is_never_reached_in_the_clear(post: Post, virtual: Start) -> None:
    running = virtual(lab.DevicePlan("office", lab.Door.IPPS), lab.DevicePlan("spare", lab.Door.RAW))
    there = also(post, post.adopted(running.uri("office")), running.uri("spare"))
    running.put("office", "offline")
    set_settings(house={"level": "medium-high"})
    with pytest.raises(delivery.TryAgain):
        post.send(post.released(there, PDF))
    assert running.jobs("spare") == []


def test_a_job_is_asked_for_where_it_went_and_nowhere_else(post: Post) -> None:
    there = also(post, post.adopted("ipp://127.0.0.1:9/one", probe=False), "ipp://127.0.0.1:9/two")
    waits = values.Times(1, 1, 1)
    asked = {name: ways.by_way(there, name, waits) for name in ("7", "1|7", "4|7", "job 7.2")}
    uris = {name: found[0]._address.uri for name, found in asked.items()}  # type: ignore[attr-defined]
    assert uris["7"].endswith("/one") and uris["1|7"].endswith("/two")
    assert [asked[name][1] for name in asked] == ["7", "7", "", "job 7.2"]


def test_a_device_with_a_spare_that_must_not_be_asked_does_not_count_as_unreachable(post: Post) -> None:
    made = post.adopted(f"ipp://127.0.0.1:{nobody()}/ipp/print", probe=False)
    assert delivery.condition(post.house.scope, made.id).state == "unreachable"
    there = also(post, made, "socket://127.0.0.1:9")
    assert delivery.condition(post.house.scope, there.id).state == "unknown"


def test_addresses_of_further_connections_are_checked_and_kept_in_one_form(post: Post) -> None:
    there = post.adopted("ipp://127.0.0.1:9/one", probe=False)
    kept = also(post, there, "SOCKET://Example.ORG", "socket://example.org:9100", "ipp://127.0.0.1:9/one")
    assert [way.uri for way in kept.ways] == ["socket://example.org:9100"]
    for wrong in (("ftp://example.org",), ("socket://user@example.org",)):
        with pytest.raises(device.BadAddress):
            also(post, there, *wrong)
    with pytest.raises(device.BadValue):
        also(post, there, *(f"socket://127.0.0.{n}" for n in range(1, 7)))
