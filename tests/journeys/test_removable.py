"""Printing from storage that is plugged in: a file system of its own on a loop device, as a stick has one."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from tests.crash.mounts import mounted, needs_loop_devices
from tests.journeys.test_stores import Api
from tests.peers.client import sample
from tests.peers.served import Served, serving, until

pytestmark = pytest.mark.xdist_group("real programs")
LETTER = sample("from a stick", 2)
WALLS = "noexec,nodev,nosuid"


@dataclass
class Port:
    """Where something can be plugged in."""

    image: Path
    at: Path
    served: Served

    @contextmanager
    def plugged_in(self, options: str = WALLS) -> Iterator[Path]:
        with mounted(self.image, self.at, options=options) as place:
            yield place

    def tells(self, api: Api, path: str = "") -> tuple[int, list[str]]:
        status, told = api("POST", "/stores/stick/folder", path=path)
        return status, [each["name"] for each in told["members"]] if status == 200 else [str(told)]


@pytest.fixture(scope="module")
def port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Port]:
    needs_loop_devices()
    place = tmp_path_factory.mktemp("usb")
    files = place / "files"
    (files / "Ordner mit Ümlaut").mkdir(parents=True)
    (files / "Brief.pdf").write_bytes(LETTER)
    (files / "Ordner mit Ümlaut" / "Anlage.pdf").write_bytes(LETTER)
    (files / "run me.sh").write_text("#!/bin/sh\ntouch /tmp/never\n")
    (files / "run me.sh").chmod(0o755)
    (files / "passwords.pdf").symlink_to("/etc/passwd")
    (place / "mount").mkdir()
    subprocess.run(["mkfs.ext4", "-q", "-F", "-d", str(files), str(place / "stick.img"), "8m"], check=True)
    with serving({"FOLDERS__ROOTS": str(place), "LIMITS__PAGES_PER_SECOND": "1000"}) as served:
        served.ask("queue.add", name="secure", hold=True)
        served.person("bob")
        told = {"address": f"usb:{place / 'mount'}", "browsable": True, "picks_up": False}
        said = served.ask("source.add", name="stick", **told)
        assert "nothing is plugged in" in said["notice"]
        yield Port(place / "stick.img", place / "mount", served)


@pytest.fixture(scope="module")
def bob(port: Port) -> Api:
    return Api(port.served, "bob")


def tree(at: Path) -> dict[str, tuple[int, int]]:
    return {str(file.relative_to(at)): (file.lstat().st_size, file.lstat().st_mtime_ns) for file in at.rglob("*")}


def chosen(api: Api) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = api("GET", "/stores/stick/chosen")[1]
    return rows


@pytest.mark.peer("mount")
@pytest.mark.requirement("OCE-06")
def test_what_is_chosen_on_a_stick_is_printed_and_nothing_on_it_is_changed_run_or_followed(
    port: Port, bob: Api
) -> None:
    with port.plugged_in() as place:
        before = tree(place)
        status, names = port.tells(bob)
        assert status == 200 and names == ["lost+found", "Ordner mit Ümlaut", "Brief.pdf", "run me.sh"]
        assert port.tells(bob, "Ordner mit Ümlaut") == (200, ["Anlage.pdf"])
        assert bob("POST", "/stores/stick/print", path="Ordner mit Ümlaut/Anlage.pdf", copies=2)[0] == 202
        made = until(lambda: [job for job in port.served.jobs() if job["title"] == "Anlage.pdf"])[0]
        assert (made["owner"], made["copies"], made["octets"], made["door"]) == ("bob", 2, len(LETTER), "store")
        assert bob("POST", "/stores/stick/print", path="passwords.pdf")[0] == 202
        refused = until(lambda: [each for each in chosen(bob) if each["reason"]])
        assert "leads out" in refused[0]["reason"]
        assert bob("POST", "/stores/stick/folder", path="../files")[0] >= 400
        assert tree(place) == before
    assert len(port.served.jobs()) == 1


@pytest.mark.peer("mount")
@pytest.mark.requirement("OCE-06")
def test_a_stick_that_is_mounted_without_walls_or_not_at_all_is_not_used(port: Port, bob: Api) -> None:
    with port.plugged_in("nodev,nosuid"):
        status, told = port.tells(bob)
        assert status >= 400 and "noexec" in told[0]
    status, told = port.tells(bob)
    assert status >= 400 and "plugged in" in told[0]


@pytest.mark.peer("mount")
@pytest.mark.requirement("OCE-06", "OCE-93")
def test_printing_from_a_stick_is_switched_off_and_then_nothing_of_it_is_told_or_printed(port: Port, bob: Api) -> None:
    with port.plugged_in():
        assert "stick" in [each["name"] for each in bob("GET", "/stores")[1]]
        count = len(port.served.jobs())
        port.served.cli("store", "set", "stick", "--off")
        try:
            assert bob("GET", "/stores")[1] == []
            assert port.tells(bob)[0] == 404
            assert bob("POST", "/stores/stick/print", path="Brief.pdf")[0] == 404
        finally:
            port.served.cli("store", "set", "stick", "--on")
        assert len(port.served.jobs()) == count


def test_nothing_is_picked_up_from_a_stick_by_itself(port: Port) -> None:
    done = port.served.run("store", "add", "eager", f"usb:{port.at}", "--person", "bob")
    assert done.returncode != 0 and b"look into it and choose" in done.stderr + done.stdout
    done = port.served.run("store", "add", "elsewhere", "usb:/etc", "--browse")
    assert done.returncode != 0 and b"folders.roots" in done.stderr + done.stdout
