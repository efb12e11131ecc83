"""Virtual devices, for trying, demonstrating and testing without hardware.

A virtual device listens like a printer (IPP, IPP in TLS, LPD, raw port with PJL or mute), keeps all it is sent
as files, counts pages, and breaks in every way real ones do when told to. It is no part of the print path:
what it receives lies in the clear in its folder, so nothing confidential belongs there.

    with lab.running(folder, lab.DevicePlan("office", lab.Door.IPPS)) as devices:
        print_to(devices.uri("office"))
        devices.put("office", "drop-mid-job 65536 times 1")
        devices.jobs("office")[0].documents[0].sha256

On an event loop use `VirtualDevice`; `run_lab` is the whole of `frisket lab`, `command` speaks to it.
"""

from frisket.lab.device import VirtualDevice
from frisket.lab.faults import Fault, Trouble, UnknownFault, read_faults
from frisket.lab.plan import BadPlan, DevicePlan, Door, LabPlan, Make
from frisket.lab.running import CONTROL_FILE, Running, command, run_lab, running
from frisket.lab.tray import Document, Printed

__all__ = [
    "CONTROL_FILE",
    "BadPlan",
    "DevicePlan",
    "Document",
    "Door",
    "Fault",
    "LabPlan",
    "Make",
    "Printed",
    "Running",
    "Trouble",
    "UnknownFault",
    "VirtualDevice",
    "command",
    "read_faults",
    "run_lab",
    "running",
]
