"""English and German, each complete."""

import ast
import gettext
import re
from datetime import timedelta
from pathlib import Path

import pytest

from tests.web.catalogue import CATALOGUE, FRISKET, remedies
from tests.web.conftest import Town

German = gettext.GNUTranslations


@pytest.fixture(scope="module")
def german() -> German:
    with CATALOGUE.with_suffix(".mo").open("rb") as file:
        return German(file)


def entries(text: str) -> list[tuple[str, str, list[str]]]:
    """(flags, msgid, msgstrs) of a catalogue's source."""
    found = []
    for block in text.split("\n\n"):
        lines: dict[str, str] = {}
        key, flags = "", ""
        for line in block.splitlines():
            if line.startswith("#"):
                flags += line
            elif match := re.match(r'(msg\w+(?:\[\d\])?) (".*")$', line):
                key = match[1]
                lines[key] = ast.literal_eval(match[2])
            elif line.startswith('"'):
                lines[key] += ast.literal_eval(line)
        if lines:
            found.append((flags, lines["msgid"], [text for name, text in lines.items() if "msgstr" in name]))
    return found


def test_nothing_is_untranslated_or_uncertain() -> None:
    for flags, said, told in entries(CATALOGUE.read_text()):
        assert "fuzzy" not in flags, said
        assert all(told), said


def test_the_compiled_catalogue_is_that_of_the_source(german: German) -> None:
    compiled = {key if isinstance(key, str) else key[0] for key in german._catalog}  # type: ignore[attr-defined]
    written = {said for _flags, said, _told in entries(CATALOGUE.read_text())}
    assert compiled == written
    for _flags, said, told in entries(CATALOGUE.read_text())[1:]:
        found = german._catalog.get(said) or german._catalog[said, 0]  # type: ignore[attr-defined]
        assert found == told[0], said


def test_every_text_marked_in_code_or_templates_is_in_the_catalogue(german: German) -> None:
    known = {said for _flags, said, _told in entries(CATALOGUE.read_text())}
    for file in [*FRISKET.rglob("*.py"), *FRISKET.rglob("*.html")]:
        for said in marked(file):
            assert said in known, (file.name, said)


def marked(file: Path) -> list[str]:
    text = file.read_text()
    if file.suffix == ".html":
        found = re.findall(r"""{% translate (?:"([^"]+)"|'([^']+)')""", text)
        return [one or other for one, other in found]
    if "gettext" not in text:
        return []
    calls = [node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Call)]
    return [
        call.args[0].value
        for call in calls
        if isinstance(call.func, ast.Name)
        and call.func.id in ("_", "gettext", "gettext_lazy", "gettext_noop")
        and call.args
        and isinstance(call.args[0], ast.Constant)
    ]


def test_every_advice_of_an_error_is_translated(german: German) -> None:
    advice = remedies()
    assert len(advice) > 40
    missing = [each for each in sorted(advice) if german.gettext(each) == each]
    assert not missing


def test_the_places_in_a_text_are_the_same_in_both_languages() -> None:
    for _flags, said, told in entries(CATALOGUE.read_text())[1:]:
        places = set(re.findall(r"%\(\w+\)s", said))
        assert all(set(re.findall(r"%\(\w+\)s", each)) == places for each in told), said


def test_pages_speak_the_language_the_browser_asks_for(town: Town) -> None:
    town.person("adam")
    german = town.browser().get("/sign-in", secure=True, headers={"accept-language": "de-AT,de;q=0.9"})
    assert german["Content-Language"] == "de" and b'lang="de"' in german.content
    assert "Kennwort" in german.content.decode()
    other = town.browser().get("/sign-in", secure=True, headers={"accept-language": "fr"})
    assert b'lang="en"' in other.content


def test_a_chosen_language_stays_with_the_person(town: Town) -> None:
    browser = town.browser("alice")
    assert browser.post("/language", {"language": "de", "next": "/me"}, secure=True)["Location"] == "/me"
    town.house.clock.pass_time(timedelta(seconds=1))
    page = town.browser("alice").get("/", secure=True, headers={"accept-language": "en"})
    assert "Meine Aufträge" in page.content.decode() and page["Content-Language"] == "de"
