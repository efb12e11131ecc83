"""The package's source, read once: what the floor plan tests look at."""

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

SOURCE = Path(__file__).parents[2] / "src" / "frisket"

# From the top of the house to the ground; rooms in one tuple stand beside each other.
FLOORS = (
    ("programs",),
    ("lab",),
    ("web",),
    ("flow", "guard", "reports"),
    ("intake", "prepress", "release", "delivery", "scan", "fleet"),
    ("policy", "spool", "ledger"),
    ("job",),
    ("device",),
    ("identity",),
    ("audit",),
    ("plumbing",),
    ("wire",),
    ("errors",),
)
FLOOR = {room: number for number, floor in enumerate(FLOORS) for room in floor}


@dataclass(frozen=True)
class Module:
    """One source file. ``parts`` are its place inside the package, e.g. ("plumbing", "db")."""

    path: Path
    text: str
    tree: ast.Module

    @property
    def name(self) -> str:
        return str(self.path.relative_to(SOURCE.parent))

    @property
    def parts(self) -> tuple[str, ...]:
        parts = self.path.relative_to(SOURCE).with_suffix("").parts
        return parts[:-1] if parts[-1] == "__init__" else parts

    @property
    def room(self) -> str:
        return self.parts[0] if self.parts else ""


@dataclass(frozen=True)
class Import:
    """``from source import name``, or ``import source`` with an empty name."""

    module: Module
    line: int
    source: str
    name: str

    def __str__(self) -> str:
        said = f"from {self.source} import {self.name}" if self.name else f"import {self.source}"
        return f"{self.module.name}:{self.line}: {said}"


@cache
def modules() -> tuple[Module, ...]:
    """Every module of the package; migrations are the framework's own writing and stay out."""
    files = sorted(file for file in SOURCE.rglob("*.py") if "migrations" not in file.parts)
    return tuple(Module(file, text, ast.parse(text)) for file in files for text in [file.read_text()])


def imports(module: Module) -> Iterator[Import]:
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield Import(module, node.lineno, alias.name, "")
        elif isinstance(node, ast.ImportFrom):
            source = _absolute(module, node)
            for alias in node.names:
                yield Import(module, node.lineno, source, alias.name)


def _absolute(module: Module, node: ast.ImportFrom) -> str:
    if not node.level:
        return node.module or ""
    package = module.parts if module.path.name == "__init__.py" else module.parts[:-1]
    kept = package[: len(package) - node.level + 1]
    return ".".join(("frisket", *kept, *filter(None, [node.module])))


@cache
def door(parts: tuple[str, ...]) -> frozenset[str] | None:
    """What the module or package lists in ``__all__``; None when it lists nothing or is not there."""
    for module in modules():
        if module.parts == parts:
            for node in module.tree.body:
                targets = node.targets if isinstance(node, ast.Assign) else []
                targets = [node.target] if isinstance(node, ast.AnnAssign) else targets
                if any(isinstance(target, ast.Name) and target.id == "__all__" for target in targets):
                    return frozenset(ast.literal_eval(node.value))  # type: ignore[attr-defined]
    return None


def docstring_rooms() -> list[list[str]]:
    """The rooms as the package's own docstring lists them, floor by floor: a ``--`` line begins a group."""
    text = ast.get_docstring(next(module.tree for module in modules() if not module.parts)) or ""
    return [re.findall(r"^    ([a-z]+)  ", block, re.M) for block in text.split("    -- ")]


def calls(tree: ast.AST) -> Iterator[tuple[ast.Call, str]]:
    """Every call with the dotted name of what is called, as far as it is written as a name."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            yield node, dotted(node.func)


def dotted(node: ast.AST) -> str:
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute):
        before = dotted(node.value)
        return f"{before}.{node.attr}" if before else node.attr
    return ""
