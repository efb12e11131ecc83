"""What the encrypted ports agree to, asked by openssl and curl."""

import json
import re
import subprocess
from base64 import b64encode
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.x509.oid import ExtensionOID, NameOID
from tests.guarded.browser import Browser, raw
from tests.guarded.conftest import CARD, PASSWORD, ROOMY, Manor
from tests.peers.client import sample
from tests.peers.programs import program
from tests.peers.served import serving

pytestmark = pytest.mark.peer("openssl")
DOORS = ("web", "ipps")
GOOD = re.compile(r"ECDHE-(RSA|ECDSA)-(AES(128|256)-GCM-SHA(256|384)|CHACHA20-POLY1305)")


def shake(manor: Manor, door: str, *options: str, say: bytes = b"") -> str:
    """Everything openssl tells of a handshake."""
    done = subprocess.run(
        [program("openssl"), "s_client", "-connect", f"127.0.0.1:{manor.served.port(door)}", *options],
        input=say,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        timeout=20,
    )
    return done.stdout.decode(errors="replace")


def agreed(said: str) -> str:
    """The cipher, or nothing."""
    found = re.search(r"^New, TLSv1\S*, Cipher is (\S+)$", said, re.MULTILINE)
    return found[1] if found and found[1] != "(NONE)" else ""


@pytest.fixture(scope="module")
def authority(manor: Manor, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    file = tmp_path_factory.mktemp("tls") / "authority.pem"
    done = manor.served.run("ca")
    assert done.returncode == 0
    file.write_bytes(done.stdout)
    yield file


@pytest.mark.requirement("SPM-22")
@pytest.mark.parametrize("door", DOORS)
def test_tls_1_2_and_1_3_are_spoken_and_nothing_older(manor: Manor, door: str) -> None:
    for good in ("-tls1_2", "-tls1_3"):
        assert agreed(shake(manor, door, good))
    for old in ("-tls1", "-tls1_1"):
        said = shake(manor, door, old, "-cipher", "ALL:@SECLEVEL=0")
        assert not agreed(said)
        # It was the house that would not, not our own program: that one did write a hello.
        assert re.search(r"written [1-9]\d+ bytes", said) and "no protocols available" not in said, said


@pytest.mark.parametrize("door", DOORS)
def test_only_ephemeral_keys_and_authenticated_ciphers_are_agreed_to(manor: Manor, door: str) -> None:
    taken: list[str] = []
    while True:
        offer = ":".join(["ALL:COMPLEMENTOFALL", *[f"!{name}" for name in taken], "@SECLEVEL=0"])
        name = agreed(shake(manor, door, "-tls1_2", "-cipher", offer))
        if not name:
            break
        assert name not in taken
        taken.append(name)
    assert len(taken) >= 2 and all(GOOD.fullmatch(name) for name in taken), taken


@pytest.mark.parametrize("door", DOORS)
def test_there_is_no_compression_no_renegotiation_and_no_other_protocol(manor: Manor, door: str) -> None:
    said = shake(manor, door, "-tls1_2", "-comp", "-alpn", "h2,http/1.1")
    assert "Compression: NONE" in said and "ALPN protocol: http/1.1" in said
    again = shake(manor, door, "-tls1_2", say=b"R\n")
    assert "RENEGOTIATING" in again and "no renegotiation" in again, again[-600:]


def served_certificate(manor: Manor) -> x509.Certificate:
    said = shake(manor, "web", "-showcerts")
    first = re.search(r"-----BEGIN CERTIFICATE-----.+?-----END CERTIFICATE-----", said, re.DOTALL)
    assert first is not None
    return x509.load_pem_x509_certificate(first[0].encode())


@pytest.mark.requirement("OCE-167")
def test_the_certificate_is_there_from_the_first_start_with_the_names_people_use(manor: Manor) -> None:
    found = served_certificate(manor)
    names = found.extensions.get_extension_for_oid(ExtensionOID.SUBJECT_ALTERNATIVE_NAME).value
    assert isinstance(names, x509.SubjectAlternativeName)
    assert "localhost" in names.get_values_for_type(x509.DNSName)
    assert {"127.0.0.1", "::1"} <= {str(each) for each in names.get_values_for_type(x509.IPAddress)}
    subject = {each.oid: each.value for each in found.subject}
    assert {NameOID.COMMON_NAME, NameOID.ORGANIZATION_NAME, NameOID.ORGANIZATIONAL_UNIT_NAME} <= set(subject)
    assert subject[NameOID.ORGANIZATION_NAME] == "Frisket"


def test_the_certificate_lives_ninety_days_at_most_and_may_sign_nothing(manor: Manor) -> None:
    found = served_certificate(manor)
    assert found.not_valid_after_utc - found.not_valid_before_utc <= timedelta(days=90, hours=1)
    assert found.not_valid_before_utc <= datetime.now(UTC) <= found.not_valid_after_utc
    constraints = found.extensions.get_extension_for_oid(ExtensionOID.BASIC_CONSTRAINTS).value
    assert isinstance(constraints, x509.BasicConstraints) and not constraints.ca


@pytest.mark.requirement("SAFEQ-63")
@pytest.mark.peer("curl")
def test_a_client_with_the_authority_verifies_the_server_and_one_without_refuses_it(
    manor: Manor, authority: Path
) -> None:
    def curl(*options: str) -> int:
        url = f"https://localhost:{manor.served.port('web')}/healthz"
        return subprocess.run(
            [program("curl"), "-s", "-o", "/dev/null", *options, url], capture_output=True, timeout=20
        ).returncode

    assert curl("--cacert", str(authority)) == 0
    assert curl() == 60  # the peer's certificate cannot be verified
    wrong_name = ["--connect-to", f"elsewhere.example:1:127.0.0.1:{manor.served.port('web')}"]
    done = subprocess.run(
        [program("curl"), "-s", "--cacert", str(authority), *wrong_name, "https://elsewhere.example:1/healthz"],
        capture_output=True,
        timeout=20,
    )
    assert done.returncode == 60


@pytest.mark.requirement("SPM-58", "SAFEQ-84")
def test_the_console_is_served_inside_tls_only(manor: Manor) -> None:
    clear = Browser(manor.clear)
    for path in ("/", "/sign-in", "/devices", "/terminal/press", "/upload", "/static/web/site.css"):
        page = clear.get(path)
        assert page.status == 404 and b"<" not in page.body, path
    said = raw(manor.web.replace("https", "http"), b"GET /sign-in HTTP/1.1\r\nHost: localhost\r\n\r\n")
    assert b"HTTP/1.1 200" not in said
    assert manor.browser().get("/sign-in").status == 200


@pytest.mark.requirement("SAFEQ-78")
def test_a_card_at_a_terminal_travels_inside_tls_only(manor: Manor) -> None:
    form = {"by": "card", "number": CARD}
    clear = Browser(manor.clear)
    assert clear.get("/terminal/press").status == 404
    assert clear.post("/terminal/press/sign-in", form).status == 404
    browser = manor.browser()
    token = browser.get("/terminal/press").token
    assert browser.post("/terminal/press/sign-in", {**form, "csrfmiddlewaretoken": token}).status == 302
    cookie = browser.cookies["__Host-terminal"]
    assert "press · alice" in browser.get("/terminal/press").text
    assert Browser(manor.clear, {"__Host-terminal": cookie}).get("/terminal/press").status == 404


@pytest.mark.requirement("SAFEQ-96")
def test_a_document_sent_by_https_waits_for_its_person(manor: Manor) -> None:
    proof = b64encode(f"alice:{PASSWORD}".encode()).decode()
    headers = {"Authorization": f"Basic {proof}", "Content-Type": "application/pdf"}
    page = manor.browser().ask("POST", "/api/v1/jobs?queue=secure&title=sent", sample(), headers)
    assert page.status == 201, page.text
    assert manor.served.reaches(json.loads(page.body)["number"], "held")["owner"] == "alice"


@pytest.mark.parametrize("path", ["/api/v1/jobs?queue=secure", "/metrics", "/api/v1/me"])
def test_a_password_or_token_is_not_taken_in_clear_text(manor: Manor, path: str) -> None:
    proof = b64encode(f"alice:{PASSWORD}".encode()).decode()
    method = "POST" if path.startswith("/api/v1/jobs") else "GET"
    headers = {"Authorization": f"Basic {proof}", "Content-Type": "application/pdf"}
    assert Browser(manor.clear).ask(method, path, b"%PDF-1.4" if method == "POST" else None, headers).status == 404


@pytest.mark.requirement("OCE-164")
@pytest.mark.parametrize("level", ["normal", "medium", "medium-high", "high"])
def test_the_console_answers_over_https_at_every_level_and_clear_text_at_one(level: str) -> None:
    with serving({**ROOMY, "HOUSE__LEVEL": level}) as served:
        assert Browser(served.urls["web"]).get("/sign-in").status in (200, 302)
        assert ("ipp" in served.urls) == (level == "normal")
        assert "ipps" in served.urls
