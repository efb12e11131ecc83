"""The house's own certificate authority, and what it issues: the server's identity, people's.

Every house makes its own at init. Private keys lie sealed in the key store, together with their
certificates, so that the two can never be of different age.
"""

import ssl
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from ipaddress import IPv4Address, IPv6Address
from pathlib import Path
from typing import Self
from uuid import UUID

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import pkcs12
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from frisket.plumbing.keys import keyfile
from frisket.plumbing.keys.digest import sha256
from frisket.plumbing.keys.errors import KeyStoreUnusable
from frisket.plumbing.keys.store import KeyStore
from frisket.plumbing.keys.tls import client_context, load_identity, serving
from frisket.plumbing.keys.tokens import new_password, new_token

__all__ = ["Certificates", "ClientCertificate", "fingerprint", "person_of", "server_context"]

Address = IPv4Address | IPv6Address

LONGEST = timedelta(days=90)  # of server and client certificates
_AUTHORITY_LIFE = timedelta(days=3652)
_SLACK = timedelta(hours=1)  # clients' clocks are often a little behind
_PEM = serialization.Encoding.PEM


def fingerprint(certificate: bytes) -> bytes:
    """SHA-256 of a certificate in PEM or DER, as browsers and device panels show it."""
    if certificate.lstrip().startswith(b"-----"):
        found = x509.load_pem_x509_certificate(certificate)
        return found.fingerprint(hashes.SHA256())
    return sha256(certificate)


def person_of(certificate: bytes) -> UUID | None:
    """The person a client certificate (DER) was issued for; None when it names none.

    True only of a certificate that a handshake has verified against our authority.
    """
    found = x509.load_der_x509_certificate(certificate)
    try:
        names = found.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return None
    for uri in names.get_values_for_type(x509.UniformResourceIdentifier):
        if uri.startswith("urn:uuid:"):
            return UUID(uri)
    return None


@dataclass(frozen=True, slots=True)
class ClientCertificate:
    """What a person gets, once: the bundle, and the password that opens it."""

    pkcs12: bytes = field(repr=False)
    password: str = field(repr=False)
    der: bytes = field(repr=False)  # the certificate alone, by which it is known again
    fingerprint: bytes
    not_after: datetime


@dataclass(frozen=True, slots=True)
class _Identity:
    key: ec.EllipticCurvePrivateKey = field(repr=False)
    chain: tuple[x509.Certificate, ...]  # its own first

    def pem(self) -> bytes:
        secret = self.key.private_bytes(_PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        return secret + self.public_pem()

    def public_pem(self) -> bytes:
        return b"".join(certificate.public_bytes(_PEM) for certificate in self.chain)

    @classmethod
    def read(cls, pem: bytes) -> "_Identity":
        key = serialization.load_pem_private_key(pem, None)
        if not isinstance(key, ec.EllipticCurvePrivateKey):
            raise KeyStoreUnusable("an identity of this house has a key of an unknown kind")
        return cls(key, tuple(x509.load_pem_x509_certificates(pem)))


def _subject(common_name: str) -> x509.Name:
    return x509.Name(
        [
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Frisket"),
            x509.NameAttribute(NameOID.ORGANIZATIONAL_UNIT_NAME, "Secure print"),
            x509.NameAttribute(NameOID.COMMON_NAME, common_name[:64]),
        ]
    )


def _usage(*, authority: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not authority,
        key_cert_sign=authority,
        crl_sign=authority,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


class _Shelf:
    """Identities at rest: one sealed file each, whose name carries the version its header has."""

    def __init__(self, store: KeyStore, folder: Path, name: str) -> None:
        self._store = store
        self._folder = folder
        self._name = name
        self._id = UUID(bytes=f"tls-{name}".encode().ljust(16, b"\0"))

    def _versions(self) -> list[int]:
        found = self._folder.glob(f"{self._name}-*.sealed")
        return sorted(int(path.stem.removeprefix(f"{self._name}-")) for path in found)

    def _file(self, version: int) -> Path:
        return self._folder / f"{self._name}-{version}.sealed"

    def put(self, identity: _Identity) -> None:
        """The new one is durable before the old one goes."""
        old = self._versions()
        version = old[-1] + 1 if old else 1
        keyfile.put(self._file(version), self._store.seal_secret(self._id, identity.pem(), version))
        for earlier in old:
            keyfile.destroy(self._file(earlier))

    def get(self) -> _Identity:
        versions = self._versions()
        if not versions:
            raise KeyStoreUnusable("this house has no certificates yet")
        newest = versions[-1]
        return _Identity.read(self._store.open_secret(self._id, keyfile.read(self._file(newest)), newest))


class Certificates:
    """The authority and the server's identity. Raises Sealed once the key store is sealed."""

    def __init__(self, store: KeyStore) -> None:
        """Use create or open."""
        self._folder = store.folder / "tls"
        self._clock: Callable[[], datetime] = store.clock
        self._authority = _Shelf(store, self._folder, "authority")
        self._server = _Shelf(store, self._folder, "server")

    @classmethod
    def create(cls, store: KeyStore, names: Sequence[str], addresses: Sequence[Address]) -> Self:
        """Make the authority (EC P-256, 10 years) and a first server certificate.

        Raises KeyStoreUnusable when the house has them already.
        """
        made = cls(store)
        keyfile.make_folder(made._folder)
        if made._authority._versions():
            raise KeyStoreUnusable("this house has an authority already")
        made._authority.put(made._new_authority())
        made.issue_server(names, addresses)
        return made

    @classmethod
    def open(cls, store: KeyStore) -> Self:
        """Raises KeyStoreUnusable when create has not been called."""
        opened = cls(store)
        opened._authority.get()
        opened._server.get()
        return opened

    def _new_authority(self) -> _Identity:
        key = ec.generate_private_key(ec.SECP256R1())
        name = _subject(f"Frisket authority {new_token(16)[:8]}")
        public = x509.SubjectKeyIdentifier.from_public_key(key.public_key())
        now = self._clock()
        certificate = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - _SLACK)
            .not_valid_after(now + _AUTHORITY_LIFE)
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(_usage(authority=True), critical=True)
            .add_extension(public, critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(public), critical=False)
            .sign(key, hashes.SHA256())
        )
        return _Identity(key, (certificate,))

    def _issue(
        self,
        common_name: str,
        names: Sequence[x509.GeneralName],
        purpose: x509.ObjectIdentifier,
        lifetime: timedelta,
    ) -> _Identity:
        if not timedelta(0) < lifetime <= LONGEST:
            raise ValueError(f"a certificate lives at most {LONGEST.days} days")
        authority = self._authority.get()
        issuer = authority.chain[0]
        key = ec.generate_private_key(ec.SECP256R1())
        now = self._clock()
        issuer_key = issuer.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
        certificate = (
            x509.CertificateBuilder()
            .subject_name(_subject(common_name))
            .issuer_name(issuer.subject)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - _SLACK)
            .not_valid_after(now + lifetime)
            .add_extension(x509.SubjectAlternativeName(names), critical=False)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_usage(authority=False), critical=True)
            .add_extension(x509.ExtendedKeyUsage([purpose]), critical=False)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(issuer_key), critical=False)
            .sign(authority.key, hashes.SHA256())
        )
        return _Identity(key, (certificate, issuer))

    def issue_server(self, names: Sequence[str], addresses: Sequence[Address], lifetime: timedelta = LONGEST) -> None:
        """A new key and certificate for this server, in place of the ones it has.

        Raises ValueError without any name or address, and beyond 90 days.
        """
        wanted: list[x509.GeneralName] = [x509.DNSName(name) for name in names]
        wanted += [x509.IPAddress(address) for address in addresses]
        if not wanted:
            raise ValueError("a server certificate needs a name or an address")
        first = names[0] if names else str(addresses[0])
        self._server.put(self._issue(first, wanted, ExtendedKeyUsageOID.SERVER_AUTH, lifetime))

    def renew_due(self, now: datetime) -> bool:
        """Have two thirds of the server certificate's life gone?"""
        certificate = self._server.get().chain[0]
        begin, end = certificate.not_valid_before_utc, certificate.not_valid_after_utc
        return now >= begin + (end - begin) * 2 / 3

    def renew(self) -> None:
        """A new server certificate with a new key, for the same names and addresses."""
        old = self._server.get().chain[0]
        names = old.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        dns, addresses = names.get_values_for_type(x509.DNSName), names.get_values_for_type(x509.IPAddress)
        hosts = [address for address in addresses if isinstance(address, IPv4Address | IPv6Address)]
        self.issue_server(dns, hosts)

    def issue_client(self, person: UUID, lifetime: timedelta = LONGEST) -> ClientCertificate:
        """A certificate a person's program shows; we keep its fingerprint only, never its key."""
        name = x509.UniformResourceIdentifier(person.urn)
        made = self._issue(str(person), [name], ExtendedKeyUsageOID.CLIENT_AUTH, lifetime)
        password = new_password()
        bundle = pkcs12.serialize_key_and_certificates(
            b"Frisket",
            made.key,
            made.chain[0],
            made.chain[1:],
            serialization.BestAvailableEncryption(password.encode()),
        )
        own = made.chain[0]
        der = own.public_bytes(serialization.Encoding.DER)
        return ClientCertificate(bundle, password, der, own.fingerprint(hashes.SHA256()), own.not_valid_after_utc)

    def authority_pem(self) -> bytes:
        """The authority's certificate, for clients to trust."""
        return self._authority.get().public_pem()

    def server_pem(self) -> bytes:
        """The server's certificate and its authority's; no key."""
        return self._server.get().public_pem()

    def server_fingerprint(self) -> bytes:
        return self._server.get().chain[0].fingerprint(hashes.SHA256())

    def server_expires(self) -> datetime:
        return self._server.get().chain[0].not_valid_after_utc

    def server_context(
        self, *, want_client_certificate: bool, require_client_certificate: bool = False, resumes: bool = False
    ) -> ssl.SSLContext:
        """For a listener. A client certificate that is shown must be ours; want asks, require insists.

        resumes: see tls.serving.
        """
        mode = ssl.CERT_OPTIONAL if want_client_certificate else ssl.CERT_NONE
        if require_client_certificate:
            mode = ssl.CERT_REQUIRED
        pem, authority = self._server.get().pem(), self.authority_pem()
        return serving(pem, authority, client_certificate=mode, resumes=resumes)

    def reload(self, context: ssl.SSLContext) -> None:
        """After a renewal: new connections of a running listener get the new certificate."""
        load_identity(context, self._server.get().pem())

    def inner_context(self) -> ssl.SSLContext:
        """For our own parts and tests that call this server: trusts our authority and nobody else."""
        return client_context(ca=self.authority_pem())


def server_context(store: KeyStore, *, want_client_certificate: bool) -> ssl.SSLContext:
    """The listener's context of a house whose certificates have been made."""
    return Certificates.open(store).server_context(want_client_certificate=want_client_certificate)
