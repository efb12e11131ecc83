"""What a document is and what it becomes: pages, colour, sheet; and PDF of what devices do not take.

All of it in sandboxes, for documents are hostile. Promises: nothing of this room opens a document outside the sandbox;
no document library is imported by the house; a document never lies on a disk in the clear; whatever a document does,
`facts` and `convert` return within their limits and say which one it hit; a process that has seen a document sees no
other. Where the machine cannot give all walls, the answer is "unknown" or "unavailable".

    prepress.facts(iter([b"%PDF-1.7 ..."]), "application/pdf")
    -> PageFacts(pages=3, colour=False, media="iso_a4_210x297mm", problem="")
    prepress.convert(iter([...]), "application/vnd.oasis.opendocument.text")
    -> Converted(pdf=Memory, facts=PageFacts(...)) or Failed("password")
"""

from frisket.prepress.cells import Memory
from frisket.prepress.converting import (
    A4,
    Bounds,
    Converted,
    Failed,
    Problem,
    convert,
    convertible,
    sheet_of,
    shrink,
    unlock,
)
from frisket.prepress.errors import SandboxUnavailable, ScannerDown
from frisket.prepress.pagefacts import Availability, PageFacts, available, facts
from frisket.prepress.sandbox import Limits
from frisket.prepress.viruses import Scanner, Verdict, look_for_viruses

__all__ = [
    "A4",
    "Availability",
    "Bounds",
    "Converted",
    "Failed",
    "Limits",
    "Memory",
    "PageFacts",
    "Problem",
    "SandboxUnavailable",
    "Scanner",
    "ScannerDown",
    "Verdict",
    "available",
    "convert",
    "convertible",
    "facts",
    "look_for_viruses",
    "sheet_of",
    "shrink",
    "unlock",
]
