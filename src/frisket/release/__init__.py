"""Held jobs and the people standing at devices.

Promises: a job goes to a device only because its person, or somebody entitled, said so there and then; a
job's own PIN is asked for and throttled; a terminal has one person at a time and forgets them by itself.
"""

from frisket.release.errors import NotSignedIn, OnlyAtDevice, Unsuitable, WrongPin
from frisket.release.held import (
    AS_SENT,
    HeldJob,
    Outcome,
    Password,
    Wish,
    cancel,
    end,
    hold,
    let_go,
    let_print,
    make_verifier,
    release,
    waiting,
    withdraw,
)
from frisket.release.terminals import Standing, session, sign_in, sign_out

__all__ = [
    "AS_SENT",
    "HeldJob",
    "NotSignedIn",
    "OnlyAtDevice",
    "Outcome",
    "Password",
    "Standing",
    "Unsuitable",
    "Wish",
    "WrongPin",
    "cancel",
    "end",
    "hold",
    "let_go",
    "let_print",
    "make_verifier",
    "release",
    "session",
    "sign_in",
    "sign_out",
    "waiting",
    "withdraw",
]
