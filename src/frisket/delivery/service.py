"""Starting and stopping the room: what `programs` calls."""

from datetime import timedelta
from uuid import UUID

from frisket.delivery import loop
from frisket.delivery.recovery import RECOVER, handle_recover, recover_job
from frisket.delivery.sending import KIND, send
from frisket.delivery.watching import EVERY_S, WATCH, handle_watch
from frisket.plumbing import parts, work

__all__ = ["handle_send", "ready", "stop"]

# A try that finds the device away is counted and ended by the attempt's rows (delivery.retries).
MOST_ATTEMPTS = 10_000


def handle_send(item: work.Item) -> None:
    """The work ``delivery.send``: {"job"}, queued with the move to ``released``, in its device's group.

    Work comes back when its worker died; the job is in ``sending`` then, and what became of it is found out
    before anything is sent.
    """
    if item.cancelled():
        return
    job_id = UUID(str(item.payload["job"]))
    recover_job(job_id)
    send(job_id, fence=int(item.payload.get("fence", 0)))


def ready() -> None:
    """Register the room's work. Once the parts are installed, before the work engine starts."""
    at_once = parts.settings().delivery.at_once
    lease = timedelta(seconds=60)
    work.handles(KIND, at_once=at_once, lease=lease, most_attempts=MOST_ATTEMPTS)(handle_send)
    work.handles(RECOVER, at_once=4, lease=lease)(handle_recover)
    work.handles(WATCH, lease=lease)(handle_watch)
    work.every(WATCH, EVERY_S)


def stop() -> None:
    """After the work engine has stopped: end the loop and its threads. What still runs is recovered later."""
    loop.stop()
