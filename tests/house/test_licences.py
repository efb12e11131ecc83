"""Licences of what Frisket is installed with, against the list of those that suit it."""

import re
import tomllib
from importlib import metadata
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

# In SPDX words. Weak copyleft (MPL-2.0, LGPL) suits because we use such a package unchanged, as a library.
SUITS = {
    "0BSD", "Apache-2.0", "BSD", "BSD-2-Clause", "BSD-3-Clause", "HPND", "ISC", "LGPL-2.1-or-later", "LGPL-3.0-only",
    "MIT", "MIT-0", "MIT-CMU", "MPL-2.0", "PSF-2.0", "Unlicense", "Zlib",
}  # fmt: skip
# What older packages write into the free field or the classifier instead.
SPELLED = {
    "Apache 2.0": "Apache-2.0",
    "Apache License, Version 2.0": "Apache-2.0",
    "Apache Software License": "Apache-2.0",
    "BSD License": "BSD",
    "ISC License": "ISC",
    "ISC License (ISCL)": "ISC",
    "MIT License": "MIT",
    "Mozilla Public License 2.0 (MPL 2.0)": "MPL-2.0",
    "Python Software Foundation License": "PSF-2.0",
}


def needed(name: str = "frisket") -> set[str]:
    """The names of all distributions that an installation of ``name`` brings here, itself left out."""
    seen: set[str] = set()
    waiting = [(name, frozenset[str]())]
    while waiting:
        at, extras = waiting.pop()
        for line in metadata.distribution(at).requires or []:
            wanted, inner, condition = _read(line)
            if not _applies(condition, extras) or wanted in seen:
                continue
            try:
                metadata.distribution(wanted)
            except metadata.PackageNotFoundError:
                continue  # for another platform
            seen.add(wanted)
            waiting.append((wanted, inner))
    return seen


def _read(line: str) -> tuple[str, frozenset[str], str]:
    found = re.match(r"([A-Za-z0-9._-]+)\s*(?:\[([^\]]*)\])?([^;]*)(?:;(.*))?", line)
    assert found, line
    extras = frozenset(filter(None, (each.strip() for each in (found[2] or "").split(","))))
    return re.sub(r"[-_.]+", "-", found[1]).lower(), extras, found[4] or ""


def _applies(condition: str, extras: frozenset[str]) -> bool:
    wanted = re.search(r"""extra\s*==\s*['"]([^'"]+)['"]""", condition)
    return wanted is None or wanted[1] in extras


def licence(name: str) -> str:
    about = metadata.metadata(name)
    expression = about.get("License-Expression")
    if expression:
        return str(expression)
    classified = [
        line.split("::")[-1].strip() for line in about.get_all("Classifier") or [] if line.startswith("License ::")
    ]
    free = (about.get("License") or "").strip().splitlines()
    # The free field may hold a whole licence text; the classifier is then the better word.
    if free and (SPELLED.get(free[0], free[0]) in SUITS or not classified):
        return SPELLED.get(free[0], free[0])
    return " OR ".join(SPELLED.get(each, each) for each in classified)


def suits(expression: str) -> bool:
    """Whether an SPDX expression leaves a way: one side of an OR is enough, an AND needs all."""
    return any(
        all(part.strip(" ()") in SUITS for part in re.split(r"\s+AND\s+", choice))
        for choice in re.split(r"\s+OR\s+", expression)
    )


def test_every_runtime_dependency_has_a_licence_that_suits():
    found = {name: licence(name) for name in sorted(needed())}
    assert {name: said for name, said in found.items() if not suits(said)} == {}


def test_the_walk_reaches_what_is_declared_and_what_that_needs():
    declared = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["dependencies"]
    assert {_read(line)[0] for line in declared} <= needed()
    assert {"psycopg-binary", "asgiref", "cffi", "pydantic-core"} <= needed()
    assert not {"pytest", "mypy", "reportlab"} & needed()


@pytest.mark.parametrize("expression", ["GPL-3.0-only", "AGPL-3.0-or-later", "MIT AND GPL-2.0-only", "Proprietary", ""])
def test_a_licence_that_does_not_suit_is_found(expression):
    assert not suits(expression)


def test_either_side_of_a_choice_is_enough():
    assert suits("GPL-2.0-only OR MIT")


def test_the_project_carries_its_own_licence():
    assert "Apache License" in (ROOT / "LICENSE").read_text()
    assert tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["license"] == "Apache-2.0"


def test_every_locked_package_carries_a_hash():
    locked = tomllib.loads((ROOT / "uv.lock").read_text())["package"]
    loose = [
        package["name"]
        for package in locked
        if "registry" in package["source"]
        and not all("hash" in each for each in [*package.get("wheels", []), package.get("sdist", {"hash": ""})])
    ]
    assert loose == []
    pinned = re.findall(r"^([a-z-]+)==\S+ \\\n    --hash=sha256:", (ROOT / "bootstrap.txt").read_text(), re.M)
    assert {"uv", "hatchling"} <= set(pinned)
