"""Sealed objects: published octets, a second reader written by hand, and everything that must fail."""

import hashlib
import pickle
import zlib
from collections.abc import Callable
from uuid import UUID

import pytest
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA512
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand
from hypothesis import given
from hypothesis import strategies as st

from frisket.plumbing import keys
from frisket.plumbing.keys import Damaged, Header, Key, Kind

TENANT = UUID("a0" * 15 + "01")
JOB = UUID("b0" * 15 + "02")
KEY = Key(bytes(range(32)))
SALT = bytes(range(0x64, 0x7C))
HEADER = Header(Kind.ORIGINAL, 1, TENANT, JOB, 1, 20777)
COMMITMENT = bytes.fromhex("1de7fa20f1ce66e2309611fa98572f01b10e8700a94b694ee0ab81f11628d632")
LENGTHS = [0, 1, 11, 16_383, 16_384, 16_385, 20_000, 32_768, 40_000]


# -- the format once more, written by hand from its description ------------------------------------


def derive(key: bytes, salt: bytes, context: bytes) -> tuple[bytes, int, bytes]:
    info = b"c2sp.org/chunked-encryption@v1+" + b"AEAD_AES_256_GCM" + b"\0" + salt + context
    out = HKDFExpand(SHA512(), 76, info).derive(key)
    return out[:32], int.from_bytes(out[32:44], "big"), out[44:]


def seal_by_hand(key: bytes, header: bytes, salt: bytes, message: bytes) -> bytes:
    sealing, nonce, commitment = derive(key, salt, header)
    out = [header, salt, commitment]
    for i in range(len(message) // 16_384 + 1):
        chunk = message[16_384 * i : 16_384 * (i + 1)]
        out.append(AESGCM(sealing).encrypt((nonce ^ i).to_bytes(12, "big"), chunk, None))
    return b"".join(out)


def chunk_by_hand(key: bytes, blob: bytes, i: int) -> bytes:
    """One chunk alone: random access."""
    sealing, nonce, commitment = derive(key, blob[64:88], blob[:64])
    assert commitment == blob[88:120]
    start = 120 + 16_400 * i
    return AESGCM(sealing).decrypt((nonce ^ i).to_bytes(12, "big"), blob[start : start + 16_400], None)


def vector(length: int) -> bytes:
    return bytes(j % 251 for j in range(251)) * (length // 251 + 1)


def sample(length: int) -> bytes:
    return vector(length)[:length]


# -- published octets ------------------------------------------------------------------------------


def test_the_header_has_the_published_octets():
    assert HEADER.octets().hex() == (
        "465249534b4554010101000000000001a0a0a0a0a0a0a0a0a0a0a0a0a0a0a001"
        "b0b0b0b0b0b0b0b0b0b0b0b0b0b0b002" + "00000001000000000000000000005129"
    )


def test_the_hand_written_derivation_gives_the_published_key_and_commitment():
    key, nonce, commitment = derive(bytes(KEY.octets()), SALT, HEADER.octets())
    assert key.hex() == "9bddee2dfc3eddb72a1c15005a4d41976751a0652a93093ac4b8cde6c724afa9"
    assert nonce.to_bytes(12, "big").hex() == "b0b03fd5ec5670d3d3582e44"
    assert commitment == COMMITMENT


@pytest.mark.parametrize(
    ("message", "rest"),
    [
        (b"", "e592ec1003e15a174545a99a9110f408"),
        (b"hello world", "09b276fefd3f177fc3e5e6a95b5699bd9441d16b4c1fdb9151b1bc"),
    ],
)
def test_published_short_objects_open(message: bytes, rest: str):
    blob = HEADER.octets() + SALT + COMMITMENT + bytes.fromhex(rest)
    assert keys.open_sealed(KEY, HEADER, blob) == message
    assert seal_by_hand(bytes(KEY.octets()), HEADER.octets(), SALT, message) == blob


@pytest.mark.parametrize(
    ("length", "whole", "sha256"),
    [
        (16_383, 16_519, "176bddf0d3d04151a05f32243d2791261fa919b4fde239e95cba4936def54c84"),
        (16_384, 16_536, "087d1e6a77fa68770e081be8ac23b6f91d475f14918af0cb1f5c055d3d92591b"),
        (20_000, 20_152, "8619a37cd1de99cd9b52d240e2448c555eb8363e2e740386ae5c0a6dafd8e7d4"),
        (4_915_205, 4_920_141, "9a39cb135668eeca42f5741de80dc6ebf47a5929b7ceffcbaf4387f315f9fcdf"),
    ],
)
def test_published_long_objects_have_their_digest_and_open(length: int, whole: int, sha256: str):
    message = sample(length)
    blob = seal_by_hand(bytes(KEY.octets()), HEADER.octets(), SALT, message)
    assert hashlib.sha256(blob).hexdigest() == sha256
    assert len(blob) == whole == keys.sealed_length(length)
    assert keys.open_sealed(KEY, HEADER, blob) == message


def test_the_published_wrapped_key_opens():
    epoch_key = Key(bytes(range(0x80, 0xA0)))
    header = Header(Kind.WRAPPED_KEY, 0, TENANT, JOB, 1, 20777)
    blob = bytes.fromhex(
        "465249534b4554010110000000000000a0a0a0a0a0a0a0a0a0a0a0a0a0a0a001"
        "b0b0b0b0b0b0b0b0b0b0b0b0b0b0b00200000001000000000000000000005129"
        "6465666768696a6b6c6d6e6f707172737475767778797a7b"
        "2ae8e18d2d18e01ee4e296926d2eea6b237077e25ce73a62b420b119afabdc99"
        "5c34f3fe3ea13c87df995a52412115964c82773ddbca21825be262b75ea0510d"
        "81b4f9ee6bd5a33127e249138e590366"
    )
    assert keys.open_sealed(epoch_key, header, blob) == bytes(range(0x40, 0x60))


# -- our writer against the hand-written reader ----------------------------------------------------


@pytest.mark.parametrize("length", LENGTHS)
def test_what_we_seal_a_hand_written_reader_opens_chunk_by_chunk(length: int):
    message = sample(length)
    blob = keys.seal(KEY, HEADER, message)
    assert len(blob) == keys.sealed_length(length)
    chunks = [chunk_by_hand(bytes(KEY.octets()), blob, i) for i in range(length // 16_384 + 1)]
    assert b"".join(chunks) == message
    assert len(chunks[-1]) < 16_384


def test_one_chunk_in_the_middle_can_be_read_alone():
    message = sample(100_000)
    blob = keys.seal(KEY, HEADER, message)
    assert chunk_by_hand(bytes(KEY.octets()), blob, 3) == message[3 * 16_384 : 4 * 16_384]
    changed = bytearray(blob)
    changed[120 + 16_400 * 3] ^= 1
    with pytest.raises(InvalidTag):
        chunk_by_hand(bytes(KEY.octets()), bytes(changed), 3)
    assert chunk_by_hand(bytes(KEY.octets()), bytes(changed), 2) == message[2 * 16_384 : 3 * 16_384]


@given(st.integers(0, 50_000), st.lists(st.integers(1, 30_000), max_size=6))
def test_a_stream_in_any_pieces_comes_back_the_same(length: int, cuts: list[int]):
    message = sample(length)
    sealer = keys.Sealer(KEY, HEADER)
    blob = sealer.start() + b"".join(sealer.update(piece) for piece in pieces(message, cuts)) + sealer.finish()
    assert len(blob) == keys.sealed_length(length)
    opener = keys.Opener(KEY, HEADER, plain_length=length)
    assert b"".join(opener.update(piece) for piece in pieces(blob, cuts)) + opener.finish() == message


def pieces(data: bytes, cuts: list[int]) -> list[bytes]:
    out = []
    for cut in cuts:
        out.append(data[:cut])
        data = data[cut:]
    return [*out, data]


@pytest.mark.requirement("SAFEQ-46")
@given(st.binary(max_size=200))
def test_sealing_the_same_twice_gives_different_objects(message: bytes):
    assert keys.seal(KEY, HEADER, message) != keys.seal(KEY, HEADER, message)


# -- what must fail --------------------------------------------------------------------------------


def exchange_chunks(blob: bytes) -> bytes:
    one, two = blob[120:16_520], blob[16_520:32_920]
    return blob[:120] + two + one + blob[32_920:]


def flip(place: int) -> Callable[[bytes], bytes]:
    return lambda blob: blob[:place] + bytes([blob[place] ^ 1]) + blob[place + 1 :]


FAILING: dict[str, Callable[[bytes], bytes]] = {
    "last octet cut": lambda blob: blob[:-1],
    "cut after the commitment": lambda blob: blob[:120],
    "cut inside the commitment": lambda blob: blob[:110],
    "cut after the header": lambda blob: blob[:64],
    "cut inside the header": lambda blob: blob[:63],
    "cut after the first full chunk": lambda blob: blob[: 120 + 16_400],
    "cut after the second full chunk": lambda blob: blob[: 120 + 32_800],
    "an octet of the commitment changed": flip(100),
    "an octet of the salt changed": flip(70),
    "an octet of the header changed": flip(20),
    "a reserved octet changed": flip(11),
    "an octet of the text changed": flip(5_000),
    "an octet of the last tag changed": lambda blob: blob[:-1] + bytes([blob[-1] ^ 1]),
    "one octet appended": lambda blob: blob + b"\0",
    "two chunks exchanged": exchange_chunks,
    "empty": lambda blob: b"",
}


@pytest.mark.parametrize("how", FAILING)
def test_a_damaged_object_does_not_open(how: str):
    bad = FAILING[how](keys.seal(KEY, HEADER, sample(40_000)))
    with pytest.raises(Damaged):
        keys.open_sealed(KEY, HEADER, bad)


@pytest.mark.parametrize("how", FAILING)
@pytest.mark.parametrize("length_known", [True, False])
@pytest.mark.parametrize("piece", [1_000, 16_400, 100_000])
def test_a_damaged_stream_gives_true_plaintext_then_damaged(how: str, length_known: bool, piece: int):
    message = sample(40_000)
    bad = FAILING[how](keys.seal(KEY, HEADER, message))
    opener = keys.Opener(KEY, HEADER, plain_length=len(message) if length_known else None)
    out = b""
    with pytest.raises(Damaged):
        for start in range(0, len(bad), piece):
            out += opener.update(bad[start : start + piece])
        opener.finish()
    assert message.startswith(out)
    with pytest.raises(Damaged):
        opener.finish()


OTHERS = [
    Header(Kind.ORIGINAL, 1, TENANT, JOB, 1, 20778),
    Header(Kind.ORIGINAL, 1, TENANT, JOB, 2, 20777),
    Header(Kind.ORIGINAL, 2, TENANT, JOB, 1, 20777),
    Header(Kind.PREVIEW, 1, TENANT, JOB, 1, 20777),
    Header(Kind.ORIGINAL, 1, JOB, JOB, 1, 20777),
    Header(Kind.ORIGINAL, 1, TENANT, TENANT, 1, 20777),
]


@pytest.mark.parametrize("other", OTHERS)
def test_an_object_opens_for_its_own_header_only(other: Header):
    blob = keys.seal(KEY, HEADER, b"content")
    with pytest.raises(Damaged):
        keys.open_sealed(KEY, other, blob)
    # Nor when the stored header is rewritten to what the reader expects: it is the context too.
    with pytest.raises(Damaged):
        keys.open_sealed(KEY, other, other.octets() + blob[64:])


def test_an_object_does_not_open_under_another_key():
    with pytest.raises(Damaged):
        keys.open_sealed(Key.new(), HEADER, keys.seal(KEY, HEADER, b"content"))


@pytest.mark.requirement("SAFEQ-47")
@given(st.binary(max_size=100), st.data())
def test_any_changed_bit_is_noticed(message: bytes, data: st.DataObject):
    blob = bytearray(keys.seal(KEY, HEADER, message))
    blob[data.draw(st.integers(0, len(blob) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    with pytest.raises(Damaged):
        keys.open_sealed(KEY, HEADER, bytes(blob))


def test_too_much_is_refused_before_the_end():
    opener = keys.Opener(KEY, HEADER, plain_length=10)
    with pytest.raises(Damaged):
        opener.update(keys.seal(KEY, HEADER, sample(11)))


def test_a_whole_object_that_is_shorter_than_its_row_says_is_refused():
    opener = keys.Opener(KEY, HEADER, plain_length=12)
    opener.update(keys.seal(KEY, HEADER, sample(11)))
    with pytest.raises(Damaged):
        opener.finish()


def test_a_sealed_object_does_not_shrink():
    message = b"a" * 30_000
    blob = keys.seal(KEY, HEADER, message)
    assert len(zlib.compress(blob)) > len(message)
    assert b"aaaa" not in blob


# -- headers ---------------------------------------------------------------------------------------


@given(
    st.sampled_from(Kind),
    st.integers(0, 2**32 - 1),
    st.uuids(),
    st.uuids(),
    st.integers(1, 2**32 - 1),
    st.integers(0, 2**64 - 1),
)
def test_a_header_reads_back(kind: Kind, document: int, tenant: UUID, subject: UUID, version: int, epoch: int):
    header = Header(kind, document, tenant, subject, version, epoch)
    assert Header.parse(header.octets()) == header


@pytest.mark.parametrize("place", [0, 6, 7, 8, 10, 11, 52, 55])
def test_a_header_of_anything_unknown_is_refused(place: int):
    octets = bytearray(HEADER.octets())
    octets[place] ^= 1
    with pytest.raises(Damaged):
        Header.parse(bytes(octets))


@pytest.mark.parametrize("kind", [0x00, 0x07, 0x0F, 0x14, 0xFF])
def test_a_header_of_unknown_kind_is_refused(kind: int):
    octets = bytearray(HEADER.octets())
    octets[9] = kind
    with pytest.raises(Damaged):
        Header.parse(bytes(octets))


@given(st.binary(max_size=80))
def test_whatever_lies_on_the_disk_a_header_is_read_or_damaged(octets: bytes):
    try:
        assert Header.parse(octets).octets() == octets
    except Damaged:
        pass


@pytest.mark.parametrize("header", [Header(Kind.SECRET, 2**32, TENANT, JOB), Header(Kind.SECRET, 0, TENANT, JOB, 0)])
def test_a_number_that_does_not_fit_is_refused(header: Header):
    with pytest.raises(ValueError):
        keys.seal(KEY, header, b"")


# -- keys ------------------------------------------------------------------------------------------


def test_a_key_never_shows_itself():
    key = Key(b"\x41" * 32)
    assert "A" * 4 not in f"{key!r}{key}{[key]}" and "41" not in repr(key)
    with pytest.raises(TypeError):
        pickle.dumps(key)


@pytest.mark.parametrize("length", [0, 16, 31, 33, 64])
def test_a_key_of_another_length_is_refused(length: int):
    with pytest.raises(ValueError):
        Key(bytes(length))


def test_a_wiped_key_is_overwritten_and_seals_nothing():
    key = Key.new()
    buffer = key.octets()
    assert any(buffer)
    key.wipe()
    assert not any(buffer)
    with pytest.raises(keys.Sealed):
        keys.seal(key, HEADER, b"content")
    with pytest.raises(keys.Sealed):
        keys.Sealer(key, HEADER)
    with pytest.raises(keys.Sealed):
        keys.Opener(key, HEADER)


class DroppedMeanwhile(Key):
    """A key that another thread wipes just after its buffer was taken."""

    __slots__ = ()

    def octets(self) -> bytearray:
        taken = super().octets()
        self.wipe()
        return taken


@pytest.mark.parametrize(
    "use",
    [
        lambda key: keys.seal(key, HEADER, b"content"),
        lambda key: keys.Sealer(key, HEADER),
        lambda key: keys.Opener(key, HEADER),
        lambda key: keys.open_sealed(key, HEADER, keys.seal(Key(bytes(32)), HEADER, b"under zeros")),
    ],
)
def test_a_key_dropped_in_the_middle_seals_and_opens_nothing(use: Callable[[Key], object]):
    with pytest.raises(keys.Sealed):
        use(DroppedMeanwhile.new())
