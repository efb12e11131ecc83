"""Changes of the kinds that upset parsers."""

import random
from collections.abc import Sequence

__all__ = ["bent", "upset"]

_LENGTHS = (b"\0\0", b"\x7f\xff", b"\x80\0", b"\xff\xff", b"\0\x01")
_TAGS = (0x02, 0x34, 0x37, 0x4A, 0x03, 0x7F, 0x0F)


def bent(
    source: random.Random, original: bytes, upsetting: Sequence[bytes], *, changes: int = 4, doubled: int = 60
) -> bytes:
    """One to so many changes: octets changed, cut out, put in, up to ``doubled`` doubled, something odd between."""
    octets = bytearray(original)
    for _ in range(source.randint(1, changes)):
        at = source.randrange(len(octets) + 1)
        match source.randrange(5):
            case 0:
                octets[at : at + 1] = bytes((source.randrange(256),))
            case 1:
                octets[at:at] = source.choice(upsetting)
            case 2:
                del octets[at : at + source.randint(1, 20)]
            case 3:
                octets[at:at] = octets[at : at + source.randint(1, doubled)]
            case _:
                octets[at:at] = source.randbytes(source.randint(1, 8))
    return bytes(octets)


def upset(source: random.Random, original: bytes, *, changes: int = 4) -> bytearray:
    """The same for IPP: lengths and tags among what is changed."""
    octets = bytearray(original)
    for _ in range(source.randint(1, changes)):
        at = source.randrange(len(octets)) if octets else 0
        match source.randrange(6):
            case 0:
                octets[at : at + 1] = bytes((source.randrange(256),))
            case 1:
                octets[at : at + 2] = source.choice(_LENGTHS)
            case 2:
                del octets[at : at + source.randint(1, 20)]
            case 3:
                octets[at:at] = octets[at : at + source.randint(1, 60)]
            case 4:
                octets[at:at] = bytes((source.choice(_TAGS),))
            case _:
                octets[at:at] = source.randbytes(source.randint(1, 8))
    return octets
