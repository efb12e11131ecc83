"""A whole lab: for the command that runs until it is stopped, and for tests that need one beside them."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Callable, Coroutine, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

from frisket.lab.device import VirtualDevice
from frisket.lab.faults import UnknownFault, read_faults
from frisket.lab.plan import DevicePlan, LabPlan
from frisket.lab.tray import Printed

__all__ = ["CONTROL_FILE", "Running", "command", "run_lab", "running"]

CONTROL_FILE = "faults"  # in the folder of each device
_LOOK_EVERY_S = 0.25
_T = TypeVar("_T")


def command(folder: Path, device: str, faults: str) -> None:
    """Tell a running lab what is wrong with a device from now on; "" ends all its faults.

    folder: of the lab. Raises UnknownFault for words no device knows or a device that is not there.
    """
    tray = folder / device
    if Path(device).name != device or not tray.is_dir():
        raise UnknownFault(f"no virtual device {device!r} in this lab")
    troubles = read_faults(faults)
    fresh = tray / f".{CONTROL_FILE}"
    fresh.write_text("".join(f"{trouble}\n" for trouble in troubles))
    fresh.replace(tray / CONTROL_FILE)


async def run_lab(
    folder: Path,
    devices: LabPlan | Sequence[DevicePlan],
    *,
    printed: Callable[[Printed], None] | None = None,
    started: Callable[[Mapping[str, str]], None] | None = None,
    complain: Callable[[str], None] | None = None,
) -> None:
    """Run the devices until the task is canceled. Each has a folder of its name with its tray.

    started: told the address of each device by name. printed: told of every job. complain: told when a
    control file cannot be read; the faults stay as they were then.
    """
    plans = devices.devices if isinstance(devices, LabPlan) else devices
    opened = {plan.name: VirtualDevice(plan, folder / plan.name, printed) for plan in plans}
    try:
        addresses = {name: await device.start() for name, device in opened.items()}
        if started is not None:
            started(addresses)
        await _follow_control_files(opened, complain)
    finally:
        for device in opened.values():
            await device.stop()


async def _follow_control_files(devices: Mapping[str, VirtualDevice], complain: Callable[[str], None] | None) -> None:
    seen: dict[str, tuple[int, int]] = {}
    while True:
        for name, device in devices.items():
            file = device.tray.folder / CONTROL_FILE
            try:
                state = file.stat()
            except FileNotFoundError:
                if seen.pop(name, None) is not None:
                    await device.clear()
                continue
            mark = (state.st_mtime_ns, state.st_ino)
            if seen.get(name) == mark:
                continue
            seen[name] = mark
            try:
                await device.replace(read_faults(file.read_text(errors="replace")))
            except UnknownFault as error:
                if complain is not None:
                    complain(f"{name}: {error}")
        await asyncio.sleep(_LOOK_EVERY_S)


class Running:
    """A lab on a thread of its own, for callers without an event loop."""

    def __init__(self, loop: asyncio.AbstractEventLoop, devices: Mapping[str, VirtualDevice]) -> None:
        self._loop = loop
        self._devices = devices

    def __getitem__(self, name: str) -> VirtualDevice:
        """For looking (uri, port, fingerprint, tray, faults); what acts goes through the methods here."""
        return self._devices[name]

    def uri(self, name: str) -> str:
        return self._devices[name].uri

    def put(self, name: str, *faults: str) -> None:
        """Give the device these faults; they hold when this returns."""
        self._do(self._devices[name].put(*faults))

    def clear(self, name: str, fault: str | None = None) -> None:
        self._do(self._devices[name].clear(fault))

    def jobs(self, name: str) -> list[Printed]:
        """What this device is through with, oldest first."""
        return list(self._devices[name].tray.jobs)

    def _do(self, act: Coroutine[Any, Any, _T]) -> _T:
        return asyncio.run_coroutine_threadsafe(act, self._loop).result(timeout=10)


@contextlib.contextmanager
def running(folder: Path, *plans: DevicePlan, printed: Callable[[Printed], None] | None = None) -> Iterator[Running]:
    """The devices run while the block does."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name="frisket lab", daemon=True)
    thread.start()
    devices = {plan.name: VirtualDevice(plan, folder / plan.name, printed) for plan in plans}
    lab = Running(loop, devices)
    try:
        for device in devices.values():
            lab._do(device.start())
        yield lab
    finally:
        for device in devices.values():
            lab._do(device.stop())
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.run_until_complete(loop.shutdown_default_executor())
        loop.close()
