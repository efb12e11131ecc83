import io
import os
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest

from frisket import prepress
from frisket.prepress import sandbox


@pytest.fixture(scope="session")
def walls() -> None:
    """A machine without a sandbox skips at a desk and fails where everything has to be there."""
    possible = prepress.available()
    if not possible.possible:
        if os.environ.get("CI"):
            pytest.fail(possible.why)
        pytest.skip(possible.why)


@pytest.fixture
def inside(walls: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., sandbox.Answer]:
    """Runs a hostile program within the real walls: the body of a `main` that may `tell(**facts)`."""

    def run(body: str, *, source: bytes = b"", whole: bool = False, **limits: float) -> sandbox.Answer:
        lines = "".join(f"    {line}\n" for line in body.splitlines())
        tell = "def tell(**facts):\n    frame = json.dumps(facts).encode()\n"
        tell += "    os.write(1, len(frame).to_bytes(4) + frame)\n"
        program = Path(tempfile.mkdtemp(dir=tmp_path))  # one for each, for it is compiled
        (program / "hostile.py").write_text(f"import json, os, sys\n{tell}def main():\n{lines}")
        monkeypatch.setattr(sandbox, "_INSIDE", program)
        bounds = prepress.Limits(**{"wall_s": 20, **limits})  # type: ignore[arg-type]
        return sandbox.run("hostile", [], iter([source]), whole=whole, limits=bounds)

    return run


Draw = Callable[[object], None]


@pytest.fixture(scope="session")
def pdf() -> Callable[..., bytes]:
    canvas = pytest.importorskip("reportlab.pdfgen.canvas")

    def make(pages: int = 1, size: tuple[float, float] = (595, 842), draw: Draw | None = None, **more: object) -> bytes:
        out = io.BytesIO()
        paper = canvas.Canvas(out, pagesize=size, **more)
        for _ in range(pages):
            paper.drawString(72, 72, "page")
            if draw is not None:
                draw(paper)
            paper.showPage()
        paper.save()
        return out.getvalue()

    return make
