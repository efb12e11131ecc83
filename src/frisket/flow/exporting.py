"""What comes from a folder with a destination is written there while it is prepared, before it can print."""

from collections.abc import Callable, Iterable, Iterator

from frisket import intake, job, prepress
from frisket.plumbing import parts
from frisket.prepress import Problem

__all__ = ["Exporting"]

_DOORS = ("folder", "store")
_WORDS = {
    Problem.PASSWORD: "it opens with its password only; it waits for it, and its opened form is not written here",
    Problem.FORBIDDEN: "its author does not allow printing; it waits for the author's password",
    Problem.DAMAGED: "it is damaged, or not what it says it is",
    Problem.EMPTY: "there is nothing in it",
    Problem.SLOW: "it could not be made ready in the time a document may take",
    Problem.UNAVAILABLE: "nothing here can make of it what the devices print",
}
_TOO_MUCH = "it has more pages, picture dots or octets than a document may have"


class Exporting:
    """One document on its way through preparing. Each call may be made again after a crash.

    Raises what intake.sources.Export raises.
    """

    def __init__(self, export: intake.sources.Export, view: job.JobView) -> None:
        self._export = export
        self._view = view
        self._again: Callable[[], Iterator[bytes]] = lambda: iter(())
        self._made = False
        self._lines = [f"job: {view.number}", f"came: {view.created_at.isoformat(timespec='seconds')}"]

    @classmethod
    def of(cls, view: job.JobView) -> "Exporting | None":
        if view.door not in _DOORS:
            return None
        export = intake.sources.export_of(view.id)
        return cls(export, view) if export is not None else None

    def original(self, again: Callable[[], Iterator[bytes]], document: job.DocumentView) -> None:
        """again: reads it once more from its beginning."""
        self._again = again
        self._lines.append(f"original: {document.came_as or document.format}, {document.octets} octets")
        self._export.original(again())

    def printed(self, pieces: Iterable[bytes]) -> None:
        """PDF was made of it."""
        self._made = True
        self._export.printed(pieces, made=True)

    def done(self, facts: prepress.PageFacts | None) -> None:
        """It is ready to be printed. facts: of what was made."""
        if self._made:
            pages = facts.pages if facts is not None else None
            self._lines.append(f"printed form: PDF was made of it{f', {pages} pages' if pages else ''}")
        else:
            self._export.printed(self._again(), made=False)
            self._lines.append("printed form: as it came")
        self._say("result: ready to print")

    def stopped(self, problem: str) -> None:
        self._say(f"result: {_WORDS.get(problem, _TOO_MUCH)}")

    def _say(self, result: str) -> None:
        now = parts.clock().now().isoformat(timespec="seconds")
        self._export.log([*self._lines, f"prepared: {now}", result])
