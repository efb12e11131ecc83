"""Devices and queues: who prints, where jobs are sent, what each can do.

What this room promises:

- A name is one path segment in one form; a collision is an error. An address never holds a credential.
- A device is what a person adopted: its certificate is pinned then, and another host, port or path erases
  the pin and every credential (R20).
- ``queue_by_name``, ``queue``, ``default_queue``, ``behind`` and ``version`` are answered from memory
  and show what is committed: at once for this process, within two seconds for others.
- Every change writes its audit leaf in the caller's transaction; names and addresses are not in it.

Nothing here opens a connection: asking and sending is the delivery room's.
"""

from frisket.device.address import Address
from frisket.device.adoption import (
    add_device,
    adopt,
    behind,
    change_device,
    device,
    device_by_name,
    device_by_token,
    devices,
    enrol_terminal,
    remove_device,
    set_state,
)
from frisket.device.capabilities import RAW, UNKNOWN, Capabilities, Medium, merge
from frisket.device.converting import can_convert, convertible, formats_taken, must_convert
from frisket.device.errors import (
    BadAddress,
    BadName,
    BadValue,
    InUse,
    NameTaken,
    NoSuchDevice,
    NoSuchQueue,
)
from frisket.device.names import canonical, clean
from frisket.device.queueing import (
    add_queue,
    change_queue,
    default_queue,
    halted_now,
    queue,
    queue_by_name,
    queue_by_raw_port,
    queues,
    raw_ports,
    remove_queue,
)
from frisket.device.registry import version
from frisket.device.views import (
    Adoption,
    DeviceChange,
    DeviceView,
    NewDevice,
    NewQueue,
    QueueChange,
    QueueView,
    trusts,
)

__all__ = [
    "RAW",
    "UNKNOWN",
    "Address",
    "Adoption",
    "BadAddress",
    "BadName",
    "BadValue",
    "Capabilities",
    "DeviceChange",
    "DeviceView",
    "InUse",
    "Medium",
    "NameTaken",
    "NewDevice",
    "NewQueue",
    "NoSuchDevice",
    "NoSuchQueue",
    "QueueChange",
    "QueueView",
    "add_device",
    "add_queue",
    "adopt",
    "behind",
    "can_convert",
    "canonical",
    "change_device",
    "change_queue",
    "clean",
    "convertible",
    "default_queue",
    "device",
    "device_by_name",
    "device_by_token",
    "devices",
    "enrol_terminal",
    "formats_taken",
    "halted_now",
    "merge",
    "must_convert",
    "queue",
    "queue_by_name",
    "queue_by_raw_port",
    "queues",
    "raw_ports",
    "remove_device",
    "remove_queue",
    "set_state",
    "trusts",
    "version",
]
