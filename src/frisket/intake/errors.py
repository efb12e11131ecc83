from frisket.errors import Blame, FrisketError
from frisket.policy import Refuse

__all__ = ["CutOff", "NoSuchSubscription", "NotWelcome", "RefusedByRule", "TooManySubscriptions", "Unfit"]


class RefusedByRule(FrisketError):
    """Policy did not let the job in; ``why`` is the rule."""

    blame = Blame.PERSON

    def __init__(self, verdict: Refuse) -> None:
        super().__init__(verdict.text)
        self.why = verdict.why
        self.remedy = verdict.remedy


class CutOff(FrisketError):
    """The sender went away in the middle of a document; nothing of it is kept."""

    blame, retry = Blame.PEER, True
    remedy = "Send the job again."


class NotWelcome(FrisketError):
    """Nobody known is printing: no queue secret, password, certificate or believed name."""

    blame = Blame.PERSON
    remedy = "Print to your personal queue address, or sign in with your name and password over IPPS."


class NoSuchSubscription(FrisketError):
    """There is none, or it is another's; the two look alike on purpose."""

    blame = Blame.PERSON
    remedy = "Subscribe again; a subscription ends with its lease or its job."


class TooManySubscriptions(FrisketError):
    blame = Blame.PERSON
    remedy = "Cancel a subscription first, or wait until the lease of one has run out."


class Unfit(FrisketError):
    """What came is no document a printer should be given, or not in a way the door can take."""

    blame = Blame.PEER
    remedy = "Print with a driver for PostScript, PCL or PDF; commands to a device are not passed on."
