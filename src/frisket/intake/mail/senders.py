"""Who sent a mail, and by what proof. A From line alone proves nothing (R17): deny by default.

The proofs, the strongest first: signing in over SMTP inside TLS, the secret of a personal print address, a relay
whose From the operator believes, and a DMARC pass that a named server wrote into a mail from where only it writes.
"""

import re
from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID

from frisket import device, identity
from frisket.intake.mail.addresses import secret_person
from frisket.intake.mail.errors import MailRefused
from frisket.plumbing import parts
from frisket.plumbing.scope import Actor, ActorKind
from frisket.wire import mailauth
from frisket.wire.mime import Headers, address_of, message_ids

__all__ = [
    "ANSWER_MARK",
    "Envelope",
    "Proof",
    "Sender",
    "digest_of",
    "may_answer",
    "not_a_job",
    "sender_of",
]

ANSWER_MARK = "x-frisket-answer"  # on every mail of ours
# What makes a mail this mail, whatever way it takes: nothing a relay adds or changes.
_IDENTITY = ("message-id", "date", "from", "sender", "to", "cc", "subject", "content-type", "resent-message-id")
_DETAIL = re.compile(r"\+([A-Za-z0-9_-]{16,64})@")
_LISTS = ("list-id", "list-unsubscribe", "list-post", "list-help")
_ROBOTS = re.compile(r"(?:mailer-daemon|postmaster|no-?reply|do-?not-?reply|bounces?)(?:[+-].*)?@.*", re.IGNORECASE)


class Proof(StrEnum):
    SIGNED_IN = "signed-in"
    ADDRESS = "address"
    RELAY = "relay"
    RESULTS = "results"


@dataclass(frozen=True, slots=True)
class Envelope:
    """What is known of a mail before its first octet."""

    source: str  # smtp, imap, pop3, graph, ews
    queue: device.QueueView
    person: identity.PersonView | None = None  # proved already, by signing in or by a secret address
    proof: Proof | None = None
    relay_believed: bool = False
    results_believed: bool = False
    sender: str | None = None  # MAIL FROM; None where nobody says it
    mailbox: UUID | None = None


@dataclass(frozen=True, slots=True)
class Sender:
    person: identity.PersonView
    proof: Proof
    reply_to: str  # where an answer goes; "" for nowhere

    @property
    def actor(self) -> Actor:
        """Who merely writes from a believed address acts as a plain person, whatever their role."""
        if self.proof is Proof.SIGNED_IN:
            return identity.actor_for(self.person, "mail")
        return Actor(ActorKind.PERSON, self.person.id, role=identity.Role.PERSON.value, at="mail")


def sender_of(envelope: Envelope, headers: Headers) -> Sender:
    """Raises MailRefused: not-believed, or nobody-known for a believed address of nobody here."""
    if envelope.person is not None and envelope.proof is not None:
        return Sender(envelope.person, envelope.proof, envelope.person.mail)
    if envelope.mailbox is not None and (owner := _addressed(headers)) is not None:
        return Sender(owner, Proof.ADDRESS, owner.mail)
    written = headers.all("from")
    address = address_of(written[0]) if len(written) == 1 else None
    if address is None:
        raise MailRefused("not-believed", "the mail does not name exactly one sender")
    if envelope.relay_believed:
        proof = Proof.RELAY
    elif envelope.results_believed and _passed(headers, address):
        proof = Proof.RESULTS
    else:
        raise MailRefused("not-believed", "nobody whom this house believes vouches for the sender of this mail")
    origin = identity.Origin("mail", trusted=True)
    person = identity.person_by_claim(identity.TrustedMail(address), origin=origin)
    if person is None:
        raise MailRefused("nobody-known", "this mail address belongs to nobody here")
    return Sender(person, proof, person.mail)


def _addressed(headers: Headers) -> identity.PersonView | None:
    """Whose personal address a mail in a mailbox was sent to: box+secret@domain."""
    found: list[str] = []
    for name in ("delivered-to", "x-original-to", "to"):
        for value in headers.all(name):
            found += _DETAIL.findall(value[:4000])
    for secret in dict.fromkeys(found[:20]):
        person = secret_person(secret, "")
        if person is not None:
            return person
    return None


def _passed(headers: Headers, address: str) -> bool:
    """DMARC passed for the domain of this very address, says the newest field of a named server.

    Mail servers add their fields on top, so the first one of that name is the newest; what a stranger wrote into
    the mail himself lies below it.
    """
    named = {each.lower() for each in parts.settings().mail.results_servers}
    for value in headers.all("authentication-results"):
        results = mailauth.results_of(value)
        if results is not None and results.server in named:
            return results.passed("dmarc", "header.from") == address.rpartition("@")[2].lower()
    return False


def digest_of(envelope: Envelope, sender: Sender, headers: Headers) -> bytes:
    """The same for a mail that comes again, another one for any other; of no use without the house's key."""
    lines = [envelope.queue.id.hex, sender.person.id.hex]
    for name in _IDENTITY:
        lines += [f"{name}:{' '.join(value.split())}" for value in headers.all(name)]
    return parts.keys().index(parts.tenant(), "token", "mail\0" + "\n".join(lines))


def not_a_job(envelope: Envelope, headers: Headers) -> str:
    """Why a mail is none that anybody sent to be printed: a bounce, an automatic reply, a mail of ours; else ""."""
    kind = headers.first("content-type").partition(";")[0].strip().lower()
    automatic = _word(headers.first("auto-submitted"))
    if ANSWER_MARK in headers:
        return "own-answer"
    if envelope.sender == "" or kind in ("multipart/report", "message/delivery-status"):
        return "bounce"
    return "automatic-reply" if automatic == "auto-replied" else ""


def _word(value: str) -> str:
    """The keyword a field begins with; comments and parameters may follow (RFC 3834 section 5)."""
    return next(iter(re.findall(r"[a-z-]+", re.sub(r"\([^()]*\)", " ", value[:1000].lower()))), "")


def may_answer(headers: Headers, reply_to: str) -> bool:
    """RFC 3834 section 2: nothing that another program sent, no list, nothing to ourselves, no robot."""
    if not reply_to or _ROBOTS.fullmatch(reply_to) or reply_to.lower() == parts.settings().mailer.sender.lower():
        return False
    automatic, precedence = _word(headers.first("auto-submitted")), _word(headers.first("precedence"))
    if automatic not in ("", "no") or precedence in ("bulk", "junk", "list"):
        return False
    if any(name in headers for name in _LISTS) or "none" in headers.first("x-auto-response-suppress").lower():
        return False
    ours = f"@{parts.tenant().hex}."
    return not any(ours in each for name in ("in-reply-to", "references") for each in message_ids(headers.first(name)))
