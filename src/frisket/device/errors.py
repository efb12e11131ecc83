"""What the device room refuses, and whose move it is."""

from frisket.errors import Blame, FrisketError

__all__ = ["BadAddress", "BadName", "BadSnmp", "BadValue", "InUse", "NameTaken", "NoSuchDevice", "NoSuchQueue"]


class BadName(FrisketError):
    """A name of a queue or device that is not one path segment."""

    blame = Blame.OPERATOR
    remedy = "Use letters a-z, digits, '.', '_' and '-', beginning with a letter or digit, up to 60 in all."


class BadAddress(FrisketError):
    """An address that no driver can reach, or that holds what an address must not hold."""

    blame = Blame.OPERATOR
    remedy = "Give socket://host[:port], lpd://host[:port]/queue, ipp://host[:port]/path or ipps://host[:port]/path."


class BadValue(FrisketError):
    """A setting of a queue or device outside its range."""

    blame = Blame.OPERATOR
    remedy = "Give a value inside the range that the message names."


class BadSnmp(FrisketError):
    """A way of asking an SNMP agent that is none, or that the security level does not allow."""

    blame = Blame.OPERATOR
    remedy = (
        "Versions 1 and 2c need a community, version 3 a user; privacy needs authentication. "
        "At the levels medium-high and high only version 3 with both is allowed."
    )


class NameTaken(FrisketError):
    """Two queues, or two devices, cannot share a name: a collision is an error, never a merge (R22)."""

    blame = Blame.OPERATOR
    remedy = "Choose another name, or change the one that has it."


class NoSuchQueue(FrisketError):
    """No queue of this tenant has this id or name."""

    blame = Blame.OPERATOR
    remedy = "`frisket queue list` shows the queues there are."


class NoSuchDevice(FrisketError):
    """No device of this tenant has this id or name."""

    blame = Blame.OPERATOR
    remedy = "`frisket device list` shows the devices there are."


class InUse(FrisketError):
    """Something still stands on what should be removed."""

    blame = Blame.OPERATOR
    remedy = "Move or end what the message names, then try again."
