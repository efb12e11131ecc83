"""At start, before any door opens: what a crash left behind is found and put right."""

import logging
from dataclasses import dataclass

from frisket import delivery, job, spool
from frisket.flow.counting import quarantine
from frisket.plumbing import work
from frisket.plumbing.db import transaction

__all__ = ["Recovered", "recover", "rewrap_daily"]

log = logging.getLogger("frisket.flow")
REWRAP = "flow.rewrap"
_EVERY_S = 1800.0
work.every(REWRAP, _EVERY_S)


@dataclass(frozen=True, slots=True)
class Recovered:
    checked: int  # objects compared with their rows
    collected: int  # objects without a row, erased
    quarantined: int
    uncertain: int  # jobs that were being sent


@work.handles(REWRAP)
def rewrap_daily(item: work.Item) -> None:
    """Keys of jobs older than a day move to the current epoch; what cannot be opened is quarantined."""
    for identifier in spool.rewrap().damaged:
        quarantine(job.get_for_stage(identifier))


def recover() -> Recovered:
    """Sweep the spool, quarantine what disagrees, and ask devices about jobs that were being sent."""
    swept = spool.sweep()
    quarantined = 0
    for identifier in swept.damaged:
        view = job.get_for_stage(identifier)
        if view.state in job.LIVE:
            log.error("job %s: what is stored does not match its row; it is quarantined", view.number)
            quarantine(view)
            quarantined += 1
    unsure = delivery.recover()
    with transaction() as tx:
        job.onward_again(tx=tx)
    spool.load_counters()
    return Recovered(swept.checked, swept.erased + swept.unfinished, quarantined, unsure)
