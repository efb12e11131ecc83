"""Devices' SNMP agents: how a device is, and how much it has marked."""

from dataclasses import dataclass

from frisket import device
from frisket.device import DeviceView, Facts, SnmpView
from frisket.plumbing import parts, snmp

__all__ = ["Agent", "Counted", "agent_of"]

# Around a job nobody waits long: a count that does not come is one source less, not a slower print.
UP_TIME = "1.3.6.1.2.1.1.3.0"
AROUND_A_JOB = snmp.Limits(timeout_s=1.0, retries=0, seconds=1.5, values=8)


@dataclass(frozen=True, slots=True)
class Counted:
    """unit: impressions or sheets. at_rest: the device says that it prints nothing now."""

    count: int
    unit: str
    at_rest: bool


@dataclass(frozen=True, slots=True)
class Agent:
    """A device's agent, with what is needed to ask it."""

    host: str
    told: SnmpView
    access: snmp.Access

    async def facts(self) -> Facts:
        """How the device is. Never raises for what an agent does: that is a fact too."""
        try:
            # A small question first: an agent that is silent to that is not walked.
            limits = snmp.Limits(timeout_s=parts.settings().delivery.snmp_s)
            values = await snmp.read(
                self.host, self.told.port, self.access, scalars=[UP_TIME], tables=device.MIB_TABLES, limits=limits
            )
        except snmp.NoAnswer:
            return self._problem("no-answer")
        except snmp.Denied:
            return self._problem("denied")
        except snmp.Garbled:
            return self._problem("garbled")
        if not values.keys() - {UP_TIME}:
            return self._problem("not-a-printer")
        return device.read_mib(values, parts.clock().now())

    def _problem(self, word: str) -> Facts:
        return Facts("snmp", parts.clock().now(), problem=word)

    async def counted(self, index: int) -> Counted | None:
        """The counter of its whole life; None where it does not say, or not at once."""
        try:
            values = await snmp.read(
                self.host, self.told.port, self.access, scalars=device.counter_oids(index), limits=AROUND_A_JOB
            )
        except (snmp.NoAnswer, snmp.Denied, snmp.Garbled):
            return None
        count, unit, at_rest = device.read_counter(values, index)
        return Counted(count, unit, at_rest) if count is not None and unit else None


def agent_of(there: DeviceView) -> Agent | None:
    """None where nobody has said that this device's agent may be asked. Reads a row: not on the event loop."""
    if there.snmp is None:
        return None
    found = device.snmp_access(there.id)
    return Agent(there.address.host, *found) if found is not None else None
