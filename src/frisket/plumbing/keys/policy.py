"""Which passwords are good enough: length and not-everybody's, nothing about character kinds."""

import unicodedata
from functools import cache
from importlib.resources import files

from frisket.plumbing.keys.argon import LONGEST
from frisket.plumbing.keys.errors import WeakPassword

__all__ = ["SHORTEST", "SHORTEST_STRONG", "check_policy"]

SHORTEST, SHORTEST_STRONG = 12, 15  # characters; the second for administrators
_FEWEST_DIFFERENT = 4


@cache
def _common() -> frozenset[str]:
    text = files("frisket.plumbing.keys").joinpath("common-passwords.txt").read_text("utf-8")
    return frozenset(line.strip() for line in text.splitlines() if line.strip() and line[0] != "#")


def _core(password: str) -> str:
    """What is left when the usual decoration is off: case, spaces, digits and signs at the ends."""
    letters = unicodedata.normalize("NFKC", password).casefold()
    return "".join(letters.split()).strip("0123456789!?.,;:-_#*+$%&/()=@'\"")


def _is_common(password: str) -> bool:
    core, common = _core(password), _common()
    if password.casefold() in common or core in common:
        return True
    # "passwordpassword" and "abcabcabcabc" are one short thing said often.
    whole = password.casefold()
    return any(whole == whole[:n] * (len(whole) // n) for n in range(1, 9) if len(whole) % n == 0) or any(
        core == word * (len(core) // len(word)) for word in common if core and len(core) % len(word) == 0
    )


def check_policy(password: str, *, strong: bool = False) -> None:
    """Raises WeakPassword with a sentence for its person; the password is not in it.

    strong: for administrators. At most 256 characters, so that checking has a bounded price.
    """
    shortest = SHORTEST_STRONG if strong else SHORTEST
    if len(password) < shortest:
        raise WeakPassword(f"The password needs at least {shortest} characters.")
    if len(password) > LONGEST:
        raise WeakPassword(f"The password may have at most {LONGEST} characters.")
    if len(set(password)) < _FEWEST_DIFFERENT or _is_common(password):
        raise WeakPassword("This password is among those that are tried first.")
