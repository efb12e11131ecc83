"""docs/requirements.md: which numbered requirement is shown by which test, and by which real program.

``python -m tests.house.requirements`` writes the page (``make requirements``). The markers are read from the
source, not from a run: a test that is skipped on this machine still counts, one that is deleted does not.
"""

import ast
import csv
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "requirements.md"
IDS = ROOT / "docs" / "requirements" / "ids.tsv"
CAPABILITIES = ROOT / "docs" / "requirements" / "capabilities.tsv"
DECLINED = ROOT / "docs" / "requirements" / "declined.tsv"
GROUPS = {
    "OCE": "the controller: levels, ports, certificates, shredding, log",
    "PREP": "document preparation",
    "FLEET": "fleet and service management",
    "SAFEQ": "secure printing",
    "SPM": "release at the device and direct printing",
}


@dataclass(frozen=True)
class Requirement:
    id: str
    kind: str  # direct, equivalent (of something proprietary or gone), promise (of process or documents)
    capability: str
    short: str


@dataclass(frozen=True)
class Proof:
    """A test with a requirement marker. ``name`` is the test's name, with its class where it stands in one."""

    file: str
    name: str
    requirement: str
    peers: tuple[str, ...]


def known() -> dict[str, Requirement]:
    with IDS.open(newline="") as file:
        rows = csv.reader(file, delimiter="\t", quoting=csv.QUOTE_NONE)
        next(rows)
        return {row[0]: Requirement(*row) for row in rows}


def capabilities() -> dict[str, str]:
    with CAPABILITIES.open(newline="") as file:
        rows = csv.reader(file, delimiter="\t", quoting=csv.QUOTE_NONE)
        next(rows)
        return {row[0]: row[1] for row in rows}


def declined() -> dict[str, str]:
    """Requirements that will not be met as they are written, each with the reason."""
    with DECLINED.open(newline="") as file:
        rows = csv.reader(file, delimiter="\t", quoting=csv.QUOTE_NONE)
        next(rows)
        return {row[0]: row[1] for row in rows}


def proofs(folder: Path = ROOT / "tests") -> list[Proof]:
    """Every marked test below ``folder``, in the order of files and lines."""
    found: list[Proof] = []
    for file in sorted(folder.rglob("*.py")):
        text = file.read_text()
        if "requirement(" in text:
            found.extend(_in(ast.parse(text), file.relative_to(folder.parent).as_posix()))
    return found


def _in(tree: ast.Module, file: str) -> Iterator[Proof]:
    module_marks = [
        mark
        for node in tree.body
        if isinstance(node, ast.Assign) and any(isinstance(t, ast.Name) and t.id == "pytestmark" for t in node.targets)
        for mark in (node.value.elts if isinstance(node.value, ast.List | ast.Tuple) else [node.value])
    ]
    for node in tree.body:
        if isinstance(node, ast.ClassDef):
            for inner in node.body:
                yield from _of(inner, file, f"{node.name}.", [*module_marks, *node.decorator_list])
        else:
            yield from _of(node, file, "", module_marks)


def _of(node: ast.stmt, file: str, before: str, around: list[ast.expr]) -> Iterator[Proof]:
    if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) or not node.name.startswith("test"):
        return
    marks = [*around, *node.decorator_list]
    peers = tuple(sorted({name for mark in marks for name in _arguments(mark, "peer")}))
    for requirement in dict.fromkeys(name for mark in marks for name in _arguments(mark, "requirement")):
        yield Proof(file, before + node.name, requirement, peers)


def _arguments(mark: ast.expr, marker: str) -> list[str]:
    if isinstance(mark, ast.Call) and isinstance(mark.func, ast.Attribute) and mark.func.attr == marker:
        return [str(ast.literal_eval(argument)) for argument in mark.args]
    return []


def page() -> str:
    """The whole page, as it must stand in docs/requirements.md."""
    ids, names = known(), capabilities()
    shown: dict[str, list[Proof]] = {}
    for proof in proofs():
        shown.setdefault(proof.requirement, []).append(proof)
    lines = [
        "# Requirements",
        "",
        "Written by `make requirements` from the tests; do not edit. A requirement counts as shown when a test that"
        " carries its number would fail if the behaviour went away. What is open is not claimed.",
        "",
        f"**{len(shown)} of {len(ids)} shown.**",
        "",
        "| Group | About | Shown | Of |",
        "|---|---|---:|---:|",
    ]
    for group, about in GROUPS.items():
        members = [each for each in ids if each.startswith(f"{group}-")]
        lines.append(f"| {group} | {about} | {sum(each in shown for each in members)} | {len(members)} |")
    lines += [
        "",
        "## Shown",
        "",
        "| Requirement | In short | Capability | Shown by | Real program |",
        "|---|---|---|---|---|",
    ]
    for each in ids.values():
        if each.id in shown:
            tests = "<br>".join(_link(proof) for proof in shown[each.id])
            peers = ", ".join(sorted({peer for proof in shown[each.id] for peer in proof.peers})) or "–"
            capability = f"{each.capability} {names[each.capability]}"
            lines.append(f"| {each.id} | {_cell(each.short)} | {capability} | {tests} | {peers} |")
    refused = declined()
    lines += [
        "",
        "## Declined",
        "",
        "Not met as they are written, and why.",
        "",
        "| Requirement | In short | Why not |",
        "|---|---|---|",
        *(f"| {each} | {_cell(ids[each].short)} | {_cell(why)} |" for each, why in refused.items()),
    ]
    lines += ["", "## Open", ""]
    for group in GROUPS:
        open_ones = [
            each
            for each in ids.values()
            if each.id.startswith(f"{group}-") and each.id not in shown and each.id not in refused
        ]
        lines += [f"### {group}", "", "| Requirement | In short | Capability |", "|---|---|---|"]
        lines += [
            f"| {each.id} | {_cell(each.short)} | {each.capability} {names[each.capability]} |" for each in open_ones
        ]
        lines.append("")
    return "\n".join(lines).rstrip("\n") + "\n"


def _link(proof: Proof) -> str:
    said = proof.name.split(".")[-1].removeprefix("test_").replace("_", " ")
    return f"[{said}](../{proof.file})"


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("<", "&lt;")


def main() -> None:
    marked = proofs()
    unknown = sorted({proof.requirement for proof in marked} - known().keys())
    if unknown:
        raise SystemExit(f"unknown requirements in markers: {', '.join(unknown)}")
    both = sorted({proof.requirement for proof in marked} & declined().keys())
    if both:
        raise SystemExit(f"declined, and claimed by a test: {', '.join(both)}")
    PAGE.write_text(page())
    per_file = [(file, len(list(group))) for file, group in groupby(marked, key=lambda proof: proof.file)]
    for file, count in per_file:
        print(f"  {count:4} in {file}")
    print(
        f"{len({proof.requirement for proof in marked})} of {len(known())} requirements shown: {PAGE.relative_to(ROOT)}"
    )


if __name__ == "__main__":
    main()
