"""Passwords as Argon2id verifiers (RFC 9106), in the framework's own notation.

A verifier is text: the name of its strength, then the PHC string. What is compared is always the
NFC form, so a password typed on another keyboard is the same password (RFC 8265 section 4.2).
"""

import re
import secrets
import unicodedata
from dataclasses import dataclass

from cryptography.exceptions import InvalidKey
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id

__all__ = [
    "PERSON",
    "STRONG",
    "Cost",
    "check_password",
    "cost_of",
    "dummy_check",
    "hash_octets",
    "make_password",
    "needs_rehash",
    "verify_octets",
]

LONGEST = 256  # characters of a password; more is refused, never cut
_SALT, _HASH = 16, 32
_PHC = re.compile(r"\$argon2id\$v=19\$m=(\d{1,7}),t=(\d{1,3}),p=(\d{1,2})\$[A-Za-z0-9+/]{11,86}\$[A-Za-z0-9+/]{22,86}")
_HIGHEST_MEMORY, _HIGHEST_PASSES, _HIGHEST_LANES = 262_144, 16, 8


@dataclass(frozen=True, slots=True)
class Cost:
    """What checking one guess costs: KiB of memory, passes over it, lanes."""

    algorithm: str
    memory_kib: int
    passes: int
    lanes: int = 1


PERSON = Cost("frisket_argon2id", 19 * 1024, 2)
STRONG = Cost("frisket_argon2id_strong", 64 * 1024, 3)  # administrators


def hash_octets(data: bytes, cost: Cost) -> str:
    """A PHC string of these octets under a fresh salt."""
    slow = Argon2id(
        salt=secrets.token_bytes(_SALT),
        length=_HASH,
        iterations=cost.passes,
        lanes=cost.lanes,
        memory_cost=cost.memory_kib,
    )
    return slow.derive_phc_encoded(data)


def verify_octets(data: bytes, phc: str) -> bool:
    """False for wrong octets and for a string that is not, or not reasonably, Argon2id.

    The bounds keep a changed database row from asking for all the memory there is.
    """
    if cost_of(phc) is None:
        return False
    try:
        Argon2id.verify_phc_encoded(data, phc)
    except InvalidKey:
        return False
    return True


def cost_of(phc: str) -> tuple[int, int, int] | None:
    """Memory in KiB, passes, lanes; None for what verify_octets would not even try."""
    found = _PHC.fullmatch(phc)
    if not found:
        return None
    memory, passes, lanes = (int(number) for number in found.groups())
    if not 1 <= lanes <= _HIGHEST_LANES or not 1 <= passes <= _HIGHEST_PASSES:
        return None
    return (memory, passes, lanes) if 8 * lanes <= memory <= _HIGHEST_MEMORY else None


def make_password(password: str, *, strong: bool = False, cost: Cost | None = None) -> str:
    """A verifier to store. Raises ValueError beyond 256 characters; ask check_policy first."""
    if len(password) > LONGEST:
        raise ValueError(f"a password has at most {LONGEST} characters")
    chosen = cost or (STRONG if strong else PERSON)
    return chosen.algorithm + hash_octets(_normal(password), chosen)


def check_password(password: str, verifier: str) -> bool:
    """Does the password fit? False, never an error, for a verifier that is none of ours."""
    algorithm, _, phc = verifier.partition("$")
    if algorithm not in (PERSON.algorithm, STRONG.algorithm) or len(password) > LONGEST:
        return False
    return verify_octets(_normal(password), "$" + phc)


def needs_rehash(verifier: str, *, strong: bool = False) -> bool:
    """True when it was made with another strength than is asked for now."""
    wanted = STRONG if strong else PERSON
    algorithm, _, phc = verifier.partition("$")
    now = (wanted.memory_kib, wanted.passes, wanted.lanes)
    return algorithm != wanted.algorithm or cost_of("$" + phc) != now


def dummy_check(password: str, *, strong: bool = False) -> bool:
    """Always False, at the price of a real check: an unknown person must not answer sooner."""
    hash_octets(_normal(password[:LONGEST]), STRONG if strong else PERSON)
    return False


def _normal(password: str) -> bytes:
    return unicodedata.normalize("NFC", password).encode("utf-8", "surrogatepass")
