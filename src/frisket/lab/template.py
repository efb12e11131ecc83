"""Which job template attributes a device can follow (RFC 8011 section 4.1.7)."""

from frisket.wire import ipp

__all__ = ["check_template"]

_FREE = frozenset(("media-col", "overrides", "finishings-col"))  # taken in any form, as devices do


def check_template(asked: ipp.Attributes, supported: ipp.Attributes) -> list[ipp.Attribute]:
    """What to report in the unsupported group: unknown names out-of-band, bad values as they came."""
    problems = []
    for attribute in asked:
        offered = supported.get(f"{attribute.name}-supported")
        if offered is None:
            problems.append(ipp.attribute(attribute.name, ipp.unsupported()))
        elif attribute.name not in _FREE:
            bad = [value for value in attribute.values if not _fits(value, offered)]
            if bad:
                problems.append(ipp.Attribute(attribute.name, bad))
    return problems


def _fits(value: ipp.Value, offered: ipp.Attribute) -> bool:
    if value.text is not None:
        return value.text in [each.text for each in offered.values]
    for each in offered.values:
        if isinstance(each.data, ipp.Range) and not isinstance(value.data, ipp.Range):
            if isinstance(value.data, int) and each.data.lower <= value.data <= each.data.upper:
                return True
        elif isinstance(each.data, bool):
            return each.data  # `page-ranges-supported`: any range will do
        elif each.data == value.data:
            return True
    return False
