"""All cryptography of the house: sealed objects, the key store, verifiers, signatures, TLS.

What this room promises:

- One sealed format for everything readable at rest; every way in which an object is not what its
  row says is `Damaged`, and nothing unverified is ever handed out.
- Keys are never shown, logged, pickled or compared in the clear; `KeyStore.seal` drops them all, and
  then everything raises `Sealed`.
- A job key opens for its own tenant, job, epoch and version only; a destroyed epoch never returns.
- No other package chooses an algorithm, a TLS setting or the form of a verifier.

The framework's hashers are `frisket.plumbing.keys.password.Argon2idHasher` and
`Argon2idStrongHasher`; they are named in the settings as text, so that this door works without it.
"""

from frisket.plumbing.keys.argon import (
    PERSON,
    STRONG,
    Cost,
    check_password,
    dummy_check,
    make_password,
    needs_rehash,
)
from frisket.plumbing.keys.certificates import (
    Certificates,
    ClientCertificate,
    fingerprint,
    person_of,
    server_context,
)
from frisket.plumbing.keys.digest import EMPTY_TREE, Sha256, leaf_hash, node_hash, sha256
from frisket.plumbing.keys.errors import (
    Damaged,
    EpochGone,
    KeyStoreUnusable,
    Sealed,
    TlsRefused,
    WeakPassword,
)
from frisket.plumbing.keys.pin import JOB_PASSWORD_KEYWORDS, job_password_octets
from frisket.plumbing.keys.policy import check_policy
from frisket.plumbing.keys.sealed import (
    CHUNK,
    HEADER_LENGTH,
    Header,
    JobKey,
    Key,
    Kind,
    Opener,
    Sealer,
    open_sealed,
    seal,
    sealed_length,
)
from frisket.plumbing.keys.store import IndexPurpose, KeyStore, PersonalPurpose, verify_signature
from frisket.plumbing.keys.tls import check_fingerprint, client_context, looking_context, peer_fingerprint
from frisket.plumbing.keys.tokens import new_password, new_pin, new_token, same

__all__ = [
    "CHUNK",
    "EMPTY_TREE",
    "HEADER_LENGTH",
    "JOB_PASSWORD_KEYWORDS",
    "PERSON",
    "STRONG",
    "Certificates",
    "ClientCertificate",
    "Cost",
    "Damaged",
    "EpochGone",
    "Header",
    "IndexPurpose",
    "JobKey",
    "Key",
    "KeyStore",
    "KeyStoreUnusable",
    "Kind",
    "Opener",
    "PersonalPurpose",
    "Sealed",
    "Sealer",
    "Sha256",
    "TlsRefused",
    "WeakPassword",
    "check_fingerprint",
    "check_password",
    "check_policy",
    "client_context",
    "dummy_check",
    "fingerprint",
    "job_password_octets",
    "leaf_hash",
    "looking_context",
    "make_password",
    "needs_rehash",
    "new_password",
    "new_pin",
    "new_token",
    "node_hash",
    "open_sealed",
    "peer_fingerprint",
    "person_of",
    "same",
    "seal",
    "sealed_length",
    "server_context",
    "sha256",
    "verify_signature",
]
