"""The framework's password hashers, over our Argon2id verifiers.

For PASSWORD_HASHERS: the first is what a new password gets. Nothing else in this package knows the
framework.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib.auth.hashers import BasePasswordHasher, mask_hash
from django.utils.translation import gettext_noop

from frisket.plumbing.keys import argon

if TYPE_CHECKING:
    from django.utils.functional import _StrPromise

__all__ = ["Argon2idHasher", "Argon2idStrongHasher"]


class Argon2idHasher(BasePasswordHasher):
    """19 MiB and 2 passes: for everybody."""

    cost = argon.PERSON
    algorithm = argon.PERSON.algorithm

    def encode(self, password: str, salt: str) -> str:
        """The salt is made by us, inside: the one that is handed in is not needed."""
        return argon.make_password(password, cost=self.cost)

    def verify(self, password: str, encoded: str) -> bool:
        return argon.check_password(password, encoded)

    def decode(self, encoded: str) -> dict[str, Any]:
        algorithm, _, phc = encoded.partition("$")
        found = argon.cost_of("$" + phc)
        if algorithm != self.algorithm or found is None:
            raise ValueError("not a verifier of this kind")
        memory, passes, lanes = found
        *_, salt, digest = phc.split("$")
        return {
            "algorithm": algorithm,
            "memory_cost": memory,
            "time_cost": passes,
            "parallelism": lanes,
            "salt": salt,
            "hash": digest,
        }

    def safe_summary(self, encoded: str) -> dict[str | _StrPromise, Any]:
        found = self.decode(encoded)
        return {
            gettext_noop("algorithm"): found["algorithm"],
            gettext_noop("memory cost"): found["memory_cost"],
            gettext_noop("time cost"): found["time_cost"],
            gettext_noop("salt"): mask_hash(found["salt"]),
            gettext_noop("hash"): mask_hash(found["hash"]),
        }

    def must_update(self, encoded: str) -> bool:
        return argon.needs_rehash(encoded, strong=self.cost is argon.STRONG)

    def harden_runtime(self, password: str, encoded: str) -> None:
        """A weaker verifier was checked: spend what the present strength would have cost."""
        argon.dummy_check(password, strong=self.cost is argon.STRONG)


class Argon2idStrongHasher(Argon2idHasher):
    """64 MiB and 3 passes: for administrators."""

    cost = argon.STRONG
    algorithm = argon.STRONG.algorithm
