"""Printing from stores: one promise, held to by a real server of each kind."""

import json
import os
import ssl
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
from tests.peers.client import sample
from tests.peers.served import Served, serving, until
from tests.peers.stores import KINDS, Store, store_running

from frisket.programs import control

LETTER = sample("from a store", 3)
PEERS = {"smb": "smbd", "ftps": "pyftpdlib", "vsftpd": "vsftpd", "davs": "wsgidav"}


@pytest.fixture(scope="module")
def house() -> Iterator[Served]:
    with serving({"LIMITS__PAGES_PER_SECOND": "1000"}) as served:
        served.ask("queue.add", name="secure", hold=True)
        for name in ("alice", "bob"):
            served.person(name)
        yield served


@pytest.fixture(
    scope="module",
    params=[
        pytest.param(kind, marks=[pytest.mark.peer(PEERS[kind]), pytest.mark.xdist_group("real programs")])
        for kind in KINDS
    ],
)
def store(request: pytest.FixtureRequest) -> Iterator[Store]:
    with store_running(request.param) as running:
        yield running


def watched(house: Served, store: Store, **values: Any) -> str:
    """A store that is picked up from, under a name of its own; the folder it watches is made."""
    name = f"s{len(house.ask('source.list')['sources'])}"
    store.mkdir(name)
    told = {**store.values, "address": f"{store.address.rstrip('/')}/{name}", "person": "alice", **values}
    said = house.ask("source.add", name=name, settle_s=0.3, every_s=1, **told)
    assert said["notice"] is None, said["notice"]
    return name


def titled(house: Served, *names: str) -> list[dict[str, Any]]:
    return [job for job in house.jobs() if job["title"] in names]


def log(house: Served, name: str) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = house.ask("source.log", name=name)["rows"]
    return rows


def lies_in(store: Store, name: str) -> list[str]:
    root = store.folder / name
    return sorted(str(file.relative_to(root)) for file in root.rglob("*") if file.is_file())


def off(house: Served, name: str) -> None:
    house.ask("source.set", name=name, active=False)


@pytest.mark.requirement("PREP-78", "OCE-61", "OCE-62")
def test_what_is_put_into_a_store_is_printed_once_and_deleted(house: Served, store: Store) -> None:
    name = watched(house, store)
    title = f"Auftrag für {name} #1.pdf"
    (store.folder / name / f".{title}").write_bytes(LETTER)
    os.rename(store.folder / name / f".{title}", store.folder / name / title)
    made = until(lambda: titled(house, title))[0]
    assert (made["owner"], made["door"], made["octets"]) == ("alice", "store", len(LETTER))
    until(lambda: lies_in(store, name) == [])
    until(lambda: [row["state"] for row in log(house, name)] == ["cleared"])
    off(house, name)


def test_the_first_folder_says_whose_it_is_and_what_is_refused_is_put_aside_with_its_reason(
    house: Served, store: Store
) -> None:
    name = watched(house, store, person="", owner="path", afterwards="keep")
    for place in (f"bob/{name}-in.pdf", f"mallory/{name}-out.pdf"):
        file = store.mkdir(f"{name}/{place.partition('/')[0]}") / place.partition("/")[2]
        file.write_bytes(LETTER)
    made = until(lambda: titled(house, f"{name}-in.pdf"))[0]
    assert made["owner"] == "bob"
    wanted = [f"done/{name}-in.pdf", f"refused/{name}-out.pdf", f"refused/{name}-out.pdf.reason.txt"]
    until(lambda: lies_in(store, name) == wanted)
    reason = (store.folder / name / "refused" / f"{name}-out.pdf.reason.txt").read_text()
    assert "The house knows no active person" in reason and titled(house, f"{name}-out.pdf") == []
    assert (store.folder / name / "done" / f"{name}-in.pdf").read_bytes() == LETTER
    off(house, name)


def test_what_is_left_where_it_lies_is_printed_once_until_it_changes(house: Served, store: Store) -> None:
    name = watched(house, store, afterwards="leave")
    file = store.folder / name / f"{name}-left.pdf"
    file.write_bytes(LETTER)
    until(lambda: titled(house, file.name))
    off(house, name)
    house.ask("source.set", name=name, active=True)  # a watcher that remembers nothing but the record
    os.utime(file, (1_700_000_000, 1_700_000_000))  # another time, the same document
    until(lambda: any("before" in row["reason"] for row in log(house, name)))
    assert len(titled(house, file.name)) == 1
    file.write_bytes(LETTER + b"%another version\n")
    until(lambda: len(titled(house, file.name)) == 2)
    assert file.exists()
    off(house, name)


def test_a_wrong_password_or_certificate_is_told_and_nothing_is_sent_to_strangers(house: Served, store: Store) -> None:
    name = f"w{len(house.ask('source.list')['sources'])}"
    wrong = {**store.values, "person": "alice", "every_s": 1}
    if "certificate" in wrong:
        wrong["certificate"] = "00" * 32
    else:
        wrong["password"] = "not the password"
    said = house.ask("source.add", name=name, **wrong)
    assert "certificate" in said["notice"] or "password" in said["notice"], said["notice"]
    until(lambda: [s for s in house.ask("source.list")["sources"] if s["name"] == name and s["state"] == "refused"])
    off(house, name)


def test_another_server_forgets_password_and_trust(house: Served, store: Store) -> None:
    name = watched(house, store)
    off(house, name)
    moved = store.address.replace("127.0.0.1", "localhost")
    if store.trust:
        with pytest.raises(control.Remote, match="which certificate"):
            house.ask("source.set", name=name, address=moved)
        moved = store.address.replace("ftps://", "ftp://").replace("davs://", "dav://")
    said = house.ask("source.set", name=name, address=moved)
    assert said["password"] is None and said["certificate_sha256"] is None


# -- looking into it, and printing one file


class Api:
    """A person's token against the API."""

    def __init__(self, house: Served, person: str) -> None:
        self._base = house.urls["api"]
        self._token = house.ask("person.token", name=person)["token"]
        self._tls = ssl.create_default_context()
        self._tls.check_hostname, self._tls.verify_mode = False, ssl.CERT_NONE

    def __call__(self, method: str, where: str, /, **body: Any) -> tuple[int, Any]:
        headers = {"Authorization": f"Bearer {self._token}", "Content-Type": "application/json"}
        data = json.dumps(body).encode() if method == "POST" else None
        request = urllib.request.Request(self._base + where, data, headers, method=method)
        try:
            with urllib.request.urlopen(request, context=self._tls, timeout=60) as answer:
                return answer.status, json.loads(answer.read() or b"null")
        except urllib.error.HTTPError as error:
            return error.code, json.loads(error.read() or b"null")


@pytest.fixture(scope="module")
def bob(house: Served) -> Api:
    return Api(house, "bob")


def browsed(house: Served, store: Store) -> str:
    name = f"b{len(house.ask('source.list')['sources'])}"
    root = store.mkdir(name)
    store.mkdir(f"{name}/Ordner mit Ümlaut/inner")
    (root / "Ordner mit Ümlaut" / f"{name} & more.pdf").write_bytes(LETTER)
    for number in range(120):
        (root / f"page-{number:03}.pdf").write_bytes(b"%PDF-1.4 " + b"x" * number)
    (root / ".hidden.pdf").write_bytes(LETTER)
    told = {**store.values, "address": f"{store.address.rstrip('/')}/{name}"}
    said = house.ask("source.add", name=name, browsable=True, picks_up=False, **told)
    assert said["notice"] is None, said["notice"]
    return name


@pytest.mark.requirement("OCE-61", "OCE-62")
def test_a_person_looks_into_a_store_and_prints_one_file_of_it(house: Served, store: Store, bob: Api) -> None:
    name = browsed(house, store)
    assert name in [each["name"] for each in bob("GET", "/stores")[1]]
    status, first = bob("POST", f"/stores/{name}/folder")
    assert status == 200 and len(first["members"]) == 100 and first["members"][0]["folder"]
    rest = bob("POST", f"/stores/{name}/folder", after=first["after"])[1]
    names = [each["name"] for each in first["members"] + rest["members"]]
    assert names == ["Ordner mit Ümlaut", *[f"page-{number:03}.pdf" for number in range(120)]] and not rest["after"]
    inner = bob("POST", f"/stores/{name}/folder", path=names[0])[1]["members"]
    assert [(each["name"], each["folder"]) for each in inner] == [("inner", True), (f"{name} & more.pdf", False)]
    assert inner[1]["octets"] == len(LETTER)
    status, _ = bob("POST", f"/stores/{name}/print", path=f"{names[0]}/{name} & more.pdf", copies=2)
    assert status == 202
    made = until(lambda: titled(house, f"{name} & more.pdf"))[0]
    assert (made["owner"], made["copies"], made["octets"], made["door"]) == ("bob", 2, len(LETTER), "store")
    assert (store.folder / name / names[0] / f"{name} & more.pdf").exists()
    chosen = bob("GET", f"/stores/{name}/chosen")[1]
    assert [(each["number"], each["state"]) for each in chosen] == [(made["number"], "cleared")]
    assert len(titled(house, f"{name} & more.pdf")) == 1


def test_nobody_gets_out_of_the_root_of_a_store(house: Served, store: Store, bob: Api) -> None:
    name = browsed(house, store)
    (store.folder / f"outside-{name}.pdf").write_bytes(LETTER)
    for path in ("..", f"../outside-{name}.pdf", "a/../..", "..\\..", "a\x00b", "a\r\nDELE b", "/".join("a" * 20)):
        assert bob("POST", f"/stores/{name}/folder", path=path)[0] >= 400, path
        assert bob("POST", f"/stores/{name}/print", path=path)[0] >= 400, path
    bob("POST", f"/stores/{name}/print", path=f"/outside-{name}.pdf")  # beneath the root, where there is none
    refused = until(lambda: [each for each in bob("GET", f"/stores/{name}/chosen")[1] if each["reason"]])
    assert "not there" in refused[0]["reason"] or "no such file" in refused[0]["reason"]
    assert titled(house, f"outside-{name}.pdf") == []


@pytest.mark.parametrize("act", ["folder", "print"])
def test_a_store_that_is_not_open_for_browsing_is_none(house: Served, store: Store, bob: Api, act: str) -> None:
    name = watched(house, store)
    assert bob("POST", f"/stores/{name}/{act}", path="x")[0] == 404
    assert bob("GET", "/sources")[0] == 403
    off(house, name)


def test_every_document_came_in_once(house: Served) -> None:
    """Of all the tests above: no title twice but the one that was changed."""
    counts = Counter(job["title"] for job in house.jobs())
    assert {title for title, count in counts.items() if count > 1} <= {t for t in counts if t.endswith("-left.pdf")}
