"""One form for names and card numbers."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from frisket.identity import BadCredential, BadName, canonical, canonical_card


@given(st.text(max_size=200))
def test_whatever_is_sent_has_one_form_or_is_no_name(name: str) -> None:
    with suppress(BadName):
        form = canonical(name)
        assert canonical(form) == form
        assert 0 < len(form) <= 128 and "\\" not in form and "@" not in form and form == form.strip()


@given(st.text(max_size=40))
def test_case_width_and_domain_make_no_difference(name: str) -> None:
    with suppress(BadName):
        form = canonical(name)
        for other in (form.upper().lower(), f"DOMAIN\\{form}", f"{form}@realm.example", f"  {form} "):
            if canonical(form.upper().lower()) == form:  # letters without an upper case that comes back
                assert canonical(other) == form


@pytest.mark.parametrize(("name", "form"), [("Straße", "strasse"), ("İrem", "i̇rem"), ("K", "k"), ("ﬁlip", "filip")])
def test_letters_that_fold_to_others_do(name: str, form: str) -> None:
    assert canonical(name) == form


@pytest.mark.parametrize(
    "typed", ["04A2246B115C80", "04:a2:24:6b:11:5c:80\r\n", " 04-A2-24-6B-11-5C-80", "04 a2 24 6b 11 5c 80\n"]
)
def test_a_card_is_one_number_however_its_reader_types_it(typed: str) -> None:
    assert canonical_card(typed) == "04A2246B115C80"


@given(st.text(max_size=80))
def test_whatever_a_reader_types_is_a_number_or_refused(typed: str) -> None:
    with suppress(BadCredential):
        number = canonical_card(typed)
        assert number.isascii() and number.isalnum() and canonical_card(number) == number
