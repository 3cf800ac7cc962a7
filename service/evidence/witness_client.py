"""Showing a checkpoint to a witness (C2SP tlog-witness), who signs it if the log only grew."""

import base64
from dataclasses import dataclass
from http.client import HTTPException
from urllib.error import HTTPError, URLError
from urllib.request import Request, urlopen

from service.errors import EvidenceError, WorldError
from service.ledger.merkle import Tree
from service.ledger.note import Note, Signature, time_of
from service.witness_site import WitnessSite
from vision.frame import SECOND, Instant

WAIT_S = 20.0
"""Longest wait for an answer."""
_LARGEST = 1 << 16
"""Bytes of an answer: a line or a few."""


@dataclass(frozen=True, slots=True)
class Cosignature:
    """A witness's line under a checkpoint, with its newline, and when it saw it."""

    line: str
    at: Instant


class _ConflictError(Exception):
    """The witness knows another size than we said."""

    def __init__(self, size: int) -> None:
        self.size = size


def cosigned(site: WitnessSite, note: Note, tree: Tree, size: int, known: int) -> Cosignature:
    """The witness's cosignature of a checkpoint.

    Args:
        site: where the witness is.
        note: the checkpoint, signed by the log.
        tree: of the log, with at least `size` leaves.
        size: of the checkpoint.
        known: size of the last checkpoint that we know the witness to have seen; 0 for none.

    Raises:
        WorldError: it is out of reach or refuses.
        EvidenceError: it has seen another past, or a larger log: ours was set back or rewritten.
    """
    try:
        answer = _ask(site, note, tree, size, known)
    except _ConflictError as conflict:
        if conflict.size > size:
            raise EvidenceError("witness_ahead", url=site.url, size=conflict.size) from None
        try:
            answer = _ask(site, note, tree, size, conflict.size)
        except _ConflictError as again:
            raise WorldError("witness", url=site.url, detail=f"size {again.size}") from None
    return _read(site, note, answer)


def _read(site: WitnessSite, note: Note, answer: str) -> Cosignature:
    """The line among those of the answer that the witness of the settings signed."""
    try:
        lines = [Signature.from_line(line) for line in answer.splitlines() if line]
    except ValueError as error:
        raise WorldError("witness", url=site.url, detail="unreadable answer") from error
    for each in lines:
        seconds = time_of(note.text, [each], site.verifier)
        if seconds is not None:
            return Cosignature(each.to_line(), Instant(seconds * SECOND))
    raise EvidenceError("witness_foreign", url=site.url)


def _ask(site: WitnessSite, note: Note, tree: Tree, size: int, known: int) -> str:
    proof = tree.consistency_proof(known, size)
    lines = [f"old {known}", *(base64.b64encode(each).decode() for each in proof)]
    body = "\n".join(lines) + "\n\n" + note.to_text()
    url = site.url.rstrip("/") + "/add-checkpoint"
    try:
        asked = Request(url, data=body.encode())  # noqa: S310  http or https: see `WitnessSite`
        with urlopen(asked, timeout=WAIT_S) as answer:  # noqa: S310
            return str(answer.read(_LARGEST).decode())
    except HTTPError as error:
        said = error.read(_LARGEST).decode(errors="replace").strip()
        error.close()
        if error.code == 409 and said.isdecimal():
            raise _ConflictError(int(said)) from error
        if error.code == 422:
            raise EvidenceError("witness_forked", url=site.url, size=known) from error
        raise WorldError("witness", url=url, detail=f"{error.code} {said[:200]}") from error
    except (URLError, HTTPException, OSError, UnicodeDecodeError) as error:
        raise WorldError("witness", url=url, detail=str(error)) from error
