"""TLS as this house speaks it, on either end: the only place that makes contexts.

TLS 1.3, and 1.2 with ECDHE and an AEAD cipher only; no compression, no renegotiation, ALPN pinned to
http/1.1 (HTTP/2 costs large jobs most of their speed), never the system's trust store. Groups are
the library's: this Python can set one group or none, and one would shut old clients out.
"""

import os
import ssl

from frisket.plumbing.keys.digest import sha256
from frisket.plumbing.keys.errors import TlsRefused
from frisket.plumbing.keys.tokens import same

__all__ = [
    "check_fingerprint",
    "client_context",
    "load_identity",
    "looking_context",
    "peer_fingerprint",
    "serving",
]

_CIPHERS = "ECDHE+AESGCM:ECDHE+CHACHA20:@SECLEVEL=2"
_OPTIONS = ssl.OP_NO_COMPRESSION | ssl.OP_NO_RENEGOTIATION | ssl.OP_CIPHER_SERVER_PREFERENCE


def _restrict(context: ssl.SSLContext) -> None:
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers(_CIPHERS)
    context.options |= _OPTIONS
    context.verify_flags |= ssl.VERIFY_X509_STRICT


def load_identity(context: ssl.SSLContext, pem: bytes) -> None:
    """Give a context a private key and its certificates, or new ones: open connections keep the old.

    `ssl` reads from files only, so the key passes through memory that has a name for a moment and
    is overwritten; it never touches a disk.
    """
    held = os.memfd_create("identity", os.MFD_CLOEXEC)
    try:
        os.write(held, pem)
        context.load_cert_chain(f"/proc/self/fd/{held}")
    finally:
        os.pwrite(held, bytes(len(pem)), 0)
        os.close(held)


def serving(
    identity: bytes, authority: bytes, *, client_certificate: ssl.VerifyMode, resumes: bool = False
) -> ssl.SSLContext:
    """The listening end. authority: PEM of the only authority whose client certificates count.

    resumes: a client may go on with a TLS session of this context in another connection.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    _restrict(context)
    context.set_alpn_protocols(["http/1.1"])
    # CUPS 2.4 over GnuTLS takes a TLS 1.3 ticket that comes while it waits for 100 Continue for an answer and
    # then waits for ever: 8 of 12 prints with tickets, none of 12 without.
    context.num_tickets = 2 if resumes else 0
    context.verify_mode = client_certificate
    if client_certificate != ssl.CERT_NONE:
        context.load_verify_locations(cadata=authority.decode("ascii"))
    load_identity(context, identity)
    return context


class _PinnedSocket(ssl.SSLSocket):
    def do_handshake(self, block: bool = False) -> None:
        super().do_handshake(block)
        _check_context_pin(self)


class _PinnedObject(ssl.SSLObject):
    def do_handshake(self) -> None:
        super().do_handshake()
        _check_context_pin(self)


class _PinnedContext(ssl.SSLContext):
    """Compares the certificate inside the handshake, so that no caller can forget it."""

    sslsocket_class = _PinnedSocket
    sslobject_class = _PinnedObject
    pinned: bytes


def _check_context_pin(connection: ssl.SSLSocket | ssl.SSLObject) -> None:
    context = connection.context
    if isinstance(context, _PinnedContext):
        check_fingerprint(connection, context.pinned)


def client_context(
    *, pinned_sha256: bytes | None = None, ca: bytes | None = None, identity: bytes | None = None
) -> ssl.SSLContext:
    """The calling end, towards a device or another house.

    pinned_sha256: SHA-256 of the one certificate (DER) that is accepted; its names and dates do not
    count then, for printers know neither. The handshake fails with TlsRefused for any other.
    ca: PEM of the authority that must have signed, names and dates checked.
    identity: PEM with a key and certificates of our own, to show when asked.
    Raises ValueError for neither: a peer nobody checks gets nothing (see looking_context).
    """
    context: ssl.SSLContext
    if pinned_sha256 is not None:
        if len(pinned_sha256) != 32:
            raise ValueError("a pin has 32 octets")
        pinned = _PinnedContext(ssl.PROTOCOL_TLS_CLIENT)
        pinned.pinned = pinned_sha256
        context = pinned
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    elif ca is not None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.load_verify_locations(cadata=ca.decode("ascii"))
    else:
        raise ValueError("say which certificate or which authority to trust")
    _restrict(context)
    if identity is not None:
        load_identity(context, identity)
    return context


def looking_context() -> ssl.SSLContext:
    """For one thing: to look at the certificate of a device that is about to be adopted.

    Nothing secret may be sent over it, for nobody knows who is at the other end.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    _restrict(context)
    return context


def peer_fingerprint(connection: ssl.SSLSocket | ssl.SSLObject) -> bytes:
    """SHA-256 of the certificate the other end showed. Raises TlsRefused when it showed none."""
    certificate = connection.getpeercert(binary_form=True)
    if not certificate:
        raise TlsRefused("the other end showed no certificate")
    return sha256(certificate)


def check_fingerprint(connection: ssl.SSLSocket | ssl.SSLObject, pinned_sha256: bytes) -> None:
    """Raises TlsRefused unless the other end showed exactly this certificate."""
    if not same(peer_fingerprint(connection), pinned_sha256):
        raise TlsRefused("the other end shows another certificate than the one that was adopted")
