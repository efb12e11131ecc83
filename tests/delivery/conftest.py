"""A house with a person, a queue and released jobs; real printers of others, and our own virtual ones."""

import asyncio
import os
import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID, uuid4

import pytest

from frisket import delivery, device, identity, job, lab, spool
from frisket.plumbing import crashpoints, parts
from frisket.plumbing.db import transaction
from frisket.plumbing.scope import HOUSE
from frisket.plumbing.settings import Settings
from tests.conftest import House

BUS_ADDRESS = "DBUS_SYSTEM_BUS_ADDRESS"
BUS = """\
<busconfig>
  <type>system</type>
  <listen>unix:path={folder}/socket</listen>
  <auth>EXTERNAL</auth>
  <policy context="default">
    <allow user="*"/>
    <allow own="*"/>
    <allow send_destination="*"/>
    <allow receive_sender="*"/>
  </policy>
</busconfig>
"""


def set_settings(**sections: dict[str, object]) -> None:
    """Install the house's parts again with other settings."""
    now = parts.installed()
    tree = now.settings.model_dump()
    for section, values in sections.items():
        tree[section].update(values)
    settings = Settings.model_validate(tree)
    parts.install(parts.Parts(now.data, settings, now.clock, now.keys, now.tenant, now.site))


@dataclass
class Post:
    """What the doors and the release do, in one place."""

    house: House
    queue: UUID
    person: UUID

    def adopted(self, uri: str, name: str = "one", *, probe: bool = True, **how: object) -> device.DeviceView:
        adoption = delivery.adoption_of(delivery.probe(uri)) if probe else None
        with transaction() as tx:
            new = device.NewDevice(name, uri, adoption=adoption, **how)  # type: ignore[arg-type]
            return device.add_device(self.house.scope, new, by=self.house.administrator, tx=tx)

    def released(
        self, target: device.DeviceView, *documents: bytes, format: str = "application/pdf", **how: object
    ) -> UUID:
        key = spool.new_key(uuid4())
        sealed = [spool.seal_octets(octets, key, document=n) for n, octets in enumerate(documents, 1)]
        spool.place_many(sealed)
        with transaction() as tx:
            new = job.NewJob(
                id=key.job,
                queue=self.queue,
                person=self.person,
                door="tests",
                title="Pay rise of Alice",
                owner="alice",
                state=job.State.RELEASED,
                why=job.Reason.BY_PERSON,
                documents=tuple(job.NewDocument(doc.document, format, doc.octets) for doc in sealed),
                format=format,
                device=target.id,
                **how,  # type: ignore[arg-type]
            )
            job.create_many([new], by=[HOUSE], tx=tx)
            spool.keep_many([spool.Keep(self.person, key, sealed)], tx=tx)
        return key.job

    def view(self, job_id: UUID) -> job.JobView:
        return job.get(self.house.stage, job_id)

    def send(self, job_id: UUID) -> job.JobView:
        delivery.send(job_id)
        return self.view(job_id)

    def attempt(self, job_id: UUID) -> delivery.AttemptView:
        return delivery.attempts(self.house.scope, job_id)[-1]


@pytest.fixture
def post(house: House) -> Iterator[Post]:
    set_settings(space={"reserve_bytes": 1 << 16}, delivery={"connect_s": 2.0, "stall_s": 2.0, "follow_s": 20.0})
    with transaction() as tx:
        person, _ = identity.add(house.scope, identity.NewPerson(name="alice"), by=house.administrator, tx=tx)
        queue = device.add_queue(house.scope, device.NewQueue("secure"), by=house.administrator, tx=tx)
    spool.load_counters()
    yield Post(house, queue.id, person.id)
    crashpoints.arm("")
    delivery.stop()
    spool.close()


@pytest.fixture
def virtual(tmp_path: Path) -> Iterator[Callable[..., lab.Running]]:
    """Virtual devices of our own, with faults on request."""
    opened = []

    def start(*plans: lab.DevicePlan) -> lab.Running:
        context = lab.running(tmp_path / f"lab{len(opened)}", *plans)
        opened.append(context)
        return context.__enter__()

    yield start
    for context in opened:
        context.__exit__(None, None, None)


class Collector:
    """A RAW sink that keeps what it gets and says nothing, as the plainest print server does."""

    def __init__(self) -> None:
        self.prints: list[bytes] = []
        self.then: Callable[[], object] = lambda: None  # once a print is here, before its connection ends
        self._loop = asyncio.new_event_loop()

    def __enter__(self) -> "Collector":
        ready = threading.Event()

        async def serve() -> None:
            self._server = await asyncio.start_server(self._take, "127.0.0.1", 0)
            self.port = self._server.sockets[0].getsockname()[1]
            ready.set()

        self._thread = threading.Thread(target=self._run, args=(serve,), daemon=True)
        self._thread.start()
        assert ready.wait(5)
        return self

    def _run(self, serve: Callable[[], object]) -> None:
        self._loop.run_until_complete(serve())  # type: ignore[arg-type]
        self._loop.run_forever()
        self._loop.close()

    async def _take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        octets = await reader.read(-1)
        self.prints.append(octets)
        self.then()
        writer.close()

    @property
    def uri(self) -> str:
        return f"socket://127.0.0.1:{self.port}"

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._server.close)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(5)


@pytest.fixture
def collector() -> Iterator[Collector]:
    with Collector() as sink:
        yield sink


def peer(program: str) -> str:
    """The path of a real peer; a missing one skips at a desk and fails in CI."""
    found = shutil.which(program)
    if found is None and os.environ.get("CI"):
        pytest.fail(f"{program} is not installed")
    if found is None:
        pytest.skip(f"{program} is not installed")
    return found


def free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


def is_listening(port: int) -> bool:
    """As the kernel tells it: the address and state of each socket are its second and fourth word."""
    rows = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    return any(row[1].endswith(f":{port:04X}") and row[3] == "0A" for row in rows)


def wait_for(what: Callable[[], bool], within_s: float = 60) -> None:
    until = time.monotonic() + within_s
    while not what():
        assert time.monotonic() < until, "it did not happen in time"
        time.sleep(0.02)


@pytest.fixture(scope="session")
def bus(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """ippeveprinter wants a system bus even to advertise nothing: one of this run's own, which nobody else ends."""
    program, folder = peer("dbus-daemon"), tmp_path_factory.mktemp("bus")
    (folder / "bus.conf").write_text(BUS.format(folder=folder))
    daemon = subprocess.Popen([program, f"--config-file={folder}/bus.conf", "--nofork"], stderr=subprocess.DEVNULL)
    before = os.environ.get(BUS_ADDRESS)
    os.environ[BUS_ADDRESS] = f"unix:path={folder}/socket"
    try:
        wait_for((folder / "socket").exists)
        yield
    finally:
        os.environ.pop(BUS_ADDRESS)
        if before is not None:
            os.environ[BUS_ADDRESS] = before
        daemon.terminate()
        daemon.wait(5)


@dataclass
class Eve:
    """A running ippeveprinter. ``printed``: the files it kept, oldest first."""

    port: int
    folder: Path
    keys: Path
    process: "subprocess.Popen[bytes]"

    @property
    def ipp(self) -> str:
        return f"ipp://127.0.0.1:{self.port}/ipp/print"

    @property
    def ipps(self) -> str:
        return f"ipps://127.0.0.1:{self.port}/ipp/print"

    def printed(self) -> list[bytes]:
        files = sorted(self.folder.glob("*.pdf"), key=lambda file: file.stat().st_mtime_ns)
        return [file.read_bytes() for file in files]


@contextmanager
def eve_running(folder: Path, *options: str, port: int = 0, keys: str = "keys") -> Iterator[Eve]:
    program = peer("ippeveprinter")
    port = port or free_port()
    kept, certificates = folder / "kept", folder / keys
    kept.mkdir(exist_ok=True)
    certificates.mkdir(exist_ok=True)
    formats = "application/pdf,application/postscript,image/pwg-raster,image/jpeg"
    arguments = ["-p", str(port), "-n", "localhost", "-d", str(kept), "-k", "-2", "-s", "600,600", "-r", "off"]
    process = subprocess.Popen(
        [program, *arguments, "-K", str(certificates), "-f", formats, *(options or ("-c", "/bin/true")), "Eve"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        wait_for(lambda: _listens(port) or process.poll() is not None)
        assert process.poll() is None, "ippeveprinter ended at once"
        yield Eve(port, kept, certificates, process)
    finally:
        process.kill()
        process.wait(5)


def _listens(port: int) -> bool:
    with socket.socket() as sock:
        return sock.connect_ex(("127.0.0.1", port)) == 0


@pytest.fixture
def eve(bus: None, tmp_path: Path) -> Iterator[Eve]:
    with eve_running(tmp_path) as running:
        yield running
