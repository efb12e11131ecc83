"""Starts houses quickly: everything is imported once, then each life is a fork that runs the command line.

A program of its own, spoken to by lines of JSON on standard input: {"arguments", "environment", "log"}
begins a life and is answered by {"pid"}; {"wait": pid} is answered by {"status"} once it has ended, as
waitpid tells it. PYTHONPATH decides whose source the lives run.
"""

import ctypes
import gc
import json
import os
import signal
import sys
import traceback
from typing import Any, NoReturn

from frisket.plumbing import crashpoints
from frisket.programs import cli

_PR_SET_PDEATHSIG = 1


def live(told: dict[str, Any]) -> NoReturn:
    status = 1
    try:
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        log = os.open(told["log"], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        for fd in (1, 2):
            os.dup2(log, fd)
        os.close(log)
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        os.environ.clear()
        os.environ.update(told["environment"])
        crashpoints.arm(os.environ.get("FRISKET_CRASHPOINT", ""))
        sys.argv = ["frisket", *told["arguments"]]
        cli.main()
        status = 0
    except SystemExit as ending:
        status = ending.code if isinstance(ending.code, int) else int(ending.code is not None)
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)


def main() -> None:
    gc.freeze()
    print(json.dumps({"points": sorted(crashpoints.NAMES)}), flush=True)
    for line in sys.stdin:
        told = json.loads(line)
        if "wait" in told:
            print(json.dumps({"status": os.waitpid(told["wait"], 0)[1]}), flush=True)
            continue
        pid = os.fork()
        if pid == 0:
            live(told)
        print(json.dumps({"pid": pid}), flush=True)


if __name__ == "__main__":
    main()
