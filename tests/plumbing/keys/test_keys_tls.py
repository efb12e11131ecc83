"""Certificates and TLS: what is issued, and who can talk to whom, by real handshakes on loopback."""

import asyncio
import shutil
import socket
import ssl
import subprocess
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from uuid import UUID, uuid4

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    pkcs12,
)

from frisket.errors import Blame
from frisket.plumbing import keys
from frisket.plumbing.keys import Certificates, KeyStore, KeyStoreUnusable, TlsRefused

LOCAL = [ip_address("127.0.0.1"), ip_address("::1")]
needs_openssl = pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl is not installed")
needs_curl = pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")


class Clock:
    def __init__(self) -> None:
        self.now = datetime.now(UTC)

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def store(tmp_path: Path, clock: Clock) -> KeyStore:
    return KeyStore.create(tmp_path / "keys", uuid4(), clock=clock)


@pytest.fixture
def certificates(store: KeyStore) -> Certificates:
    return Certificates.create(store, ["print.example", "localhost"], LOCAL)


def another_house(tmp_path: Path, clock: Clock) -> Certificates:
    return Certificates.create(KeyStore.create(tmp_path / "other", uuid4(), clock=clock), ["localhost"], [])


def own(pem: bytes) -> x509.Certificate:
    return x509.load_pem_x509_certificates(pem)[0]


# -- what is issued --------------------------------------------------------------------------------


def test_the_server_certificate_names_its_hosts_and_addresses(certificates: Certificates):
    certificate = own(certificates.server_pem())
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == ["print.example", "localhost"]
    assert names.get_values_for_type(x509.IPAddress) == LOCAL
    assert certificate.subject.rfc4514_string() == "CN=print.example,OU=Secure print,O=Frisket"
    assert certificate.not_valid_after_utc - certificate.not_valid_before_utc < timedelta(days=91)


def test_two_houses_share_no_authority(tmp_path: Path, clock: Clock, certificates: Certificates):
    other = another_house(tmp_path, clock)
    one, two = own(certificates.authority_pem()), own(other.authority_pem())
    assert one.public_key() != two.public_key()
    assert one.subject != two.subject


def test_no_private_key_lies_in_clear_on_disk(store: KeyStore, certificates: Certificates, tmp_path: Path):
    certificates.server_context(want_client_certificate=True)
    files = [path for path in (tmp_path / "keys/tls").rglob("*") if path.is_file()]
    assert sorted(path.name for path in files) == ["authority-1.sealed", "server-1.sealed"]
    for path in files:
        assert path.stat().st_mode & 0o777 == 0o600
        assert b"PRIVATE" not in path.read_bytes() and b"BEGIN" not in path.read_bytes()
        assert keys.Header.parse(path.read_bytes()[:64]).kind is keys.Kind.SECRET


def test_the_certificates_are_the_same_after_a_restart(store: KeyStore, certificates: Certificates):
    again = Certificates.open(KeyStore.open(store.folder, store.tenant, clock=store.clock))
    assert again.server_fingerprint() == certificates.server_fingerprint()
    assert again.authority_pem() == certificates.authority_pem()


def test_an_authority_is_not_made_twice_and_not_opened_before_it_is_made(store: KeyStore):
    with pytest.raises(KeyStoreUnusable):
        Certificates.open(store)
    Certificates.create(store, ["localhost"], [])
    with pytest.raises(KeyStoreUnusable):
        Certificates.create(store, ["localhost"], [])


def test_a_sealed_store_gives_no_context(store: KeyStore, certificates: Certificates):
    store.seal()
    with pytest.raises(keys.Sealed):
        certificates.server_context(want_client_certificate=False)


def test_renewal_is_due_at_two_thirds_and_keeps_the_names(certificates: Certificates, clock: Clock):
    before = own(certificates.server_pem())
    clock.now += timedelta(days=59)
    assert not certificates.renew_due(clock.now)
    clock.now += timedelta(days=2)
    assert certificates.renew_due(clock.now)
    certificates.renew()
    after = own(certificates.server_pem())
    assert not certificates.renew_due(clock.now)
    assert after.public_key() != before.public_key()
    san = x509.SubjectAlternativeName
    assert after.extensions.get_extension_for_class(san) == before.extensions.get_extension_for_class(san)


@pytest.mark.parametrize("lifetime", [timedelta(days=91), timedelta(0), timedelta(days=-1)])
def test_no_certificate_lives_longer_than_ninety_days(certificates: Certificates, lifetime: timedelta):
    with pytest.raises(ValueError):
        certificates.issue_server(["localhost"], [], lifetime)
    with pytest.raises(ValueError):
        certificates.issue_client(uuid4(), lifetime)


def test_a_client_certificate_names_its_person_and_is_not_good_for_a_server(certificates: Certificates):
    person = uuid4()
    made = certificates.issue_client(person)
    assert made.password not in repr(made)
    _, certificate, _ = pkcs12.load_key_and_certificates(made.pkcs12, made.password.encode())
    assert certificate is not None
    der = certificate.public_bytes(Encoding.DER)
    assert keys.person_of(der) == person
    assert keys.fingerprint(der) == made.fingerprint
    assert keys.fingerprint(certificate.public_bytes(Encoding.PEM)) == made.fingerprint
    usage = certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    assert list(usage) == [x509.oid.ExtendedKeyUsageOID.CLIENT_AUTH]
    assert keys.person_of(own(certificates.server_pem()).public_bytes(Encoding.DER)) is None


@needs_openssl
def test_openssl_accepts_the_chain_for_its_names_only(certificates: Certificates, tmp_path: Path):
    (tmp_path / "ca.pem").write_bytes(certificates.authority_pem())
    (tmp_path / "server.pem").write_bytes(certificates.server_pem())

    def verify(*more: str) -> bool:
        command = ["openssl", "verify", "-x509_strict", "-CAfile", "ca.pem", *more, "server.pem"]
        return subprocess.run(command, cwd=tmp_path, capture_output=True, timeout=20).returncode == 0

    assert verify("-purpose", "sslserver", "-verify_hostname", "print.example")
    assert verify("-verify_ip", "127.0.0.1") and verify("-verify_ip", "::1")
    assert not verify("-verify_hostname", "other.example")
    assert not verify("-purpose", "sslclient")


# -- who can talk to whom --------------------------------------------------------------------------


class Listener:
    """Answers each TLS connection with what it saw, until closed."""

    def __init__(self, context: ssl.SSLContext) -> None:
        self.context = context
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port = self._socket.getsockname()[1]
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    def _serve(self) -> None:
        while True:
            plain, _ = self._socket.accept()
            if self.context is None:
                plain.close()
                return
            plain.settimeout(10)
            try:
                with self.context.wrap_socket(plain, server_side=True) as talk:
                    if not talk.recv(1000):
                        continue
                    certificate = talk.getpeercert(binary_form=True)
                    person = keys.person_of(certificate) if certificate else None
                    talk.sendall(f"HTTP/1.0 200 OK\r\n\r\n{person}".encode())
                    talk.unwrap()
            except OSError:
                plain.close()

    def close(self) -> None:
        self.context = None
        socket.create_connection(("127.0.0.1", self.port)).close()
        self._thread.join()
        self._socket.close()


Serve = Callable[[ssl.SSLContext], Listener]


@pytest.fixture
def serve() -> Iterator[Serve]:
    made: list[Listener] = []

    def start(context: ssl.SSLContext) -> Listener:
        made.append(Listener(context))
        return made[-1]

    yield start
    for listener in made:
        listener.close()


def talk(context: ssl.SSLContext, port: int, name: str = "localhost") -> bytes:
    with socket.create_connection(("127.0.0.1", port), timeout=10) as plain:
        with context.wrap_socket(plain, server_hostname=name) as secure:
            secure.sendall(b"GET / HTTP/1.0\r\n\r\n")
            answer = b""
            while more := secure.recv(1000):
                answer += more
            return answer


def careless(version: ssl.TLSVersion, ciphers: str = "ALL:@SECLEVEL=0") -> ssl.SSLContext:
    """A client that would take anything, of one version."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.set_ciphers(ciphers)
    context.minimum_version = context.maximum_version = version
    return context


def negotiated(context: ssl.SSLContext, port: int) -> tuple[str, str, str | None, str | None]:
    with socket.create_connection(("127.0.0.1", port), timeout=10) as plain:
        with context.wrap_socket(plain) as secure:
            version, cipher = secure.version(), secure.cipher()
            assert version and cipher
            return version, cipher[0], secure.selected_alpn_protocol(), secure.compression()


def test_tls_1_3_and_1_2_with_gcm_are_spoken(certificates: Certificates, serve: Serve):
    port = serve(certificates.server_context(want_client_certificate=False)).port
    assert negotiated(careless(ssl.TLSVersion.TLSv1_3), port)[0] == "TLSv1.3"
    for kind in ("AES128-GCM-SHA256", "AES256-GCM-SHA384", "CHACHA20-POLY1305"):
        cipher = f"ECDHE-ECDSA-{kind}"
        version, used, _, compression = negotiated(careless(ssl.TLSVersion.TLSv1_2, cipher), port)
        assert (version, used, compression) == ("TLSv1.2", cipher, None)


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion:DeprecationWarning")
def test_older_versions_and_weaker_ciphers_are_refused(certificates: Certificates, serve: Serve):
    port = serve(certificates.server_context(want_client_certificate=False)).port
    refused = [careless(ssl.TLSVersion.TLSv1), careless(ssl.TLSVersion.TLSv1_1)]
    for cipher in ("ECDHE-ECDSA-AES256-SHA384", "ECDHE-ECDSA-AES128-SHA", "AES256-GCM-SHA384"):
        refused.append(careless(ssl.TLSVersion.TLSv1_2, cipher))
    for context in refused:
        with pytest.raises(ssl.SSLError):
            negotiated(context, port)
    assert negotiated(careless(ssl.TLSVersion.TLSv1_2), port)[0] == "TLSv1.2"  # it is the choice that failed


def test_no_context_allows_less_than_tls_1_2(certificates: Certificates):
    # Said apart, because the ciphers alone would keep older versions out by accident.
    for context in (
        certificates.server_context(want_client_certificate=False),
        certificates.inner_context(),
        keys.client_context(pinned_sha256=bytes(32)),
        keys.looking_context(),
    ):
        assert context.minimum_version is ssl.TLSVersion.TLSv1_2


def test_http_2_is_never_agreed_on(certificates: Certificates, serve: Serve):
    port = serve(certificates.server_context(want_client_certificate=False)).port
    context = careless(ssl.TLSVersion.TLSv1_3)
    context.set_alpn_protocols(["h2", "http/1.1"])
    assert negotiated(context, port)[2] == "http/1.1"
    context.set_alpn_protocols(["h2"])
    assert negotiated(context, port)[2] is None


@needs_openssl
@pytest.mark.peer("openssl")
def test_openssl_connects_by_the_rules_and_not_otherwise(certificates: Certificates, serve: Serve, tmp_path: Path):
    port = serve(certificates.server_context(want_client_certificate=False)).port
    (tmp_path / "ca.pem").write_bytes(certificates.authority_pem())

    def connect(*more: str) -> tuple[int, str]:
        command = ["openssl", "s_client", "-connect", f"127.0.0.1:{port}", "-CAfile", tmp_path / "ca.pem"]
        command += ["-verify_return_error", "-verify_hostname", "localhost", *more]
        done = subprocess.run(command, input=b"Q\n", capture_output=True, timeout=20)
        return done.returncode, done.stdout.decode(errors="replace")

    status, said = connect("-tls1_3", "-alpn", "h2,http/1.1")
    assert status == 0 and "ALPN protocol: http/1.1" in said and "Verify return code: 0 (ok)" in said
    status, said = connect("-tls1_2")
    assert status == 0 and "Compression: NONE" in said and "ECDHE-ECDSA-AES256-GCM-SHA384" in said
    assert connect("-tls1_1", "-cipher", "ALL:@SECLEVEL=0")[0] != 0
    assert connect("-tls1_2", "-cipher", "ECDHE-ECDSA-AES128-SHA256")[0] != 0
    assert connect("-verify_hostname", "other.example")[0] != 0


def test_our_own_parts_trust_our_authority_and_check_the_name(
    certificates: Certificates, serve: Serve, tmp_path: Path, clock: Clock
):
    port = serve(certificates.server_context(want_client_certificate=False)).port
    assert talk(certificates.inner_context(), port).startswith(b"HTTP/1.0 200")
    with pytest.raises(ssl.SSLCertVerificationError):
        talk(certificates.inner_context(), port, "other.example")
    stranger = another_house(tmp_path, clock)
    with pytest.raises(ssl.SSLCertVerificationError):
        talk(stranger.inner_context(), port)


def test_only_the_pinned_certificate_is_talked_to(certificates: Certificates, serve: Serve):
    listener = serve(certificates.server_context(want_client_certificate=False))
    pin = certificates.server_fingerprint()
    context = keys.client_context(pinned_sha256=pin)
    assert talk(context, listener.port, "some-printer.example").startswith(b"HTTP/1.0 200")
    certificates.renew()
    certificates.reload(listener.context)
    with pytest.raises(TlsRefused) as refused:
        talk(context, listener.port)
    assert refused.value.blame is Blame.OPERATOR and "another certificate" in str(refused.value)
    renewed = keys.client_context(pinned_sha256=certificates.server_fingerprint())
    assert talk(renewed, listener.port).startswith(b"HTTP/1.0 200")


async def test_the_pin_holds_under_asyncio_too(certificates: Certificates, serve: Serve):
    port = serve(certificates.server_context(want_client_certificate=False)).port
    right = keys.client_context(pinned_sha256=certificates.server_fingerprint())
    reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=right, server_hostname="x")
    secure = writer.get_extra_info("ssl_object")
    keys.check_fingerprint(secure, certificates.server_fingerprint())
    with pytest.raises(TlsRefused):
        keys.check_fingerprint(secure, bytes(32))
    writer.write(b"GET / HTTP/1.0\r\n\r\n")
    assert (await reader.read()).startswith(b"HTTP/1.0 200")
    writer.close()
    with pytest.raises(TlsRefused):
        await asyncio.open_connection(
            "127.0.0.1", port, ssl=keys.client_context(pinned_sha256=bytes(32)), server_hostname="x"
        )


def test_looking_tells_the_fingerprint_that_is_then_pinned(certificates: Certificates, serve: Serve):
    port = serve(certificates.server_context(want_client_certificate=False)).port
    with socket.create_connection(("127.0.0.1", port), timeout=10) as plain:
        with keys.looking_context().wrap_socket(plain, server_hostname="x") as secure:
            assert keys.peer_fingerprint(secure) == certificates.server_fingerprint()


@pytest.mark.parametrize("what", [{}, {"pinned_sha256": b"short"}])
def test_nobody_is_called_without_something_to_check(what: dict[str, bytes]):
    with pytest.raises(ValueError):
        keys.client_context(**what)


def person_pem(certificates: Certificates, person: UUID) -> bytes:
    made = certificates.issue_client(person)
    key, certificate, _ = pkcs12.load_key_and_certificates(made.pkcs12, made.password.encode())
    assert isinstance(key, ec.EllipticCurvePrivateKey) and certificate is not None
    secret = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return secret + certificate.public_bytes(Encoding.PEM)


def test_a_person_is_known_by_a_certificate_of_this_house_and_may_come_without(
    certificates: Certificates, serve: Serve, tmp_path: Path, clock: Clock
):
    port = serve(certificates.server_context(want_client_certificate=True)).port
    person, ca = uuid4(), certificates.authority_pem()
    shown = keys.client_context(ca=ca, identity=person_pem(certificates, person))
    assert talk(shown, port).endswith(str(person).encode())
    assert talk(keys.client_context(ca=ca), port).endswith(b"None")
    stranger = another_house(tmp_path, clock)
    with pytest.raises(OSError):
        talk(keys.client_context(ca=ca, identity=person_pem(stranger, person)), port)


@needs_curl
@pytest.mark.peer("curl")
def test_where_a_certificate_is_required_curl_gets_in_with_one_only(
    certificates: Certificates, serve: Serve, tmp_path: Path
):
    context = certificates.server_context(want_client_certificate=True, require_client_certificate=True)
    port, person = serve(context).port, uuid4()
    (tmp_path / "ca.pem").write_bytes(certificates.authority_pem())
    (tmp_path / "person.pem").write_bytes(person_pem(certificates, person))
    command = ["curl", "-sS", "--cacert", tmp_path / "ca.pem", f"https://localhost:{port}/"]
    command += ["--resolve", f"localhost:{port}:127.0.0.1", "--noproxy", "*"]
    with_one = subprocess.run([*command, "--cert", tmp_path / "person.pem"], capture_output=True, timeout=20)
    assert with_one.stdout.decode().endswith(str(person)), with_one.stderr
    without = subprocess.run(command, capture_output=True, timeout=20)
    assert without.returncode != 0 and without.stdout == b""


def test_the_keys_in_the_certificates_are_on_p_256(certificates: Certificates):
    for pem in (certificates.server_pem(), certificates.authority_pem()):
        public = own(pem).public_key()
        assert isinstance(public, ec.EllipticCurvePublicKey) and public.curve.name == "secp256r1"
