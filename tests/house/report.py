"""A pytest plugin: which real programs the tests talked to, and order among tests that run side by side.

With FRISKET_TEST_REPORT=FILE a run leaves its counts there; ``python -m tests.house.report FOLDER`` adds the
runs up. With CI set, a test that wants a real program and is skipped counts as failed.
"""

import json
import os
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.house import clients
from tests.house.clients import client_seen

__all__ = ["client_seen"]  # a fixture for every test that drives a client

# How to ask a program what it is; programs not listed are asked with --version.
_ASK = {
    "curl": ["curl", "--version"],
    "openssl": ["openssl", "version"],
    "socat": ["socat", "-V"],
    "ghostscript": ["gs", "--version"],
    "pdfinfo": ["pdfinfo", "-v"],
    "chromium": ["chromium", "--no-sandbox", "--version"],
    "bubblewrap": ["bwrap", "--version"],
    "psql": ["psql", "--version"],
    "lprng": ["dpkg-deb", "-W", str(Path(__file__).parents[2] / ".venv" / "peers" / "lprng.deb")],
    "pyftpdlib": [sys.executable, "-c", "import pyftpdlib; print('pyftpdlib', pyftpdlib.__ver__)"],
    "wsgidav": [sys.executable, "-c", "import wsgidav; print('wsgidav', wsgidav.__version__)"],
}
# Programs that name no version of their own: the Debian package that brings them does.
_PACKAGE = {
    "avahi": "avahi-daemon",
    "avahi-browse": "avahi-utils",
    "avahi-daemon": "avahi-daemon",
    "cancel": "cups-client",
    "clamd": "clamav-daemon",
    "clamscan": "clamav",
    "cups": "cups-daemon",
    "cups-lpd": "cups",
    "cups-backends": "cups",
    "cupsd": "cups-daemon",
    "heif-enc": "libheif-examples",
    "ippeveprinter": "cups-ipp-utils",
    "ippfind": "cups-ipp-utils",
    "ipptool": "cups-ipp-utils",
    "dovecot": "dovecot-core",
    "libreoffice": "libreoffice-core-nogui",
    "lp": "cups-client",
    "lpq": "cups-bsd",
    "lpr": "cups-bsd",
    "lpstat": "cups-client",
    "nc": "netcat-openbsd",
    "postfix": "postfix",
    "postgresql": "postgresql",
    "rlpr": "rlpr",
    "swaks": "swaks",
    "vsftpd": "vsftpd",
}
_OUTCOMES = ("passed", "failed", "skipped")


def pytest_configure(config: pytest.Config) -> None:
    if not hasattr(config, "workerinput"):
        config.pluginmanager.register(_Account(), "account of real programs")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """One file stays in one process: what it started for all its tests is started once."""
    for item in items:
        peers = sorted({str(name) for mark in item.iter_markers("peer") for name in mark.args})
        item.user_properties.extend(("peer", name) for name in peers)
        if item.get_closest_marker("xdist_group") is None:
            item.add_marker(pytest.mark.xdist_group(item.nodeid.split("::")[0]))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Iterator[Any]:
    report = yield
    if report.skipped and os.environ.get("CI") and not hasattr(report, "wasxfail"):
        wants_program = any(name == "peer" for name, _ in item.user_properties)
        if wants_program and "FRISKET_CORPORA" not in _reason(report.longrepr):  # public files are no program
            report.outcome = "failed"
            report.longrepr = f"{item.nodeid} did not run: {_reason(report.longrepr)}"
    return report


def _reason(longrepr: object) -> str:
    return str(longrepr[2]) if isinstance(longrepr, tuple) else str(longrepr)


class _Account:
    """Kept by the process that gathers the others' results."""

    def __init__(self) -> None:
        self.tests: Counter[str] = Counter()
        self.peers: dict[str, Counter[str]] = {}
        self.clients: list[clients.Seen] = []

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.when != "call" and report.passed:
            return
        self.tests[report.outcome] += 1
        for kind, name in report.user_properties:
            if kind == "peer":
                self.peers.setdefault(str(name), Counter())[report.outcome] += 1
            elif kind == "client" and report.passed:
                self.clients.append(clients.Seen(*name))  # type: ignore[misc]

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        place = os.environ.get("FRISKET_TEST_REPORT")
        if place:
            Path(place).write_text(json.dumps({"tests": self.tests, "peers": self.peers, "clients": self.clients}))
        elif self.peers:
            terminalreporter.write_sep("-", "real programs")
            for line in _lines(self.peers):
                terminalreporter.write_line(line)


def _lines(peers: dict[str, Counter[str]]) -> list[str]:
    width = max(map(len, peers))
    return [
        f"  {name:<{width}}  {_counts(Counter(counts)):<28}  {version(name)}" for name, counts in sorted(peers.items())
    ]


def _counts(counts: Counter[str]) -> str:
    return ", ".join(f"{counts[outcome]} {outcome}" for outcome in _OUTCOMES if counts[outcome]) or "none"


def version(name: str) -> str:
    """What the program says it is; empty when it is not here."""
    package = _PACKAGE.get(name)
    if package and shutil.which("dpkg-query"):
        asked = ["dpkg-query", "-W", "-f", "${Package} ${Version}", package]
    else:
        asked = _ASK.get(name, [name, "--version"])
    if shutil.which(asked[0]) is None:
        return ""
    try:
        said = subprocess.run(asked, capture_output=True, text=True, timeout=20, stdin=subprocess.DEVNULL)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return next((line.strip() for line in (said.stdout + said.stderr).splitlines() if line.strip()), "")


def main(folder: Path) -> None:
    """Add up the runs that left their counts in ``folder``, and print them."""
    peers: dict[str, Counter[str]] = {}
    total: Counter[str] = Counter()
    seen: list[clients.Seen] = []
    print("\n=== Tests")
    for file in sorted(folder.glob("*.json"), key=lambda file: file.stat().st_mtime_ns):
        run = json.loads(file.read_text())
        print(f"  {file.stem:<12}  {_counts(Counter(run['tests']))}")
        total.update(run["tests"])
        for name, counts in run["peers"].items():
            peers.setdefault(name, Counter()).update(counts)
        seen += [clients.Seen(*row) for row in run.get("clients", ())]
    print(f"  {'together':<12}  {_counts(total)}")
    print("=== Tests against real programs")
    print("\n".join(_lines(peers)) if peers else "  none")
    print(f"=== Clients\n  {clients.write(seen)}")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
