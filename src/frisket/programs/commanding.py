"""What every command is made of: the register they stand in, and plain values for the control socket."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from frisket import identity
from frisket.programs.house import House

__all__ = ["COMMANDS", "URLS", "Command", "Values", "command", "person_named", "plain"]

Values = Mapping[str, Any]
Command = Callable[[House, Values], Any]
URLS: dict[str, str] = {}  # of this process's open listeners
COMMANDS: dict[str, Command] = {}


def command(name: str) -> Callable[[Command], Command]:
    def register(act: Command) -> Command:
        COMMANDS[name] = act
        return act

    return register


def person_named(house: House, name: str) -> identity.PersonView:
    found = identity.by_name(name)
    if found is None:
        raise identity.NotFound(f"there is no person {name}")
    return found


def plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(key): plain(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [plain(each) for each in value]
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, bytes):
        return value.hex()
    if value is None or isinstance(value, bool | int | float | str):
        return value
    return str(value)
