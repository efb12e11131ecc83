"""Kills a house at every durable step of accept and shred, and looks at what the next start finds.

Run as a program of its own, with an empty folder and a word: ``honest``, or the name of a planted bug
that has to be found. Each line it prints is one kill: {"point", "pass", "killed", "problems"}.
"""

import asyncio
import hashlib
import json
import os
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from uuid import UUID, uuid4

DATA, PLANT = Path(sys.argv[1]), sys.argv[2]

from frisket.plumbing.settings import Settings  # noqa: E402
from frisket.programs import framework  # noqa: E402

SETTINGS = Settings.model_validate({"space": {"reserve_bytes": 0, "segment_bytes": 100_000}})
framework.use(SETTINGS, DATA, secret_key="a key of the tests")

from django.core.management import call_command  # noqa: E402
from django.db import connection  # noqa: E402

from frisket import device, identity, job, spool  # noqa: E402
from frisket.plumbing import crashpoints, parts  # noqa: E402
from frisket.plumbing.clock import HouseClock  # noqa: E402
from frisket.plumbing.db import transaction  # noqa: E402
from frisket.plumbing.keys import KeyStore  # noqa: E402
from frisket.plumbing.scope import HOUSE, Actor, ActorKind, Purpose, Scope  # noqa: E402
from frisket.spool.models import JobKey, SealedObject  # noqa: E402
from frisket.spool.store import store  # noqa: E402

ADMINISTRATOR = Actor(ActorKind.PERSON, uuid4(), role="administrator")
TENANT, SITE = uuid4(), uuid4()
SCOPE = Scope(ADMINISTRATOR, TENANT, Purpose.OPERATE)
POINTS = sorted(
    name
    for name in crashpoints.NAMES
    if name.startswith(("blobs.", "spool."))
    and not name.startswith(("blobs.marking", "blobs.new-folder", "spool.before-destroy", "spool.after-destroy"))
)
PASSES = (1, 3)
SIZES = (5_000, 200_000, 60_000, 0)


def install(keys: KeyStore) -> None:
    parts.install(parts.Parts(DATA, SETTINGS, HouseClock(DATA / "clock"), keys, TENANT, SITE))


async def pieces(octets: bytes):
    for start in range(0, len(octets), 50_000):
        yield octets[start : start + 50_000]


def accept(queue: UUID, person: UUID, octets: bytes, tell: Callable[..., None]) -> UUID:
    key = spool.new_key(uuid4())
    sealed = asyncio.run(spool.seal(pieces(octets), key, limit=1 << 30))
    digest = hashlib.sha256(octets).hexdigest()
    if PLANT != "rows-before-octets":
        spool.place_many([sealed])
    if PLANT == "answer-before-commit":
        tell("accepted", key.job, digest)
    with transaction() as tx:
        new = job.NewJob(
            id=key.job,
            queue=queue,
            person=person,
            door="tests",
            title="",
            owner="",
            state=job.State.HELD,
            why=job.Reason.FOR_RELEASE,
            documents=(job.NewDocument(1, "application/pdf", len(octets)),),
        )
        job.create_many([new], by=[HOUSE], tx=tx)
        if sealed.place is None:  # the planted bug: a row that points to where the octets will be
            sealed.place = store().append([b"?" * len(sealed.sealed)])[0]
        spool.keep_many([spool.Keep(person, key, [sealed])], tx=tx)
    if PLANT != "answer-before-commit":
        tell("accepted", key.job, digest)
    return key.job


def live(queue: UUID, person: UUID, tell: Callable[..., None]) -> None:
    """One life: accept, shred some, overwrite, clean; until it ends or is killed."""
    install(KeyStore.open(DATA / "keys", TENANT, clock=HouseClock(DATA / "clock").now))
    spool.sweep()
    spool.load_counters()
    for _ in range(2):
        jobs = [accept(queue, person, os.urandom(size), tell) for size in SIZES]
        for one in jobs[1:]:
            tell("shredding", one, "")
            with transaction() as tx:
                if PLANT == "shred-forgets-key":
                    SealedObject.objects.filter(job_id=one).update(state="doomed")
                else:
                    spool.shred(one, tx=tx)
            tell("shredded", one, "")
        spool.overwrite_doomed()
        spool.database_clean()
        spool.tidy()
        spool.close()


def look(told: list[tuple[str, UUID, str]]) -> list[str]:
    """What is wrong after this life, as the next start sees it."""
    install(KeyStore.open(DATA / "keys", TENANT, clock=HouseClock(DATA / "clock").now))
    problems: list[str] = []
    swept = spool.sweep()
    problems += ["damaged"] * len(swept.damaged)
    shredding = {one for act, one, _ in told if act == "shredding"}
    for act, one, digest in told:
        if act == "accepted" and one not in shredding:
            problems += lost(one, digest)
        if act == "shredded" and JobKey.objects.filter(pk=one).exists():
            problems.append("a key that was destroyed is there")
    spool.overwrite_doomed()
    if SealedObject.objects.filter(state="doomed").exists():
        problems.append("something doomed stayed")
    named = set(SealedObject.objects.values_list("name", flat=True))
    stored = {found.name for found in store().containers() if found.abandoned}
    problems += ["an orphan stayed"] * len(stored - named)
    problems += ["an upload stayed"] * len(list((DATA / "spool").rglob("*.part")))
    spool.close()
    return problems


def lost(one: UUID, digest: str) -> list[str]:
    try:
        with transaction() as tx:
            ticket = spool.ticket(one, "proof", by=HOUSE, tx=tx)
        read = b"".join(spool.read_sync(one, ticket=ticket))
    except (spool.NotHere, spool.Damaged):
        return ["an accepted job is lost"]
    return [] if hashlib.sha256(read).hexdigest() == digest else ["an accepted job is another"]


def in_child(act: Callable[[Callable[..., None]], None]) -> tuple[int, list[list[str]]]:
    """Run in a forked process; its exit status and what it told on the way."""
    connection.close()
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        status = 1
        try:
            act(lambda *words: os.write(writing, (" ".join(map(str, words)) + "\n").encode()) and None)
            status = 0
        except BaseException:
            traceback.print_exc()
        os._exit(status)
    os.close(writing)
    with os.fdopen(reading) as told:
        words = [line.rstrip("\n").split(" ") for line in told]
    return os.waitpid(child, 0)[1], words


def main() -> None:
    keys = KeyStore.create(DATA / "keys", TENANT, clock=HouseClock(DATA / "clock").now)
    install(keys)
    call_command("migrate", run_syncdb=True, verbosity=0)
    with transaction() as tx:
        person, _ = identity.add(SCOPE, identity.NewPerson(name="alice"), by=ADMINISTRATOR, tx=tx)
        queue = device.add_queue(SCOPE, device.NewQueue("q"), by=ADMINISTRATOR, tx=tx)
    for name in POINTS if PLANT == "honest" else reversed(POINTS):  # a bug may be found anywhere: near ones first
        for count in PASSES:

            def life(tell: Callable[..., None], name: str = name, count: int = count) -> None:
                crashpoints.arm(f"{name}:{count}")
                live(queue.id, person.id, tell)

            status, told = in_child(life)
            accepted = [(act, UUID(one), digest) for act, one, digest in told]

            def after(tell: Callable[..., None], accepted=accepted) -> None:
                for problem in look(accepted):
                    tell("problem", problem.replace(" ", "_"))

            failed, found = in_child(after)
            problems = [words[1].replace("_", " ") for words in found] + ["the next start failed"] * (failed != 0)
            killed = os.WIFSIGNALED(status)
            if not killed and status:
                problems.append("the life failed by itself")
            print(json.dumps({"point": name, "pass": count, "killed": killed, "problems": problems}), flush=True)
            if PLANT != "honest" and problems:
                return


main()
