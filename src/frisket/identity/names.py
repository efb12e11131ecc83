"""The one form of a name, a mail address and a card number.

Everything that compares names compares what `canonical` gives. The domain is not part of a name: the
same person arrives as ``ALICE``, ``OFFICE\\alice`` and ``alice@office.example``, depending on the program
at the other end.
"""

import re
import unicodedata

from frisket.identity.errors import BadCredential, BadName

__all__ = ["canonical", "canonical_card", "canonical_mail", "plain", "plain_full_name"]

LONGEST_NAME = 128  # characters
LONGEST_FULL_NAME = 200
LONGEST_MAIL = 254  # RFC 5321 section 4.5.3.1.3
LONGEST_OFFERED = 1024  # looked at at all
# Control, format (bidirectional overrides, zero width), surrogate, private use, unassigned (their normal
# form may change with the next Unicode), line and paragraph separators.
_REFUSED = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
_CARD = re.compile(r"[0-9A-Z]{4,64}")
_CARD_SEPARATORS = re.compile(r"[\s:.\-_\x00]+")
_MAIL = re.compile(r"[^@\s]+@[^@\s]+")


def plain(name: str) -> str:
    """The name as it is shown: without domain, width variants and outer space; case is kept.

    Raises BadName.
    """
    if len(name) > LONGEST_OFFERED:
        raise BadName("the name is too long")
    text = _clean(unicodedata.normalize("NFKC", name.strip()))
    text = text.rsplit("\\", 1)[-1].split("@", 1)[0].strip()
    if not text or len(text) > LONGEST_NAME:
        raise BadName("a name has 1 to 128 characters")
    return text


def canonical(name: str) -> str:
    """The form in which names are compared. Raises BadName.

    Folding case may need normalising again and the other way round, so both are repeated until
    nothing changes (Unicode section 3.13, toNFKC_Casefold).
    """
    text = plain(name)
    while (folded := plain(text.casefold())) != text:
        text = folded
    return text


def plain_full_name(text: str) -> str:
    """A full name for display; may be empty. Raises BadName."""
    text = _clean(unicodedata.normalize("NFC", text.strip()[:LONGEST_OFFERED]))
    if len(text) > LONGEST_FULL_NAME:
        raise BadName("the full name is too long")
    return text


def canonical_mail(text: str) -> str:
    """A mail address in the form in which it is compared and kept; may be empty. Raises BadName."""
    text = _clean(unicodedata.normalize("NFKC", text.strip()[:LONGEST_OFFERED])).casefold()
    if text and (len(text) > LONGEST_MAIL or not _MAIL.fullmatch(text)):
        raise BadName("this is not a mail address")
    return text


def canonical_card(number: str) -> str:
    """What a reader typed, without line ends, separators and case. Raises BadCredential.

    Nothing is cut or padded: a partly read card stays another number, so it is nobody's.
    """
    number = _CARD_SEPARATORS.sub("", number[:LONGEST_OFFERED]).upper()
    if not _CARD.fullmatch(number):
        raise BadCredential("a card number has 4 to 64 letters and digits")
    return number


def _clean(text: str) -> str:
    if any(unicodedata.category(letter) in _REFUSED for letter in text):
        raise BadName("the name holds characters that cannot be seen")
    return " ".join(text.split())
