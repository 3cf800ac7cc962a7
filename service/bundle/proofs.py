"""The files of a bundle that lead from entries of the log to its signed head, and to others."""

import base64
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlmodel import Session, col, select

from service.errors import EvidenceError
from service.ledger.checkpoint import Checkpoint
from service.ledger.entry import canonical, leaf_data, leaf_hash
from service.ledger.keys import Fingerprint, fingerprint
from service.ledger.merkle import Tree, verify_inclusion
from service.ledger.note import Note, VerifierKey
from service.ledger.sealer import leaves
from service.ledger.succession import keys_of
from service.tables import AnchorRow, CheckpointRow, LogEntry

Files = dict[str, bytes]
"""Small files by their path."""


@dataclass(frozen=True, slots=True)
class Outside:
    """Who may have seen the log.

    Attributes:
        witnesses: keys of the witnesses that were asked.
        tsa_ca: certificates that vouch for the TSA; None where none were given.
    """

    witnesses: tuple[VerifierKey, ...] = ()
    tsa_ca: Path | None = None


class Head:
    """The newest signed checkpoint, the tree below it, and what others say of it.

    Raises:
        EvidenceError: the leaves do not lead to what was signed.
    """

    def __init__(self, session: Session) -> None:
        self._session = session
        newest = select(CheckpointRow).order_by(col(CheckpointRow.size).desc()).limit(1)
        self._row = session.exec(newest).one()
        self._checkpoint = Checkpoint.from_text(Note.from_text(self._row.note).text)
        self._tree = Tree(leaves(session, self._checkpoint.size))
        if self._tree.root(self._checkpoint.size) != self._checkpoint.root:
            raise EvidenceError("log_forked", size=self._checkpoint.size)

    @property
    def origin(self) -> str:
        """Name of the log."""
        return self._checkpoint.origin

    def files(self, entries: Sequence[LogEntry], outside: Outside) -> Files:
        """Everything below `log/` and `anchors/`."""
        keys = {
            "log": [
                {
                    "fingerprint": each.fingerprint,
                    "name": self.origin,
                    "public_key": base64.b64encode(each.public).decode(),
                    "since_us": each.since_us,
                    "until_us": each.until_us,
                }
                for each in keys_of(self._session)
            ],
            "witnesses": [
                {
                    "fingerprint": fingerprint(each.public),
                    "name": each.name,
                    "public_key": base64.b64encode(each.public).decode(),
                }
                for each in outside.witnesses
            ],
        }
        lines = b"".join(self._line(each) + b"\n" for each in entries)
        anchors = self._anchors([each.seq for each in entries], outside)
        return {
            "log/entries.jsonl": lines,
            "log/checkpoint": self._row.note.encode(),
            "log/keys.json": canonical(keys),
            **anchors,
        }

    def _line(self, entry: LogEntry) -> bytes:
        size, root, hash_ = self._checkpoint.size, self._checkpoint.root, leaf_hash(entry)
        proof = self._tree.inclusion_proof(entry.seq, size)
        if not verify_inclusion(hash_, entry.seq, size, proof, root):
            raise EvidenceError("log_entry_altered", seq=entry.seq)
        return canonical(
            {
                "body": entry.body,
                "index": entry.seq,
                "leaf": leaf_data(entry).decode(),
                "proof": [each.hex() for each in proof],
            }
        )

    def _anchors(self, indexes: Sequence[int], outside: Outside) -> Files:
        """What others saw: the earliest after each entry, and the newest of all."""
        names = {each.name for each in outside.witnesses}
        rows = self._session.exec(
            select(AnchorRow)
            .where(AnchorRow.state == "done", col(AnchorRow.size) <= self._checkpoint.size)
            .order_by(col(AnchorRow.size), col(AnchorRow.time_us))
        )
        known = [row for row in rows if row.kind == "tsa" or row.name in names]
        chosen = {row.id: row for row in _told(known, indexes)}
        files: Files = {"log/cosignatures": b""}
        told: list[dict[str, Any]] = []
        for number, row in enumerate(chosen.values(), start=1):
            if row.kind == "witness" and row.size == self._checkpoint.size:
                files["log/cosignatures"] += f"{row.token.rstrip()}\n".encode()
            else:
                told.append(self._anchor(files, f"{row.kind}-{number}", row, outside))
        files["anchors/anchors.json"] = canonical({"anchors": told})
        return files

    def _anchor(self, files: Files, name: str, row: AnchorRow, outside: Outside) -> dict[str, Any]:
        where = "log/checkpoint"
        if row.size != self._checkpoint.size:
            where = f"anchors/{name}.checkpoint"
            files[where] = self._session.get_one(CheckpointRow, row.size).note.encode()
        token = certificate = line = None
        if row.kind == "tsa":
            token = f"anchors/{name}.tsr"
            files[token] = base64.b64decode(row.token)
            if outside.tsa_ca is not None:
                certificate = f"anchors/{name}.pem"
                files[certificate] = outside.tsa_ca.read_bytes()
        else:
            line = row.token.rstrip()
        proof = self._tree.consistency_proof(row.size, self._checkpoint.size)
        return {
            "kind": row.kind,
            "name": row.name,
            "checkpoint": where,
            "proof": [each.hex() for each in proof],
            "token": token,
            "certificate": certificate,
            "line": line,
        }


def _told(anchors: Sequence[AnchorRow], indexes: Sequence[int]) -> Iterable[AnchorRow]:
    """The anchors that say something of the entries that no other of them says."""
    for kind in ("tsa", "witness"):
        of_kind = [row for row in anchors if row.kind == kind]
        for index in indexes:
            yield from [row for row in of_kind if row.size > index][:1]
        yield from of_kind[-1:]


def signing_key(session: Session) -> Fingerprint:
    """The fingerprint of the key that signs now."""
    return keys_of(session)[-1].fingerprint
