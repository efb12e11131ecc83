"""What is delivered, shown to a virus scanner before it is: ``python -m tests.house.scanning`` (``make scan``).

Builds the packages, scans them and what they unpack to, and demands that the guide names the scanner and version
that looked. Ends with 1 when the scanner knows something, or cannot say.
"""

import re
import subprocess
import sys
import tempfile
import tomllib
import zipfile
from dataclasses import dataclass
from pathlib import Path

__all__ = ["NoVerdict", "Scan", "build", "named_in_guide", "scan"]

ROOT = Path(__file__).parents[2]
GUIDE = ROOT / "docs" / "guide" / "antivirus.md"


class NoVerdict(Exception):
    """The scanner is not there, has no signatures, or did not end well."""


@dataclass(frozen=True)
class Scan:
    """product: name and version as the scanner says it. found: what it knows, as "file: name"."""

    product: str
    signatures: str
    found: tuple[str, ...]


def build(where: Path) -> list[Path]:
    """The packages of this checkout, as they are published."""
    subprocess.run([sys.executable, "-m", "hatchling", "build", "-d", where], cwd=ROOT, check=True, capture_output=True)
    return sorted(where.iterdir())


def scan(packages: list[Path], *, signatures: Path | None = None) -> Scan:
    """Look at packages and at everything in them. signatures: a folder; None: the scanner's own. Raises NoVerdict."""
    options = [f"--database={signatures}"] if signatures is not None else []
    try:
        version = _run("clamscan", "--version", *options).stdout.strip()
        with tempfile.TemporaryDirectory(prefix="frisket-scan-") as folder:
            for package in packages:
                if package.suffix == ".whl":
                    zipfile.ZipFile(package).extractall(Path(folder, package.name))
            done = _run("clamscan", "--recursive", "--infected", "--no-summary", *options, folder, *map(str, packages))
    except (OSError, subprocess.TimeoutExpired) as error:
        raise NoVerdict(f"clamscan does not run: {error}") from error
    if done.returncode not in (0, 1):
        raise NoVerdict(f"clamscan ended with {done.returncode}: {done.stderr.strip()[-400:]}")
    product, _, known = version.partition("/")
    lines = [line for line in done.stdout.splitlines() if line.endswith(" FOUND")]
    return Scan(product, known, tuple(line.removesuffix(" FOUND") for line in lines))


def _run(*command: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(command, capture_output=True, text=True, timeout=600)


def named_in_guide(release: str, product: str, guide: Path = GUIDE) -> bool:
    """Does the guide's table say that this release was checked with this product and version?"""
    rows = [[cell.strip() for cell in line.strip().strip("|").split("|")] for line in guide.read_text().splitlines()]
    return any(row[:2] == [release, product] for row in rows)


def release() -> str:
    told = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    return re.sub(r"[^0-9A-Za-z.+-]", "", str(told))


def main() -> int:
    with tempfile.TemporaryDirectory(prefix="frisket-build-") as folder:
        packages = build(Path(folder))
        try:
            told = scan(packages)
        except NoVerdict as error:
            print(f"No verdict: {error}", file=sys.stderr)
            return 1
        names = ", ".join(package.name for package in packages)
    print(f"{told.product}, signatures {told.signatures or 'unnamed'}: {names}")
    for line in told.found:
        print(f"FOUND {line}", file=sys.stderr)
    if told.found:
        return 1
    if not named_in_guide(release(), told.product):
        print(
            f"{GUIDE.relative_to(ROOT)} does not say that {release()} was checked with {told.product}", file=sys.stderr
        )
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
