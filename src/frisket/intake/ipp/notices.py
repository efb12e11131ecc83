"""What a queue says of subscriptions and their events (RFC 3995 section 5.3, RFC 3996 section 8)."""

from frisket.intake.subscriptions import EVENT_LIFE_S, EVENTS
from frisket.wire import ipp

__all__ = ["LEASE_S", "LONGEST_LEASE_S", "SHORTEST_LEASE_S", "notifications"]

# What may be asked for beside what every event has (RFC 3995 section 5.3.4) is told without being asked.
ALWAYS_TOLD = ("job-id", "job-impressions-completed")
SHORTEST_LEASE_S, LONGEST_LEASE_S, LEASE_S = 60, 7 * 86400, 86400

a = ipp.attribute


def notifications() -> list[ipp.Attribute]:
    """What a queue says of notifications."""
    return [
        a("ippget-event-life", ipp.integer(EVENT_LIFE_S)),
        a("notify-events-default", ipp.keyword("job-completed")),
        a("notify-attributes-supported", *[ipp.keyword(each) for each in ALWAYS_TOLD]),
        a("notify-events-supported", *[ipp.keyword(each) for each in ("none", *EVENTS)]),
        a("notify-lease-duration-default", ipp.integer(LEASE_S)),
        a("notify-lease-duration-supported", ipp.range_(SHORTEST_LEASE_S, LONGEST_LEASE_S)),
        a("notify-max-events-supported", ipp.integer(len(EVENTS))),
        a("notify-pull-method-supported", ipp.keyword("ippget")),
    ]
