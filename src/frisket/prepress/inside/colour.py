"""Whether a PDF marks anything in colour: by operators and colour spaces, without rendering.

Errs towards colour: an image in RGB counts as colour whatever its pixels are.
"""

import time
from typing import Any

import pikepdf

__all__ = ["Colours"]

_OPERATORS = "q Q g G rg RG k K cs CS sc SC scn SCN sh Do BI ID EI"
_GRAY_NAMES = ("/DeviceGray", "/G", "/CalGray")
_GRAY_INKS = ("/Black", "/All", "/None")
_UNDRAWN = ("/Link", "/Popup", "/Text", "/Widget", "/FileAttachment")
_DEEPEST = 12
_EVEN = 0.004  # components closer than one step of eight bits are gray


class _Late(Exception):
    """No time left to look further."""


class Colours:
    """until: processor time at which to give up."""

    def __init__(self, until: float) -> None:
        self._until = until
        self._seen: set[tuple[int, int]] = set()

    def anywhere(self, document: pikepdf.Pdf) -> bool | None:
        """True, False, or None when there was no time to see everything."""
        try:
            return any(self._page(page) for page in document.pages)
        except _Late:
            return None

    def _page(self, page: pikepdf.Page) -> bool:
        resources = page.obj.get("/Resources", pikepdf.Dictionary())
        if self._content(page.obj, resources, 0):
            return True
        annotations: Any = page.obj.get("/Annots", [])
        return any(self._annotation(each) for each in annotations)

    def _annotation(self, annotation: Any) -> bool:
        if not isinstance(annotation, pikepdf.Dictionary):
            return False
        looks: Any = annotation.get("/AP", pikepdf.Dictionary()).get("/N")
        if looks is None:  # whoever shows it draws it, in the colour it names
            drawn = str(annotation.get("/Subtype", "")) not in _UNDRAWN
            return drawn and not _is_even(annotation.get("/C", []))
        if isinstance(looks, pikepdf.Stream):
            return self._form(looks, 0)
        if isinstance(looks, pikepdf.Dictionary):
            return any(self._form(each, 0) for each in looks.as_dict().values() if isinstance(each, pikepdf.Stream))
        return False

    def _form(self, form: Any, depth: int) -> bool:
        if not self._is_new(form):
            return False
        return self._content(form, form.get("/Resources", pikepdf.Dictionary()), depth + 1)

    def _is_new(self, found: Any) -> bool:
        """Each object once, or a form that shows itself would never end."""
        if not found.is_indirect:
            return True
        if found.objgen in self._seen:
            return False
        self._seen.add(found.objgen)
        return True

    def _content(self, holder: Any, resources: Any, depth: int) -> bool:
        if depth > _DEEPEST:
            return False
        if self._fonts(resources, depth):
            return True
        spaces = {"fill": True, "stroke": True}  # whether the colour space in force is gray
        kept = []  # what q put aside for Q
        for step in pikepdf.parse_content_stream(holder, _OPERATORS):
            if time.process_time() > self._until:
                raise _Late
            name = str(step.operator)
            if name == "q":
                kept.append(dict(spaces))
            elif name == "Q":
                spaces = kept.pop() if kept else spaces
            elif self._marks_colour(name, step, resources, spaces, depth):
                return True
        return False

    def _fonts(self, resources: Any, depth: int) -> bool:
        """Letters of a Type 3 font are drawings and may bring their own colours."""
        fonts: Any = resources.get("/Font", {})
        for font in fonts.values():
            if font.get("/Subtype") == "/Type3" and self._is_new(font):
                own = font.get("/Resources", resources)
                letters = font.get("/CharProcs", {}).values()
                if any(self._content(letter, own, depth + 1) for letter in letters):
                    return True
        return False

    def _marks_colour(self, name: str, step: Any, resources: Any, spaces: dict[str, bool], depth: int) -> bool:
        if isinstance(step, pikepdf.ContentStreamInlineImage):
            return self._inline_image(step, resources)
        operands = step.operands
        if name.lower() in ("g", "rg", "k"):
            spaces["fill" if name.islower() else "stroke"] = name in "gG"
            return not _is_even(operands)
        if name in ("cs", "CS"):
            spaces["fill" if name == "cs" else "stroke"] = self._is_gray(operands[0], resources, depth)
            return False
        if name in ("sc", "scn", "SC", "SCN"):
            return self._set(name, operands, resources, spaces, depth)
        if name == "sh":
            shading = _entry(resources, "/Shading", operands[0])
            return shading is not None and not self._is_gray(shading.get("/ColorSpace"), resources, depth)
        if name == "Do":
            return self._object(_entry(resources, "/XObject", operands[0]), resources, depth)
        return False

    def _set(self, name: str, operands: Any, resources: Any, spaces: dict[str, bool], depth: int) -> bool:
        if operands and isinstance(operands[-1], pikepdf.Name):
            return self._pattern(_entry(resources, "/Pattern", operands[-1]), resources, depth)
        gray = spaces["fill" if name in ("sc", "scn") else "stroke"]
        if gray:
            return False
        return len(operands) < 3 or not _is_even(operands)

    def _pattern(self, pattern: Any, resources: Any, depth: int) -> bool:
        if isinstance(pattern, pikepdf.Stream):
            return self._form(pattern, depth)
        shading = pattern.get("/Shading") if isinstance(pattern, pikepdf.Dictionary) else None
        return shading is not None and not self._is_gray(shading.get("/ColorSpace"), resources, depth)

    def _object(self, found: Any, resources: Any, depth: int) -> bool:
        if not isinstance(found, pikepdf.Stream):
            return False
        if found.get("/Subtype") == "/Form":
            return self._form(found, depth)
        if found.get("/Subtype") != "/Image" or found.get("/ImageMask", False):
            return False
        space = found.get("/ColorSpace")
        return space is None or not self._is_gray(space, resources, depth)

    def _inline_image(self, step: Any, resources: Any) -> bool:
        described = step.iimage.obj
        if described.get("/IM", described.get("/ImageMask", False)):
            return False
        space = described.get("/CS", described.get("/ColorSpace"))
        return space is not None and not self._is_gray(space, resources, 0)

    def _is_gray(self, space: Any, resources: Any, depth: int) -> bool:
        if space is None or depth > _DEEPEST:
            return False
        if isinstance(space, pikepdf.Name):
            if str(space) in (*_GRAY_NAMES, "/Pattern"):
                return True
            named = _entry(resources, "/ColorSpace", space)
            return named is not None and named != space and self._is_gray(named, resources, depth + 1)
        if not isinstance(space, pikepdf.Array) or len(space) == 0:
            return False
        kind = str(space[0])
        if kind == "/ICCBased":
            return int(space[1].get("/N", 0)) == 1
        if kind in ("/Indexed", "/I", "/Pattern") and len(space) > 1:
            return self._is_gray(space[1], resources, depth + 1)
        if kind == "/Separation":
            return str(space[1]) in _GRAY_INKS
        if kind == "/DeviceN":
            return all(str(ink) in _GRAY_INKS for ink in space[1])
        return kind in (*_GRAY_NAMES, "/Pattern")


def _entry(resources: Any, category: str, name: Any) -> Any:
    return resources.get(category, {}).get(str(name))


def _is_even(operands: Any) -> bool:
    """Gray as one number, as three alike, or as black with no other ink."""
    numbers = [float(each) for each in operands]
    if len(numbers) == 4:
        numbers = [*numbers[:3], 0.0]
    return not numbers or max(numbers) - min(numbers) <= _EVEN
