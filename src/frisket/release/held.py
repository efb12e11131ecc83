"""Held jobs: what waits for whom, letting it go, keeping it back, deleting it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from uuid import UUID

from frisket import device, identity, job
from frisket.errors import FrisketError
from frisket.plumbing import keys, parts
from frisket.plumbing.db import Tx, again_when_full, transaction
from frisket.plumbing.paging import Slice
from frisket.plumbing.scope import Actor, Scope
from frisket.release.errors import OnlyAtDevice, Unsuitable, WrongPin
from frisket.release.looking import Look, need_of

__all__ = [
    "AS_SENT",
    "HeldJob",
    "Outcome",
    "Password",
    "Wish",
    "cancel",
    "hold",
    "let_go",
    "let_print",
    "release",
    "waiting",
    "withdraw",
]

State, Reason = job.State, job.Reason
_SIDES = ("one-sided", "two-sided-long-edge", "two-sided-short-edge")
_COLOURS = ("auto", "color", "monochrome")


@dataclass(frozen=True, slots=True)
class HeldJob:
    """A job as its person sees it at a device: ``why_not`` says why this device cannot print it."""

    job: job.JobView
    suitable: bool
    why_not: str = ""
    instead: tuple[device.DeviceView, ...] = ()  # devices that would do, the nearest first
    may_anyway: bool = False  # it would print there, but not as it was meant


@dataclass(frozen=True, slots=True)
class Wish:
    """What the person changes at the device; None leaves a thing as it was sent."""

    copies: int | None = None
    sides: str | None = None
    color_mode: str | None = None
    password: str | None = None  # the job's own PIN
    as_it_can: bool = False  # also in black and white, one-sided or on other paper than was meant


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one of the jobs somebody acted on."""

    job: UUID
    ok: bool
    text: str = ""  # what happened and what to do, when it is not ok
    why: tuple[str, ...] = ()  # keywords of device.Lack, where the device does not suit
    instead: tuple[str, ...] = ()  # names of devices that would do, the nearest first


AS_SENT = Wish()
# The verifier is made before the job has a row; Argon2id's own salt keeps two alike PINs apart.
_ANY_JOB = UUID(int=0)


def waiting(
    scope: Scope, person: UUID, device_id: UUID | None = None, *, after: str | None = None, limit: int = 50
) -> Slice[HeldJob]:
    """A person's held and stored jobs, newest first; with a device, whether it can print each."""
    found = job.find(scope, job.Filter(person=person, states=(State.HELD,), stored=True), after=after, limit=limit)
    look = Look(scope, device.device(scope, device_id)) if device_id is not None else None
    return Slice([_held(view, look) for view in found.rows], found.after)


_LOCKED = "Its document is protected: type its password on the job's page first."


def _held(view: job.JobView, look: Look | None) -> HeldJob:
    if view.conversion == "locked":
        return HeldJob(view, False, _LOCKED)
    if look is None:
        return HeldJob(view, True)
    found = look.at(view, need_of(view, view.options))
    return HeldJob(view, not found.lacks, found.words(), found.instead, bool(found.lacks) and not found.hard)


def release(scope: Scope, jobs: Sequence[UUID], device_id: UUID, wish: Wish = AS_SENT, *, by: Actor) -> list[Outcome]:
    """Let held jobs print at a device. One job's trouble does not stop the others.

    Raises NoSuchDevice, NotAllowed; everything about a single job is in its Outcome.
    """
    look = Look(scope, device.device(scope, device_id))
    done = []
    for identifier in jobs:
        try:
            again_when_full(partial(_release_one, scope, identifier, look, wish, by))
        except Unsuitable as error:
            done.append(Outcome(identifier, False, str(error), error.why, error.instead))
        except FrisketError as error:
            done.append(Outcome(identifier, False, f"{error} {error.remedy}".strip()))
        else:
            done.append(Outcome(identifier, True))
    return done


def _release_one(scope: Scope, identifier: UUID, look: Look, wish: Wish, by: Actor) -> None:
    view, there = job.get(scope, identifier), look.there
    _may_release(view, by)
    if view.state is not State.HELD and not view.stored:
        raise job.WrongState(f"The job is {view.state.value}, not waiting.")
    if view.conversion == "locked":
        raise job.WrongState(_LOCKED)
    found = look.at(view, need_of(view, _options(view.options, wish)))
    if found.hard or (found.lacks and not wish.as_it_can):
        names = tuple(each.name for each in found.instead)
        raise Unsuitable(found.words(), tuple(each.what for each in found.lacks), names)
    if view.has_password:
        _check_pin(view, wish.password or "", there.id, by)
    copies, options = _copies(wish.copies, view, there), _options(view.options, wish)
    with transaction() as tx:
        if view.stored:
            job.ask_for_copy(view, there.id, by=by, tx=tx, copies=copies, options=options)
            return
        if view.terms.proof_due:
            _proof(view, there.id, by=by, tx=tx)
            return
        job.move(
            view.id,
            State.RELEASED,
            expected=State.HELD,
            why=Reason.BY_PERSON,
            by=by,
            tx=tx,
            changes=job.Changes(
                device=there.id,
                note="",
                copies=copies,
                options=options,
                forget_hold=True,
            ),
        )


def _may_release(view: job.JobView, by: Actor) -> None:
    """What its sender asked for (job-release-action), and whose job it is. Raises OnlyAtDevice, NotAllowed."""
    at_device = by.at.startswith("terminal")
    if view.terms.release in (job.PRESS, job.OWNER) and not at_device:
        raise OnlyAtDevice("This job prints only for somebody who stands at a device.")
    if view.person == by.id or view.stored == 2:
        return
    if view.terms.release == job.OWNER:
        raise identity.NotAllowed("This job prints for its owner only.")
    identity.require(by, identity.Permission.JOBS_RELEASE)


def _proof(view: job.JobView, there: UUID, *, by: Actor, tx: Tx) -> None:
    """Proof copies go to the device as a job of their own; the job waits for a word about them."""
    job.ask_for_copy(view, there, by=by, tx=tx, copies=view.terms.proof_copies)
    job.change_held(view.id, hold="proof", hold_until=None, by=by, tx=tx)


def _copies(wanted: int | None, view: job.JobView, there: device.DeviceView) -> int:
    copies = wanted if wanted is not None else view.copies
    if not 1 <= copies <= 999:
        raise job.WrongState("Copies must be a number from 1 to 999.")
    return copies


def _options(sent: job.Options, wish: Wish) -> job.Options:
    changed = sent
    if wish.sides in _SIDES:
        changed = replace(changed, sides=wish.sides)
    if wish.color_mode in _COLOURS:
        changed = replace(changed, color_mode=wish.color_mode)
    return changed


def _check_pin(view: job.JobView, typed: str, device_id: UUID, by: Actor) -> None:
    """The job's own PIN as it was typed at a device, or for one. Raises WrongPin, identity.Throttled."""
    _guess(view, lambda kept: check_pin(typed, kept), identity.Place("terminal", device=device_id), by)


def _guess(view: job.JobView, fits: Callable[[bytes], bool], place: identity.Place, by: Actor) -> None:
    """Every guess at a job's PIN, wherever it comes from, is counted here (security-design section 9)."""
    verifier = job.password_verifier(view.id)
    try:
        identity.check_job_password(view.id, lambda: verifier is not None and fits(verifier), at=place, by=by)
    except identity.Throttled:
        raise
    except identity.Refused as error:
        raise WrongPin("This is not the PIN of the job.") from error


def make_verifier(password: bytes, encryption: str) -> bytes:
    """What is kept of a job-password: a slow verifier of the octets as sent, after the keyword of their hash."""
    verifier = parts.keys().hash_job_password(parts.tenant(), _ANY_JOB, encryption, password)
    return encryption.encode() + b"\0" + verifier


def check_pin(typed: str, kept: bytes) -> bool:
    """Whether a typed PIN is the one whose verifier ``make_verifier`` made."""
    encryption, _, verifier = kept.partition(b"\0")
    keyword = encryption.decode()
    octets = keys.job_password_octets(keyword, typed)
    return parts.keys().check_job_password(parts.tenant(), _ANY_JOB, keyword, octets, verifier)


@dataclass(frozen=True, slots=True)
class Password:
    """job-password as a client sent it, and where it came from."""

    octets: bytes
    encryption: str  # job-password-encryption; none: the octets are the PIN itself
    place: identity.Place


def _sent_password_fits(sent: Password, kept: bytes) -> bool:
    keyword = kept.partition(b"\0")[0].decode()
    if sent.encryption == "none":
        try:
            return check_pin(sent.octets.decode(), kept)
        except UnicodeDecodeError:
            return False
    if sent.encryption != keyword:
        return False  # a hash of another kind says nothing about the one that was kept
    verifier = kept.partition(b"\0")[2]
    return parts.keys().check_job_password(parts.tenant(), _ANY_JOB, keyword, sent.octets, verifier)


def cancel(scope: Scope, identifier: UUID, *, by: Actor) -> None:
    """Delete a job that has not printed, or one that is stored. While it is being sent the device is told by
    delivery instead.

    Raises WrongState, NotFound, NotAllowed.
    """
    view = job.get(scope, identifier)
    own = view.person == by.id
    if not own:
        identity.require(by, identity.Permission.JOBS_ALL)
    why = Reason.CANCELLED_BY_OWNER if own else Reason.CANCELLED_BY_OPERATOR
    if own and by.at.startswith("terminal"):
        why = Reason.CANCELLED_AT_DEVICE
    with transaction() as tx:
        if view.stored:
            job.forget_stored(view.id, by=by, tx=tx)
            return
        end(view, why, job.Outcome.CANCELLED, by=by, tx=tx)


def end(view: job.JobView, why: job.Reason, outcome: job.Outcome, *, by: Actor, tx: Tx) -> None:
    job.move(
        view.id,
        State.ENDED,
        expected=view.state,
        why=why,
        by=by,
        tx=tx,
        changes=job.Changes(outcome=outcome, forget_hold=True),
    )


def hold(scope: Scope, identifier: UUID, *, by: Actor) -> None:
    """Keep a job back until somebody releases it. Raises WrongState, NotFound, NotAllowed."""
    view = job.get(scope, identifier)
    _own_or(view, by)
    if view.why is Reason.PROOF:
        raise job.WrongState("The job waits already, for a word about its proof.")
    with transaction() as tx:
        if view.state is State.HELD:
            job.change_held(view.id, hold="indefinite", hold_until=None, by=by, tx=tx)
            return
        if view.state is State.ADMITTED:
            raise job.WrongState("The job is being prepared. Hold it in a moment.")
        job.move(
            view.id,
            State.HELD,
            expected=view.state,
            why=Reason.WITHDRAWN,
            by=by,
            tx=tx,
            changes=job.Changes(forget_device=True),
        )


def withdraw(scope: Scope, identifier: UUID, *, by: Actor) -> None:
    """Take a release back while not one octet has left. Raises WrongState."""
    view = job.get(scope, identifier)
    _own_or(view, by)
    if view.state is not State.RELEASED:
        raise job.WrongState("Only a job that waits for its device can be taken back.")
    hold(scope, identifier, by=by)


def let_go(scope: Scope, identifier: UUID, *, by: Actor, password: Password | None = None) -> None:
    """End the sender's own hold (Release-Job): on a queue that holds, the job still waits for its person.

    A job with a PIN goes only with it, and one that asks for somebody at a device not at all from here: both
    stay held, without an error (RFC 8011 section 4.3.6). Raises WrongPin, identity.Throttled, NotAllowed.
    """
    view = job.get(scope, identifier)
    _own_or(view, by)
    if view.state is not State.HELD:
        return
    if view.why is Reason.NEW_HELD:
        identity.require(by, identity.Permission.QUEUES_MANAGE)  # an operator's hold, not the sender's
    queue = device.queue(view.queue)
    left = view.residual_hold
    if left == "password" and password is not None and not queue.hold:
        sent = password
        _guess(view, lambda kept: _sent_password_fits(sent, kept), sent.place, by)
        left = ""
    able = device.behind(queue)
    with transaction() as tx:
        if left or queue.hold or not able:
            if (view.hold, view.hold_until) != (left, None):
                job.change_held(view.id, hold=left, hold_until=None, by=by, tx=tx)
            return
        let_print(view, able[0].id, Reason.BY_PERSON, by=by, tx=tx)


def let_print(view: job.JobView, there: UUID, why: job.Reason, *, by: Actor, tx: Tx) -> None:
    """A held job goes to a device as it was sent; its proof first, where one was asked for."""
    if view.terms.proof_due:
        _proof(view, there, by=by, tx=tx)
        return
    job.move(
        view.id,
        State.RELEASED,
        expected=State.HELD,
        why=why,
        by=by,
        tx=tx,
        changes=job.Changes(device=there, note="", forget_hold=True),
    )


def _own_or(view: job.JobView, by: Actor) -> None:
    if view.person != by.id:
        identity.require(by, identity.Permission.JOBS_ALL)
