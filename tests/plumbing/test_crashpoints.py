import errno
import os
import signal
import subprocess
import sys

import pytest

from frisket.plumbing import crashpoints


@pytest.fixture(autouse=True)
def disarmed():
    yield
    crashpoints.arm("")


def test_a_point_that_is_not_armed_lets_everything_pass():
    crashpoints.arm("tests.other:1")
    for _ in range(3):
        crashpoints.pass_("tests.this")


def test_an_armed_fault_comes_at_its_pass_and_only_there():
    crashpoints.arm("tests.this:2:ENOSPC")
    crashpoints.pass_("tests.this")
    with pytest.raises(OSError) as caught:
        crashpoints.pass_("tests.this")
    assert caught.value.errno == errno.ENOSPC
    crashpoints.pass_("tests.this")


def test_every_point_of_the_store_is_known_by_name():
    assert {"blobs.before-append-sync", "blobs.before-rename"} <= crashpoints.NAMES


def test_a_process_dies_at_the_point_named_in_its_environment():
    code = (
        "from frisket.plumbing import crashpoints\n"
        "for n in range(3):\n    print(n, flush=True)\n    crashpoints.pass_('tests.this')\n"
    )
    died = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "FRISKET_CRASHPOINT": "tests.this:2"},
        capture_output=True,
        text=True,
    )
    assert died.returncode == -signal.SIGKILL
    assert died.stdout.split() == ["0", "1"]
