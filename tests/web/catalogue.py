"""Gathers what the pages say and compiles the catalogues: `python -m tests.web.catalogue`.

Needs GNU gettext. Besides what is marked in code and templates it takes the remedies of all errors, which
the rooms below write without the framework's help and the pages translate when they show them.
"""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

from django.core.management import call_command

from frisket.errors import FrisketError
from frisket.programs import cli
from frisket.web import urls

LOADED = (cli, urls)  # and with them every room, so that every error is known

FRISKET = Path(__file__).parents[2] / "src" / "frisket"
CATALOGUE = FRISKET / "locale" / "de" / "LC_MESSAGES" / "django.po"
GATHERED = FRISKET / "web" / "gathered_remedies.py"


def remedies() -> set[str]:
    """What every error of the house advises."""
    return {kind.remedy for kind in _below(FrisketError) if kind.remedy and kind.__module__.startswith("frisket.")}


def _below(kind: type[FrisketError]) -> Iterator[type[FrisketError]]:
    for each in kind.__subclasses__():
        yield each
        yield from _below(each)


def main() -> None:
    GATHERED.write_text("".join(f"_({each!r})\n" for each in sorted(remedies())))
    try:
        os.chdir(FRISKET)
        call_command("makemessages", locale=["de"], no_wrap=True, no_location=True, no_obsolete=True)
    finally:
        GATHERED.unlink()
    subprocess.run(["msgfmt", "--check", "-o", str(CATALOGUE.with_suffix(".mo")), str(CATALOGUE)], check=True)


if __name__ == "__main__":
    main()
