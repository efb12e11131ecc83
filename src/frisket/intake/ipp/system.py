"""The System service at /ipp/system: what this house is, and its queues (PWG 5100.22).

Names, state and queues are for everybody who reaches the door, as CUPS-Get-Printers is. What runs here is told
to operators only, and only they open and close all queues at once.
"""

from collections.abc import Awaitable, Callable, Sequence
from importlib.metadata import version
from uuid import UUID

from frisket import device, identity, job
from frisket.intake.accept import Intake
from frisket.intake.capabilities import capabilities_of
from frisket.intake.ipp.answering import answer
from frisket.intake.ipp.condition import condition
from frisket.intake.ipp.offered import SYSTEM_OPERATIONS
from frisket.intake.ipp.printer import Address, printer_group, up_time
from frisket.intake.ipp.request import Asked
from frisket.intake.ipp.template import Conflict
from frisket.intake.printernumbers import printer_numbers
from frisket.plumbing import parts
from frisket.plumbing.db import transaction
from frisket.plumbing.scope import Actor, Scope
from frisket.wire import ipp

__all__ = ["SystemService"]

a = ipp.attribute
_WHICH = ("accepting", "all", "idle", "not-accepting", "processing", "stopped")
_MOST = 1000


class SystemService:
    def __init__(self, intake: Intake) -> None:
        self._intake = intake
        self.table: dict[int, Callable[[Asked], Awaitable[bytes]]] = {
            int(ipp.Operation.GET_SYSTEM_ATTRIBUTES): self.get_system_attributes,
            int(ipp.Operation.GET_PRINTERS): self.get_printers,
            int(ipp.Operation.DISABLE_ALL_PRINTERS): self.disable_all_printers,
            int(ipp.Operation.ENABLE_ALL_PRINTERS): self.enable_all_printers,
        }

    async def get_system_attributes(self, asked: Asked) -> bytes:
        _is_system(asked)
        queues, numbers = await self._queues(asked)
        wanted = set(asked.message.operation.texts("requested-attributes")) or {"all"}
        listed = [*_still(asked.address), *_moving(queues), *_printers(queues, numbers, asked.address)]
        operates = asked.known is not None and identity.may(asked.by, identity.Permission.QUEUES_MANAGE)
        if operates:
            listed += _inside()
        classes = {"all", "system-description", "system-status"}
        shown = [each for each in listed if wanted & {*classes, each.name}]
        return answer(asked, 0, ipp.encode_group(ipp.Group(int(ipp.Tag.SYSTEM_GROUP), shown)))

    async def get_printers(self, asked: Asked) -> bytes:
        _is_system(asked)
        queues, numbers = await self._queues(asked)
        queues = _chosen(queues, numbers, asked.message.operation)
        wanted = asked.message.operation.texts("requested-attributes")
        groups = []
        for queue in queues:
            queued = await self._intake.ask(job.count_live, queue.id)
            believed = device.trusts(queue, asked.network)
            group = printer_group(queue, asked.address, wanted, queued=queued, believed=believed)
            more = [
                each
                for each in _of_printer(queue, numbers[queue.id], asked.address)
                if not wanted or each.name in wanted or {"all", "printer-description"} & set(wanted)
            ]
            groups.append(group + b"".join(ipp.encode_attribute(each) for each in more))
        return answer(asked, 0, *groups)

    async def disable_all_printers(self, asked: Asked) -> bytes:
        return await self._accepting(asked, False)

    async def enable_all_printers(self, asked: Asked) -> bytes:
        return await self._accepting(asked, True)

    async def _accepting(self, asked: Asked, accepting: bool) -> bytes:
        _is_system(asked)
        await self._intake.ask(_set_accepting, asked.scope, asked.by, accepting)
        return answer(asked, 0)

    async def _queues(self, asked: Asked) -> tuple[list[device.QueueView], dict[UUID, int]]:
        queues = await self._intake.ask(device.queues, asked.house)
        numbers = await self._intake.ask(printer_numbers, [each.id for each in queues])
        return queues, numbers


def _set_accepting(scope: Scope, by: Actor, accepting: bool) -> None:
    with transaction() as tx:
        for queue in device.queues(scope):
            if queue.accepting != accepting:
                device.change_queue(scope, queue.id, device.QueueChange(accepting=accepting), by=by, tx=tx)


def _is_system(asked: Asked) -> None:
    if not asked.system:
        raise Conflict(int(ipp.Status.BAD_REQUEST), "This operation is asked of the system: system-uri /ipp/system.")


def _chosen(
    queues: Sequence[device.QueueView], numbers: dict[UUID, int], operation: ipp.Group
) -> list[device.QueueView]:
    """The queues a Get-Printers asks for (PWG 5100.22 section 6.3.6)."""
    which = operation.text("which-printers") or "all"
    if which not in _WHICH:
        raise Conflict(0x040B, "No such which-printers.", a("which-printers", ipp.keyword(which)))
    first, limit = operation.integer("first-index"), operation.integer("limit")
    if (first is not None and first < 1) or (limit is not None and limit < 1):
        raise Conflict(int(ipp.Status.BAD_REQUEST), "first-index and limit must be 1 or more.")
    ids = {each.data for each in operation.values("printer-ids")}
    kinds = set(operation.texts("printer-service-type"))
    place, format = operation.text("printer-location"), operation.text("document-format")
    found = [
        each
        for each in queues
        if (not ids or numbers[each.id] in ids)
        and (not kinds or "print" in kinds)
        and (not place or each.location == place)
        and (not format or format.lower() in capabilities_of(each).formats)
        and _is(each, which)
    ]
    start = (first or 1) - 1
    return found[start : start + min(limit or _MOST, _MOST)]


def _is(queue: device.QueueView, which: str) -> bool:
    if which in ("accepting", "not-accepting"):
        return queue.accepting == (which == "accepting")
    return which == "all" or condition(queue)[0] == {"idle": 3, "processing": 4, "stopped": 5}[which]


def _still(address: Address) -> list[ipp.Attribute]:
    settings = parts.settings()
    here = f"{address.scheme}://{address.authority}/ipp/system"
    return [
        a("charset-configured", ipp.charset("utf-8")),
        a("charset-supported", ipp.charset("utf-8"), ipp.charset("us-ascii")),
        a("generated-natural-language-supported", ipp.natural_language("en"), ipp.natural_language("de")),
        a("natural-language-configured", ipp.natural_language("en")),
        a("ipp-features-supported", ipp.keyword("system-object")),
        a("ipp-versions-supported", *[ipp.keyword(each) for each in ("1.1", "2.0")]),
        a("operations-supported", *[ipp.enum(int(each)) for each in SYSTEM_OPERATIONS]),
        a("printer-service-type-supported", ipp.keyword("print")),
        a("system-name", ipp.name(settings.house.name)),
        a("system-info", ipp.text(settings.house.name)),
        a("system-location", ipp.text("")),
        a("system-geo-location", ipp.unknown()),
        a("system-make-and-model", ipp.text("Frisket")),
        a("system-contact-col", ipp.no_value()),
        a("system-owner-col", ipp.no_value()),
        a("system-uuid", ipp.uri(f"urn:uuid:{parts.site()}")),
        a("system-time-source-configured", ipp.keyword("onboard")),
        a("system-xri-supported", _xri(here, address)),
        a("which-printers-supported", *[ipp.keyword(each) for each in _WHICH]),
    ]


def _xri(uri: str, address: Address) -> ipp.Value:
    secure = address.scheme == "ipps"
    members = {
        "xri-uri": ipp.uri(uri),
        "xri-authentication": ipp.keyword("basic" if secure else "none"),
        "xri-security": ipp.keyword("tls" if secure else "none"),
    }
    return ipp.collection(members)


def _moving(queues: Sequence[device.QueueView]) -> list[ipp.Attribute]:
    state, reasons = _state(queues)
    words = {3: "Ready.", 4: "Printing.", 5: "Every queue has stopped."}
    now = parts.clock().now()
    return [
        a("system-state", ipp.enum(state)),
        a("system-state-reasons", *[ipp.keyword(each) for each in reasons]),
        a("system-state-message", ipp.text(words[state])),
        a("system-up-time", ipp.integer(up_time())),
        a("system-current-time", ipp.datetime_value(now)),
        a("system-config-changes", ipp.integer(device.version())),
    ]


def _state(queues: Sequence[device.QueueView]) -> tuple[int, list[str]]:
    """Processing when any queue is, stopped when all are."""
    seen = [condition(each) for each in queues]
    if seen and all(state == 5 for state, _ in seen):
        return 5, sorted({reason for _, reasons in seen for reason in reasons})
    return 4 if any(state == 4 for state, _ in seen) else 3, ["none"]


def _printers(queues: Sequence[device.QueueView], numbers: dict[UUID, int], address: Address) -> list[ipp.Attribute]:
    if not queues:
        return [a("system-configured-printers", ipp.no_value()), a("system-default-printer-id", ipp.no_value())]
    configured = []
    for queue in queues[:_MOST]:
        state, reasons = condition(queue)
        members: dict[str, ipp.Value | list[ipp.Value]] = {
            "printer-id": ipp.integer(numbers[queue.id]),
            "printer-info": ipp.text(queue.info or queue.name),
            "printer-is-accepting-jobs": ipp.boolean(queue.accepting),
            "printer-name": ipp.name(queue.name),
            "printer-service-type": ipp.keyword("print"),
            "printer-state": ipp.enum(state),
            "printer-state-reasons": [ipp.keyword(each) for each in reasons],
            "printer-xri-supported": _xri(address.printer(queue.name), address),
        }
        configured.append(ipp.collection(members))
    default = next((numbers[each.id] for each in queues if each.is_default), None)
    return [
        a("system-configured-printers", *configured),
        a("system-default-printer-id", ipp.integer(default) if default is not None else ipp.no_value()),
    ]


def _inside() -> list[ipp.Attribute]:
    """Which program in which version: of use to whoever runs it, and to whoever attacks it."""
    text = version("frisket")
    return [
        a("system-firmware-name", ipp.name("Frisket")),
        a("system-firmware-patches", ipp.text("")),
        a("system-firmware-string-version", ipp.text(text)),
        a("system-firmware-version", ipp.octets(text.encode())),
    ]


def _of_printer(queue: device.QueueView, number: int, address: Address) -> list[ipp.Attribute]:
    return [
        a("printer-id", ipp.integer(number)),
        a("printer-service-type", ipp.keyword("print")),
        a("printer-xri-supported", _xri(address.printer(queue.name), address)),
    ]
