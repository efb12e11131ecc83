"""Names and listings from outside: whatever they are, what comes out is a name, or the one error."""

import os
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from frisket.intake.sources import address, collecting, names
from frisket.intake.sources.errors import BadSource
from frisket.intake.sources.place import Seen

ANY = st.text(max_size=300)
FILE_NAME = st.binary(min_size=1, max_size=255).filter(lambda name: b"/" not in name and b"\0" not in name)


@given(ANY)
def test_a_path_is_beneath_its_root_or_refused(path: str) -> None:
    with suppress(BadSource):
        found = names.relative(path)
        assert not found.startswith("/") and ".." not in found.split("/") and "\\" not in found
        assert os.path.normpath("/root/" + found).startswith("/root")
        assert names.relative(found) == found


@given(ANY, ANY)
def test_two_paths_together_are_beneath_the_first(root: str, path: str) -> None:
    with suppress(BadSource):
        found = names.within(root, path)
        assert found.startswith(names.relative(root))


@given(FILE_NAME, st.integers(1, 999))
def test_the_name_beside_a_taken_one_fits_any_file_system(name: bytes, number: int) -> None:
    found = os.fsencode(names.beside(os.fsdecode(name), number))
    assert 0 < len(found) <= 255 and b"/" not in found
    if number == 1 and len(name) <= 200:
        assert found == name


@given(FILE_NAME)
def test_a_title_shows_nothing_that_is_not_seen(name: bytes) -> None:
    found = names.shown(os.fsdecode(name))
    assert all(char.isprintable() for char in found) and len(found) <= 255
    found.encode()


@pytest.mark.parametrize(
    "name", ["a.part", ".hidden", "~$a.docx", "a~", "A.TMP", "desktop.ini", "x.crdownload", ".~lock.a.odt#"]
)
def test_half_written_files_are_known_by_their_names(name: str) -> None:
    assert names.is_partial(name)


@given(ANY)
def test_an_address_is_read_the_same_twice_or_refused(text: str) -> None:
    for each in (text, f"smb://host/{text}", f"davs://{text}", f"/{text}"):
        with suppress(BadSource):
            found = address.Address.read(each)
            assert address.Address.read(found.text) == found
            assert "@" not in found.host


@pytest.mark.parametrize(
    "text",
    [
        "smb://alice:secret@host/share",
        "smb://host",
        "http//x",
        "ftp://host:0/",
        "ftps://host:99999/x",
        "/",
        "/..",
        "file:///x",
    ],
)
def test_an_address_with_a_credential_or_without_a_place_is_refused(text: str) -> None:
    with pytest.raises(BadSource) as refused:
        address.Address.read(text)
    assert "secret" not in str(refused.value)


@settings(max_examples=50)
@given(st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 999)), unique=True, max_size=80), st.integers(1, 40))
def test_everybody_has_their_turn_in_a_batch(files: list[tuple[str, int]], most: int) -> None:
    seen = [Seen(f"{who}/{number}.pdf", 1, "") for who, number in files]
    chosen = collecting.fair(seen, most)
    assert len(chosen) == min(most, len(seen)) == len(set(chosen))
    each = {who: sum(file.path.startswith(who) for file in chosen) for who in "abc"}
    have = {who: sum(name == who for name, _ in files) for who in "abc"}
    for one in "abc":
        for other in "abc":
            assert each[one] <= each[other] + 1 or each[other] == have[other]
