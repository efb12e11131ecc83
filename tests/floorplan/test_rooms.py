"""The floor plan: which rooms there are, and how one enters another."""

import ast
from itertools import chain

import pytest
from tests.floorplan.source import FLOOR, FLOORS, SOURCE, Import, Module, docstring_rooms, door, imports, modules

# The web has no door of its own: the framework loads the package before its tables exist.
WEB_DOORS = {"application", "door", "headers", "onward"}
# Each module of these rooms is a door.
OPEN_PLAN = {"plumbing", "wire"}


def _packages() -> set[str]:
    return {place.name for place in SOURCE.iterdir() if place.is_dir() and any(place.rglob("*.py"))}


def test_every_package_is_a_listed_room():
    assert _packages() - FLOOR.keys() == set()


def test_the_package_says_which_rooms_there_are_in_the_order_of_the_floors():
    listed = list(chain(*docstring_rooms()))
    assert set(listed) == _packages() | {"errors"}
    assert [FLOOR[room] for room in listed] == sorted(FLOOR[room] for room in listed)


def test_a_room_is_one_package_or_the_module_of_errors():
    loose = {module.parts[0] for module in modules() if len(module.parts) == 1 and module.path.name != "__init__.py"}
    assert loose <= {"errors", "__main__"}


@pytest.mark.parametrize("room", sorted(_packages()))
def test_a_door_says_what_the_room_promises_and_what_it_offers(room):
    package = next(module for module in modules() if module.parts == (room,))
    assert ast.get_docstring(package.tree), f"{room} has no docstring"
    if room not in OPEN_PLAN | {"programs"}:  # nobody stands above the programs to enter them
        assert door((room,)) is not None, f"{room} has no __all__"


def test_imports_point_down():
    """import-linter says the same; this one names the line, and covers `lab` and `programs` alike."""
    assert [str(each) for each in _between_rooms() if FLOOR[each.module.room] >= FLOOR[_room_of(each)]] == []


def test_a_room_is_entered_by_its_door():
    assert [str(each) for each in _between_rooms() if not _by_the_door(each)] == []


def test_only_what_a_door_lists_is_used_behind_it():
    strays = []
    for module in modules():
        rooms = {each.name for each in imports(module) if each.source == "frisket" and each.name in FLOOR}
        for node in ast.walk(module.tree):
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id in rooms:
                offered = door((node.value.id,))
                if offered is not None and node.attr not in offered and not _rebound(module, node.value.id):
                    strays.append(f"{module.name}:{node.lineno}: {node.value.id}.{node.attr}")
    assert strays == []


def test_foreign_keys_point_down_by_string_and_without_a_way_back():
    wrong = []
    for module in modules():
        for node in ast.walk(module.tree):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
                if node.func.attr in {"ForeignKey", "OneToOneField", "ManyToManyField"}:
                    wrong += [f"{module.name}:{node.lineno}: {fault}" for fault in _faults(module, node)]
    assert wrong == []


def _faults(module: Module, node: ast.Call) -> list[str]:
    target = node.args[0] if node.args else next((word.value for word in node.keywords if word.arg == "to"), None)
    if not isinstance(target, ast.Constant) or not isinstance(target.value, str):
        return ["the target is not named by string"]
    room = target.value.partition(".")[0]
    faults = []
    if room != module.room and FLOOR.get(room, -1) <= FLOOR[module.room]:
        faults.append(f"{target.value} is not below {module.room}")
    way_back = next((word.value for word in node.keywords if word.arg == "related_name"), None)
    if not (isinstance(way_back, ast.Constant) and way_back.value == "+"):
        faults.append('related_name is not "+"')
    return faults


def _between_rooms() -> list[Import]:
    """Imports from another room of the house."""
    found = [each for module in modules() for each in imports(module) if module.room in FLOOR]
    return [each for each in found if _room_of(each) in FLOOR and _room_of(each) != each.module.room]


def _room_of(each: Import) -> str:
    package, _, inside = each.source.partition(".")
    if package != "frisket":
        return ""
    return inside.split(".")[0] if inside else each.name


def _by_the_door(each: Import) -> bool:
    parts = tuple(each.source.split(".")[1:])
    if not each.name:
        return False  # `import frisket.spool` binds the whole house
    if not parts:
        return True  # from frisket import spool
    room, *inside = parts
    if room == "errors":
        return True
    if room == "web":
        return parts == ("web",) and each.name in WEB_DOORS
    if room in OPEN_PLAN and not inside:
        return True  # from frisket.plumbing import db
    if room in OPEN_PLAN and len(inside) == 1:
        offered = door(parts)
        return offered is None or each.name in offered
    return not inside and each.name in (door(parts) or ())


def _rebound(module: Module, name: str) -> bool:
    """A parameter or variable of the room's own name hides it; then attributes are not the door's."""
    return any(isinstance(node, ast.arg) and node.arg == name for node in ast.walk(module.tree)) or any(
        isinstance(node, ast.Name) and node.id == name and isinstance(node.ctx, ast.Store)
        for node in ast.walk(module.tree)
    )


def _planted(place: str, text: str) -> Module:
    return Module(SOURCE / place, text, ast.parse(text))


@pytest.mark.parametrize(
    "written",
    [
        "import frisket.spool",
        "from frisket.spool.keeping import keep_many",
        "from frisket.spool import keeping",
        "from frisket.web import sessions",
        "from frisket.plumbing.keys.sealed import seal",
        "from frisket.job.models import Job",
    ],
)
def test_a_way_in_beside_the_door_is_found(written):
    planted = list(imports(_planted("flow/planted.py", written)))
    assert planted and not any(_by_the_door(each) for each in planted)


@pytest.mark.parametrize(
    "written", ["from frisket import spool", "from frisket.plumbing import db", "from frisket.wire import ipp"]
)
def test_a_door_is_a_way_in(written):
    assert all(_by_the_door(each) for each in imports(_planted("flow/planted.py", written)))


@pytest.mark.parametrize(
    "written",
    [
        'models.ForeignKey("spool.Key", related_name="+")',
        "models.ForeignKey(Job, related_name='+')",
        'models.ForeignKey("identity.Person")',
        'models.OneToOneField("identity.Person", related_name="job")',
    ],
)
def test_a_key_that_points_up_or_back_is_found(written):
    call = ast.parse(written, mode="eval").body
    assert isinstance(call, ast.Call)
    assert _faults(_planted("job/models.py", written), call) != []


def test_the_floors_name_each_room_once():
    assert len(list(chain(*FLOORS))) == len(FLOOR)
