"""`python -m bench [--quick | --full] [--only NAME,…] [--out FOLDER]`: the comparisons, and what came out.

Exit status 0 when everything could be measured, whether or not a goal was reached; a goal missed on a busy
machine is a thing to look at, not a broken build.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from rich.console import Console

from bench import chart, machine, messages, result, table
from bench.result import Row, Run
from bench.rows import accepting, converting, devices, doors, finding, growing, large, slowly, starting, within
from bench.servers import NotUp, Workshop
from bench.setting import Setting
from bench.web import BadStatus

PARTS: dict[str, Callable[[Setting], list[Row]]] = {
    "accept": accepting.measure,
    "doors": doors.measure,
    "worst": accepting.measure_worst,
    "large": large.measure,
    "growth": growing.measure,
    "forward": devices.measure_forwarding,
    "release": devices.measure_release,
    "start": starting.measure,
    "discovery": finding.measure,
    "slow": slowly.measure,
    "convert": converting.measure,
    "within": within.measure,
}
_EXPECTED = (NotUp, BadStatus, messages.BadAnswer, OSError, RuntimeError, KeyError, subprocess.SubprocessError)


def _arguments(words: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__.split("\n")[0] if __doc__ else "")
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--quick", action="store_true", help="a few minutes: smaller, fewer turns")
    form.add_argument("--full", action="store_true", help="hours: up to a million held jobs")
    parser.add_argument("--only", default="", metavar="NAME,…", help=f"of {', '.join(PARTS)}")
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "out", help="where results are written")
    parser.add_argument("--work", type=Path, default=Path(tempfile.gettempdir()), help="where the servers live")
    parser.add_argument("--nice", type=int, default=0, help="run everything at this priority (below 0: root)")
    return parser.parse_args(words)


def _chosen(only: str) -> list[str]:
    names = [each for each in only.split(",") if each] or list(PARTS)
    if unknown := [name for name in names if name not in PARTS]:
        raise SystemExit(f"there is no {unknown[0]}; there are: {', '.join(PARTS)}")
    return names


def main(words: Sequence[str]) -> int:
    arguments = _arguments(words)
    names = _chosen(arguments.only)
    console = Console(highlight=False, width=None if sys.stdout.isatty() else 170)
    told = Console(stderr=True, highlight=False)
    if arguments.nice:
        os.nice(arguments.nice)
    form = "quick" if arguments.quick else "full" if arguments.full else "usual"
    with Workshop(arguments.work) as workshop:
        run = Run(datetime.now(UTC).strftime("%Y-%m-%dT%H-%M-%SZ"), form, machine.facts(workshop.folder))
        for name in names:
            _measure(run, name, Setting(workshop, form, partial(_tell, told, name)))
    table.show(run, console)
    file = result.write(run, arguments.out)
    chart.draw(run, file.with_suffix(".svg"))
    console.print(f"Written: {file}", soft_wrap=True)
    return 1 if run.failed else 0


def _tell(console: Console, part: str, text: str) -> None:
    console.print(f"{part}: {text}")


def _measure(run: Run, name: str, setting: Setting) -> None:
    began = time.monotonic()
    try:
        run.rows += PARTS[name](setting)
    except _EXPECTED as error:
        run.failed[name] = f"{type(error).__name__}: {error}"
    run.took_s[name] = time.monotonic() - began


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
