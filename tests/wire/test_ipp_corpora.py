"""Answers and requests of real printers and clients, from public corpora that are not part of the project."""

import json
import os
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

import pytest

from frisket.wire import ipp

# Not IPP messages at all, or broken on purpose, says a look at their octets.
FUZZ_SEEDS = "openprinting-fuzz-seeds/"
# A Xerox cuts a collection off after its name; only the forgiving reader takes it.
FAULTY = "invalidXeroxMediaCol.response"


def corpus() -> Path:
    root = os.environ.get("FRISKET_CORPORA")
    if not root or not Path(root, "ipp", "FACTS.json").is_file():
        pytest.skip("FRISKET_CORPORA does not name a folder with ipp/FACTS.json")
    return Path(root, "ipp")


def facts(root: Path) -> dict[str, dict]:
    return json.loads((root / "FACTS.json").read_text())


def units(attributes: Iterable[ipp.Attribute]) -> Counter[str]:
    """How many tag-name-value units the attributes were sent in."""
    count: Counter[str] = Counter()
    for _, values in attributes:
        for value in values:
            count["units"] += 1
            if value.tag == ipp.Tag.BEGIN_COLLECTION:
                count["units"] += 1 + len(value.data)  # the end, and a unit for each member's name
                count += units(value.data)
    return count


def test_every_real_message_is_read_as_others_read_it_and_written_back():
    root = corpus()
    read = 0
    for path, known in facts(root).items():
        own = known.get("own", {})
        if path.startswith(FUZZ_SEEDS) or path.endswith(FAULTY) or "groups" not in own:
            continue
        octets = (root / path).read_bytes()
        message, document = ipp.decode(octets)
        assert ipp.encode(message) + document == octets, path
        assert message.request_id == own["request_id"], path
        assert message.code == own["code"], path
        assert "{}.{}".format(*message.version) == own["version"], path
        assert [group.tag for group in message.groups] == own["groups"], path
        assert sum(len(group) for group in message.groups) == own["attributes"], path
        total = sum((units(group) for group in message.groups), Counter())
        assert total["units"] == own["values"], path
        assert len(document) == own["data_after_end"], path
        read += 1
    assert read > 0


def test_every_real_message_is_read_by_the_forgiving_reader_too():
    root = corpus()
    forgiving = ipp.Limits(forgiving=True)
    for path, known in facts(root).items():
        if not path.startswith(FUZZ_SEEDS) and "groups" in known.get("own", {}):
            octets = (root / path).read_bytes()
            assert ipp.decode(octets, forgiving) == ipp.decode(octets), path
        elif path.endswith(FAULTY):
            message, _ = ipp.decode((root / path).read_bytes(), forgiving)
            assert message.job.integer("job-id") == 598


def test_broken_seeds_raise_only_documented_errors():
    root = corpus()
    for path in facts(root):
        if path.startswith(FUZZ_SEEDS):
            try:
                ipp.decode((root / path).read_bytes())
            except (ipp.Malformed, ipp.TooLarge) as error:
                assert error.status in (0x0400, 0x0408)
