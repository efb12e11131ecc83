"""Two tenants in one database: nobody and nothing of the one is reached, listed or believed by way of the other.

The neighbour has the same names as the house, so that whatever goes by a name alone would find the wrong one.
"""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import TypeVar
from uuid import UUID, uuid4

import pytest
from tests.conftest import House
from tests.flow.conftest import Way
from tests.intake.conftest import PDF as MAILED
from tests.intake.conftest import Desk, Post, a_mail
from tests.intake.test_advertising import PORTS
from tests.intake.test_mail_door import Stand, standing
from tests.intake.test_stream_doors import Doors, control, file, framed, made, opened, state
from tests.intake.test_subscriptions import IDLE, show
from tests.wire.pjl_samples import PDF

from frisket import device, flow, identity, intake, job
from frisket.flow import preparing
from frisket.intake import sources, subscriptions
from frisket.intake.advertising import services_of
from frisket.intake.errors import NoSuchSubscription
from frisket.intake.mail import boxes, ledger
from frisket.intake.mail.addresses import target_of
from frisket.intake.mail.errors import MailRefused
from frisket.intake.mail.models import Mail, MailPart
from frisket.intake.models import Subscription
from frisket.intake.sources import fetching, pickups, register
from frisket.intake.sources.errors import BadSource, NoSuchSource
from frisket.plumbing import parts
from frisket.plumbing.db import transaction
from frisket.plumbing.scope import Actor, ActorKind, Purpose, Scope

__all__ = ["made"]  # a fixture: the doors of LPD and RAW without their listeners
T = TypeVar("T")


@dataclass
class Neighbour:
    """The other tenant: alice and berta, a queue ``secure`` as the house has, and one of its own, ``theirs``."""

    tenant: UUID
    administrator: Actor
    people: dict[str, identity.PersonView]
    shown: dict[str, identity.Shown]
    queues: dict[str, device.QueueView]
    job: job.JobView

    @property
    def scope(self) -> Scope:
        return Scope(self.administrator, self.tenant, Purpose.OPERATE)

    def at_home(self) -> AbstractContextManager[None]:
        return at_home(self.tenant)

    def does(self, act: Callable[..., T], *values: object, **named: object) -> T:
        with self.at_home(), transaction() as tx:
            return act(self.scope, *values, by=self.administrator, tx=tx, **named)

    def now(self, view: job.JobView) -> job.State:
        with self.at_home():
            return job.get_for_stage(view.id).state


@contextmanager
def at_home(tenant: UUID) -> Iterator[None]:
    """As a process of that tenant's house sees the same database."""
    here = parts.installed()
    parts.install(replace(here, tenant=tenant))
    try:
        yield
    finally:
        parts.install(here)


@pytest.fixture
def neighbour(house: House) -> Neighbour:
    tenant = uuid4()
    parts.keys().add_tenant(tenant)
    by = Actor(ActorKind.PERSON, uuid4(), role="administrator", at="tests")
    scope = Scope(by, tenant, Purpose.OPERATE)
    with at_home(tenant):
        with transaction() as tx:
            device.add_device(scope, device.NewDevice("copy-b", "socket://127.0.0.1:9"), by=by, tx=tx)
            queues = {
                name: device.add_queue(scope, device.NewQueue(name, trusted_networks=("0.0.0.0/0",)), by=by, tx=tx)
                for name in ("secure", "theirs")
            }
            added = {
                name: identity.add(scope, identity.NewPerson(name, mail=f"{name}@office.lab"), by=by, tx=tx)
                for name in ("alice", "berta")
            }
        people = {name: person for name, (person, _) in added.items()}
        waiting = send(people["alice"], queues["secure"], "A letter of theirs")
    return Neighbour(tenant, by, people, {name: shown for name, (_, shown) in added.items()}, queues, waiting)


def send(
    person: identity.PersonView, queue: device.QueueView, title: str, at: job.State = job.State.HELD
) -> job.JobView:
    new = job.NewJob(
        id=uuid4(),
        queue=queue.id,
        person=person.id,
        door="tests",
        title=title,
        owner=person.name,
        state=at,
        why=job.Reason.FOR_RELEASE if at is job.State.HELD else job.Reason.ACCEPTED,
        documents=(job.NewDocument(1, "application/pdf", 20_000),),
        format="application/pdf",
    )
    with transaction() as tx:
        return job.create_many([new], by=[identity.actor_for(person, "tests")], tx=tx)[0]


# -- mail


def test_a_secret_address_of_the_neighbours_is_nobodys_here(neighbour: Neighbour, post: Post) -> None:
    theirs = f"secure+{neighbour.shown['alice'].queue_secret}@print.lab"
    with neighbour.at_home():
        found = target_of(theirs, "192.0.2.1")
        assert found is not None and found.person is not None and found.person.id == neighbour.people["alice"].id

    async def act(stand: Stand) -> None:
        async with stand.peer(tls=True) as peer:
            await peer.say("MAIL FROM:<berta@office.lab>")
            assert (await peer.say(f"RCPT TO:<{theirs}>")).startswith("550")
            assert (await peer.say("RCPT TO:<theirs@print.lab>")).startswith("550")

    standing(post, act)
    assert post.jobs() == []


def test_nobody_of_the_neighbours_signs_in_or_is_believed_by_mail(neighbour: Neighbour, post: Post) -> None:
    with pytest.raises(MailRefused) as refused:
        post.take(a_mail(("a.pdf", MAILED), From="berta@office.lab"))
    assert refused.value.why == "nobody-known"
    offered = identity.PasswordOffered("berta", neighbour.shown["berta"].password or "")
    with neighbour.at_home():
        assert identity.check(offered, at=identity.Place("mail")).id == neighbour.people["berta"].id
    with pytest.raises(identity.Refused):
        identity.check(offered, at=identity.Place("mail"))
    assert post.why(a_mail(("a.pdf", MAILED))) == [""]  # alice of this house, not theirs of the same address
    (view,) = post.jobs()
    assert view.person == post.alice.id


def test_a_mail_the_neighbour_took_prints_here_and_is_not_listed_here(neighbour: Neighbour, post: Post) -> None:
    assert post.why(a_mail(("a.pdf", MAILED))) == [""]
    Mail.objects.update(tenant=neighbour.tenant, why="theirs")
    MailPart.objects.update(tenant=neighbour.tenant)
    assert ledger.latest() == []
    assert post.why(a_mail(("a.pdf", MAILED))) == [""]
    assert [each.why for each in ledger.latest()] == [""]
    with neighbour.at_home():
        assert [each.why for each in ledger.latest()] == ["theirs"]


def test_mailboxes_of_the_neighbour_are_neither_listed_nor_opened(neighbour: Neighbour, post: Post) -> None:
    new = intake.NewMailbox("box", "imap", "mail.lab", "print", intake.Secret("their password"))
    theirs = neighbour.does(intake.add_mailbox, new)
    assert intake.mailboxes() == []
    for act in (lambda: boxes.named("box"), lambda: boxes.connect(theirs), lambda: intake.try_out("box")):
        with pytest.raises(intake.NoSuchMailbox):
            act()
    with transaction() as tx, pytest.raises(intake.NoSuchMailbox):
        intake.remove_mailbox("box", by=post.house.administrator, tx=tx)
    wrong = replace(new, name="other", queue=neighbour.queues["theirs"].id)
    with transaction() as tx, pytest.raises(device.NoSuchQueue):
        intake.add_mailbox(post.house.scope, wrong, by=post.house.administrator, tx=tx)


# -- LPD and RAW


async def test_names_and_queues_of_the_neighbour_are_nothing_at_the_stream_doors(
    neighbour: Neighbour, made: Doors
) -> None:
    async with opened(made) as doors:
        assert (await doors.raw(framed(user="berta")))[1]
        assert await doors.lpd(b"\2theirs\n") != b"\0"
        whole = (*file(2, "cfA001pc", control("ldfA001pc", user="berta")), *file(3, "dfA001pc", PDF))
        assert b"\0" * 5 != await doors.lpd(b"\2secure\n", *whole)
        assert await doors.jobs() == []
        assert not (await doors.raw(framed(user="alice")))[1]
        view = await doors.only()
        assert view.person == doors.people["alice"].id != neighbour.people["alice"].id


async def test_jobs_of_the_neighbour_are_neither_listed_nor_removed_over_lpd(neighbour: Neighbour, made: Doors) -> None:
    async with opened(made) as doors:
        for asked in (b"\3secure\n", b"\4secure alice\n", b"\3secure %d\n" % neighbour.job.number):
            said = await state(doors, asked)
            assert "theirs" not in said and str(neighbour.job.number) not in said.split(), said
        await doors.lpd(b"\5secure alice %d\n" % neighbour.job.number)
    assert await asyncio.to_thread(neighbour.now, neighbour.job) is job.State.HELD


def test_no_queue_has_a_person_of_the_neighbour_behind_it(neighbour: Neighbour, made: Doors) -> None:
    with pytest.raises(identity.NotFound):
        made.rule(default_person=neighbour.people["berta"].id)
    neighbour.does(device.change_queue, neighbour.queues["theirs"].id, device.QueueChange(raw_port=9200))
    assert device.raw_ports() == {} and device.queue_by_raw_port(9200) is None


# -- hot folders and stores


def theirs(neighbour: Neighbour, folder: Path) -> sources.SourceView:
    new = sources.NewSource("letters", str(folder), neighbour.queues["secure"].id, person=neighbour.people["alice"].id)
    return neighbour.does(sources.add, new)


def test_a_folder_may_not_name_a_queue_or_person_of_the_neighbour(neighbour: Neighbour, desk: Desk) -> None:
    house, here = desk.house, desk.source
    with transaction() as tx:
        for wrong, refusal in (
            (sources.SourceChange(queue=neighbour.queues["theirs"].id), device.NoSuchQueue),
            (sources.SourceChange(person=neighbour.people["berta"].id), identity.NotFound),
        ):
            with pytest.raises(refusal):
                sources.change(house.scope, here.id, wrong, by=house.administrator, tx=tx)
    (desk.folder / "berta").mkdir()
    with transaction() as tx:
        by_path = sources.SourceChange(owner_rule=sources.Owner.PATH)
        desk.source = sources.change(house.scope, here.id, by_path, by=house.administrator, tx=tx)
    (desk.folder / "berta" / "a.pdf").write_bytes(PDF)
    desk.rounds()
    assert desk.jobs() == [] and [each.state for each in desk.log()] == ["refused"]


def test_no_folder_is_watched_by_two_tenants(neighbour: Neighbour, desk: Desk, tmp_path: Path) -> None:
    theirs(neighbour, tmp_path / "their folder")
    house = desk.house
    for path in (tmp_path / "their folder", tmp_path / "their folder" / "in"):
        new = sources.NewSource("mine", str(path), desk.source.queue, person=desk.source.person)
        with transaction() as tx, pytest.raises(BadSource):
            sources.add(house.scope, new, by=house.administrator, tx=tx)


def test_folders_stores_and_what_came_in_there_stay_the_neighbours(
    neighbour: Neighbour, desk: Desk, tmp_path: Path
) -> None:
    house, elsewhere = desk.house, tmp_path / "their folder"
    folder = theirs(neighbour, elsewhere)
    share = sources.NewSource(
        "share", "smb://127.0.0.1:9/share", neighbour.queues["secure"].id, person=folder.person, browsable=True
    )
    store = neighbour.does(sources.add, replace(share, user="printer", password="theirs"))
    with neighbour.at_home():
        assert register.password_of(store.id) == "theirs"
        with transaction() as tx:
            asked = pickups.ask(store.id, "a.pdf", neighbour.people["alice"].id, {"copies": "1"}, tx=tx)
    assert (
        {each.id for each in sources.sources(house.scope)} == {each.id for each in register.every()} == {desk.source.id}
    )
    alice = house.own(desk.source.person)  # type: ignore[arg-type]
    assert sources.browsable(alice) == [] and pickups.of_person(alice, store.id) == []
    with pytest.raises(NoSuchSource):
        fetching.store_of(alice, "share")
    assert register.get(store.id) is None and register.password_of(store.id) == ""
    assert pickups.asked(asked) is None and list(pickups.history(house.scope, store.id).rows) == []
    with transaction() as tx, pytest.raises(NoSuchSource):
        sources.remove(house.scope, folder.id, by=house.administrator, tx=tx)


# -- subscriptions, discovery, what time and the worker do


def test_nobody_hears_of_the_neighbours_jobs_or_subscriptions(neighbour: Neighbour, way: Way) -> None:
    def subscribe(queue: device.QueueView, by: Actor) -> subscriptions.SubscriptionView:
        new = subscriptions.NewSubscription(queue.id, subscriptions.EVENTS, lease_s=600)
        return subscriptions.create(new, lambda queue: IDLE, by=by)

    def hear(scope: Scope, view: subscriptions.SubscriptionView) -> list[str]:
        heard = subscriptions.hear(scope, [(view.number, 1)], look=lambda queue: IDLE, show=show, limit=100)
        return [each.event for each in heard.events]

    mine = subscribe(way.queues["secure"], identity.actor_for(way.alice, "ipp"))
    with neighbour.at_home():
        listening = subscribe(neighbour.queues["secure"], identity.actor_for(neighbour.people["alice"], "ipp"))
        send(neighbour.people["alice"], neighbour.queues["secure"], "Another of theirs")
    assert hear(way.house.scope, mine) == []
    for act in (subscriptions.get, subscriptions.cancel):
        with pytest.raises(NoSuchSubscription):
            act(way.house.scope, listening.number)
    found = subscriptions.find(way.house.scope, queue=None, about=None, mine=None, limit=100)
    assert [each.id for each in found] == [mine.id]
    way.house.clock.pass_time(timedelta(hours=1))
    subscriptions.tidy()
    assert set(Subscription.objects.values_list("id", flat=True)) == {listening.id}


def test_only_queues_of_the_house_are_announced(neighbour: Neighbour, way: Way) -> None:
    reach = intake.Reach("printhouse.local", PORTS, "https://printhouse:8443")
    told = [each for queue in device.queues(way.house.scope) for each in services_of(queue, reach)]
    assert {dict(each.txt).get("rp") for each in told} == {None, "ipp/print/secure", "ipp/print/straight"}


def test_time_and_the_worker_leave_the_neighbours_jobs_alone(neighbour: Neighbour, way: Way) -> None:
    alice, queue = neighbour.people["alice"], neighbour.queues["secure"]
    with neighbour.at_home():
        to_convert = send(alice, queue, "To be converted", job.State.ADMITTED)
    assert job.uncounted() == []
    with pytest.raises(job.NotFound):
        job.get_for_stage(neighbour.job.id)
    preparing._next(SimpleNamespace(payload={"job": to_convert.id.hex}))  # type: ignore[arg-type]
    assert neighbour.now(to_convert) is job.State.ADMITTED
    way.house.clock.pass_time(timedelta(days=30))
    flow.look_at_the_clock()
    assert neighbour.now(neighbour.job) is job.State.HELD
    with neighbour.at_home():
        flow.look_at_the_clock()
    assert neighbour.now(neighbour.job) is not job.State.HELD
