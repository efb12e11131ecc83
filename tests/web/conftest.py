"""A house with people in it, and browsers that speak to its pages without a network."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.http import HttpRequest
from django.test import Client

from frisket import device, identity, job
from frisket.intake import sources
from frisket.plumbing import parts
from frisket.plumbing.db import transaction
from frisket.web import sessions
from frisket.web.keyed_sessions import SessionStore
from tests.conftest import House

PASSWORD = "a quiet walk by the river"


ROLES = {"olga": identity.Role.OPERATOR, "adam": identity.Role.ADMINISTRATOR}


@dataclass
class Town:
    """The house and its people: olga operates it, adam administers it, all others print. Whoever is named comes
    into being then; only who needs a password gets one, because that is slow on purpose."""

    house: House
    known: dict[str, identity.PersonView] = field(default_factory=dict)

    def person(self, name: str, *, password: str | None = None) -> identity.PersonView:
        if name not in self.known:
            new = identity.NewPerson(
                name, f"{name.title()} Example", role=ROLES.get(name, identity.Role.PERSON), bare=True
            )
            with transaction() as tx:
                self.known[name], _ = identity.add(self.house.scope, new, by=self.house.administrator, tx=tx)
        if password is not None:
            found = self.known[name]
            with transaction() as tx:
                identity.set_password(self.house.scope, found.id, password, by=self.house.administrator, tx=tx)
            self.known[name] = identity.get(self.house.scope, found.id)
        return self.known[name]

    def enrol(self, name: str, new: identity.NewCredential) -> identity.Shown:
        person = self.person(name)
        with transaction() as tx:
            return identity.enrol(person.id, new, by=self.house.administrator, tx=tx, scope=self.house.scope)

    def add_queue(self, name: str = "secure", *, hold: bool = True) -> device.QueueView:
        with transaction() as tx:
            new = device.NewQueue(name, hold=hold)
            return device.add_queue(self.house.scope, new, by=self.house.administrator, tx=tx)

    def add_device(self, name: str = "copy-1", uri: str = "socket://127.0.0.1:9") -> device.DeviceView:
        with transaction() as tx:
            new = device.NewDevice(name, uri, location="second floor")
            return device.add_device(self.house.scope, new, by=self.house.administrator, tx=tx)

    def add_store(self, name: str = "secure", address: str = "smb://127.0.0.1:9/share") -> sources.SourceView:
        """One where nobody answers."""
        queue = device.default_queue() or self.add_queue()
        person = self.person("alice").id
        new = sources.NewSource(name, address, queue.id, person=person, browsable=True, user="printer")
        with transaction() as tx:
            return sources.add(self.house.scope, new, by=self.house.administrator, tx=tx)

    def send(
        self,
        person: str,
        title: str = "Letter to the council.pdf",
        state: job.State = job.State.HELD,
        **more: Any,
    ) -> job.JobView:
        owner = self.person(person)
        queue = device.default_queue() or self.add_queue()
        new = job.NewJob(
            id=uuid4(),
            queue=queue.id,
            person=owner.id,
            door="upload",
            title=title,
            owner=owner.name,
            state=state,
            why=job.Reason.FOR_RELEASE if state is job.State.HELD else job.Reason.ACCEPTED,
            documents=(job.NewDocument(1, "application/pdf", 20_000),),
            format="application/pdf",
            **more,
        )
        with transaction() as tx:
            return job.create_many([new], by=[identity.actor_for(owner, "upload")], tx=tx)[0]

    def browser(self, name: str | None = None, **options: Any) -> Client:
        """A browser on this server's pages; with a name it is signed in, as if by the sign-in page."""
        browser = Client(headers={"host": "localhost"}, **options)
        if name is not None:
            request = HttpRequest()
            request.session = SessionStore()
            sessions.begin(request, self.person(name))
            request.session.save()
            browser.cookies["__Host-session"] = request.session.session_key
            browser.cookies[sessions.CONSOLE_COOKIE] = request.session["console"]
        return browser

    def sign_in(self, name: str, password: str = PASSWORD) -> Client:
        """Through the page itself."""
        browser = self.browser()
        answer = browser.post("/sign-in", {"name": name, "password": password}, secure=True)
        assert answer.status_code == 302, answer.content.decode()
        return browser

    def job_now(self, job_id: UUID) -> job.JobView:
        return job.get(self.house.scope, job_id)


@pytest.fixture
def town(house: House) -> Iterator[Town]:
    """Roomy limits: tests ask faster than people do."""
    before = parts.installed()
    settings = before.settings
    quick = settings.model_copy(update={"limits": settings.limits.model_copy(update={"pages_per_second": 10_000})})
    parts.install(replace(before, settings=quick))
    device.version()  # the registry is of this house from here on
    yield Town(house)
    parts.install(before)
