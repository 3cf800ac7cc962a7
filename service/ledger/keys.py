"""The key that signs the log, in a file that only its owner can read."""

import hashlib
import os
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import NewType

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from ingest.files import fsync_directory, make_directory
from service.errors import EvidenceError, WorldError
from service.ledger.note import public_bytes

Fingerprint = NewType("Fingerprint", str)
"""64 lower-case hexadecimal digits: SHA-256 of the 32 bytes of a public key."""


def fingerprint(public: bytes) -> Fingerprint:
    """The name of a public key that people compare."""
    return Fingerprint(hashlib.sha256(public).hexdigest())


def grouped(name: Fingerprint) -> str:
    """A fingerprint as it is printed: groups of four."""
    return " ".join(name[at : at + 4] for at in range(0, len(name), 4))


@dataclass(frozen=True, slots=True)
class LogKey:
    """A key pair; the private half never leaves it but to its file."""

    private: Ed25519PrivateKey

    @property
    def public(self) -> bytes:
        """32 raw bytes."""
        return public_bytes(self.private)

    @property
    def fingerprint(self) -> Fingerprint:
        """See `fingerprint`."""
        return fingerprint(self.public)


def load_key(path: Path) -> LogKey:
    """The key in a file.

    Raises:
        EvidenceError: others can read the file, or it holds no key of Ed25519.
        WorldError: it is not there, or this user may not read it.
    """
    try:
        with path.open("rb") as file:
            mode = stat.S_IMODE(os.fstat(file.fileno()).st_mode)
            pem = file.read()
    except OSError as error:
        detail = os.strerror(error.errno or 0)
        raise WorldError("log_key_unreadable", path=str(path), detail=detail) from error
    if mode & 0o077:
        raise EvidenceError("log_key_open", path=str(path), mode=f"{mode:04o}")
    try:
        key = load_pem_private_key(pem, password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise EvidenceError("log_key_invalid", path=str(path)) from error
    if not isinstance(key, Ed25519PrivateKey):
        raise EvidenceError("log_key_invalid", path=str(path))
    return LogKey(key)


def create_key(path: Path) -> LogKey:
    """A new key in a new file, durable.

    Raises:
        FileExistsError: there is one.
    """
    make_directory(path.parent)
    path.parent.chmod(0o700)
    key = Ed25519PrivateKey.generate()
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with open(descriptor, "wb") as file:  # noqa: PTH123  opened so that nobody else ever could
        file.write(pem)
        file.flush()
        os.fsync(file.fileno())
    fsync_directory(path.parent)
    return LogKey(key)
