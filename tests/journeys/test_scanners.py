"""A virus scanner beside the house: it reads, locks and takes away files while jobs run, and no job is lost."""

import fcntl
import re
import shutil
import signal
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from inotify_simple import INotify, flags
from tests.journeys.test_exporting import drop
from tests.peers.office import Office, office_running
from tests.peers.programs import program
from tests.peers.scanners import clamd_running, command_to, own_signatures
from tests.peers.served import until
from tests.samples.make import pdf

from frisket import lab

GUIDE = Path(__file__).parents[2] / "docs" / "guide" / "antivirus.md"
LARGE = 300_000  # octets: a file of its own in the spool


@pytest.fixture(scope="module")
def office() -> Iterator[Office]:
    with office_running({"FOLDERS__ROOTS": tempfile.gettempdir()}, lab.DevicePlan("tls", lab.Door.IPPS)) as office:
        yield office


def print_some(office: Office, count: int) -> None:
    """Small and large ones, all the way to paper, each octet for octet."""
    before = len(office.arrived("tls"))
    documents = [pdf(1, title=f"number {n}", octets=LARGE if n % 3 == 0 else 0) for n in range(count)]
    numbers = [office.print_held("alice", document) for document in documents]
    for number in numbers:
        office.served.reaches(number, "held")
        office.served.print_at(number, "alice", "tls")
    for number in numbers:
        assert office.served.reaches(number, "erased", within_s=120)["outcome"] == "printed"
    assert sorted(office.arrived("tls")[before:]) == sorted(documents)


@pytest.mark.peer("clamd")
@pytest.mark.requirement("OCE-08", "SAFEQ-42")
def test_the_house_prints_while_clamav_goes_through_its_folder(office: Office, tmp_path: Path) -> None:
    rounds, ended = [0], threading.Event()
    with clamd_running(tmp_path, own_signatures(tmp_path)) as line:

        def again_and_again() -> None:
            while not ended.is_set():
                told = command_to(line, f"zMULTISCAN {office.served.data}\0")
                assert " FOUND" not in told, told
                rounds[0] += 1

        scanning = threading.Thread(target=again_and_again)
        scanning.start()
        try:
            until(lambda: rounds[0] >= 1)
            print_some(office, 12)
            seen = rounds[0]
            until(lambda: rounds[0] > seen)
        finally:
            ended.set()
            scanning.join(60)
    assert not scanning.is_alive()


@contextmanager
def a_jealous_scanner(folder: Path) -> Iterator[list[str]]:
    """Opens each file that is made, written or moved in, locks it for itself, reads it, and takes its time."""
    told, watched, ended = [], {}, threading.Event()
    notices = INotify()
    mask = flags.CREATE | flags.CLOSE_WRITE | flags.MOVED_TO
    for place in (folder, *(each for each in folder.rglob("*") if each.is_dir())):
        watched[notices.add_watch(str(place), mask)] = place

    def scan() -> None:
        while not ended.is_set():
            for notice in notices.read(timeout=100):
                file = watched[notice.wd] / notice.name
                with suppress(OSError):
                    if file.is_dir():
                        watched[notices.add_watch(str(file), mask)] = file
                    elif file.is_file():
                        with file.open("rb") as held:
                            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
                            held.read()
                            told.append(file.name)
                            time.sleep(0.02)  # what a look takes

    scanning = threading.Thread(target=scan, daemon=True)
    scanning.start()
    try:
        yield told
    finally:
        ended.set()
        scanning.join(30)
        notices.close()


@pytest.mark.requirement("PREP-49", "OCE-08")
def test_a_scanner_that_locks_every_new_file_costs_time_and_no_job(office: Office) -> None:
    with a_jealous_scanner(office.served.data) as told:
        print_some(office, 9)
        until(lambda: told)


@pytest.mark.requirement("PREP-49")
def test_a_file_that_a_scanner_takes_away_stops_its_job_with_a_reason_until_it_is_given_back(
    office: Office, tmp_path: Path
) -> None:
    files = {file for file in (office.served.data / "spool").rglob("*") if file.is_file()}
    document = pdf(1, title="taken away", octets=LARGE)
    number = office.print_held("alice", document)
    until(lambda: office.served.job(number)["counted"] != "due")  # nobody reads it before its release
    mine = [
        file
        for file in (office.served.data / "spool").rglob("*")
        if file.is_file() and file not in files and file.stat().st_size > LARGE
    ]
    assert len(mine) == 1
    shutil.move(mine[0], tmp_path / "taken")
    office.served.release(number, "alice", "tls")
    view = office.served.reaches(number, "quarantined")
    assert view["why"] == "damaged"
    told = office.served.explained(number)
    assert "does not match" in told["now"] and "operator" in told["next"]
    shutil.move(tmp_path / "taken", mine[0])
    office.served.ask("job.let-out", job=str(number))
    office.served.reaches(number, "held")
    office.served.print_at(number, "alice", "tls")
    assert office.served.reaches(number, "erased", within_s=60)["outcome"] == "printed"
    assert office.arrived("tls")[-1] == document


# -- what the guide says may be left out


MADE = re.compile(r"(?:O_CREAT|O_TMPFILE|mkdir|mknod|rename|link)")
QUOTED = re.compile(r'"((?:[^"\\]|\\.)*)"')
STARTS = re.compile(r"\b(?:clone3?|v?fork)(?:\(| resumed>).* = (\d+)$")
TRACED = "openat,openat2,open,creat,mkdir,mkdirat,mknod,mknodat,rename,renameat,renameat2,link,linkat,symlink,symlinkat"


def in_boxes(calls: list[tuple[str, str]]) -> set[str]:
    """Processes that became another program, and all that these started; a start is often told in two lines."""
    boxes = {process for process, call in calls if "execve(" in call}
    started = [(process, found[1]) for process, call in calls if (found := STARTS.search(call))]
    while fresh := {child for parent, child in started if parent in boxes} - boxes:
        boxes |= fresh
    return boxes


def made_outside(trace: str, *known: Path) -> set[str]:
    """Absolute paths that the house itself made elsewhere. What its sandboxes make lies in their own memory."""
    calls = [(process, call) for process, _, call in (line.partition(" ") for line in trace.splitlines())]
    boxes = in_boxes(calls)
    found: set[str] = set()
    for process, call in calls:
        if process not in boxes and MADE.search(call):
            paths = [Path(text) for text in QUOTED.findall(call) if text.startswith("/")]
            found |= {str(path) for path in paths if not any(path == one or one in path.parents for one in known)}
    return found


@pytest.mark.peer("strace")
@pytest.mark.requirement("PREP-50", "SAFEQ-42")
def test_a_running_house_makes_files_in_the_folders_the_guide_names_and_nowhere_else(
    office: Office, tmp_path: Path
) -> None:
    named = re.findall(r"^\| `([^`]+)` \|", GUIDE.read_text(), re.MULTILINE)
    assert named == ["DATA", "HOT/.frisket"], "exactly two kinds"
    hot, out, data = tmp_path / "hot", tmp_path / "out", office.served.data
    for folder in (hot, out):
        folder.mkdir()
    office.served.ask("source.add", name="hot", address=str(hot), destination=str(out), person="alice", settle_s=0.3)
    assert office.served.process is not None
    trace = tmp_path / "trace"
    watched = str(office.served.process.pid)
    command = [program("strace"), "-fqq", "-s", "400", "-e", f"trace={TRACED},execve,clone,clone3,fork,vfork"]
    tracing = subprocess.Popen([*command, "-o", trace, "-p", watched], stderr=subprocess.DEVNULL)
    try:
        status = Path(f"/proc/{watched}/status")
        until(lambda: "TracerPid:\t0" not in status.read_text(), 60)
        print_some(office, 4)
        drop(hot, "page.pdf", pdf(1))
        until(lambda: list(out.glob("*.log")), within_s=90)
        until(lambda: not list((hot / ".frisket").iterdir()))
    finally:
        tracing.send_signal(signal.SIGINT)
        tracing.wait(20)
        office.served.ask("source.remove", name="hot", anyway=True)
    calls = trace.read_text(errors="replace")
    # The first of them is where the administrator says: this house was made with --data.
    assert made_outside(calls, hot, out), "it was looked at: without its own folder much is made elsewhere"
    assert made_outside(calls, data, hot, out, Path("/dev/null"), Path("/proc")) == set()
