"""Random values for people and programs, and comparing them without telling how much was right."""

import hmac
import secrets

from frisket.plumbing.keys.digest import sha256

__all__ = ["new_password", "new_pin", "new_token", "same"]

# No letter or digit that is mistaken for another on paper, and no vowel, so no word arises.
_READABLE = "bcdfghjkmnpqrstvwxz23456789"
_GROUPS, _GROUP = 4, 5


def new_token(octets: int = 32) -> str:
    """A URL-safe token of this many random octets; at least 16, so that nobody guesses it."""
    if octets < 16:
        raise ValueError("a token has at least 16 octets")
    return secrets.token_urlsafe(octets)


def new_pin(digits: int = 6) -> str:
    """A random PIN, made by the house because people choose birthdays; 6 digits or more."""
    if digits < 6:
        raise ValueError("a PIN made here has at least 6 digits")
    return f"{secrets.randbelow(10**digits):0{digits}d}"


def new_password() -> str:
    """Four groups of five, easy to read off a page: 95 bits."""
    return "-".join("".join(secrets.choice(_READABLE) for _ in range(_GROUP)) for _ in range(_GROUPS))


def same(one: str | bytes, other: str | bytes) -> bool:
    """Equal, in a time that depends on neither content nor on where they first differ."""
    return hmac.compare_digest(sha256(_octets(one)), sha256(_octets(other)))


def _octets(value: str | bytes) -> bytes:
    # Header lines may come with octets that are no UTF-8; they are compared, never an error.
    return value.encode("utf-8", "surrogatepass") if isinstance(value, str) else value
