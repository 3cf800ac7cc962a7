"""Signing what was committed: every new entry is read again and checked before it is covered.

The last signed checkpoint is also kept beside the key, where no restored database reaches. Whoever
signs holds a lock; what is signed next must continue it (docs/design/evidence.md, Checkpoints).
"""

import fcntl
import json
import os
from collections.abc import Callable, Container, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import Delete, delete, insert, or_
from sqlalchemy import select as columns
from sqlmodel import Session, SQLModel, col, select

from ingest.clock import Clock
from ingest.files import fsync_directory
from service.errors import EvidenceError, WorldError
from service.ledger.checkpoint import Checkpoint, origin_of
from service.ledger.entry import EXPORTED, LOG_ACCEPTED, Entry, body_hash, leaf_hash
from service.ledger.keys import LogKey, create_key, load_key
from service.ledger.merkle import Frontier, Hash, Tree
from service.ledger.note import Kind, Note, VerifierKey, sign
from service.ledger.succession import NAMING, keys_of, named_key
from service.tables import AnchorRow, CheckpointRow, Installation, LogEntry

Sessions = Callable[[], AbstractContextManager[Session]]
_CHECKPOINTS = SQLModel.metadata.tables["checkpoints"]
_LOG = SQLModel.metadata.tables["log"]
_PAGE = 1000
"""Entries fetched at once where there are many."""


@dataclass(frozen=True, slots=True)
class Signed:
    """How far the log is signed.

    Attributes:
        tip: leaf hash of the last entry that is covered; empty before the first.
        is_stored: whether the database has the checkpoint, too.
    """

    frontier: Frontier
    tip: str
    is_stored: bool = True


_NOTHING = Signed(Frontier(), "")


class Sealer:
    """Signs the log of an installation; the key must be readable.

    `read` and `write` open sessions that are not themselves sealed.
    """

    def __init__(self, keys: Path, clock: Clock, *, read: Sessions, write: Sessions) -> None:
        self._keys = keys
        self._clock = clock
        self._read = read
        self._write = write
        self._name = ""

    def key(self) -> LogKey:
        """The key that signs now.

        Raises:
            EvidenceError, WorldError: as `load_key`.
        """
        return load_key(self._keys / "log.key")

    def ensure_key(self) -> LogKey:
        """The key, made now if there is none yet; only for a log that was never signed.

        Raises:
            EvidenceError, WorldError: it can be neither read nor made.
        """
        try:
            with suppress(FileExistsError):
                create_key(self._keys / "log.key")
        except OSError as error:
            detail = os.strerror(error.errno or 0)
            raise WorldError("log_key_unreadable", path=str(self._keys), detail=detail) from error
        return self.key()

    def seal(self) -> int:
        """Sign everything that is committed; how many entries are covered then.

        Raises:
            EvidenceError: the log does not continue what was signed last, an entry is not what
                it was, or the key is not the one that the log names: nothing is signed.
            WorldError: the key, the disk or the database cannot be used.
        """
        key = self.key()
        with self._alone():
            with self._read() as session:
                origin = self._origin(session)
                last = self._last(session, origin)
                now = _continued(session, last, self._may_be_named(key))
                self._check_key(session, origin, key)
            if now.frontier.size != last.frontier.size or not last.is_stored:
                self._sign(origin, now, key)
        return now.frontier.size

    def check(self) -> None:
        """Look at the whole log: does it still begin with what was signed last?

        Raises:
            EvidenceError: it does not.
        """
        note = self.remembered()
        if note is not None:
            checkpoint = Checkpoint.from_text(note.text)
            with self._read() as session:
                _signed_at(session, checkpoint)

    def accept(self) -> int:
        """Sign the log as it is, though it does not continue what was signed last.

        The caller has logged who wants that and why, as the last entry. Checkpoints of another
        past are removed. An entry that was changed is signed as its leaf stands: verification
        goes on to tell.

        Raises:
            EvidenceError: the last entry does not say that.
        """
        key = self.key()
        with self._alone():
            with self._read() as session:
                origin = self._origin(session)
                whole, foreign = _accepted(session), _foreign(session)
            with self._write() as session:
                for table in (CheckpointRow, AnchorRow):
                    of_another = col(table.size).in_(foreign)
                    session.connection().execute(delete(table).where(of_another))
            self._sign(origin, whole, key)
        return whole.frontier.size

    def sign_bundle(self, seq: int, text: str) -> str:
        """The log's signature line under a bundle's seal, with its newline.

        Raises:
            EvidenceError: entry `seq` is not signed, or is no export of the manifest in `text`.
        """
        key = self.key()
        with self._alone(), self._read() as session:
            origin = self._origin(session)
            entry = next(iter(entries(session, seq)), None)
            signed = self._last(session, origin).frontier.size
        if entry is None or not entry.seq == seq < signed or not _names(entry, text):
            raise EvidenceError("not_exported", seq=seq)
        return sign(text, origin, key.private).to_line()

    def remembered(self) -> Note | None:
        """The last signed checkpoint as it is kept beside the key; None before the first.

        Raises:
            EvidenceError: what is kept is no checkpoint.
        """
        try:
            note = Note.from_text((self._keys / "last-checkpoint").read_text(encoding="utf-8"))
            Checkpoint.from_text(note.text)
        except FileNotFoundError:
            return None
        except ValueError as error:
            raise EvidenceError("log_unremembered", path=str(self._keys)) from error
        return note

    def _last(self, session: Session, origin: str) -> Signed:
        """How far the log is signed, where the database agrees with what is kept apart."""
        note = self.remembered()
        newest = columns(_CHECKPOINTS).order_by(_CHECKPOINTS.c.size.desc()).limit(1)
        row = session.connection().execute(newest).first()
        if note is None:
            if row is not None:
                raise EvidenceError("log_unremembered", path=str(self._keys))
            return _NOTHING
        checkpoint = Checkpoint.from_text(note.text)
        if checkpoint.origin != origin:
            raise EvidenceError("log_foreign", found=checkpoint.origin)
        if row is None or row.note != note.to_text():
            # A crash between file and row, or another database under this key: only the whole
            # tree can tell.
            return _signed_at(session, checkpoint)
        try:
            peaks = tuple(Hash(bytes.fromhex(each)) for each in row.frontier)
            frontier = Frontier(row.size, peaks)
        except ValueError as error:
            raise EvidenceError("log_forked", size=checkpoint.size) from error
        if frontier.root() != checkpoint.root:
            raise EvidenceError("log_forked", size=checkpoint.size)
        return Signed(frontier, row.tip_sha256)

    def _may_be_named(self, key: LogKey) -> set[bytes]:
        """Keys that an entry may name: the one that signs, and the one made to follow it.

        Whoever can append an entry but has no access to the keys must not get theirs named.
        """
        following = self._keys / "log.key.next"
        return {key.public, load_key(following).public} if following.exists() else {key.public}

    def _check_key(self, session: Session, origin: str, key: LogKey) -> None:
        """See that whoever signs now signed last, or is named by the log as who follows."""
        note, verifier = self.remembered(), VerifierKey(origin, Kind.NOTE, key.public)
        if note is None or any(each.is_by(verifier) for each in note.signatures):
            return
        if keys_of(session)[-1].public != key.public:
            raise EvidenceError("log_key_foreign", key=key.fingerprint)

    def _sign(self, origin: str, now: Signed, key: LogKey) -> None:
        frontier = now.frontier
        checkpoint = Checkpoint(origin, frontier.size, frontier.root())
        text = checkpoint.to_text()
        note = Note(text, (sign(text, origin, key.private),)).to_text()
        # First what no restored database takes back: nothing is acknowledged that it forgets.
        self._remember(note)
        values = {
            "size": frontier.size,
            "root_sha256": checkpoint.root.hex(),
            "note": note,
            "key_fingerprint": key.fingerprint,
            "at_us": self._clock.now(),
            "frontier": [each.hex() for each in frontier.peaks],
            "tip_sha256": now.tip,
        }
        with self._write() as session:
            session.connection().execute(_superseded(frontier.size))
            session.connection().execute(insert(_CHECKPOINTS), values)

    def _remember(self, note: str) -> None:
        """Keep a checkpoint beside the key.

        In place where one as long stands there, since that is one write of less than a sector; and
        not synced: after a power cut an older one is as good, the log must continue that too.
        """
        path, raw = self._keys / "last-checkpoint", note.encode()
        try:
            if path.exists() and path.stat().st_size == len(raw):
                with path.open("r+b", buffering=0) as file:
                    file.write(raw)
                return
            temporary = path.with_suffix(".tmp")
            with temporary.open("wb") as file:
                file.write(raw)
                file.flush()
                os.fsync(file.fileno())
            temporary.replace(path)
            fsync_directory(self._keys)
        except OSError as error:
            detail = os.strerror(error.errno or 0)
            raise WorldError("not_sealed", detail=detail) from error

    def _origin(self, session: Session) -> str:
        self._name = self._name or origin_of(session.exec(select(Installation.id)).one())
        return self._name

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """One signer at a time on this machine; the kernel frees what a dead one held."""
        with (self._keys / "lock").open("a") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield


def _superseded(size: int) -> Delete:
    """Checkpoints that one of `size` takes the place of: all that no anchor names.

    A later one proves as much and more.
    """
    return delete(_CHECKPOINTS).where(
        or_(
            _CHECKPOINTS.c.size == size,
            _CHECKPOINTS.c.size.not_in(select(AnchorRow.size)),
        )
    )


def _continued(session: Session, last: Signed, may_be_named: Container[bytes]) -> Signed:
    """What is signed once the entries after `last` are, each of them checked.

    Raises:
        EvidenceError: what was signed last is not there any more, an entry is not what it was or
            gone, or it names a key that is none of ours.
    """
    frontier, tip = last.frontier, last.tip
    expected = max(frontier.size - 1, 0)
    for entry in entries(session, expected):
        if entry.seq != expected:
            if expected < frontier.size:
                break
            # What follows would be acknowledged, and never signed.
            raise EvidenceError("log_entry_altered", seq=expected)
        expected += 1
        if entry.seq < frontier.size:
            if entry.leaf_sha256 != tip:
                raise EvidenceError("log_forked", size=frontier.size)
            continue
        leaf = checked_leaf(entry)
        if entry.action in NAMING and named_key(entry.body) not in may_be_named:
            raise EvidenceError("log_key_foreign", key=f"log {entry.seq}")
        frontier, tip = frontier.extend([leaf]), leaf.hex()
    if expected < frontier.size:
        raise EvidenceError("log_rolled_back", size=frontier.size, found=expected)
    return Signed(frontier, tip)


def _accepted(session: Session) -> Signed:
    """The whole log as its leaves stand, which its last entry accepts.

    Raises:
        EvidenceError: that does not.
    """
    known = list(leaves(session))
    last = next(entries(session, len(known) - 1), None)
    if last is None or last.action != LOG_ACCEPTED:
        raise EvidenceError("log_not_accepted")
    return Signed(Frontier().extend(known), known[-1].hex())


def checked_leaf(entry: Entry) -> Hash:
    """The leaf of an entry that is what it was when it was made.

    Raises:
        EvidenceError: it is not; signing it would make that true.
    """
    found = leaf_hash(entry)
    if entry.body is not None and body_hash(entry.body) != entry.body_sha256:
        raise EvidenceError("log_entry_altered", seq=entry.seq)
    if found.hex() != entry.leaf_sha256:
        raise EvidenceError("log_entry_altered", seq=entry.seq)
    return found


def _names(entry: Entry, seal: str) -> bool:
    """Whether an entry logs the export of what a bundle's seal lists as its manifest."""
    checked_leaf(entry)
    body = json.loads(entry.body or "{}")
    listed = [line.split(" ") for line in seal.split("\n")]
    manifests = [each[0] for each in listed if each[2:] == ["manifest.json"]]
    return entry.action == EXPORTED and [body.get("manifest_sha256")] == manifests


def _signed_at(session: Session, checkpoint: Checkpoint) -> Signed:
    """What a checkpoint signed, from the whole log.

    Raises:
        EvidenceError: the log does not begin with that.
    """
    known = list(leaves(session, checkpoint.size))
    frontier, tip = Frontier().extend(known), known[-1].hex() if known else ""
    if frontier.size < checkpoint.size:
        raise EvidenceError("log_rolled_back", size=checkpoint.size, found=frontier.size)
    if frontier.root() != checkpoint.root:
        raise EvidenceError("log_forked", size=checkpoint.size)
    return Signed(frontier, tip, is_stored=False)


def _foreign(session: Session) -> list[int]:
    """Sizes of the checkpoints that are none of this log as it is."""
    tree = Tree(leaves(session))
    rows = session.exec(select(CheckpointRow.size, CheckpointRow.root_sha256))
    return [n for n, root in rows if n > tree.size or tree.root(n).hex() != root]


def entries(session: Session, first: int) -> Iterator[Any]:
    """Rows of the log from entry `first`, in order, without holding them all."""
    wanted = columns(_LOG).where(_LOG.c.seq >= first).order_by(_LOG.c.seq)
    with session.connection().execute(wanted.execution_options(yield_per=_PAGE)) as rows:
        yield from rows


def leaves(session: Session, size: int | None = None) -> Iterator[Hash]:
    """The hashes of the leaves from the first one, as they stand in the database."""
    wanted = select(LogEntry.leaf_sha256).order_by(col(LogEntry.seq))
    if size is not None:
        wanted = wanted.where(col(LogEntry.seq) < size)
    for each in session.exec(wanted.execution_options(yield_per=_PAGE)):
        yield Hash(bytes.fromhex(each))
