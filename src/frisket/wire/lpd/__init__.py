"""LPD (RFC 1179) in both directions: what a client sends, what a server answers, and what both may be like.

`Conversation` is the server's end of one connection: it is fed what arrives, cut anywhere, and gives events.
A control file is kept until it is whole, because it is small and bounded; of a data file nothing is kept: its
octets come out in the pieces they came in. The client's end is a handful of functions that give octets, and
`Answer`. Whatever a peer sends, nothing but WireError is raised.

RFC 1179 fixes neither the order of the two files nor that of the lines within a control file, and clients
differ: BSD and CUPS name a source file behind its print lines, LPRng and Windows before them. Both are read.
"""

from frisket.wire.lpd.client import (
    control_header,
    data_header,
    print_waiting,
    read_answer,
    receive_job,
    remove_jobs,
    send_queue,
)
from frisket.wire.lpd.control import (
    ControlFile,
    Line,
    Print,
    control_file,
    pair,
)
from frisket.wire.lpd.conversation import (
    Abort,
    ControlBegins,
    Conversation,
    Data,
    DataBegins,
    DataEnds,
    Event,
    PrintWaiting,
    ReceiveJob,
    RemoveJobs,
    SendQueue,
)
from frisket.wire.lpd.listing import (
    Listed,
    listing,
    read_listing,
)
from frisket.wire.lpd.terms import (
    FORMATS,
    UNCOUNTED,
    WHOLE,
    Answer,
    Code,
    Limits,
    TooLarge,
    file_name,
    text,
)

__all__ = [
    "FORMATS",
    "UNCOUNTED",
    "WHOLE",
    "Abort",
    "Answer",
    "Code",
    "ControlBegins",
    "ControlFile",
    "Conversation",
    "Data",
    "DataBegins",
    "DataEnds",
    "Event",
    "Limits",
    "Line",
    "Listed",
    "Print",
    "PrintWaiting",
    "ReceiveJob",
    "RemoveJobs",
    "SendQueue",
    "TooLarge",
    "control_file",
    "control_header",
    "data_header",
    "file_name",
    "listing",
    "pair",
    "print_waiting",
    "read_answer",
    "read_listing",
    "receive_job",
    "remove_jobs",
    "send_queue",
    "text",
]
