"""Documents at rest: sealed while they come in, kept, read with a ticket, destroyed with a receipt.

What this room promises:

- What `keep_many` committed after `place_many` (or after `seal`, for large documents) is on stable storage.
- Nothing readable is ever on a disk; every job has a key of its own, and what was read is verified.
- Only a ticket opens a job, each object once; making one is an entry of the audit log.
- `shred` makes a job unreadable in its caller's commit; its octets are overwritten in place after that,
  and the receipt says how far it went and what the storage cannot prove.
- A failed sync ends the process (`SyncFailed`); it is never tried again.

How the doors use it: ``new_key`` → ``seal`` each document → the group writer calls ``place_many`` for the
batch, then ``keep_many`` in its transaction; ``discard`` when the accept fails.
"""

from frisket.plumbing.blobs import SyncFailed
from frisket.plumbing.keys import Damaged, Kind
from frisket.spool.epochs import Rewrapped, database_clean, destroy_dead_epochs, rewrap, tidy
from frisket.spool.errors import (
    Incomplete,
    NotHere,
    OverQuota,
    SpoolFull,
    TicketSpent,
    TooLarge,
    WrongSpool,
)
from frisket.spool.jobkeys import HeldKey, forget_keys, keep_ready, key_to_add, new_key, ready_key
from frisket.spool.keeping import Keep, discard, keep_many, place_many
from frisket.spool.limits import Held, held_by, held_in_all, load_counters, room_for, space
from frisket.spool.reading import read, read_sync, size_of
from frisket.spool.receipts import Receipt, is_genuine, receipt
from frisket.spool.sealing import SealedDoc, seal, seal_octets, seal_pieces
from frisket.spool.shredding import destroy, overwrite_doomed, shred, shred_many
from frisket.spool.store import close, use_reserve, when_broken
from frisket.spool.sweeping import Sweep, sweep
from frisket.spool.tickets import Ticket, Use, ticket

__all__ = [
    "Damaged",
    "Held",
    "HeldKey",
    "Incomplete",
    "Keep",
    "Kind",
    "NotHere",
    "OverQuota",
    "Receipt",
    "Rewrapped",
    "SealedDoc",
    "SpoolFull",
    "Sweep",
    "SyncFailed",
    "Ticket",
    "TicketSpent",
    "TooLarge",
    "Use",
    "WrongSpool",
    "close",
    "database_clean",
    "destroy",
    "destroy_dead_epochs",
    "discard",
    "forget_keys",
    "held_by",
    "held_in_all",
    "is_genuine",
    "keep_many",
    "keep_ready",
    "key_to_add",
    "load_counters",
    "new_key",
    "overwrite_doomed",
    "place_many",
    "read",
    "read_sync",
    "ready_key",
    "receipt",
    "rewrap",
    "room_for",
    "seal",
    "seal_octets",
    "seal_pieces",
    "shred",
    "shred_many",
    "size_of",
    "space",
    "sweep",
    "ticket",
    "tidy",
    "use_reserve",
    "when_broken",
]
