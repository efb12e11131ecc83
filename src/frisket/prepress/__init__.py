"""What a document is: pages, colour, sheet. Found out in a sandbox, for documents are hostile.

Promises: nothing of this room opens a document outside the sandbox; no document library is imported by the
house; a document never lies on a disk in the clear; whatever a document does, `facts` returns within its
limits and says which one it hit. Where the machine cannot give all walls, the answer is "unknown".

    prepress.facts(iter([b"%PDF-1.7 ..."]), "application/pdf")
    -> PageFacts(pages=3, colour=False, media="iso_a4_210x297mm", problem="")
"""

from frisket.prepress.errors import SandboxUnavailable
from frisket.prepress.pagefacts import Availability, PageFacts, available, facts
from frisket.prepress.sandbox import Limits

__all__ = ["Availability", "Limits", "PageFacts", "SandboxUnavailable", "available", "facts"]
