"""Parts of the way of a job, each alone: where its time goes."""

import json
import subprocess
import sys
from typing import Any

from bench.result import Row
from bench.setting import Setting

__all__ = ["measure"]


def measure(setting: Setting) -> list[Row]:
    leaves = 20_000 if setting.quick else 100_000
    folder = setting.folder / "within"
    folder.mkdir(exist_ok=True)
    setting.say("parts alone")
    command = [sys.executable, "-m", "bench.inside", str(folder), str(leaves)]
    done = subprocess.run(command, capture_output=True, timeout=600, check=False)
    if done.returncode:
        raise RuntimeError(done.stderr.decode()[-400:])
    told: dict[str, Any] = json.loads(done.stdout)
    return [Row("within", what, unit, value) for what, (unit, value) in told.items()]
