"""printer-state of a queue and its reasons, from the devices behind it (RFC 8011 sections 5.4.11 and 5.4.12)."""

from frisket import device

__all__ = ["condition"]


def condition(queue: device.QueueView) -> tuple[int, list[str]]:
    """3 idle, 4 processing, 5 stopped: by an operator, or because every device behind it is."""
    behind = device.behind(queue)
    reasons = sorted({reason for each in behind for reason in each.state_reasons if reason.isascii()})
    reasons += ["hold-new-jobs"] if queue.hold_new else []
    if queue.halt:
        return 5, [queue.halt, *reasons]
    if behind and all(each.state == "stopped" for each in behind):
        return 5, reasons or ["other"]
    return 4 if any(each.state == "processing" for each in behind) else 3, reasons or ["none"]
