"""People, what they sign in with, and what they may do.

What this room promises:

- A person is a random id. Names are compared in one form (`canonical`), are sealed at rest, and a
  collision is an error. No secret is stored: cards, queue secrets, tokens and certificates as keyed
  indexes, passwords and PINs as slow verifiers; `Shown` is the only time anybody sees one.
- `check` tells a right secret from a wrong one and nothing else: not who exists, not why, not by time.
  Failures are counted before the secret is looked at, durably, in house seconds, per method.
- `person_by_claim` and `recall` answer from memory; a change shows from its commit on, one by another
  process within five seconds, in a session (`standing`) within one.
- What is not in the table of rights is not allowed, and every change is in the log with its commit.
"""

from frisket.identity.claims import (
    Certificate,
    Claim,
    Origin,
    QueueSecret,
    Token,
    TrustedMail,
    TrustedName,
    check,
    person_by_claim,
    recall,
)
from frisket.identity.credentials import (
    CredentialView,
    NewCard,
    NewCertificate,
    NewCredential,
    NewPin,
    NewQueueSecret,
    NewToken,
    Shown,
    credentials,
    enrol,
    lift_lock,
    revoke,
    set_password,
)
from frisket.identity.errors import (
    BadCredential,
    BadName,
    CredentialTaken,
    InsideTransaction,
    LastAdministrator,
    NameTaken,
    NotAllowed,
    NotFound,
    PersonInUse,
    Refused,
    SetupRefused,
    Throttled,
)
from frisket.identity.names import canonical, canonical_card
from frisket.identity.persons import PersonView, actor_for, by_name, find, get, names_of, standing
from frisket.identity.register import (
    NewPerson,
    PersonChange,
    add,
    change,
    remove,
    set_active,
    set_language,
    set_role,
)
from frisket.identity.rights import RIGHTS, Permission, Role, may, require
from frisket.identity.setup import new_setup_token, setup_needed, use_setup_token
from frisket.identity.sign_in import (
    CardOffered,
    Offered,
    PasswordOffered,
    PinOffered,
    card_needs_pin,
    check_job_password,
    check_shared_password,
)
from frisket.identity.throttle import Method, Place

__all__ = [
    "RIGHTS",
    "BadCredential",
    "BadName",
    "CardOffered",
    "Certificate",
    "Claim",
    "CredentialTaken",
    "CredentialView",
    "InsideTransaction",
    "LastAdministrator",
    "Method",
    "NameTaken",
    "NewCard",
    "NewCertificate",
    "NewCredential",
    "NewPerson",
    "NewPin",
    "NewQueueSecret",
    "NewToken",
    "NotAllowed",
    "NotFound",
    "Offered",
    "Origin",
    "PasswordOffered",
    "Permission",
    "PersonChange",
    "PersonInUse",
    "PersonView",
    "PinOffered",
    "Place",
    "QueueSecret",
    "Refused",
    "Role",
    "SetupRefused",
    "Shown",
    "Throttled",
    "Token",
    "TrustedMail",
    "TrustedName",
    "actor_for",
    "add",
    "by_name",
    "canonical",
    "canonical_card",
    "card_needs_pin",
    "change",
    "check",
    "check_job_password",
    "check_shared_password",
    "credentials",
    "enrol",
    "find",
    "get",
    "lift_lock",
    "may",
    "names_of",
    "new_setup_token",
    "person_by_claim",
    "recall",
    "remove",
    "require",
    "revoke",
    "set_active",
    "set_language",
    "set_password",
    "set_role",
    "setup_needed",
    "standing",
    "use_setup_token",
]
