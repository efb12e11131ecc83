"""Reads a page as somebody who cannot see it would, and says what is missing."""

from dataclasses import dataclass, field
from html.parser import HTMLParser

__all__ = ["Reading", "faults", "read"]

VOID = {"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr", "path"}


@dataclass
class Reading(HTMLParser):
    """What a page holds."""

    headings: list[int] = field(default_factory=list)
    ids: list[str] = field(default_factory=list)
    labels: set[str] = field(default_factory=set)
    fields: list[dict[str, str]] = field(default_factory=list)
    inside_label: int = 0
    lang: str = ""
    title: str = ""
    stack: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    names: list[tuple[str, str]] = field(default_factory=list)  # of links and buttons
    links: list[str] = field(default_factory=list)
    forms: list[dict[str, str]] = field(default_factory=list)
    has_token: bool = True

    def __post_init__(self) -> None:
        super().__init__()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        told = {name: value or "" for name, value in attrs}
        if tag not in VOID:
            self.stack.append(tag)
        if "style" in told or any(name.startswith("on") for name in told):
            self.problems.append(f"inline code in <{tag}>")
        if told.get("id"):
            self.ids.append(told["id"])
        if tag == "html":
            self.lang = told.get("lang", "")
        if tag in ("h1", "h2", "h3", "h4"):
            self.headings.append(int(tag[1]))
        if tag == "label" and "for" in told:
            self.labels.add(told["for"])
        if tag in ("input", "select", "textarea") and told.get("type") not in ("hidden", "submit"):
            if "hidden" not in told:
                self.fields.append({**told, "in-label": str("label" in self.stack)})
        if tag == "img" and "alt" not in told:
            self.problems.append("a picture without alt")
        if tag in ("a", "button"):
            self.names.append((tag, told.get("aria-label", "")))
        if tag == "a":
            self.links.append(told.get("href", ""))
        if tag == "form":
            self.forms.append(told)
            self.has_token = told.get("method", "get") != "post"
        if tag == "input" and told.get("name") == "csrfmiddlewaretoken":
            self.has_token = True
        if tag in ("script", "style") and "src" not in told:
            self.problems.append(f"inline <{tag}>")

    def handle_endtag(self, tag: str) -> None:
        if tag in VOID:
            return
        if not self.stack or self.stack.pop() != tag:
            self.problems.append(f"</{tag}> closes something else")
        if tag == "form" and not self.has_token:
            self.problems.append("a form without its token")
        if tag in ("a", "button") and self.names and not self.names[-1][1].strip():
            self.problems.append(f"<{tag}> without a name")

    def handle_data(self, data: str) -> None:
        if "title" in self.stack and "head" in self.stack:
            self.title += data
        if self.names and ("a" in self.stack or "button" in self.stack):
            tag, name = self.names[-1]
            self.names[-1] = (tag, name + data)


def read(page: str) -> Reading:
    reading = Reading()
    reading.feed(page)
    reading.close()
    return reading


def faults(page: str) -> list[str]:
    """What a screen reader, a strict browser or a keyboard would stumble over."""
    found = read(page)
    problems = list(found.problems)
    if found.stack:
        problems.append(f"left open: {found.stack}")
    if found.headings.count(1) != 1:
        problems.append(f"{found.headings.count(1)} first headings")
    steps = zip(found.headings, found.headings[1:], strict=False)
    if any(after > before + 1 for before, after in steps):
        problems.append(f"headings skip a level: {found.headings}")
    if not found.lang or not found.title.strip():
        problems.append("no language or no title")
    for name in {each for each in found.ids if found.ids.count(each) > 1}:
        problems.append(f"id {name} twice")
    for each in found.fields:
        labelled = each.get("aria-label") or each.get("id") in found.labels or each["in-label"] == "True"
        if not labelled:
            problems.append(f"a field without a label: {each.get('name')}")
        for other in each.get("aria-describedby", "").split():
            if other not in found.ids:
                problems.append(f"described by {other}, which is not there")
    return problems
