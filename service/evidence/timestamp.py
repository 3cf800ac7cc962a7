"""Time-stamps of RFC 3161 over checkpoints: somebody outside says when they saw one.

What is stamped is the SHA-256 of the whole signed note, so that
`openssl ts -verify -data checkpoint -in NAME.tsr -CAfile CA.pem` checks it without us.
"""

import hashlib
import ssl
from dataclasses import dataclass
from http.client import HTTPException
from pathlib import Path
from urllib.error import URLError
from urllib.request import Request, urlopen

from cryptography.x509 import Certificate, load_pem_x509_certificates
from rfc3161_client import (
    HashAlgorithm,
    PKIStatus,
    TimeStampRequest,
    TimestampRequestBuilder,
    TimeStampResponse,
    VerificationError,
    VerifierBuilder,
    decode_timestamp_response,
)

from service.errors import EvidenceError, InputError, WorldError
from service.times import instant
from vision.frame import Instant

WAIT_S = 20.0
"""Longest wait for an answer."""
_LARGEST = 1 << 20
"""Bytes of an answer: a token with its chain has five thousand."""
_GRANTED = frozenset({PKIStatus.GRANTED, PKIStatus.GRANTED_WITH_MODS})


@dataclass(frozen=True, slots=True)
class Stamp:
    """An answer of the authority, as it came, and the time in it."""

    response: bytes
    at: Instant


@dataclass(frozen=True, slots=True)
class Authority:
    """A time-stamp authority.

    Attributes:
        url: http or https.
        certificates: those that vouch for it; without any only imprint and nonce are checked.
    """

    url: str
    certificates: tuple[Certificate, ...] = ()

    def stamp(self, note: str) -> Stamp:
        """A time-stamp over a signed note.

        Raises:
            WorldError: the authority is out of reach, or refuses, or nobody can read its answer.
            EvidenceError: the answer is not about this note, or not by this authority.
        """
        data = note.encode()
        builder = TimestampRequestBuilder(data=data, hash_algorithm=HashAlgorithm.SHA256)
        asked = builder.build()
        raw = _post(self.url, asked.as_bytes())
        try:
            answer = decode_timestamp_response(raw)
            if answer.status not in _GRANTED:
                raise WorldError("tsa", url=self.url, detail=f"status {answer.status}")
            self._check(answer, asked, data)
            return Stamp(raw, instant(answer.tst_info.gen_time))
        except ValueError as error:
            raise WorldError("tsa", url=self.url, detail="unreadable answer") from error

    def _check(self, answer: TimeStampResponse, asked: TimeStampRequest, data: bytes) -> None:
        """See that an answer is one to what was asked, by whom the certificates vouch for."""
        about = answer.tst_info
        if about.message_imprint.message != hashlib.sha256(data).digest():
            raise EvidenceError("tsa_foreign", url=self.url, detail="imprint")
        if about.nonce != asked.nonce:
            raise EvidenceError("tsa_foreign", url=self.url, detail="nonce")
        if not self.certificates:
            return
        roots = [each for each in self.certificates if each.issuer == each.subject]
        others = [each for each in self.certificates if each.issuer != each.subject]
        verifier = VerifierBuilder(roots=roots, intermediates=others, nonce=asked.nonce).build()
        try:
            verifier.verify_message(answer, data)
        except VerificationError as error:
            raise EvidenceError("tsa_foreign", url=self.url, detail=str(error)) from error


def authority(url: str, ca: Path | None) -> Authority:
    """The authority of the settings.

    Raises:
        InputError: the address is none, or the certificates cannot be read.
    """
    if not url.startswith(("http://", "https://")):
        raise InputError("tsa_address", url=url)
    if ca is None:
        return Authority(url)
    try:
        found = tuple(load_pem_x509_certificates(ca.read_bytes()))
    except (OSError, ValueError) as error:
        raise InputError("tsa_certificates", path=str(ca)) from error
    if not any(each.issuer == each.subject for each in found):
        raise InputError("tsa_certificates", path=str(ca))
    return Authority(url, found)


def _post(url: str, body: bytes) -> bytes:
    head = {"Content-Type": "application/timestamp-query"}
    asked = Request(url, data=body, headers=head)  # noqa: S310  http or https: see `authority`
    try:
        with urlopen(asked, timeout=WAIT_S) as answer:  # noqa: S310
            return bytes(answer.read(_LARGEST))
    except (URLError, HTTPException, ssl.SSLError, OSError) as error:
        raise WorldError("tsa", url=url, detail=str(error)) from error
