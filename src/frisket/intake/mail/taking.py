"""A mail on its way in, whichever door it came by (boundary B3).

The whole mail is read before any of it becomes a job: its attachments are sealed as they come, and nothing is
promised. Then each job is committed with a row that says which part of which mail it is, so a mail that comes
again finds its first jobs. Last comes the row of the mail, with the work of its answer. Whoever gave us the mail
may forget it after that.
"""

import codecs
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from functools import partial

from frisket import device, spool
from frisket.intake.accept import Held, Intake
from frisket.intake.errors import RefusedByRule
from frisket.intake.mail import ledger
from frisket.intake.mail.errors import MailRefused, NoQueue
from frisket.intake.mail.judging import Passed, Printable, Refusal, judge, judge_octets
from frisket.intake.mail.ledger import Facts, Outcome
from frisket.intake.mail.reading import MailReader
from frisket.intake.mail.senders import Envelope, Sender, digest_of, may_answer, not_a_job, sender_of
from frisket.intake.offers import Offer, Part
from frisket.plumbing import parts
from frisket.wire import mime

__all__ = ["Taken", "limits", "take"]

_LOOK_AT = 1024  # octets by which a document is known
_CHARSETS = frozenset(
    {"iso-8859-1", "iso-8859-2", "iso-8859-15", "latin1", "windows-1250", "windows-1251", "windows-1252", "koi8-r"}
)


@dataclass(frozen=True, slots=True)
class Taken:
    """A mail that was read to its end. again: it had been before."""

    outcomes: tuple[Outcome, ...] = ()
    again: bool = False
    answered: bool = False  # an answer is due


@dataclass(slots=True)
class _UnderWay:
    envelope: Envelope
    sender: Sender
    digest: bytes
    before: dict[int, int]  # jobs made from this mail when it came last
    outcomes: dict[int, Outcome] = field(default_factory=dict)  # by number of the part
    held: dict[int, Held] = field(default_factory=dict)


def limits() -> mime.Limits:
    chosen = parts.settings().mail
    return mime.Limits(message_bytes=chosen.message_bytes, parts=chosen.parts, depth=chosen.depth)


async def take(intake: Intake, envelope: Envelope, pieces: AsyncIterator[bytes]) -> Taken:
    """Read a mail and make its attachments jobs. Returns once all of it is durable.

    Raises MailRefused and mime.MimeError for a mail nothing is taken of; NoQueue, CutOff, spool.SpoolFull and
    db.StorageFailed (retry) when it may come again: what was sealed is gone then.
    """
    reader = MailReader(pieces, limits())
    headers = await reader.top()
    if why := not_a_job(envelope, headers):
        raise MailRefused(why, "an automatic message is not printed")
    sender = await intake.ask(sender_of, envelope, headers)
    if not envelope.queue.accepting:
        raise NoQueue("this queue takes no jobs at the moment")
    digest = digest_of(envelope, sender, headers)
    if await intake.ask(ledger.came_again, digest):
        await reader.drain()
        return Taken(again=True)
    mail = _UnderWay(envelope, sender, digest, await intake.ask(ledger.jobs_of, digest))
    try:
        while (part := await reader.next()) is not None:
            await _one(intake, mail, reader, part, headers)
        for number in sorted(mail.held):
            accepted = await intake.keep(mail.held.pop(number))
            mail.outcomes[number] = _taken(accepted.job.number, mail.outcomes[number].name, accepted.job.state.value)
    finally:
        for held in mail.held.values():
            await intake.drop(held)
    return await _finish(intake, mail, headers)


async def _finish(intake: Intake, mail: _UnderWay, headers: mime.Headers) -> Taken:
    outcomes = tuple(mail.outcomes[number] for number in sorted(mail.outcomes)) or (Outcome("", why="nothing"),)
    settings, facts = parts.settings(), None
    if settings.mail.answers and settings.mailer.host and may_answer(headers, mail.sender.reply_to):
        ids = mime.message_ids(headers.first("message-id"))
        person = mail.sender.person
        language = person.language or settings.house.language
        queue = mail.envelope.queue.name
        facts = Facts(mail.sender.reply_to, language, ids[0] if ids else "", queue, outcomes)
    first = await intake.ask(ledger.finish, mail.envelope, mail.sender, mail.digest, outcomes, facts)
    return Taken(outcomes, again=not first, answered=facts is not None)


async def _one(intake: Intake, mail: _UnderWay, reader: MailReader, part: mime.Part, headers: mime.Headers) -> None:
    """Seal one part, or say why not; what is not read here is passed over by the reader."""
    chosen = parts.settings().mail
    name = device.clean(part.name, 255)
    if part.number in mail.before:
        mail.outcomes[part.number] = _taken(mail.before[part.number], name, "")
        return
    verdict: Printable | Passed | Refusal | None = judge(part, print_body=chosen.print_body)
    if isinstance(verdict, Passed):
        return
    if isinstance(verdict, Printable) and len(mail.held) + len(mail.before) >= chosen.jobs_per_mail:
        verdict = Refusal("too-many")
    if isinstance(verdict, Printable):
        verdict = await _seal(intake, mail, reader, part, verdict, name or _title(headers))
    if isinstance(verdict, Refusal):
        mail.outcomes.setdefault(part.number, Outcome(name, why=verdict.why))


async def _seal(
    intake: Intake, mail: _UnderWay, reader: MailReader, part: mime.Part, how: Printable, name: str
) -> Refusal | None:
    data = reader.data()
    first = bytearray()
    async for piece in data:
        first += piece
        if len(first) >= _LOOK_AT:
            break
    format = judge_octets(bytes(first[:_LOOK_AT]), part)
    if isinstance(format, Refusal):
        return format
    whole = _again(bytes(first), data)
    document = Part(_as_utf8(whole, part.options.get("charset", "")) if how.text else whole, format, name)
    try:
        held = await intake.hold(_offer(mail, part.number, name, format), _single(document))
    except RefusedByRule as error:
        mail.outcomes[part.number] = Outcome(name, why=error.why.value, words=f"{error} {error.remedy}")
        return None
    except (spool.TooLarge, spool.OverQuota) as error:
        return Refusal("too-large" if isinstance(error, spool.TooLarge) else "over-quota")
    if reader.damaged:
        await intake.drop(held)
        return Refusal("broken")
    mail.held[part.number] = held
    mail.outcomes[part.number] = Outcome(name)
    return None


def _offer(mail: _UnderWay, number: int, name: str, format: str) -> Offer:
    person = mail.sender.person
    return Offer(
        queue=mail.envelope.queue,
        person=person.id,
        owner=person.name,
        by=mail.sender.actor,
        door="mail",
        title=name or "untitled",
        format=format,
        beside=partial(ledger.part_taken, mail.digest, number),
    )


def _taken(number: int, name: str, state: str) -> Outcome:
    return Outcome(name, number, held=state == "held")


def _title(headers: mime.Headers) -> str:
    return device.clean(mime.text_of(headers.first("subject")), 255)


async def _again(first: bytes, rest: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    yield first
    async for piece in rest:
        yield piece


async def _single(part: Part) -> AsyncIterator[Part]:
    yield part


async def _as_utf8(data: AsyncIterator[bytes], charset: str) -> AsyncIterator[bytes]:
    """Text in UTF-8, which is what converters take text for."""
    if charset.lower() not in _CHARSETS:
        async for piece in data:
            yield piece
        return
    decoder = codecs.getincrementaldecoder(charset)("replace")
    async for piece in data:
        yield decoder.decode(piece).encode()
    if rest := decoder.decode(b"", final=True):
        yield rest.encode()
