"""Devices and queues: who prints, where jobs are sent, what each can do.

What this room promises:

- A name is one path segment in one form; a collision is an error. An address never holds a credential.
- A device is what a person adopted: its certificate is pinned then, and another host, port or path erases
  the pin and every credential (R20).
- ``queue_by_name``, ``queue``, ``default_queue``, ``behind`` and ``version`` are answered from memory
  and show what is committed: at once for this process, within two seconds for others.
- How a device is comes from all sources that can say (print port, SNMP agent, jobs), each with its age; what a
  job needs and a device lacks is decided here, from values alone.
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
)
from frisket.device.capabilities import RAW, UNKNOWN, Capabilities, Medium, merge
from frisket.device.converting import can_convert, convertible, formats_taken, must_convert
from frisket.device.errors import (
    BadAddress,
    BadName,
    BadSnmp,
    BadValue,
    InUse,
    NameTaken,
    NoSuchDevice,
    NoSuchQueue,
)
from frisket.device.firewall import firewall_rules
from frisket.device.names import canonical, clean
from frisket.device.paper import keyword, same_paper, size_of
from frisket.device.printermib import MIB_TABLES, counter_oids, read_counter, read_mib
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
from frisket.device.status import FRESH, Alert, Bin, Cover, Facts, Level, Status, Supply, Tray, bare_reason
from frisket.device.status import merge as merge_status
from frisket.device.suitability import Lack, Need, nearby, unsuitable
from frisket.device.views import (
    Adoption,
    DeviceChange,
    DeviceView,
    NewDevice,
    NewQueue,
    NewSnmp,
    QueueChange,
    QueueView,
    SnmpView,
    Way,
    trusts,
)
from frisket.device.watched import is_broken, keep_facts, set_snmp, set_state, snmp_access, status, statuses

__all__ = [
    "FRESH",
    "MIB_TABLES",
    "RAW",
    "UNKNOWN",
    "Address",
    "Adoption",
    "Alert",
    "BadAddress",
    "BadName",
    "BadSnmp",
    "BadValue",
    "Bin",
    "Capabilities",
    "Cover",
    "DeviceChange",
    "DeviceView",
    "Facts",
    "InUse",
    "Lack",
    "Level",
    "Medium",
    "NameTaken",
    "Need",
    "NewDevice",
    "NewQueue",
    "NewSnmp",
    "NoSuchDevice",
    "NoSuchQueue",
    "QueueChange",
    "QueueView",
    "SnmpView",
    "Status",
    "Supply",
    "Tray",
    "Way",
    "add_device",
    "add_queue",
    "adopt",
    "bare_reason",
    "behind",
    "can_convert",
    "canonical",
    "change_device",
    "change_queue",
    "clean",
    "convertible",
    "counter_oids",
    "default_queue",
    "device",
    "device_by_name",
    "device_by_token",
    "devices",
    "enrol_terminal",
    "firewall_rules",
    "formats_taken",
    "halted_now",
    "is_broken",
    "keep_facts",
    "keyword",
    "merge",
    "merge_status",
    "must_convert",
    "nearby",
    "queue",
    "queue_by_name",
    "queue_by_raw_port",
    "queues",
    "raw_ports",
    "read_counter",
    "read_mib",
    "remove_device",
    "remove_queue",
    "same_paper",
    "set_snmp",
    "set_state",
    "size_of",
    "snmp_access",
    "status",
    "statuses",
    "trusts",
    "unsuitable",
    "version",
]
