"""Hot folders of a served house: what is put down becomes a job, whole and once, whoever meddles or dies."""

import os
import signal
import subprocess
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from tests.peers.client import sample
from tests.peers.served import Served, serving, until

from frisket.programs import control

LETTER = sample("a letter")
POINTS = (
    "folders.claimed",
    "folders.set-aside",
    "intake.before-commit",
    "intake.inside-commit",
    "intake.after-commit",
    "folders.taken",
    "folders.put-away",
)


@pytest.fixture(scope="module")
def ground(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("folders")


@pytest.fixture(scope="module")
def house(ground: Path) -> Iterator[Served]:
    with serving({"FOLDERS__ROOTS": tempfile.gettempdir()}) as served:
        furnish(served)
        yield served


def furnish(served: Served) -> None:
    served.ask("queue.add", name="secure", hold=True)
    for name in ("alice", "bob"):
        served.person(name)


def folder(house: Served, ground: Path, name: str, *, person: str = "alice", **values: Any) -> Path:
    hot = ground / name
    hot.mkdir()
    said = house.ask("source.add", name=name, address=str(hot), person=person, settle_s=0.4, every_s=1, **values)
    assert said["notice"] is None
    return hot


def log(house: Served, name: str, **values: Any) -> list[dict]:
    rows: list[dict] = house.ask("source.log", name=name, **values)["rows"]
    return rows


def titled(house: Served, *names: str) -> list[dict]:
    return [job for job in house.jobs() if job["title"] in names]


def comes_in(house: Served, name: str) -> dict:
    return until(lambda: titled(house, name))[0]


def lies_in(hot: Path) -> list[str]:
    """Every file that is somewhere in a hot folder."""
    return sorted(str(file.relative_to(hot)) for file in hot.rglob("*") if file.is_file())


def shown(house: Served, name: str) -> dict:
    return next(each for each in house.ask("source.list")["sources"] if each["name"] == name)


# -- coming in


@pytest.mark.requirement("PREP-78")
def test_what_is_put_into_a_folder_is_its_persons_job_and_then_gone(house: Served, ground: Path) -> None:
    hot = ground / "letters"
    hot.mkdir()
    said = house.cli(
        *("folder", "add", "letters", str(hot), "--person", "alice", "--queue", "secure", "--copies", "2"),
        *("--sides", "two-sided-long-edge", "--settle", "0.4"),
    )
    assert said["notice"] is None
    (hot / "Letter to Ann.pdf").write_bytes(LETTER)
    job = comes_in(house, "Letter to Ann.pdf")
    assert (job["owner"], job["door"], job["state"], job["octets"]) == ("alice", "folder", "held", len(LETTER))
    assert (job["format"], job["copies"], job["options"]) == ("application/pdf", 2, {"sides": "two-sided-long-edge"})
    until(lambda: lies_in(hot) == [])
    assert [row["state"] for row in house.cli("folder", "log", "letters")["rows"]] == ["cleared"]


def test_a_kept_document_moves_to_the_folder_done_and_replaces_nothing(house: Served, ground: Path) -> None:
    hot = folder(house, ground, "kept", afterwards="keep")
    for content in (b"first", b"second"):
        (hot / "Same name.pdf").write_bytes(LETTER + content)
        until(lambda: not (hot / "Same name.pdf").exists())
        until(lambda: not os.listdir(hot / ".frisket"))
    assert lies_in(hot) == ["done/Same name (2).pdf", "done/Same name.pdf"]
    assert (hot / "done/Same name.pdf").read_bytes() == LETTER + b"first"
    assert len(until(lambda: len(titled(house, "Same name.pdf")) == 2 and titled(house, "Same name.pdf"))) == 2


@pytest.mark.requirement("PREP-80")
def test_a_slow_writer_is_waited_for_and_read_once_and_whole(house: Served, ground: Path) -> None:
    hot = folder(house, ground, "slow")
    with (hot / "Slow.pdf").open("wb", buffering=0) as out:
        for at in range(0, len(LETTER), len(LETTER) // 12 + 1):
            out.write(LETTER[at : at + len(LETTER) // 12 + 1])
            time.sleep(0.15)  # the pace of the writer is what this is about
            assert titled(house, "Slow.pdf") == []
    assert comes_in(house, "Slow.pdf")["octets"] == len(LETTER)
    until(lambda: lies_in(hot) == [])
    assert len(titled(house, "Slow.pdf")) == 1


def test_a_writer_that_goes_on_after_a_pause_is_still_read_whole(house: Served, ground: Path) -> None:
    """It rested long enough to be claimed; that it grew is noticed at its end, and it is read again."""
    hot = folder(house, ground, "paused")
    with (hot / "Paused.pdf").open("wb", buffering=0) as out:
        out.write(LETTER)
        until(lambda: not (hot / "Paused.pdf").exists())  # claimed: this is the moment
        for _ in range(10):
            out.write(b"%" * 100)
    job = comes_in(house, "Paused.pdf")
    assert len(titled(house, "Paused.pdf")) == 1
    # Either nothing of it was read yet, or all of it was: never a part of what followed.
    assert job["octets"] in (len(LETTER), len(LETTER) + 1000)


def test_names_of_half_written_files_are_left_alone_until_they_are_renamed(house: Served, ground: Path) -> None:
    hot = folder(house, ground, "partial")
    partial = ["Report.pdf.part", ".Report.pdf.x1", "~$Report.pdf", "Report.pdf.crdownload", "Thumbs.db", "Report.tmp"]
    for name in partial:
        (hot / name).write_bytes(LETTER)
    (hot / "Empty.pdf").touch()
    (hot / "Whole.pdf").write_bytes(LETTER)
    comes_in(house, "Whole.pdf")
    os.rename(hot / "Report.pdf.part", hot / "Renamed.pdf")
    comes_in(house, "Renamed.pdf")
    until(lambda: lies_in(hot) == sorted([*partial[1:], "Empty.pdf"]))
    assert titled(house, *partial, "Empty.pdf") == []


def test_what_it_is_is_told_by_the_first_octets_not_by_the_name(house: Served, ground: Path) -> None:
    hot = folder(house, ground, "kinds")
    (hot / "Really a PDF.txt").write_bytes(LETTER)
    (hot / "For the device.prn").write_bytes(b"^XA^FO50,50^FDlabel^FS^XZ")
    (hot / "No such thing.pdf").write_bytes(b"only words")
    assert comes_in(house, "Really a PDF.txt")["format"] == "application/pdf"
    assert comes_in(house, "For the device.prn")["format"] == "application/octet-stream"
    reason = hot / "refused/No such thing.pdf.reason.txt"
    until(reason.exists)
    assert "what kind of document" in reason.read_text() and titled(house, "No such thing.pdf") == []


# -- whose it is


def test_the_first_folder_says_whose_it_is_and_nobody_is_made_up(house: Served, ground: Path) -> None:
    hot = folder(house, ground, "by-folder", owner="path", person="")
    for place in ("alice/Of Alice.pdf", "bob/deep/er/Of Bob.pdf", "mallory/Of Mallory.pdf", "Of nobody.pdf"):
        (hot / place).parent.mkdir(parents=True, exist_ok=True)
        (hot / place).write_bytes(LETTER)
    assert comes_in(house, "Of Alice.pdf")["owner"] == "alice"
    assert comes_in(house, "Of Bob.pdf")["owner"] == "bob"
    wanted = {"refused/Of Mallory.pdf.reason.txt", "refused/Of nobody.pdf.reason.txt"}
    until(lambda: wanted <= set(lies_in(hot)))
    assert titled(house, "Of Mallory.pdf", "Of nobody.pdf") == []
    refused = log(house, "by-folder", refused=True)
    assert {row["file"] for row in refused} == {"mallory/Of Mallory.pdf", "Of nobody.pdf"}


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
def test_the_account_that_owns_a_file_says_whose_it_is(house: Served, ground: Path) -> None:
    house.person("games")  # an account of every Debian
    hot = folder(house, ground, "by-account", owner="account", person="")
    for name, uid in (("Of games.pdf", 5), ("Of a stranger.pdf", 61234)):
        file = ground / name
        file.write_bytes(LETTER)
        os.chown(file, uid, -1)
        file.rename(hot / name)
    assert comes_in(house, "Of games.pdf")["owner"] == "games"
    until((hot / "refused/Of a stranger.pdf.reason.txt").exists)
    assert titled(house, "Of a stranger.pdf") == []


# -- who meddles


def test_links_pipes_and_second_names_are_put_aside_and_never_followed(house: Served, ground: Path) -> None:
    hot = folder(house, ground, "odd")
    secret = ground / "secret.pdf"
    secret.write_bytes(LETTER)
    os.symlink(secret, hot / "link.pdf")
    os.symlink(ground, hot / "folder-link")
    os.link(secret, hot / "second-name.pdf")
    os.mkfifo(hot / "pipe.pdf")
    names = ["link.pdf", "folder-link", "second-name.pdf", "pipe.pdf"]
    until(lambda: all((hot / "refused" / f"{name}.reason.txt").exists() for name in names))
    assert titled(house, *names) == [] and secret.read_bytes() == LETTER
    assert os.readlink(hot / "refused/link.pdf") == str(secret)


def test_whoever_exchanges_a_file_for_a_link_gets_nothing_printed_that_is_not_his(house: Served, ground: Path) -> None:
    """T34: the name alternates between a file and a link to a secret while it is looked at, claimed and opened."""
    hot = folder(house, ground, "race")
    secret = ground / "payroll.pdf"
    secret.write_bytes(sample("secret") + b"%" * 4321)
    ends = time.monotonic() + 2.5
    swaps = 0
    while time.monotonic() < ends:
        os.symlink(secret, hot / ".a")
        os.rename(hot / ".a", hot / "Exchanged.pdf")
        (hot / ".b").write_bytes(LETTER)
        os.rename(hot / ".b", hot / "Exchanged.pdf")
        swaps += 1
    until(lambda: not (hot / "Exchanged.pdf").exists())
    until(lambda: not os.listdir(hot / ".frisket"))
    assert swaps > 100 and {job["octets"] for job in titled(house, "Exchanged.pdf")} <= {len(LETTER)}
    assert secret.exists()


def test_a_folder_of_ours_that_is_a_link_stops_the_folder_and_is_told(house: Served, ground: Path) -> None:
    elsewhere = ground / "elsewhere"
    elsewhere.mkdir()
    hot = ground / "trapped"
    hot.mkdir()
    os.symlink(elsewhere, hot / ".frisket")
    said = house.ask("source.add", name="trapped", address=str(hot), person="alice", every_s=1)
    assert ".frisket" in said["notice"]
    (hot / "Never.pdf").write_bytes(LETTER)
    until(lambda: shown(house, "trapped")["state"] == "refused")
    assert os.listdir(elsewhere) == [] and titled(house, "Never.pdf") == []


def test_names_of_any_octets_come_in_and_do_no_harm(house: Served, ground: Path) -> None:
    hot = folder(house, ground, "names", afterwards="keep")
    names = [
        b"-rf ..pdf",
        b"a\nb\x1b[31m.pdf",
        b"\xff\xfe no unicode.pdf",
        "‮fdp.exe.pdf".encode(),
        b"%s%n.pdf",
        b"x" * 250,
    ]
    for name in names:
        with open(os.fsencode(hot) + b"/" + name, "wb") as out:
            out.write(LETTER)
    until(lambda: (hot / "done").exists() and len(os.listdir(hot / "done")) == len(names))
    assert sorted(os.listdir(os.fsencode(hot / "done"))) == sorted(names)
    titles = [job["title"] for job in house.jobs() if job["door"] == "folder"]
    assert not any(ord(char) < 32 or char == "\u202e" for title in titles for char in title)
    assert {"a b [31m.pdf", "%s%n.pdf"} <= set(titles)


# -- what goes wrong


def test_a_queue_that_is_closed_leaves_files_where_they_lie(house: Served, ground: Path) -> None:
    house.ask("queue.add", name="closed")
    house.ask("queue.set", name="closed", accepting=False)
    hot = folder(house, ground, "waiting", queue="closed")
    (hot / "Patient.pdf").write_bytes(LETTER)
    until(lambda: shown(house, "waiting")["state"] == "waiting")
    assert lies_in(hot) == ["Patient.pdf"]
    house.ask("queue.set", name="closed", accepting=True)
    comes_in(house, "Patient.pdf")


def test_a_folder_that_vanishes_is_told_and_goes_on_when_it_is_back(house: Served, ground: Path) -> None:
    hot = folder(house, ground, "comes-and-goes")
    os.rename(hot, ground / "unmounted")
    until(lambda: shown(house, "comes-and-goes")["state"] == "gone")
    (ground / "unmounted" / "Meanwhile.pdf").write_bytes(LETTER)
    os.rename(ground / "unmounted", hot)
    comes_in(house, "Meanwhile.pdf")
    until(lambda: shown(house, "comes-and-goes")["state"] == "watching")


@pytest.mark.requirement("PREP-79")
def test_missing_rights_are_told_when_a_folder_is_made_and_when_it_runs(house: Served, ground: Path) -> None:
    """Root may write anywhere but into what is mounted for reading only."""
    hot = ground / "readonly"
    hot.mkdir(mode=0o500)
    if os.geteuid() == 0:
        mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "ro", "tmpfs", str(hot)], capture_output=True)
        if mounted.returncode:
            pytest.skip("root without the right to mount")
    try:
        said = house.ask("source.add", name="readonly", address=str(hot), person="alice", every_s=1)
        assert "may not read and change" in said["notice"]
        until(lambda: shown(house, "readonly")["state"] == "refused")
        assert "Give this server's account the right" in shown(house, "readonly")["note"]
        assert house.run("folder", "check", "readonly").returncode == 1
    finally:
        house.ask("source.remove", name="readonly")
        if os.geteuid() == 0:
            subprocess.run(["umount", "-l", str(hot)], check=True)


@pytest.mark.parametrize(
    ("path", "why"),
    [("/etc", "folders.roots"), ("{ground}/letters/inside", "around it"), ("{data}/hot", "data folder")],
)
def test_a_folder_where_none_may_be_is_refused(house: Served, ground: Path, path: str, why: str) -> None:
    (ground / "letters").mkdir(exist_ok=True)
    if not any(each["name"] == "letters" for each in house.ask("source.list")["sources"]):
        house.ask("source.add", name="letters", address=str(ground / "letters"), person="alice")
    with pytest.raises(control.Remote, match=why):
        house.ask("source.add", name="wrong", address=path.format(ground=ground, data=house.data), person="alice")


def test_a_folder_is_switched_off_changed_and_removed(house: Served, ground: Path) -> None:
    hot = folder(house, ground, "changing")
    house.ask("source.set", name="changing", active=False)
    until(lambda: shown(house, "changing")["state"] in ("off", "new"))
    (hot / "While off.pdf").write_bytes(LETTER)
    house.ask("source.set", name="changing", active=True, person="bob")
    assert comes_in(house, "While off.pdf")["owner"] == "bob"
    until(lambda: lies_in(hot) == [])
    assert house.cli("folder", "remove", "changing") == {"removed": "changing"}
    assert "changing" not in [each["name"] for each in house.cli("folder", "list")["sources"]]


# -- many, and dying


def test_thousands_of_one_person_do_not_hold_up_another(ground: Path) -> None:
    with serving({"FOLDERS__ROOTS": str(ground)}) as other:
        furnish(other)
        hot = folder(other, ground, "many", owner="path", person="")
        (hot / "alice").mkdir()
        for number in range(1000):
            (hot / "alice" / f"{number}.pdf").write_bytes(b"%PDF-1.4\n" + b"%d" % number)
        (hot / "bob").mkdir()
        (hot / "bob" / "One.pdf").write_bytes(LETTER)
        before = time.monotonic()
        job = comes_in(other, "One.pdf")
        alices = len(other.ask("job.list", person="alice", limit=5000)["jobs"])
        assert alices < 1000 and job["owner"] == "bob"
        until(lambda: not os.listdir(hot / "alice") and not os.listdir(hot / ".frisket"), 90)
        print(f"1001 files in {time.monotonic() - before:.1f} s")
        titles = Counter(each["title"] for each in other.ask("job.list", person="alice", limit=5000)["jobs"])
        assert titles == {f"{number}.pdf": 1 for number in range(1000)}


def die_at(house: Served, settings: dict[str, str], hot: Path, point: str, passes: int) -> list[str]:
    """A life that picks up five new files and is killed there; their names."""
    names = [f"{point}-{passes}-{number}.pdf" for number in range(5)]
    for name in names:
        (hot / name).write_bytes(LETTER)
    settings["CRASHPOINT"] = f"{point}:{passes}"
    with suppress(AssertionError):  # it may die before it is ready: what is left over is finished at once
        house.start()
    assert house.process is not None and house.process.wait(60) == -signal.SIGKILL
    house.process = None
    settings["CRASHPOINT"] = ""
    return names


def once_each(house: Served, hot: Path, names: list[str], source: str) -> None:
    until(lambda: len(titled(house, *names)) >= len(names) and not os.listdir(hot / ".frisket"))
    until(lambda: lies_in(hot) == sorted(f"done/{name}" for name in names))
    assert Counter(job["title"] for job in titled(house, *names)) == dict.fromkeys(names, 1)
    until(lambda: {row["state"] for row in log(house, source, limit=1000)} == {"cleared"})  # after the file has moved


@pytest.mark.requirement("PREP-80")
def test_killed_at_every_moment_one_life_after_the_other_it_neither_loses_nor_doubles(ground: Path) -> None:
    """Each life finishes what the one before left, and is killed at the next point while it does."""
    settings = {"FOLDERS__ROOTS": str(ground)}
    with serving(settings) as other:
        furnish(other)
        hot = folder(other, ground, "killed", afterwards="keep")
        other.kill()
        names = [name for point in POINTS for name in die_at(other, settings, hot, point, 1)]
        other.start()
        once_each(other, hot, names, "killed")


@pytest.mark.long
@pytest.mark.parametrize("passes", [1, 2, 4])
@pytest.mark.parametrize("point", POINTS)
def test_killed_once_at_each_moment_it_neither_loses_nor_doubles(ground: Path, point: str, passes: int) -> None:
    if passes > 1 and point in ("folders.claimed", "folders.set-aside", "folders.taken", "folders.put-away"):
        pytest.skip("passed once for a batch of five")
    settings = {"FOLDERS__ROOTS": str(ground)}
    with serving(settings) as other:
        furnish(other)
        hot = folder(other, ground, f"once-{point}-{passes}", afterwards="keep")
        other.kill()
        names = die_at(other, settings, hot, point, passes)
        other.start()
        once_each(other, hot, names, f"once-{point}-{passes}")


def test_a_full_house_leaves_files_where_they_are_and_takes_them_when_there_is_room(ground: Path) -> None:
    with serving({"FOLDERS__ROOTS": str(ground), "LIMITS__HOUSE_JOBS": "3", "FOLDERS__AT_ONCE": "1"}) as other:
        furnish(other)
        hot = folder(other, ground, "full")
        for number in range(6):
            (hot / f"{number}.pdf").write_bytes(LETTER)
        until(lambda: len(other.jobs("alice", "held")) == 3)
        until(lambda: shown(other, "full")["state"] == "waiting")
        assert "as many jobs as it may" in shown(other, "full")["note"]
        for job in other.jobs("alice", "held"):
            other.ask("job.cancel", job=job["id"])
        until(lambda: lies_in(hot) == [])
        assert Counter(job["title"] for job in other.jobs("alice")) == {f"{number}.pdf": 1 for number in range(6)}


def test_two_houses_of_readers_cannot_take_the_same_file(ground: Path, house: Served) -> None:
    """Whoever else empties the folder: what is gone when it is set aside is dropped, not printed from memory."""
    hot = folder(house, ground, "shared")
    stop = threading.Event()

    def other_reader() -> None:
        while not stop.is_set():
            for name in os.listdir(hot):
                if name.endswith(".pdf"):
                    try:
                        os.rename(hot / name, ground / f"taken-{name}")
                    except FileNotFoundError:
                        pass
            stop.wait(0.05)

    reader = threading.Thread(target=other_reader)
    for number in range(40):
        (hot / f"shared-{number}.pdf").write_bytes(LETTER)
    until(lambda: titled(house, *[f"shared-{number}.pdf" for number in range(40)]))
    reader.start()
    try:
        for number in range(40, 80):
            (hot / f"shared-{number}.pdf").write_bytes(LETTER)
        until(lambda: lies_in(hot) == [])
    finally:
        stop.set()
        reader.join()
    ours = Counter(job["title"] for job in titled(house, *[f"shared-{number}.pdf" for number in range(80)]))
    theirs = {file.name.removeprefix("taken-") for file in ground.glob("taken-*")}
    assert set(ours.values()) == {1} and not theirs & set(ours) and len(theirs) + len(ours) == 80
