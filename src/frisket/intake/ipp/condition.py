"""printer-state of a queue and its reasons, from the devices behind it (RFC 8011 sections 5.4.11 and 5.4.12)."""

from frisket import device

__all__ = ["condition", "is_told"]


def condition(queue: device.QueueView) -> tuple[int, list[str]]:
    """3 idle, 4 processing, 5 stopped: by an operator, or because every device behind it is."""
    behind = device.behind(queue)
    told = [each for each in behind if not _is_mute(each)]
    reasons = sorted({reason for each in told for reason in each.state_reasons if reason.isascii()})
    reasons += ["hold-new-jobs"] if queue.hold_new else []
    if queue.halt:
        return 5, [queue.halt, *reasons]
    if behind and all(each.state == "stopped" and each in told for each in behind):
        return 5, reasons or ["other"]
    return 4 if any(each.state == "processing" for each in behind) else 3, reasons or ["none"]


def is_told(queue: device.QueueView) -> bool:
    """Whether anybody knows how a device of this queue is now; of what is not known nothing is claimed."""
    behind = device.behind(queue)
    return not behind or any(each.state in _KNOWN and not _is_mute(each) for each in behind)


_KNOWN = frozenset({"idle", "processing", "stopped"})


def _is_mute(each: device.DeviceView) -> bool:
    """Nobody may ask it without printing: what is known of it is what its last job met, and that is no news."""
    asked = each.address.scheme != "socket" or each.capabilities.pjl or each.snmp is not None
    return not asked and each.state != "processing"
