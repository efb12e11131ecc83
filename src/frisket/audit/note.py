"""Checkpoints: what the log says of itself, signed (C2SP tlog-checkpoint in a C2SP signed-note).

    frisket-audit/<tenant>
    <size>
    <root, base64>
    <empty line>
    — frisket-audit/<tenant> <base64 of key id and Ed25519 signature>

A note has exactly one form: it is read by building it again and comparing, so that no octet of it can
be changed unseen, not even one that base64 ignores.
"""

import base64
import binascii
import re
from dataclasses import dataclass
from uuid import UUID

from frisket.plumbing.keys import KeyStore, sha256, verify_signature

__all__ = ["LONGEST", "Checkpoint", "Signer", "origin_of"]

LONGEST = 512  # octets of a note
_ED25519 = b"\x01"  # signature type of C2SP signed-note
_SIZE = re.compile(rb"0|[1-9][0-9]{0,18}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """The log had ``size`` leaves under ``root``."""

    size: int
    root: bytes


def origin_of(tenant: UUID) -> str:
    return f"frisket-audit/{tenant.hex}"


class Signer:
    """Writes and reads the notes of one log."""

    def __init__(self, keys: KeyStore, tenant: UUID) -> None:
        self._keys = keys
        self.origin = origin_of(tenant)
        self.public = keys.public_key()
        self._key_id = sha256(self.origin.encode() + b"\n" + _ED25519 + self.public)[:4]
        self.first_line = self.origin.encode() + b"\n"
        self._last_line = f"— {self.origin} ".encode()

    def verifier_key(self) -> str:
        """The public key as note verifiers want it: name+id+base64."""
        return f"{self.origin}+{self._key_id.hex()}+{base64.b64encode(_ED25519 + self.public).decode()}"

    def sign(self, checkpoint: Checkpoint) -> bytes:
        text = self._text(checkpoint)
        return self._note(text, self._keys.sign(text))

    def read(self, note: bytes) -> Checkpoint | None:
        """What a well-formed note says; None when it is not a note of this log in its one form.

        The signature is another question: see genuine.
        """
        lines = note.split(b"\n")
        if len(note) > LONGEST or len(lines) != 6 or not _SIZE.fullmatch(lines[1]):
            return None
        root, signature = _unbase(lines[2]), self._signature(note)
        if root is None or len(root) != 32 or signature is None:
            return None
        checkpoint = Checkpoint(int(lines[1]), root)
        return checkpoint if self._note(self._text(checkpoint), signature) == note else None

    def genuine(self, note: bytes, checkpoint: Checkpoint) -> bool:
        """Did this house sign it?"""
        signature = self._signature(note)
        return signature is not None and verify_signature(self.public, self._text(checkpoint), signature)

    def _text(self, checkpoint: Checkpoint) -> bytes:
        root = base64.b64encode(checkpoint.root)
        return b"%s%d\n%s\n" % (self.first_line, checkpoint.size, root)

    def _note(self, text: bytes, signature: bytes) -> bytes:
        return text + b"\n" + self._last_line + base64.b64encode(self._key_id + signature) + b"\n"

    def _signature(self, note: bytes) -> bytes | None:
        octets = _unbase(note.rstrip(b"\n").rpartition(b" ")[2])
        return octets[4:] if octets is not None and len(octets) == 68 else None


def _unbase(text: bytes) -> bytes | None:
    try:
        return base64.b64decode(text, validate=True)
    except binascii.Error:
        return None
