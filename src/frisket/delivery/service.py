"""Starting and stopping the room: what `programs` calls."""

from datetime import timedelta

from frisket.delivery import loop
from frisket.delivery.recovery import RECOVER, handle_recover
from frisket.delivery.running import LONGEST_RUN, handle_sends
from frisket.delivery.sending import KIND
from frisket.delivery.watching import EVERY_S, LOOK, WATCH, handle_look, handle_watch
from frisket.plumbing import parts, work

__all__ = ["ready", "stop"]

# A try that finds the device away is counted and ended by the attempt's rows (delivery.retries).
MOST_ATTEMPTS = 10_000


def ready() -> None:
    """Register the room's work. Once the parts are installed, before the work engine starts."""
    at_once = parts.settings().delivery.at_once
    lease = timedelta(seconds=60)
    work.handles_runs(KIND, longest_run=LONGEST_RUN, at_once=at_once, lease=lease, most_attempts=MOST_ATTEMPTS)(
        handle_sends
    )
    work.handles(RECOVER, at_once=4, lease=lease)(handle_recover)
    work.handles(WATCH, lease=lease)(handle_watch)
    work.every(WATCH, EVERY_S)
    work.handles(LOOK, at_once=4, lease=lease)(handle_look)


def stop() -> None:
    """After the work engine has stopped: end the loop and its threads. What still runs is recovered later."""
    loop.stop()
