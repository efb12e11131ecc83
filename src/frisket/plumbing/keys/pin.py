"""The password of one IPP job, as the sender's program may have hashed it (PWG 5100.11 section 5.1)."""

import hashlib

__all__ = ["JOB_PASSWORD_KEYWORDS", "job_password_octets"]

# MD5 and SHA-1 are not offered, and neither is shake: its output length is agreed on nowhere.
_HASHES = {
    "sha2-224": "sha224",
    "sha2-256": "sha256",
    "sha2-384": "sha384",
    "sha2-512": "sha512",
    "sha2-512_224": "sha512_224",
    "sha2-512_256": "sha512_256",
    "sha3-224": "sha3_224",
    "sha3-256": "sha3_256",
    "sha3-384": "sha3_384",
    "sha3-512": "sha3_512",
}
JOB_PASSWORD_KEYWORDS = ("none", *_HASHES)


def job_password_octets(keyword: str, pin: str) -> bytes:
    """What a client sends as job-password for this PIN under this job-password-encryption.

    Raises ValueError for a keyword that is not offered.
    """
    octets = pin.encode()
    if keyword == "none":
        return octets
    if keyword not in _HASHES:
        raise ValueError("this job-password-encryption is not offered")
    return hashlib.new(_HASHES[keyword], octets).digest()
