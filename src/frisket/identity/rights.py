"""Who may do what: one table from roles to permissions, and nothing allowed beside it."""

from enum import StrEnum

from frisket.identity.errors import NotAllowed
from frisket.plumbing.scope import Actor, ActorKind

__all__ = ["RIGHTS", "Permission", "Role", "may", "require"]


class Role(StrEnum):
    PERSON = "person"
    OPERATOR = "operator"  # jobs, queues and devices, day by day
    ADMINISTRATOR = "administrator"  # everything, and who may do what


class Permission(StrEnum):
    JOBS_OWN = "jobs.own"  # send, see, release and delete one's own jobs
    CREDENTIALS_OWN = "credentials.own"  # one's own PIN, queue secrets, tokens and password
    JOBS_ALL = "jobs.all"  # see and delete everybody's jobs; not their content
    JOBS_TITLES = "jobs.titles"  # see the titles of others' jobs
    JOBS_RELEASE = "jobs.release"  # release others' jobs
    UNCERTAIN_DECIDE = "uncertain.decide"  # say whether an uncertain job printed
    PERSONS_READ = "persons.read"
    CREDENTIALS_ENROL = "credentials.enrol"  # others' credentials, of plain persons only
    DEVICES_MANAGE = "devices.manage"
    QUEUES_MANAGE = "queues.manage"
    HEALTH_READ = "health.read"
    LEDGER_READ = "ledger.read"
    PERSONS_MANAGE = "persons.manage"
    AUDIT_READ = "audit.read"
    AUDIT_EXPORT = "audit.export"
    SETTINGS_MANAGE = "settings.manage"


_PERSON = frozenset({Permission.JOBS_OWN, Permission.CREDENTIALS_OWN})
_OPERATOR = _PERSON | {
    Permission.JOBS_ALL,
    Permission.JOBS_TITLES,
    Permission.JOBS_RELEASE,
    Permission.UNCERTAIN_DECIDE,
    Permission.PERSONS_READ,
    Permission.CREDENTIALS_ENROL,
    Permission.DEVICES_MANAGE,
    Permission.QUEUES_MANAGE,
    Permission.HEALTH_READ,
    Permission.LEDGER_READ,
}
RIGHTS: dict[Role, frozenset[Permission]] = {
    Role.PERSON: _PERSON,
    Role.OPERATOR: _OPERATOR,
    Role.ADMINISTRATOR: _OPERATOR
    | {
        Permission.PERSONS_MANAGE,
        Permission.AUDIT_READ,
        Permission.AUDIT_EXPORT,
        Permission.SETTINGS_MANAGE,
    },
}
_BY_NAME = {role.value: rights for role, rights in RIGHTS.items()}
_NONE: frozenset[Permission] = frozenset()


def may(actor: Actor, permission: Permission) -> bool:
    """A person by the role at the moment of the act; the house everything; devices and rules nothing."""
    if actor.kind is ActorKind.PERSON:
        return actor.id is not None and permission in _BY_NAME.get(actor.role, _NONE)
    return actor.kind is ActorKind.HOUSE


def require(actor: Actor, permission: Permission) -> None:
    """Raises NotAllowed."""
    if not may(actor, permission):
        raise NotAllowed(f"this needs the permission {permission.value}")
