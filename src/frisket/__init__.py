"""Frisket: everything between "Print" and paper, and back.

The rooms, from the top of the house to the ground. A room imports only from floors below its own;
rooms on one line stand beside each other and do not import each other.

    programs     one file per role, and the command line; the only place that composes
    lab          virtual devices for trying, demonstrating and testing
    web          every page and API route
    -- rooms that see the whole house
    flow         the itinerary: which stage a job visits next; the worker's loop
    -- the stages, in the order a document meets them
    intake       the doors; all end in intake.accept()
    prepress     what a document is: its pages, sizes and colours, found out in a sandbox
    release      held jobs and the terminals where people stand
    delivery     sending to devices
    -- what every stage asks
    policy       what may come in: facts in, verdict out
    spool        documents at rest: sealed, kept, shredded
    ledger       what was printed
    -- the nouns
    job          Job, Document, the states and the moves between them
    device       devices, queues, capabilities
    identity     people, credentials, roles
    -- the ground
    audit        the append-only record of who did what
    plumbing     db, blobs, work, clock, settings, keys: no word of printing in here
    wire         codecs: bytes and values, no I/O
    errors       the base error and whose move it is
"""
