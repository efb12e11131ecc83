"""Where secrets and people's words may not be: logs, files, another house."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.guarded.browser import Browser, raw
from tests.guarded.conftest import CARD, PASSWORD, ROOMY, TITLE, Manor, entries, settled
from tests.peers.client import sample
from tests.peers.served import Served, serving

from frisket.wire import ipp

MISTYPED = "mistyped into the wrong field"
JOB_PASSWORD = b"74185296"
INSIDE = "quicksilver minutes"


@pytest.fixture(scope="module")
def lived_in() -> Iterator[tuple[Manor, list[str]]]:
    """A house in which people did what people do, and the words that must not be found anywhere."""
    with serving(ROOMY) as served:
        manor = settled(served)
        token = str(served.ask("person.token", name="alice")["token"])
        setup = str(served.ready["setup_token"])
        made = str(served.person("zoe")["password"])
        browser = manor.signed_in("alice")
        manor.browser().sign_in(MISTYPED, MISTYPED)
        manor.browser().sign_in("alice", MISTYPED)
        for wrong in ("/IPP/print/secure/", "//ipp/print/secure/", "/x/", "/ipp/print/none/", "/printers/secure/x/"):
            manor.browser().get(wrong + manor.secret)
            manor.browser().ask("POST", wrong + manor.secret, b"", {"Content-Type": "application/ipp"})
        manor.browser().get(f"/api/v1/jobs?token={token}")
        manor.browser().get("/api/v1/jobs", Authorization=f"Bearer {token}")
        manor.browser().get("/api/v1/jobs", Authorization=f"Digest {token}")
        browser.get(f"/jobs?q={TITLE.replace(' ', '+')}")
        raw(manor.web, b"GET /" + PASSWORD.encode() + b" HTTP/1.1\r\n\r\n")
        alice = manor.stranger(basic=("alice", PASSWORD))
        alice.send(
            ipp.Operation.PRINT_JOB,
            ipp.attribute("job-name", ipp.name(TITLE)),
            ipp.attribute("job-password", ipp.octets(JOB_PASSWORD)),
            ipp.attribute("job-password-encryption", ipp.keyword("none")),
            document=sample(INSIDE),
        )
        by_secret = Browser(manor.web).ask("POST", f"/ipp/print/secure/{manor.secret}", b"\x02\0", {})
        assert by_secret.status in (400, 415)
        at_device = manor.browser()
        form = {"by": "card", "number": CARD, "csrfmiddlewaretoken": at_device.get("/terminal/press").token}
        at_device.post("/terminal/press/sign-in", form)
        words = [TITLE, PASSWORD, MISTYPED, CARD, INSIDE, JOB_PASSWORD.decode(), "Alice Example"]
        yield manor, [*words, manor.secret, token, setup, made]


@pytest.mark.requirement("SPM-46")
def test_the_log_holds_no_secret_no_title_and_no_content(lived_in: tuple[Manor, list[str]]) -> None:
    manor, words = lived_in
    said = manor.served.log.read_text(errors="replace")
    assert said.count("\n") >= 1
    assert [word for word in words if word in said] == []
    for line in said.splitlines():
        assert isinstance(json.loads(line), dict)


@pytest.mark.requirement("OCE-110")
def test_no_file_of_the_house_holds_them_in_clear(lived_in: tuple[Manor, list[str]]) -> None:
    manor, words = lived_in
    wanted = [form for word in words for form in (word.encode(), word.encode("utf-16-le"))]
    looked = 0
    for file in manor.served.data.rglob("*"):
        if file.is_file():
            octets = file.read_bytes()
            looked += len(octets)
            assert [word for word in wanted if word in octets] == [], file
    assert looked > 100_000


def test_the_audit_log_holds_none_of_them(lived_in: tuple[Manor, list[str]]) -> None:
    manor, words = lived_in
    lines = "\n".join(manor.served.ask("audit.export")["lines"])
    assert "sign-in.failed" in lines
    assert [word for word in words if word in lines] == []


def test_nothing_of_it_stands_in_the_process_list(lived_in: tuple[Manor, list[str]]) -> None:
    manor, words = lived_in
    assert manor.served.process is not None
    place = Path(f"/proc/{manor.served.process.pid}")
    seen = place.joinpath("cmdline").read_bytes() + place.joinpath("environ").read_bytes()
    assert [word for word in words if word.encode() in seen] == []
    limits = place.joinpath("limits").read_text()
    assert next(line for line in limits.splitlines() if line.startswith("Max core file size")).split()[4] == "0"


@pytest.mark.requirement("SPM-35")
def test_no_password_in_a_ticket_or_in_printer_language_becomes_an_attribute(
    lived_in: tuple[Manor, list[str]],
) -> None:
    manor, _ = lived_in
    client = manor.stranger(basic=("alice", PASSWORD))
    spoken = b'\x1b%-12345X@PJL SET PASSWORD="81726354"\r\n@PJL JOB PASSWORD=54637281\r\n@PJL ENTER LANGUAGE=PDF\r\n'
    answer = client.send(
        ipp.Operation.PRINT_JOB,
        ipp.attribute("job-password", ipp.octets(JOB_PASSWORD)),
        ipp.attribute("job-password-encryption", ipp.keyword("none")),
        document=spoken + sample(),
    )
    asked = client.on_job(ipp.Operation.GET_JOB_ATTRIBUTES, answer.job)
    assert asked.message is not None
    shown = ipp.encode(asked.message) + json.dumps(manor.served.job(answer.job)).encode()
    database = b"".join(file.read_bytes() for file in manor.served.data.glob("house.db*"))
    for secret in (JOB_PASSWORD, b"81726354", b"54637281"):
        assert secret not in shown and secret not in database


@pytest.mark.requirement("OCE-120")
def test_every_change_of_a_password_leaves_an_entry_without_it(lived_in: tuple[Manor, list[str]]) -> None:
    manor, _ = lived_in

    def changes() -> list[str]:
        found = entries(manor.served, "credential.add") + entries(manor.served, "credential.revoke")
        return [body for body in found if '"password"' in body]

    fresh = "seven swans over the quiet lake"
    for name, role in (("zoe", "person"), ("oscar", "operator"), ("berta", "administrator")):
        if name != "zoe":
            manor.served.person(name, role=role)
        before = len(changes())
        manor.served.ask("person.password", name=name, password=fresh)
        assert len(changes()) > before, role
    browser = manor.signed_in("zoe", fresh)
    before = len(changes())
    form = {"old": fresh, "new": "nine herons by the long canal", "csrfmiddlewaretoken": browser.get("/me").token}
    assert browser.post("/me/password", form).status == 302
    assert len(changes()) > before
    assert not any(fresh in body or "herons" in body for body in changes())


# -- two houses


def made(where: Path) -> Served:
    served = Served(where / "house", {})
    done = served.run("init", "--ephemeral-ports", "--json")
    assert done.returncode == 0, done.stderr
    where.joinpath("said").write_bytes(done.stdout)
    return served


def pieces(octets: bytes, size: int = 32) -> set[bytes]:
    return {octets[at : at + size] for at in range(len(octets) - size + 1)}


def test_two_houses_share_no_key_no_certificate_and_no_token(tmp_path: Path) -> None:
    places = [tmp_path / "one", tmp_path / "two"]
    for place in places:
        place.mkdir()
    one, two = [made(place) for place in places]
    assert one.run("ca").stdout != two.run("ca").stdout
    tokens = [json.loads(place.joinpath("said").read_bytes())["setup_token"] for place in places]
    assert tokens[0] != tokens[1]
    ids = [json.loads((each.data / "house.json").read_text()) for each in (one, two)]
    assert ids[0]["tenant"] != ids[1]["tenant"] and ids[0]["site"] != ids[1]["site"]
    held: list[set[bytes]] = []
    for each in (one, two):
        files = [file for file in (each.data / "keys").rglob("*") if file.is_file()]
        assert len(files) >= 3
        held.append({piece for file in files for piece in pieces(file.read_bytes()) if len(set(piece)) > 16})
    assert not held[0] & held[1]


def test_a_new_house_knows_nobody_and_no_default_opens_it() -> None:
    with serving(ROOMY) as served:
        browser = Browser(served.urls["web"])
        assert browser.get("/").header("Location") in ("/setup", "/sign-in?next=%2F", "/sign-in")
        for name, password in (("admin", "admin"), ("root", ""), ("frisket", "frisket"), ("administrator", "password")):
            page = browser.sign_in(name, password) if browser.get("/sign-in").status == 200 else browser.get("/sign-in")
            assert page.status != 302 or "setup" in str(page.header("Location"))
        token = browser.get("/setup").token
        form = {"token": "wrong", "name": "mallory", "password": PASSWORD, "again": PASSWORD}
        assert browser.post("/setup", {**form, "csrfmiddlewaretoken": token}).status in (200, 403)
        assert served.ask("person.list")["persons"] == []


def test_set_up_is_gone_once_it_was_done() -> None:
    with serving(ROOMY) as served:
        token = str(served.ready["setup_token"])
        settled(served)
        browser = Browser(served.urls["web"])
        assert browser.get("/setup").status == 404
        form = {"token": token, "name": "mallory", "password": PASSWORD, "again": PASSWORD}
        csrf = browser.get("/sign-in").token
        assert browser.post("/setup", {**form, "csrfmiddlewaretoken": csrf}).status == 404
        names = {each["name"] for each in served.ask("person.list")["persons"]}
        assert names == {"adam", "alice"}
