"""Signed notes as the C2SP specifications signed-note and tlog-cosignature have them; pure.

A note is text that ends in a newline, an empty line, and a line for each signature:
`— <name> <base64 of key id and signature>`. The key id is the beginning of a hash over name, kind
and key; it helps to find the key and proves nothing.
"""

import base64
import binascii
import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from enum import IntEnum

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

_DASH = "\N{EM DASH}"
_ID_SIZE = 4
_TIME_SIZE = 8
MOST_SIGNATURES = 100
"""Lines that are read: signed-note allows a limit of 16 or more."""


class Kind(IntEnum):
    """What a key signs: the type byte of signed-note."""

    NOTE = 1
    """The note's text, with Ed25519."""
    COSIGNATURE = 4
    """A time and the note's text, with Ed25519 (tlog-cosignature, `cosignature/v1`)."""


@dataclass(frozen=True, slots=True)
class VerifierKey:
    """Who may have signed: a name, what kind of signature, and 32 raw bytes of Ed25519."""

    name: str
    kind: Kind
    public: bytes

    @property
    def id(self) -> bytes:
        """The four bytes that stand before its signatures."""
        return hashlib.sha256(
            self.name.encode() + b"\n" + bytes([self.kind]) + self.public
        ).digest()[:_ID_SIZE]

    def to_text(self) -> str:
        """`<name>+<key id>+<base64>`: what people copy into settings (signed-note, vkey)."""
        key = base64.b64encode(bytes([self.kind]) + self.public).decode()
        return f"{self.name}+{self.id.hex()}+{key}"

    @classmethod
    def from_text(cls, text: str) -> "VerifierKey":
        """The key that `to_text` wrote.

        Raises:
            ValueError: it is none, or the id does not belong to it.
        """
        name, id_, key = text.strip().split("+", 2)
        raw = base64.b64decode(key, validate=True)
        if len(raw) != 1 + 32:
            raise ValueError("not an Ed25519 key")
        found = cls(check_name(name), Kind(raw[0]), raw[1:])
        if found.id.hex() != id_:
            raise ValueError("the key id is not that of the key")
        return found


@dataclass(frozen=True, slots=True)
class Signature:
    """One signature line, not checked yet."""

    name: str
    key_id: bytes
    signed: bytes

    def to_line(self) -> str:
        """The line with its newline."""
        data = base64.b64encode(self.key_id + self.signed).decode()
        return f"{_DASH} {self.name} {data}\n"

    @classmethod
    def from_line(cls, line: str) -> "Signature":
        """A line without its newline.

        Raises:
            ValueError: it is no signature line.
        """
        dash, name, data = line.split(" ")
        try:
            raw = base64.b64decode(data, validate=True)
        except binascii.Error as error:
            raise ValueError("not base64") from error
        if dash != _DASH or len(raw) <= _ID_SIZE:
            raise ValueError("not a signature line")
        return cls(check_name(name), raw[:_ID_SIZE], raw[_ID_SIZE:])

    def is_by(self, key: VerifierKey) -> bool:
        """Whether it says that `key` made it; `time_of` and `holds` check that."""
        return self.name == key.name and self.key_id == key.id


@dataclass(frozen=True, slots=True)
class Note:
    """A text and who signed it; the signatures are not checked."""

    text: str
    signatures: tuple[Signature, ...]

    def to_text(self) -> str:
        """The whole note."""
        return self.text + "\n" + "".join(each.to_line() for each in self.signatures)

    @classmethod
    def from_text(cls, whole: str) -> "Note":
        """A note as `to_text` writes it.

        Raises:
            ValueError: it is none, or has no signature.
        """
        text, gap, lines = whole.rpartition("\n\n")
        if not gap or not lines.endswith("\n"):
            raise ValueError("not a signed note")
        check_text(text + "\n")
        each = lines[:-1].split("\n")
        if len(each) > MOST_SIGNATURES:
            raise ValueError("too many signatures")
        return cls(text + "\n", tuple(map(Signature.from_line, each)))


def check_name(name: str) -> str:
    """A name that a signature line can hold.

    Raises:
        ValueError: it is empty, or has a space or a plus sign.
    """
    if not name or "+" in name or any(letter.isspace() for letter in name):
        raise ValueError(f"no name for a key: {name!r}")
    return name


def check_text(text: str) -> str:
    """A text that can be signed.

    Raises:
        ValueError: it does not end in a newline or has control characters.
    """
    if not text.endswith("\n") or any(ord(letter) < 32 and letter != "\n" for letter in text):
        raise ValueError("not the text of a note")
    return text


def public_bytes(key: Ed25519PrivateKey) -> bytes:
    """The 32 bytes of a private key's public half."""
    return key.public_key().public_bytes_raw()


def sign(text: str, name: str, key: Ed25519PrivateKey) -> Signature:
    """The signature of the log, or of whoever owns `key`, under a note's text."""
    verifier = VerifierKey(name, Kind.NOTE, public_bytes(key))
    return Signature(name, verifier.id, key.sign(check_text(text).encode()))


def _cosigned(text: str, seconds: int) -> bytes:
    return f"cosignature/v1\ntime {seconds}\n{text}".encode()


def cosign(text: str, name: str, key: Ed25519PrivateKey, seconds: int) -> Signature:
    """A witness's signature under a checkpoint's text, at `seconds` since 1970."""
    verifier = VerifierKey(name, Kind.COSIGNATURE, public_bytes(key))
    signed = seconds.to_bytes(_TIME_SIZE, "big") + key.sign(_cosigned(text, seconds))
    return Signature(name, verifier.id, signed)


def _fits(public: bytes, signed: bytes, message: bytes) -> bool:
    try:
        Ed25519PublicKey.from_public_bytes(public).verify(signed, message)
    except (InvalidSignature, ValueError):
        return False
    return True


def holds(text: str, signatures: Iterable[Signature], key: VerifierKey) -> bool:
    """Whether one of `signatures` is that of `key`, of kind `NOTE`, under `text`."""
    return key.kind is Kind.NOTE and any(
        _fits(key.public, each.signed, text.encode()) for each in signatures if each.is_by(key)
    )


def time_of(text: str, signatures: Iterable[Signature], key: VerifierKey) -> int | None:
    """When the witness of `key` saw `text`, seconds since 1970; None if it did not sign that."""
    for each in signatures:
        if key.kind is not Kind.COSIGNATURE or not each.is_by(key):
            continue
        seconds = int.from_bytes(each.signed[:_TIME_SIZE], "big")
        if _fits(key.public, each.signed[_TIME_SIZE:], _cosigned(text, seconds)):
            return seconds
    return None
