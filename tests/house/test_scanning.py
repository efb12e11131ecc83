"""What is delivered is shown to a virus scanner before it is, and the guide says by which it was looked at."""

import shutil
import zipfile
from pathlib import Path

import pytest
from tests.house import scanning
from tests.peers.scanners import EICAR, own_signatures

by_clamscan = [
    pytest.mark.peer("clamscan"),
    pytest.mark.skipif(shutil.which("clamscan") is None, reason="clamscan is not installed"),
]


@by_clamscan[0]
@by_clamscan[1]
@pytest.mark.requirement("PREP-41")
def test_a_package_is_built_and_scanned_and_a_planted_one_is_found(tmp_path: Path) -> None:
    signatures = own_signatures(tmp_path)
    packages = scanning.build(tmp_path / "dist")
    assert {package.suffix for package in packages} == {".whl", ".gz"}
    assert scanning.scan(packages, signatures=signatures).found == ()
    wheel = next(package for package in packages if package.suffix == ".whl")
    with zipfile.ZipFile(wheel, "a") as out:
        out.writestr("frisket/planted.bin", EICAR)
    found = scanning.scan(packages, signatures=signatures).found
    assert found and all("Eicar-Test-Signature" in line for line in found)


@by_clamscan[0]
@by_clamscan[1]
@pytest.mark.requirement("PREP-41")
def test_a_scanner_without_signatures_calls_no_package_clean(tmp_path: Path) -> None:
    (tmp_path / "nothing").mkdir()
    with pytest.raises(scanning.NoVerdict):
        scanning.scan([], signatures=tmp_path / "nothing")


@pytest.mark.requirement("OCE-95", "PREP-51")
def test_the_guide_names_the_scanner_that_this_release_was_checked_with(tmp_path: Path) -> None:
    """``make scan`` refuses a release whose row is missing or names another version than the one that looked."""
    release = scanning.release()
    rows = [line for line in scanning.GUIDE.read_text().splitlines() if line.startswith(f"| {release} | ClamAV ")]
    assert len(rows) == 1
    product = rows[0].split("|")[2].strip()
    assert scanning.named_in_guide(release, product)
    assert not scanning.named_in_guide(release, "ClamAV 0.0.1") and not scanning.named_in_guide("0.0.0", product)
    text = scanning.GUIDE.read_text()
    assert "apt install clamav" in text and "your own responsibility" in text
