"""A device that is broken or cannot print a job as it was meant refuses it; the job waits on."""

from collections.abc import Iterator

import pytest
from tests.delivery.conftest import Post
from tests.delivery.conftest import post as post  # a house with a person and a queue
from tests.delivery.conftest import virtual as virtual

from frisket import device, flow, job, lab, release
from frisket.plumbing.db import transaction
from frisket.plumbing.scope import Actor, ActorKind

MONO = device.Capabilities(colour=False, media=("iso_a4_210x297mm",), probed=True)
FULL = device.Capabilities(
    sides=("one-sided", "two-sided-long-edge"), media=("iso_a4_210x297mm", "iso_a3_297x420mm"), probed=True
)


class Hall:
    """A queue with two devices in one place, and alice who stands there."""

    def __init__(self, post: Post) -> None:
        self.post, self.house = post, post.house
        self.by = Actor(ActorKind.PERSON, post.person, role="person")
        self.own = self.house.own(post.person)
        self.plain = self.add("plain", MONO, "second floor, stairs")
        self.full = self.add("full", FULL, "second floor, kitchen")

    def add(self, name: str, can: device.Capabilities, location: str) -> device.DeviceView:
        with transaction() as tx:
            adoption = device.Adoption(can)
            new = device.NewDevice(name, f"ipp://127.0.0.1:9/{name}", location, adoption=adoption)
            return device.add_device(self.house.scope, new, by=self.house.administrator, tx=tx)

    def held(self, **how: object) -> job.JobView:
        job_id = self.post.released(self.plain, b"%PDF-1.4", **how)
        with transaction() as tx:
            return job.move(
                job_id,
                job.State.HELD,
                expected=job.State.RELEASED,
                why=job.Reason.WITHDRAWN,
                by=self.by,
                tx=tx,
                changes=job.Changes(forget_device=True),
            )

    def says(self, there: device.DeviceView, state: str, *reasons: str) -> None:
        with transaction() as tx:
            device.set_state(there.id, state, reasons, tx=tx, source="ipp")

    def release(self, view: job.JobView, there: device.DeviceView, **wish: object) -> release.Outcome:
        wished = release.Wish(**wish)  # type: ignore[arg-type]
        return release.release(self.own, [view.id], there.id, wished, by=self.by)[0]

    def state(self, view: job.JobView) -> job.State:
        return self.post.view(view.id).state


@pytest.fixture
def hall(post: Post) -> Iterator[Hall]:
    yield Hall(post)


def test_a_broken_device_refuses_and_names_the_one_near_it(hall: Hall) -> None:
    view = hall.held()
    hall.says(hall.plain, "stopped", "media-jam-error")
    hall.says(hall.full, "idle")
    refused = hall.release(view, hall.plain, as_it_can=True)
    assert not refused.ok and refused.why == ("broken",) and refused.instead == ("full",)
    assert refused.text == ("Paper is jammed in plain. Go to full, second floor, kitchen: it can print this now.")
    assert hall.state(view) is job.State.HELD
    (row,) = release.waiting(hall.own, hall.post.person, hall.plain.id).rows
    assert not row.suitable and not row.may_anyway and row.why_not == refused.text
    hall.says(hall.plain, "idle")
    assert hall.release(view, hall.plain).ok and hall.state(view) is job.State.RELEASED


@pytest.mark.parametrize(
    ("job_is", "wish", "why"),
    [
        ({"options": job.Options(color_mode="color")}, {"color_mode": "monochrome"}, "colour"),
        ({"options": job.Options(sides="two-sided-long-edge")}, {"sides": "one-sided"}, "sides"),
        ({"options": job.Options(media="iso_a3_297x420mm")}, {"as_it_can": True}, "media"),
    ],
)
def test_what_would_come_out_otherwise_is_refused_until_the_person_says_so(
    hall: Hall, job_is: dict[str, object], wish: dict[str, object], why: str
) -> None:
    view = hall.held(**job_is)
    refused = hall.release(view, hall.plain)
    assert refused.why == (why,) and refused.instead == ("full",) and hall.state(view) is job.State.HELD
    (row,) = release.waiting(hall.own, hall.post.person, hall.plain.id).rows
    assert row.may_anyway and [each.name for each in row.instead] == ["full"]
    assert hall.release(view, hall.plain, **wish).ok


def test_a_document_in_colour_is_not_printed_grey_unasked(hall: Hall) -> None:
    view = hall.held()
    job.record_facts(view.id, 3, True, "iso_a4_210x297mm", [(1, 3)])
    assert hall.release(view, hall.plain).why == ("colour",)
    assert hall.release(view, hall.full).ok
    other = hall.held(options=job.Options(color_mode="monochrome"))
    job.record_facts(other.id, 3, True, "iso_a4_210x297mm", [(1, 3)])
    assert hall.release(other, hall.plain).ok


def test_nobody_is_sent_to_a_device_that_is_not_behind_the_queue_or_stands_still(hall: Hall) -> None:
    view = hall.held()
    hall.says(hall.plain, "unreachable")
    hall.says(hall.full, "stopped", "door-open-error")
    refused = hall.release(view, hall.plain)
    assert refused.instead == () and refused.text.endswith("No other device can print it just now; it waits.")
    hall.says(hall.full, "idle")
    with transaction() as tx:
        change = device.QueueChange(devices=(hall.plain.id,))
        device.change_queue(hall.house.scope, hall.post.queue, change, by=hall.house.administrator, tx=tx)
    assert hall.release(view, hall.plain).instead == ()


def test_a_device_known_as_broken_is_asked_once_more_before_it_refuses(hall: Hall, virtual: object) -> None:
    running = virtual(lab.DevicePlan("office", lab.Door.IPP))  # type: ignore[operator]
    there = hall.post.adopted(running.uri("office"), "office")
    view = hall.held()
    hall.says(there, "stopped", "door-open-error")
    assert not hall.release(view, there).ok
    assert flow.release_at(hall.own, [view.id], there.id, by=hall.by)[0].ok, "its door was closed meanwhile"
    again = hall.held()
    running.put("office", "offline")
    hall.says(there, "stopped", "door-open-error")
    assert flow.release_at(hall.own, [again.id], there.id, by=hall.by)[0].why == ("broken",)
    assert hall.state(again) is job.State.HELD


def test_each_of_several_jobs_is_judged_by_itself(hall: Hall) -> None:
    one, two = hall.held(), hall.held(options=job.Options(color_mode="color"))
    done = release.release(hall.own, [one.id, two.id], hall.plain.id, by=hall.by)
    assert [each.ok for each in done] == [True, False] and done[1].why == ("colour",)
