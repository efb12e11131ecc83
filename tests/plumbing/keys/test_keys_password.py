"""Passwords, PINs, tokens and digests."""

import re
import string
import time
from collections import Counter

import pytest
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id
from django.contrib.auth import hashers
from django.test import override_settings
from hypothesis import given
from hypothesis import strategies as st

from frisket.plumbing import keys
from frisket.plumbing.keys import Cost, WeakPassword, password

CHEAP = Cost("frisket_argon2id", 64, 1)
OURS = [f"frisket.plumbing.keys.password.{name}" for name in ("Argon2idHasher", "Argon2idStrongHasher")]
WORDS = "a stapler on the seventh floor"


# -- verifiers -------------------------------------------------------------------------------------


def test_a_password_fits_its_verifier_and_no_other_does():
    verifier = keys.make_password(WORDS, cost=CHEAP)
    assert WORDS not in verifier
    assert keys.check_password(WORDS, verifier)
    assert not keys.check_password(WORDS + " ", verifier)
    assert keys.make_password(WORDS, cost=CHEAP) != verifier


@pytest.mark.parametrize(
    ("strong", "start"),
    [
        (False, "frisket_argon2id$argon2id$v=19$m=19456,t=2,p=1$"),
        (True, "frisket_argon2id_strong$argon2id$v=19$m=65536,t=3,p=1$"),
    ],
)
def test_administrators_get_the_stronger_verifier(strong: bool, start: str):
    verifier = keys.make_password(WORDS, strong=strong)
    assert verifier.startswith(start)
    assert keys.check_password(WORDS, verifier)
    assert not keys.needs_rehash(verifier, strong=strong)
    assert keys.needs_rehash(verifier, strong=not strong)
    assert keys.needs_rehash(keys.make_password(WORDS, cost=CHEAP), strong=strong)


def test_a_verifier_is_plain_argon2id_that_others_can_check():
    verifier = keys.make_password(WORDS, cost=CHEAP)
    Argon2id.verify_phc_encoded(WORDS.encode(), "$" + verifier.partition("$")[2])


def test_the_same_letters_typed_in_two_ways_are_one_password():
    assert keys.check_password("schlu\u0308ssel", keys.make_password("schl\u00fcssel", cost=CHEAP))


@pytest.mark.parametrize(
    "verifier",
    [
        "",
        "!",
        "md5$x$y",
        "frisket_argon2id",
        "frisket_argon2id$argon2id$v=19$m=64,t=1,p=1$",
        "frisket_argon2id$argon2id$v=19$m=9999999,t=1,p=1$c2FsdHNhbHQxMjM0$" + "A" * 43,
        "frisket_argon2id$argon2id$v=19$m=64,t=999,p=1$c2FsdHNhbHQxMjM0$" + "A" * 43,
        "frisket_argon2id$argon2id$v=19$m=0,t=0,p=0$c2FsdHNhbHQxMjM0$" + "A" * 43,
        "frisket_argon2id$argon2id$v=19$m=8,t=1,p=8$c2FsdHNhbHQxMjM0$" + "A" * 43,
        "frisket_argon2id$argon2i$v=19$m=64,t=1,p=1$c2FsdHNhbHQxMjM0$" + "A" * 43,
        "frisket_argon2id$argon2id$v=16$m=64,t=1,p=1$c2FsdHNhbHQxMjM0$" + "A" * 43,
    ],
)
def test_nothing_fits_a_verifier_that_is_none_and_it_costs_nothing(verifier: str):
    begin = time.process_time()
    assert not keys.check_password(WORDS, verifier)
    assert time.process_time() - begin < 0.5


@given(st.text(max_size=60))
def test_whatever_stands_in_the_row_checking_only_says_no(verifier: str):
    assert not keys.check_password(WORDS, verifier)
    assert not keys.check_password(WORDS, "frisket_argon2id$" + verifier)


def test_an_unknown_person_costs_as_much_as_a_known_one():
    verifier = keys.make_password(WORDS)

    def cpu(call) -> float:
        begin = time.process_time()
        assert not call()
        return time.process_time() - begin

    known = min(cpu(lambda: keys.check_password("wrong", verifier)) for _ in range(5))
    unknown = min(cpu(lambda: keys.dummy_check("wrong")) for _ in range(5))
    assert 0.5 < unknown / known < 2


# -- the framework's hashers -----------------------------------------------------------------------


@override_settings(PASSWORD_HASHERS=OURS)
def test_the_framework_makes_and_checks_our_verifiers():
    encoded = hashers.make_password(WORDS)
    assert encoded.startswith("frisket_argon2id$")
    assert hashers.identify_hasher(encoded).algorithm == "frisket_argon2id"
    assert hashers.check_password(WORDS, encoded)
    assert not hashers.check_password("wrong", encoded)
    assert keys.check_password(WORDS, encoded)


@override_settings(PASSWORD_HASHERS=OURS)
def test_the_framework_renews_a_verifier_of_less_strength():
    renewed: list[str] = []
    weak = keys.make_password(WORDS, cost=CHEAP)
    assert hashers.check_password(WORDS, weak, setter=renewed.append)
    assert renewed == [WORDS]
    assert hashers.check_password(WORDS, keys.make_password(WORDS), setter=renewed.append)
    assert renewed == [WORDS]


def test_the_stronger_hasher_asks_for_the_stronger_verifier():
    strong, usual = password.Argon2idStrongHasher(), password.Argon2idHasher()
    encoded = strong.encode(WORDS, "ignored-salt")
    assert strong.verify(WORDS, encoded) and not strong.must_update(encoded)
    assert usual.must_update(encoded)


def test_a_summary_for_the_console_hides_salt_and_hash():
    hasher = password.Argon2idHasher()
    encoded = keys.make_password(WORDS, cost=CHEAP)
    decoded, shown = hasher.decode(encoded), hasher.safe_summary(encoded)
    assert (decoded["memory_cost"], decoded["time_cost"], decoded["parallelism"]) == (64, 1, 1)
    assert decoded["hash"] not in str(shown) and decoded["salt"] not in str(shown)
    with pytest.raises(ValueError):
        hasher.decode("pbkdf2_sha256$1$x$y")


# -- which passwords are good enough ---------------------------------------------------------------


@pytest.mark.parametrize(
    "good",
    ["a stapler on the", "Zwölf Boxkämpfer", "blue fox paper 17", "x" * 100 + "yzw" * 52, "ключ от дома 7"],
)
def test_long_passwords_of_any_characters_are_taken(good: str):
    keys.check_policy(good)


@pytest.mark.parametrize(("strong", "shortest"), [(False, 12), (True, 15)])
def test_one_character_less_than_the_shortest_is_too_short(strong: bool, shortest: int):
    letters = "fjordbankglyphsvext"
    keys.check_policy(letters[:shortest], strong=strong)
    with pytest.raises(WeakPassword) as refused:
        keys.check_policy(letters[: shortest - 1], strong=strong)
    assert str(shortest) in str(refused.value)


@pytest.mark.requirement("OCE-102")
def test_256_characters_are_taken_257_refused_and_nothing_is_cut():
    long = ("fjordbankglyphsvext" * 14)[:255]
    for length in (255, 256):
        text = long[:254] + "ü" * (length - 254)
        keys.check_policy(text)
        verifier = keys.make_password(text, cost=CHEAP)
        assert keys.check_password(text, verifier)
        assert not keys.check_password(text[:-1], verifier)
        assert not keys.check_password(text[:-1] + "u", verifier)
    too_long = long + "üü"
    assert len(too_long) == 257
    with pytest.raises(WeakPassword, match="256"):
        keys.check_policy(too_long)
    with pytest.raises(ValueError):
        keys.make_password(too_long, cost=CHEAP)
    assert not keys.check_password(too_long, keys.make_password(too_long[:256], cost=CHEAP))


@pytest.mark.parametrize(
    "bad",
    [
        "password1234",
        "Password2026!",
        "passwordpassword",
        "PASSWORDPASSWORD99",
        "123456789012",
        "qwertzuiop123",
        "administrator",
        "Administrator1!",
        "aaaaaaaaaaaaaaaa",
        "abcabcabcabcabc",
        "correct horse battery staple",
        "letmeinplease!!",
        "iloveyousomuch",
    ],
)
def test_what_everybody_tries_first_is_refused_without_repeating_it(bad: str):
    with pytest.raises(WeakPassword) as refused:
        keys.check_policy(bad)
    assert bad not in str(refused.value) and refused.value.remedy


# -- made by the house -----------------------------------------------------------------------------


def test_a_made_password_is_readable_strong_and_new_each_time():
    made = {keys.new_password() for _ in range(200)}
    assert len(made) == 200
    for one in made:
        assert re.fullmatch(r"([bcdfghjkmnp-tv-xz2-9]{5}-){3}[bcdfghjkmnp-tv-xz2-9]{5}", one)
        keys.check_policy(one, strong=True)


def test_a_made_pin_has_its_digits_leading_zeros_too():
    made = [keys.new_pin() for _ in range(3000)]
    assert all(len(pin) == 6 and set(pin) <= set(string.digits) for pin in made)
    firsts = Counter(pin[0] for pin in made)
    assert len(firsts) == 10 and max(firsts.values()) < 450
    assert len(keys.new_pin(8)) == 8
    with pytest.raises(ValueError):
        keys.new_pin(5)


def test_a_token_is_safe_in_a_url_and_never_short():
    made = {keys.new_token() for _ in range(100)}
    assert len(made) == 100
    assert all(re.fullmatch(r"[A-Za-z0-9_-]{43}", token) for token in made)
    with pytest.raises(ValueError):
        keys.new_token(8)


@given(st.text(), st.text())
def test_same_says_what_equality_says(one: str, other: str):
    assert keys.same(one, one)
    assert keys.same(one, other) == (one == other)
    assert keys.same(one, one.encode("utf-8"))


# -- job passwords and digests ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("keyword", "octets"),
    [
        ("none", "31323334"),
        ("sha2-224", "99fb2f48c6af4761f904fc85f95eb56190e5d40b1f44ec3a9c1fa319"),
        ("sha2-256", "03ac674216f3e15c761ee1a5e255f067953623c8b388b4459e13f978d7c846f4"),
        ("sha2-512_256", "3bb20e367b1a988158e3dbbed06bf6415beea23f56bbb15dbf346505edc7e7df"),
        ("sha3-256", "1d6442ddcfd9db1ff81df77cbefcd5afcc8c7ca952ab3101ede17a84b866d3f3"),
    ],
)
def test_job_passwords_have_the_octets_a_client_sends(keyword: str, octets: str):
    assert keyword in keys.JOB_PASSWORD_KEYWORDS
    assert keys.job_password_octets(keyword, "1234").hex() == octets


def test_every_offered_keyword_gives_octets_of_its_length():
    for keyword in keys.JOB_PASSWORD_KEYWORDS[1:]:
        bits = int(re.split("[-_]", keyword)[-1])
        assert len(keys.job_password_octets(keyword, "1234")) * 8 == bits


@pytest.mark.parametrize("keyword", ["shake-128", "shake-256", "md5", "sha", "sha256", ""])
def test_other_keywords_are_neither_offered_nor_taken(keyword: str):
    assert keyword not in keys.JOB_PASSWORD_KEYWORDS
    with pytest.raises(ValueError):
        keys.job_password_octets(keyword, "1234")


def test_log_hashes_are_those_of_certificate_transparency():
    empty_leaf = "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d"
    assert keys.EMPTY_TREE.hex() == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    assert keys.leaf_hash(b"").hex() == empty_leaf
    # The root over the first two of the leaves in the reference tests of RFC 6962 ("" and 00).
    two = keys.node_hash(keys.leaf_hash(b""), keys.leaf_hash(b"\x00"))
    assert two.hex() == "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125"


def test_a_leaf_never_hashes_like_a_node():
    left, right = keys.leaf_hash(b"l"), keys.leaf_hash(b"r")
    assert keys.leaf_hash(left + right) != keys.node_hash(left, right)
    assert keys.node_hash(left, right) != keys.node_hash(right, left)
