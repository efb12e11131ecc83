"""What a job's terms make of its row: when it counts as stored, what its proof and its time leave behind."""

from dataclasses import replace

from frisket.job.models import Job
from frisket.job.nouns import Changes, NewJob
from frisket.job.states import OVER, Outcome, Reason, State
from frisket.job.terms import Terms
from frisket.plumbing import parts

__all__ = ["apply_terms", "first_outcome", "first_terms", "stored_column"]


def first_outcome(new: NewJob) -> Outcome:
    return Outcome.STORED if new.why is Reason.STORED else Outcome.NONE


def first_terms(new: NewJob) -> Terms:
    return replace(new.terms, proof_made=True) if new.why is Reason.PROOF else new.terms


def stored_column(terms: Terms, state: State, outcome: Outcome) -> int:
    """Job.stored: a job is stored when it has printed, or was never to print."""
    if not terms.store or state is not State.ENDED or outcome not in (Outcome.PRINTED, Outcome.STORED):
        return 0
    return 2 if terms.access == "public" else 1


def apply_terms(row: Job, to: State, why: Reason, changes: Changes) -> list[str]:
    touched = []
    if changes.terms is not None or (why is Reason.PROOF and row.terms):
        terms = changes.terms or Terms.from_plain(row.terms)
        row.terms = replace(terms, proof_made=True).to_plain() if why is Reason.PROOF else terms.to_plain()
        touched.append("terms")
    if why is Reason.STORED and to is State.ENDED:
        row.outcome = Outcome.STORED.value
        touched.append("outcome")
    terms = Terms.from_plain(row.terms)
    stored = stored_column(terms, to, Outcome(row.outcome))
    if stored != row.stored:
        row.stored = stored
        touched.append("stored")
    if to in OVER and not stored and row.password_verifier is not None:  # what waits or is stored asks again
        row.password_verifier = None
        touched.append("password_verifier")
    if to is State.SENDING and terms.cancel_after_s and row.cancel_at is None:
        row.cancel_at = parts.clock().elapsed() + terms.cancel_after_s
        touched.append("cancel_at")
    elif row.cancel_at is not None and to not in (State.SENDING, State.RELEASED):
        row.cancel_at = None
        touched.append("cancel_at")
    return touched
