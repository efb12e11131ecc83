"""LPD and RAW as doors: whose a job is, what of it is kept, what is answered, octet by octet over real sockets."""

import asyncio
import random
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

import pytest
from tests.conftest import House
from tests.fuzz import test_fuzz_lpd, test_fuzz_pjl
from tests.wire.pjl_samples import JOBS, PCL, PDF, UEL

from frisket import device, flow, identity, intake, job, release, spool
from frisket.plumbing import parts, streams
from frisket.plumbing.db import transaction
from frisket.plumbing.scope import Actor, Scope
from frisket.plumbing.settings import Settings

HERE = "127.0.0.0/8"
SOON_S = 10.0
RESET = b"\1\0\0\0\0\0\0\0"


class Commands:
    def cancel(self, scope: Scope, job: object, *, by: Actor) -> None:
        flow.cancel(scope, job, by=by)  # type: ignore[arg-type]

    def hold(self, scope: Scope, job: object, *, by: Actor) -> None:
        raise AssertionError

    def let_go(self, scope: Scope, job: object, *, by: Actor) -> None:
        raise AssertionError

    def password_verifier(self, job_password: bytes, encryption: str) -> bytes:
        return release.make_verifier(job_password, encryption)


@dataclass
class Doors:
    house: House
    intake: intake.Intake
    people: dict[str, identity.PersonView]
    queue: device.QueueView
    ports: dict[str, int] = field(default_factory=dict)

    def rule(self, **change: object) -> None:
        with transaction() as tx:
            wanted = device.QueueChange(**change)  # type: ignore[arg-type]
            device.change_queue(self.house.scope, self.queue.id, wanted, by=self.house.administrator, tx=tx)

    async def jobs(self) -> list[job.JobView]:
        every = job.Filter(oldest_first=True)
        return await asyncio.to_thread(lambda: list(job.find(self.house.stage, every, limit=100_000).rows))

    async def only(self) -> job.JobView:
        [view] = await self.jobs()
        return view

    async def content(self, view: job.JobView) -> list[bytes]:
        found = []
        async for part in self.intake.documents_again(view, by=self.house.administrator):
            found.append(b"".join([piece async for piece in part.data]))
        return found

    async def raw(self, *octets: bytes) -> tuple[bytes, bool]:
        """Send to the RAW port and end; what was answered, and whether the connection was reset."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.ports["raw"])
        got, reset = b"", False
        try:
            for piece in octets:
                writer.write(piece)
                await writer.drain()
            writer.write_eof()
            async with asyncio.timeout(SOON_S):
                while piece := await reader.read(65536):
                    got += piece
        except ConnectionError:
            reset = True
        writer.close()
        return got, reset

    async def lpd(self, *steps: bytes, end: bool = True) -> bytes:
        """Send each step once the one before is answered; the answers. A refusal ends it."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.ports["lpd"])
        got = b""
        async with asyncio.timeout(SOON_S):
            with suppress(ConnectionError):
                for step in steps:
                    writer.write(step)
                    answer = await reader.read(1)
                    got += answer
                    if answer != b"\0":
                        break
                if end:
                    writer.write_eof()
                got += await reader.read()
        writer.close()
        return got


@pytest.fixture
def made(house: House) -> Iterator[Doors]:
    by = house.administrator
    with transaction() as tx:
        device.add_device(house.scope, device.NewDevice("copy-1", "socket://127.0.0.1:9"), by=by, tx=tx)
        new = device.NewQueue("secure", hold=True, trusted_networks=(HERE,))
        queue = device.add_queue(house.scope, new, by=by, tx=tx)
        people = {
            name: identity.add(house.scope, identity.NewPerson(name), by=by, tx=tx)[0] for name in ("alice", "bob")
        }
    spool.load_counters()
    doors = intake.Intake(flow.walk, on_failed_sync=lambda error: None)
    doors.start()
    try:
        yield Doors(house, doors, people, queue)
    finally:
        doors.stop()
        spool.close()


@asynccontextmanager
async def opened(made: Doors, *, tells: bool = True, pause_s: float = 60) -> AsyncIterator[Doors]:
    bounds = streams.Bounds(pause_s, pause_s, 1024, pause_s, 1000, 500, 500)
    listeners = {
        "raw": streams.Listener(intake.RawDoor(made.intake, Commands()).serve, bounds),
        "lpd": streams.Listener(intake.LpdDoor(made.intake, Commands(), tells=tells).serve, bounds),
    }
    for name, listener in listeners.items():
        await listener.open("127.0.0.1", 0)
        made.ports[name] = listener.port
    try:
        yield made
    finally:
        for listener in listeners.values():
            await listener.close(patience_s=0.2)


@pytest.fixture
async def doors(made: Doors) -> AsyncIterator[Doors]:
    async with opened(made) as found:
        yield found


async def nothing_is_kept(doors: Doors) -> None:
    """No row, and of the files of large documents none."""

    def large() -> list[str]:
        files = [file for file in (doors.house.data / "spool").rglob("*") if file.is_file()]
        return [str(file) for file in files if 1_000_000 < file.stat().st_size < 4_000_000]

    assert await doors.jobs() == []
    async with asyncio.timeout(SOON_S):
        while large():
            await asyncio.sleep(0.02)


def framed(*lines: str, language: str = "PDF", document: bytes = PDF, user: str = "alice") -> bytes:
    said = [f'@PJL SET USERNAME="{user}"'] if user else []
    head = "".join(f"{line}\r\n" for line in [*said, *lines, f"@PJL ENTER LANGUAGE={language}"])
    return UEL + head.encode() + document + UEL


# -- RAW: whose it is


async def test_a_raw_job_is_whose_pjl_says_where_the_queue_believes_the_network(doors: Doors) -> None:
    assert await doors.raw(JOBS["hp-held"]) == (b"", False)
    view = await doors.only()
    assert (view.person, view.owner, view.title, view.door) == (doors.people["alice"].id, "alice", "Payslip", "raw")
    assert (view.copies, view.hold, view.has_password) == (3, "password", True)
    assert await doors.content(view) == [b"%!PS-Adobe-3.0\nshowpage\n"]


async def test_a_raw_job_without_a_name_is_the_persons_the_queue_names_or_nobodys(doors: Doors) -> None:
    assert (await doors.raw(PDF))[1]
    await asyncio.to_thread(doors.rule, default_person=doors.people["bob"].id)
    assert not (await doors.raw(PDF))[1]
    assert (await doors.only()).owner == "bob"


async def test_a_name_nobody_has_is_refused_even_where_the_queue_names_a_person(doors: Doors) -> None:
    await asyncio.to_thread(doors.rule, default_person=doors.people["bob"].id)
    assert (await doors.raw(framed(user="mallory")))[1]
    assert await doors.jobs() == []


async def test_a_stated_name_is_nothing_where_the_network_is_not_believed(doors: Doors) -> None:
    await asyncio.to_thread(doors.rule, trusted_networks=("192.0.2.0/24",))
    assert (await doors.raw(framed()))[1]
    await asyncio.to_thread(doors.rule, default_person=doors.people["bob"].id)
    assert not (await doors.raw(framed()))[1]
    assert (await doors.only()).owner == "bob"


async def test_a_person_who_is_switched_off_owns_no_new_job(doors: Doors) -> None:
    await asyncio.to_thread(doors.rule, default_person=doors.people["bob"].id)

    def switch_off() -> None:
        with transaction() as tx:
            identity.set_active(doors.house.scope, doors.people["bob"].id, False, by=doors.house.administrator, tx=tx)

    await asyncio.to_thread(switch_off)
    assert (await doors.raw(PDF))[1]
    assert await doors.jobs() == []


# -- RAW: what it is


async def test_what_pjl_asks_for_becomes_the_jobs_options(doors: Doors) -> None:
    await doors.raw(JOBS["hp"])
    view = await doors.only()
    assert (view.title, view.copies, view.format) == ("Report", 2, "application/vnd.hp-pcl")
    assert view.options == job.Options(sides="two-sided-short-edge", color_mode="monochrome", media="iso_a4_210x297mm")
    assert await doors.content(view) == [PCL]


async def test_documents_without_names_apart_are_one_job(doors: Doors) -> None:
    await doors.raw(framed() + framed(language="PCL", document=PCL, user=""))
    view = await doors.only()
    assert view.documents == 2
    assert await doors.content(view) == [PDF, PCL]


async def test_jobs_named_apart_are_jobs_apart(doors: Doors) -> None:
    stream = framed('@PJL JOB NAME="one"') + b"@PJL EOJ\r\n" + framed('@PJL JOB NAME="two"', document=PDF + PDF)
    await doors.raw(stream)
    views = await doors.jobs()
    assert [view.title for view in views] == ["one", "two"]
    assert [await doors.content(view) for view in views] == [[PDF], [PDF + PDF]]


async def test_a_document_of_another_user_is_never_part_of_the_first_ones_job(doors: Doors) -> None:
    await doors.raw(framed() + framed(user="bob"))
    assert [view.owner for view in await doors.jobs()] == ["alice", "bob"]


@pytest.mark.parametrize(
    "words",
    ['FSUPLOAD NAME="0:\\x" OFFSET=0 SIZE=9', "RNVRAM ADDRESS=1", "SET SERVICEMODE=HPBOISEID", "UPGRADE SIZE=9"],
)
async def test_commands_that_reach_into_a_device_are_refused_with_their_job(doors: Doors, words: str) -> None:
    assert (await doors.raw(framed(f"@PJL {words}")))[1]
    assert (await doors.raw(framed() + f"@PJL {words}\r\n".encode()))[1]
    assert await doors.jobs() == []


@pytest.mark.parametrize(
    "program", [b"%!PS\nserverdict begin 0 exitserver\nx", b"%!PS\n(%disk0%x)(w)file", b"%!PS\n(x) deletefile"]
)
async def test_postscript_that_outlives_its_job_is_refused(doors: Doors, program: bytes) -> None:
    for said in ("POSTSCRIPT", "AUTO", "PCL"):  # what it is counts, not what it is called
        assert (await doors.raw(framed(language=said, document=program)))[1], said
    assert await doors.jobs() == []


async def test_firmware_and_what_no_device_of_the_queue_prints_is_refused(doors: Doors) -> None:
    for language in ("FWUPDATE", "ACL", "XPS", "HPGL2"):
        assert (await doors.raw(framed(language=language, document=b"octets of something")))[1], language
    assert await doors.jobs() == []


@pytest.mark.parametrize(
    "first", [b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", b"\x16\x03\x01\x02\0\x01", b"\0\0\0\x85\xffSMBr"]
)
async def test_a_browser_or_a_scanner_leaves_no_job(doors: Doors, first: bytes) -> None:
    await asyncio.to_thread(doors.rule, default_person=doors.people["bob"].id)
    reader, writer = await asyncio.open_connection("127.0.0.1", doors.ports["raw"])
    writer.write(first)  # and waits for an answer
    with suppress(ConnectionError):
        async with asyncio.timeout(SOON_S):
            assert await reader.read() == b""
    writer.close()
    assert await doors.jobs() == []


async def test_a_connection_without_a_document_is_no_job_and_no_error(doors: Doors) -> None:
    for octets in (b"", UEL, UEL + b"@PJL INFO STATUS\r\n", b"\x04", b"\0\0\r\n"):
        assert not (await doors.raw(octets))[1]
    assert await doors.jobs() == []


# -- RAW: where it ends


async def test_a_job_that_breaks_off_leaves_nothing(doors: Doors) -> None:
    whole = framed(document=PDF + bytes(2_000_000))
    for at in (40, 100, 1000, len(whole) - 20):
        peer = socket.create_connection(("127.0.0.1", doors.ports["raw"]))
        peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
        await asyncio.to_thread(peer.sendall, whole[:at])
        await asyncio.sleep(0.05)
        peer.close()
    await asyncio.sleep(0.2)
    await nothing_is_kept(doors)


async def test_a_pdf_that_lost_its_end_is_not_taken_for_a_whole_one(doors: Doors) -> None:
    assert (await doors.raw(framed().removesuffix(b"%%EOF\n" + UEL)))[1]
    assert await doors.jobs() == []
    assert not (await doors.raw(framed().removesuffix(UEL)))[1]
    assert await doors.content(await doors.only()) == [PDF]


@pytest.mark.parametrize(("octets", "jobs"), [(framed(), 1), (framed().removesuffix(UEL), 1), (framed()[:-20], 0)])
async def test_a_peer_that_rests_too_long_is_done_only_where_its_document_is(
    made: Doors, monkeypatch: pytest.MonkeyPatch, octets: bytes, jobs: int
) -> None:
    monkeypatch.setattr(streams, "SWEEP_S", 0.05)
    async with opened(made, pause_s=0.5) as doors:
        reader, writer = await asyncio.open_connection("127.0.0.1", doors.ports["raw"])
        writer.write(octets)
        reset = False
        async with asyncio.timeout(SOON_S):
            try:
                await reader.read()
            except ConnectionError:
                reset = True
        writer.close()
        assert (len(await doors.jobs()), reset) == (jobs, not jobs)


@pytest.mark.parametrize("octets", [UEL + b"@PJL SET USER", framed()[:60]], ids=["command", "document"])
async def test_a_raw_peer_that_drips_is_cut_off_and_leaves_nothing(
    made: Doors, monkeypatch: pytest.MonkeyPatch, octets: bytes
) -> None:
    monkeypatch.setattr(streams, "SWEEP_S", 0.05)
    async with opened(made, pause_s=0.5) as doors:
        await dripped(doors.ports["raw"], octets)
        await nothing_is_kept(doors)


async def dripped(port: int, *steps: bytes) -> bytes:
    """Send each step, then single octets until the door has enough of them; what it answered."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    got = b""
    with suppress(ConnectionError):
        async with asyncio.timeout(SOON_S):
            for step in steps:
                writer.write(step)
                got += await reader.read(1) if step is not steps[-1] else b""
            while not reader.at_eof() and reader.exception() is None:
                writer.write(b"x")
                await asyncio.sleep(0.05)
        got += await reader.read()
    writer.close()
    return got


@pytest.mark.parametrize("endless", [b"x", b"\0"], ids=["document", "padding"])
@pytest.mark.parametrize("door", ["lpd", "raw"])
async def test_what_has_no_end_is_cut_at_the_houses_limit_and_leaves_nothing(
    made: Doors, door: str, endless: bytes
) -> None:
    now = parts.installed()
    tree = now.settings.model_dump()
    tree["limits"]["job_bytes"] = 300_000
    bounded = Settings.model_validate(tree)
    parts.install(parts.Parts(now.data, bounded, now.clock, now.keys, now.tenant, now.site))
    begin = framed().removesuffix(PDF + UEL) if door == "raw" else b"".join((RECEIVE, *CONTROL, b"\x030 dfA001pc17\n"))
    async with opened(made) as doors:
        _, writer = await asyncio.open_connection("127.0.0.1", doors.ports[door])
        writer.write(begin)
        with suppress(ConnectionError):
            async with asyncio.timeout(SOON_S):
                while True:
                    writer.write(endless * (1 << 16))
                    await writer.drain()
        writer.close()
        await nothing_is_kept(doors)


# -- RAW: questions


async def test_questions_are_answered_about_the_queue(doors: Doors) -> None:
    asked = (
        UEL + b"@PJL INFO ID\r\n@PJL ECHO abc 17\r\n@PJL INFO STATUS\r\n@PJL INQUIRE COPIES\r\n@PJL INFO FILESYS\r\n"
    )
    got, reset = await doors.raw(asked + UEL)
    assert not reset
    assert got.split(b"\f") == [
        b'@PJL INFO ID\r\n"Frisket secure"\r\n',
        b"@PJL ECHO abc 17\r\n",
        b'@PJL INFO STATUS\r\nCODE=10001\r\nDISPLAY="Ready"\r\nONLINE=TRUE\r\n',
        b"@PJL INQUIRE COPIES\r\n1\r\n",
        b"@PJL INFO FILESYS\r\n",
        b"",
    ]


async def test_a_display_cannot_be_written(doors: Doors) -> None:
    got, _ = await doors.raw(UEL + b'@PJL RDYMSG DISPLAY="Call 555"\r\n@PJL INFO STATUS\r\n' + UEL)
    assert b'DISPLAY="Ready"' in got and b"555" not in got


async def test_a_closed_queue_says_so_and_takes_nothing(doors: Doors) -> None:
    await asyncio.to_thread(doors.rule, accepting=False)
    got, reset = await doors.raw(framed("@PJL INFO STATUS"))
    assert reset
    assert await doors.jobs() == []
    got, _ = await doors.raw(UEL + b"@PJL INFO STATUS\r\n")
    assert b"CODE=40079" in got and b"ONLINE=FALSE" in got


async def test_who_asks_for_it_is_told_when_the_job_is_safe(doors: Doors) -> None:
    lines = ("@PJL USTATUS JOB=ON", '@PJL JOB NAME="one"')
    got, _ = await doors.raw(framed(*lines))
    assert got.split(b"\f")[:2] == [
        b'@PJL USTATUS JOB\r\nSTART\r\nNAME="one"\r\n',
        b'@PJL USTATUS JOB\r\nEND\r\nNAME="one"\r\n',
    ]


async def test_who_asks_without_end_and_reads_nothing_costs_nothing(doors: Doors) -> None:
    peer = socket.create_connection(("127.0.0.1", doors.ports["raw"]))
    peer.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    with suppress(OSError):
        await asyncio.to_thread(peer.sendall, UEL + b"@PJL INFO CONFIG\r\n" * 200_000)
    peer.close()
    assert not (await doors.raw(framed()))[1]
    assert len(await doors.jobs()) == 1


# -- LPD


def control(*lines: str, user: str = "alice", title: str = "A letter") -> bytes:
    head = ["Hpc17", *([f"P{user}"] if user else []), *([f"J{title}"] if title else [])]
    return "".join(f"{line}\n" for line in [*head, *(lines or ("ldfA001pc17", "UdfA001pc17", "Nletter.pdf"))]).encode()


def file(kind: int, name: str, octets: bytes, *, zero: bytes = b"\0", count: int | None = None) -> tuple[bytes, bytes]:
    return bytes((kind,)) + f"{len(octets) if count is None else count} {name}\n".encode(), octets + zero


RECEIVE = b"\2secure\n"
CONTROL = file(2, "cfA001pc17", control())
DATA = file(3, "dfA001pc17", PDF)


@pytest.mark.parametrize("steps", [(*CONTROL, *DATA), (*DATA, *CONTROL)], ids=["control-first", "data-first"])
async def test_an_lpd_job_is_acknowledged_at_its_last_octet_in_either_order(
    doors: Doors, steps: tuple[bytes, ...]
) -> None:
    seen: list[int] = []
    reader, writer = await asyncio.open_connection("127.0.0.1", doors.ports["lpd"])
    for step in (RECEIVE, *steps):
        writer.write(step)
        assert await asyncio.wait_for(reader.read(1), SOON_S) == b"\0"
        seen.append(len(await doors.jobs()))
    writer.close()
    assert seen == [0, 0, 0, 0, 1]
    view = await doors.only()
    assert (view.owner, view.title, view.door, view.format) == ("alice", "A letter", "lpd", "application/pdf")
    assert await doors.content(view) == [PDF]


async def test_a_job_of_several_files_is_acknowledged_with_the_last_of_them(doors: Doors) -> None:
    lines = ("ldfA001pc17", "None.pdf", "ldfB001pc17", "Ntwo.pcl")
    steps = [RECEIVE, *file(2, "cfA001pc17", control(*lines)), *DATA]
    assert await doors.lpd(*steps, *file(3, "dfB001pc17", PCL)) == b"\0" * 7
    assert await doors.content(await doors.only()) == [PDF, PCL]


async def test_repeated_print_lines_are_copies(doors: Doors) -> None:
    lines = ("ldfA001pc17", "ldfA001pc17", "ldfA001pc17")
    await doors.lpd(RECEIVE, *file(2, "cfA001pc17", control(*lines)), *DATA)
    assert (await doors.only()).copies == 3


async def test_files_wanted_in_different_numbers_are_refused_rather_than_misprinted(doors: Doors) -> None:
    lines = ("ldfA001pc17", "ldfA001pc17", "ldfB001pc17")
    steps = [RECEIVE, *file(2, "cfA001pc17", control(*lines)), *DATA, *file(3, "dfB001pc17", PCL)]
    assert (await doors.lpd(*steps))[-1] != 0
    assert await doors.jobs() == []


@pytest.mark.parametrize("count", [0, 125899906843000])
async def test_a_file_of_unknown_length_ends_with_the_connection(doors: Doors, count: int) -> None:
    announced, octets = file(3, "dfA001pc17", PDF, zero=b"", count=count)
    reader, writer = await asyncio.open_connection("127.0.0.1", doors.ports["lpd"])
    for step in (RECEIVE, *CONTROL, announced):
        writer.write(step)
        assert await asyncio.wait_for(reader.read(1), SOON_S) == b"\0"
    writer.write(octets)
    writer.write_eof()
    assert await asyncio.wait_for(reader.read(), SOON_S) == b"\0"
    writer.close()
    assert await doors.content(await doors.only()) == [PDF]


async def test_a_client_that_closes_instead_of_sending_the_last_zero_is_served(doors: Doors) -> None:
    announced, octets = file(3, "dfA001pc17", PDF, zero=b"")
    reader, writer = await asyncio.open_connection("127.0.0.1", doors.ports["lpd"])
    for step in (RECEIVE, *CONTROL, announced):
        writer.write(step)
        assert await asyncio.wait_for(reader.read(1), SOON_S) == b"\0"
    writer.write(octets)
    writer.write_eof()
    assert await asyncio.wait_for(reader.read(), SOON_S) == b"\0"
    writer.close()
    assert (await doors.only()).octets == len(PDF)


async def test_a_frame_around_an_lpd_document_is_read_and_left_behind(doors: Doors) -> None:
    data = file(3, "dfA001pc17", JOBS["hp-held"])
    await doors.lpd(RECEIVE, *file(2, "cfA001pc17", control(title="")), *data)
    view = await doors.only()
    assert (view.copies, view.hold, view.title) == (3, "password", "letter.pdf")
    assert await doors.content(view) == [b"%!PS-Adobe-3.0\nshowpage\n"]


async def test_an_lpd_job_is_somebodys_by_rule_or_refused(doors: Doors) -> None:
    mallory = file(2, "cfA001pc17", control(user="mallory"))
    assert await doors.lpd(RECEIVE, *mallory) == b"\0\0\1"
    assert (await doors.lpd(RECEIVE, *DATA, *mallory))[-1] == 1
    assert (await doors.lpd(RECEIVE, *file(2, "cfA001pc17", control(user="")), *DATA))[-1] == 1
    await asyncio.to_thread(doors.rule, trusted_networks=())
    assert await doors.lpd(RECEIVE) == b"\1"
    assert await doors.jobs() == []
    await asyncio.to_thread(doors.rule, default_person=doors.people["bob"].id)
    assert await doors.lpd(RECEIVE, *CONTROL, *DATA) == b"\0" * 5
    assert (await doors.only()).owner == "bob"


async def test_a_job_that_is_aborted_or_breaks_off_leaves_nothing(doors: Doors) -> None:
    big = file(3, "dfA001pc17", PDF + bytes(2_000_000))
    assert await doors.lpd(RECEIVE, *CONTROL, big[0] + big[1][:500_000]) == b"\0" * 4 + b"\3"
    assert await doors.lpd(RECEIVE, *big, b"\1\n") == b"\0" * 4
    for at in (0, 1, 1_000_000, len(big[1]) - 1):
        peer = socket.create_connection(("127.0.0.1", doors.ports["lpd"]))
        peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
        await asyncio.to_thread(peer.sendall, b"".join((RECEIVE, *CONTROL, big[0], big[1][:at])))
        await asyncio.sleep(0.05)
        peer.close()
    for rest in (CONTROL, DATA, big):  # one file alone is no job
        await doors.lpd(RECEIVE, *rest)
    await asyncio.sleep(0.2)
    await nothing_is_kept(doors)


@pytest.mark.parametrize(
    "steps",
    [(b"\x02sec",), (RECEIVE, b"\x0220 cf"), (RECEIVE, b"\x0250 cfA001pc17\n", b"Hpc"), (RECEIVE, *DATA[:1], b"%PDF-")],
    ids=["command", "subcommand", "control file", "data file"],
)
async def test_an_lpd_peer_that_drips_is_cut_off_and_leaves_nothing(
    made: Doors, monkeypatch: pytest.MonkeyPatch, steps: tuple[bytes, ...]
) -> None:
    monkeypatch.setattr(streams, "SWEEP_S", 0.05)
    async with opened(made, pause_s=0.5) as doors:
        said = await dripped(doors.ports["lpd"], *steps)
        assert said.startswith(b"\0" * (len(steps) - 1))
        await nothing_is_kept(doors)


async def test_what_is_too_long_is_refused_before_it_travels(doors: Doors) -> None:
    assert (await doors.lpd(RECEIVE, b"\x0299999 cfA001pc17\n")) == b"\0\3"
    assert (await doors.lpd(RECEIVE, b"\x0399999999999999 dfA001pc17\n")) == b"\0\3"
    assert (await doors.lpd(b"\2" + b"q" * 2000 + b"\n"))[:1] in (b"\1", b"\3", b"")
    assert await doors.lpd(b"\2nowhere\n") == b"\1"


async def test_a_browser_at_the_lpd_port_gets_no_answer_it_understands(doors: Doors) -> None:
    assert b"HTTP" not in await doors.lpd(b"GET / HTTP/1.1\r\n\r\n")
    assert await doors.lpd() == b""
    assert await doors.jobs() == []


# -- LPD: the queue's state, and removing


async def three_jobs(doors: Doors) -> list[int]:
    for user, title in (("alice", "first"), ("bob", "second"), ("alice", "third")):
        assert await doors.lpd(RECEIVE, *file(2, "cfA001pc17", control(user=user, title=title)), *DATA) == b"\0" * 5
    return [view.number for view in await doors.jobs()]


async def state(doors: Doors, asked: bytes) -> str:
    reader, writer = await asyncio.open_connection("127.0.0.1", doors.ports["lpd"])
    writer.write(asked)
    said = await asyncio.wait_for(reader.read(), SOON_S)
    writer.close()
    return said.decode()


@pytest.mark.requirement("OCE-59")
async def test_a_person_is_listed_their_own_jobs_and_others_only_in_number(doors: Doors) -> None:
    _, second, third = await three_jobs(doors)
    for code in (b"\3", b"\4"):
        said = await state(doors, code + b"secure alice\n")
        assert "first" in said and "third" in said and "second" not in said and "bob" not in said
        assert "3 waiting in all" in said
        assert "first" not in await state(doors, code + b"secure\n")
        assert "first" not in await state(doors, code + b"secure mallory\n")
    said = await state(doors, b"\3secure alice %d\n" % third)
    assert "third" in said and "first" not in said
    assert str(second) not in (await state(doors, b"\3secure %d\n" % second)).replace("3 waiting", "")
    await asyncio.to_thread(doors.rule, trusted_networks=())
    assert "first" not in await state(doors, b"\3secure alice\n")


async def test_a_person_removes_their_own_jobs_and_nobody_elses(doors: Doors) -> None:
    first, second, third = await three_jobs(doors)

    async def left() -> list[int]:
        return [view.number for view in await doors.jobs() if view.state is job.State.HELD]

    assert await doors.lpd(b"\5secure alice %d\n" % second) == b"\1"
    assert await doors.lpd(b"\5secure alice %d %d\n" % (first, second)) == b"\1"
    assert await doors.lpd(b"\5secure mallory %d\n" % first) == b"\1"
    assert await doors.lpd(b"\5secure alice bob\n") == b"\1"
    assert await doors.lpd(b"\5secure root -all\n") == b"\1"
    assert await doors.lpd(b"\5nowhere alice %d\n" % first) == b"\1"
    assert await left() == [first, second, third]
    assert await doors.lpd(b"\5secure alice %d\n" % third) == b"\0"
    assert await left() == [first, second]
    assert await doors.lpd(b"\5secure alice\n") == b"\0"
    assert await left() == [second]
    await asyncio.to_thread(doors.rule, trusted_networks=())
    assert await doors.lpd(b"\5secure bob %d\n" % second) == b"\1"
    assert await left() == [second]


async def test_where_the_level_allows_no_status_dialogue_it_says_so_and_prints_all_the_same(made: Doors) -> None:
    async with opened(made, tells=False) as doors:
        assert await doors.lpd(RECEIVE, *CONTROL, *DATA) == b"\0" * 5
        number = (await doors.only()).number
        said = await state(doors, b"\3secure alice\n")
        assert "not told" in said and "letter" not in said and "waiting" not in said
        assert await doors.lpd(b"\5secure alice %d\n" % number) == b"\1"
        assert (await doors.only()).state is job.State.HELD


# -- hostile octets


async def hostile(doors: Doors, times: int) -> None:
    """Mutated streams at both doors: each ends, and afterwards both still serve."""
    source = random.Random(515)

    async def one(port: int, octets: bytes) -> None:
        with suppress(ConnectionError):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            try:
                writer.write(octets)
                writer.write_eof()
                async with asyncio.timeout(SOON_S):
                    await reader.read()
            finally:
                writer.close()

    for _ in range(times // 40):
        await asyncio.gather(
            *[one(doors.ports["raw"], test_fuzz_pjl.mutated(source)) for _ in range(20)],
            *[one(doors.ports["lpd"], test_fuzz_lpd.mutated(source).replace(b"lp", b"secure")) for _ in range(20)],
        )


async def test_mutated_streams_leave_both_doors_serving(doors: Doors, caplog: pytest.LogCaptureFixture) -> None:
    await hostile(doors, 800)
    assert not [record for record in caplog.records if record.exc_info]
    before = len(await doors.jobs())
    assert not (await doors.raw(framed()))[1]
    assert await doors.lpd(RECEIVE, *CONTROL, *DATA) == b"\0" * 5
    assert len(await doors.jobs()) == before + 2


@pytest.mark.long
async def test_many_mutated_streams_leave_both_doors_serving(doors: Doors, caplog: pytest.LogCaptureFixture) -> None:
    await hostile(doors, 100_000)
    assert not [record for record in caplog.records if record.exc_info]
    assert not (await doors.raw(framed()))[1]
