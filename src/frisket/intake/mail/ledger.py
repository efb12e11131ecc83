"""Which mails came, so that none prints twice and each is answered once."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from uuid import UUID, uuid4

from django.db import IntegrityError
from django.db.models import Q

from frisket import audit, job
from frisket.intake.mail.models import Mail, MailPart
from frisket.intake.mail.senders import Envelope, Sender
from frisket.plumbing import keys, parts, work
from frisket.plumbing.db import Tx, transaction
from frisket.plumbing.scope import HOUSE

__all__ = [
    "ANSWER",
    "Facts",
    "MailView",
    "Outcome",
    "came_again",
    "finish",
    "forget_old",
    "jobs_of",
    "latest",
    "note_refusal",
    "part_taken",
]

ANSWER = "intake.mail-answer"
FORGET = "intake.mail-forget"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one part. number: of its job, 0 for a refused one; why: the keyword of the refusal."""

    name: str
    number: int = 0
    why: str = ""
    words: str = ""  # of a rule, in English, where the keyword does not say it all
    held: bool = False


@dataclass(frozen=True, slots=True)
class Facts:
    """What an answer is made from. Sealed while it waits, gone when it was sent."""

    to: str
    language: str
    message_id: str
    queue: str
    outcomes: tuple[Outcome, ...]

    def text(self) -> str:
        return json.dumps(asdict(self))

    @classmethod
    def read(cls, text: str) -> "Facts":
        told = json.loads(text)
        told["outcomes"] = tuple(Outcome(**each) for each in told["outcomes"])
        return cls(**told)


@dataclass(frozen=True, slots=True)
class MailView:
    """A mail as operators see it: no names, no subject."""

    at: datetime
    source: str
    proof: str
    jobs: int
    refused: int
    why: str
    answer: str


def came_again(digest: bytes) -> bool:
    """Whether this mail was read to its end before; if so its time is moved on, for it still comes."""
    found = Mail.objects.filter(tenant=parts.tenant(), digest=digest)
    return found.update(seen_at=parts.clock().now()) > 0


def jobs_of(digest: bytes) -> dict[int, int]:
    """The jobs made from a mail so far: number of the part, number of the job."""
    rows = MailPart.objects.filter(tenant=parts.tenant(), digest=digest)
    return dict(rows.values_list("part", "number"))


def part_taken(digest: bytes, part: int, view: job.JobView, tx: Tx) -> None:
    """Written by the commit of the job itself: a second job of the same part fails there."""
    now = parts.clock().now()
    MailPart.objects.create(tenant=parts.tenant(), digest=digest, part=part, job=view.id, number=view.number, at=now)


def finish(envelope: Envelope, sender: Sender, digest: bytes, outcomes: Sequence[Outcome], facts: Facts | None) -> bool:
    """The mail was read to its end: its row, its leaf and the work of its answer in one commit.

    facts: what the answer says; None where there is none. False: another connection was first.
    """
    identifier, now = uuid4(), parts.clock().now()
    sealed = None
    if facts is not None:
        sealed = parts.keys().seal_personal(parts.tenant(), identifier, facts.text())
    refused = [each for each in outcomes if not each.number]
    row = Mail(
        id=identifier,
        tenant=parts.tenant(),
        digest=digest,
        source=envelope.source,
        mailbox_id=envelope.mailbox,
        person_id=sender.person.id,
        proof=sender.proof.value,
        jobs=len(outcomes) - len(refused),
        refused=len(refused),
        why=refused[0].why if refused else "",
        answer="none" if facts is None else "due",
        facts=sealed,
        at=now,
        seen_at=now,
    )
    try:
        with transaction() as tx:
            row.save(force_insert=True)
            said: audit.Facts = {
                "source": row.source,
                "jobs": row.jobs,
                "refused": row.refused,
                "proof": row.proof,
                "why": row.why,
            }
            audit.record("mail.taken", identifier, by=sender.actor, tx=tx, facts=said)
            if facts is not None:
                work.enqueue(ANSWER, {"mail": identifier.hex}, tx=tx, once=f"{ANSWER}:{identifier.hex}")
    except IntegrityError:
        return False
    return True


def note_refusal(source: str, why: str, *, mailbox: UUID | None = None, person: UUID | None = None) -> None:
    """A whole mail was refused; nothing says whose it was but what was proved."""
    now = parts.clock().now()
    with transaction() as tx:
        row = Mail.objects.create(
            tenant=parts.tenant(),
            digest=keys.sha256(uuid4().bytes),
            source=source,
            mailbox_id=mailbox,
            person_id=person,
            refused=1,
            why=why,
            at=now,
            seen_at=now,
        )
        audit.record("mail.refused", row.id, by=HOUSE, tx=tx, facts={"source": source, "why": why})


def latest(limit: int = 50) -> list[MailView]:
    rows = Mail.objects.filter(tenant=parts.tenant()).order_by("-at")[:limit]
    return [MailView(row.at, row.source, row.proof, row.jobs, row.refused, row.why, row.answer) for row in rows]


def forget_old() -> int:
    """Mails that have not come again for ``mail.remember_days``."""
    before = parts.clock().now() - timedelta(days=parts.settings().mail.remember_days)
    with transaction():
        MailPart.objects.filter(tenant=parts.tenant(), at__lt=before).exclude(
            digest__in=Mail.objects.filter(tenant=parts.tenant(), seen_at__gte=before).values("digest")
        ).delete()
        gone, _ = Mail.objects.filter(Q(tenant=parts.tenant(), seen_at__lt=before) & ~Q(answer="due")).delete()
    return gone
