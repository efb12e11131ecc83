"""What IPP asks of release and storage: job-password, release actions, copies of stored jobs (PWG 5100.11)."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from frisket import identity, job
from frisket.intake.accept import Intake
from frisket.intake.ipp.commands import Commands
from frisket.intake.ipp.request import Asked
from frisket.intake.ipp.template import Conflict, Ticket
from frisket.intake.ipp.terms import LONGEST_PASSWORD, SHORTEST_PASSWORD
from frisket.intake.offers import Offer
from frisket.plumbing import keys
from frisket.wire import ipp

__all__ = ["again", "bound", "let_go", "password_of", "which_stored"]

_BAD_REQUEST, _VALUES = 0x0400, 0x040B


def password_of(message: ipp.Message) -> tuple[bytes, str]:
    """job-password and its encryption; b"" where none was sent. Raises Conflict for what cannot be kept."""
    operation = message.operation
    secret = operation.first("job-password")
    encryption = operation.text("job-password-encryption") or "none"
    if secret is None:
        return b"", encryption
    if encryption not in keys.JOB_PASSWORD_KEYWORDS:
        wrong = ipp.attribute("job-password-encryption", ipp.keyword(encryption))
        raise Conflict(_VALUES, "This job-password-encryption is not offered.", wrong)
    if not isinstance(secret, bytes) or not SHORTEST_PASSWORD <= len(secret) <= LONGEST_PASSWORD:
        words = f"A job-password has {SHORTEST_PASSWORD} to {LONGEST_PASSWORD} octets."
        raise Conflict(_VALUES, words, ipp.attribute("job-password", ipp.unsupported()))
    return secret, encryption


async def bound(offer: Offer, ticket: Ticket, message: ipp.Message, verify: Callable[[bytes, str], Any]) -> Offer:
    """The offer with what its sender bound its release to.

    verify: makes the verifier of a password, in a thread. Raises Conflict where a release by password was
    asked for and none sent, whatever the fidelity: the job would print for everybody or nobody.
    """
    secret, encryption = password_of(message)
    terms = ticket.terms
    if terms.release == "job-password" and not secret:
        raise Conflict(_BAD_REQUEST, "job-release-action job-password needs a job-password.")
    verifier = await verify(secret, encryption) if secret else None
    hold = ticket.hold
    if hold != "stored":
        last = {job.PRESS: "button-press", job.OWNER: "owner"}.get(terms.release, "")
        hold = hold or ("password" if secret else last) or ("proof" if terms.proof_copies else "")
    return replace(offer, hold=hold, hold_until=ticket.hold_until, password_verifier=verifier, terms=terms)


def again(offer: Offer, view: job.JobView, verifier: bytes | None, by: identity.PersonView) -> Offer:
    """The offer of a job that Resubmit-Job makes of one that was kept.

    Its PIN goes with it: what a password held back prints again with that password only.
    """
    terms = replace(offer.terms, parent=view.number, parent_id=str(view.id))
    hold = offer.hold or ("password" if verifier is not None else "")
    if view.stored == 2 and view.person != by.id:  # whoever prints what is there for everybody prints it as theirs
        offer = replace(offer, person=by.id, owner=by.name)
    return replace(offer, hold=hold, password_verifier=verifier, terms=terms)


def which_stored(which: str, person: identity.PersonView, queue: Any) -> job.Filter | None:
    """What Get-Jobs looks for where stored jobs were asked for; None for every other which-jobs."""
    if which == "stored-public":
        return job.Filter(queue=queue, public=True, stored=True)
    if which == "stored-owner":
        return job.Filter(person=person.id, queue=queue, stored=True)
    return None


async def let_go(intake: Intake, commands: Commands, asked: Asked, view: job.JobView) -> None:
    """Release-Job, with the job's password where the client sent one."""
    secret, encryption = password_of(asked.message)
    by, network = asked.by, asked.network

    def act() -> None:
        commands.let_go(asked.scope, view.id, by=by, password=secret, encryption=encryption, network=network)

    await intake.ask(act)
