"""What a receiving mail server found out about a mail's sender: Authentication-Results (RFC 8601)."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

__all__ = ["Found", "Results", "results_of"]

_LONGEST = 4_000  # characters of a field looked at
_MOST = 50
_METHOD = re.compile(r"([A-Za-z0-9._-]{1,40})(?:\s*/\s*\d+)?\s*=\s*([A-Za-z]{1,20})")
_PROPERTY = re.compile(r"([A-Za-z]{1,20})\s*\.\s*([A-Za-z0-9._-]{1,40})\s*=\s*(\"[^\"]{0,300}\"|[^\s;\"]{1,300})")


@dataclass(frozen=True, slots=True)
class Found:
    """One method's result: dmarc, spf, dkim …; properties by "header.from" and the like."""

    method: str
    result: str
    properties: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Results:
    server: str  # authserv-id, in lower case
    found: tuple[Found, ...]

    def passed(self, method: str, name: str) -> str | None:
        """The property of a method that passed, in lower case. None when it did not, or was said twice."""
        of_method = [each for each in self.found if each.method == method]
        if len(of_method) != 1 or of_method[0].result != "pass":
            return None
        return of_method[0].properties.get(name)


def results_of(value: str) -> Results | None:
    """One field; None for one that cannot be read, or is longer than anybody writes."""
    if len(value) > _LONGEST:
        return None
    while (bare := re.sub(r"\([^()]*\)", " ", value)) != value:
        value = bare
    if "(" in value or ")" in value or value.count('"') % 2:
        return None
    head, *rest = value.split(";")
    words = head.split()
    if not words or len(words) > 2 or len(rest) > _MOST:
        return None
    found = []
    for each in rest:
        method = _METHOD.match(each.strip())
        if method is None:
            continue
        properties: dict[str, str] = {}
        for prop in _PROPERTY.finditer(each.strip(), method.end()):
            properties.setdefault(f"{prop[1]}.{prop[2]}".lower(), prop[3].strip('"').lower())
        found.append(Found(method[1].lower(), method[2].lower(), properties))
    return Results(words[0].strip('"').lower(), tuple(found))
