"""Every entry of the log read once: hashed, put in its place in the tree, its rows replayed."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from sqlmodel import Session, select

from service.evidence.log import Action
from service.evidence.projection import Projection
from service.evidence.span import numbers
from service.ledger.checkpoint import Checkpoint, origin_of
from service.ledger.entry import body_hash, leaf_hash
from service.ledger.merkle import Frontier, Hash
from service.ledger.note import Kind, Note, VerifierKey, holds
from service.ledger.sealer import entries
from service.ledger.succession import keys_of
from service.tables import CheckpointRow, Installation


@dataclass(slots=True)
class History:
    """What the log turned out to be.

    Attributes:
        frontier: of the tree over all entries, made of what they say and not of stored hashes.
        bodiless: numbers of entries whose body is gone, and no later entry says so.
        faults: each in a line.
    """

    frontier: Frontier
    bodiless: set[int] = field(default_factory=set)
    faults: list[str] = field(default_factory=list)


def read_history(
    session: Session,
    told: Projection,
    since: Frontier,
    remembered: Note | None,
    on_entry: Callable[[], None] = lambda: None,
) -> History:
    """Check the entries after `since`, and every checkpoint against them.

    `told` takes in what they tell of rows. `remembered` is the last checkpoint as it is kept beside
    the key, where no restored database reaches; None where it cannot be read.
    """
    history = History(since)
    notes = _checkpoints(session, history, remembered)
    due = sorted(notes)
    for entry in entries(session, since.size):
        _meet(due, notes, history)
        if entry.seq != history.frontier.size:
            history.faults.append(f"log entry {history.frontier.size}: missing")
            return history
        _read(entry, told, history)
        on_entry()
    _meet(due, notes, history)
    history.faults += [f"checkpoint {size}: the log is shorter" for size in due]
    history.faults += [f"log entry {seq}: body missing" for seq in sorted(history.bodiless)]
    return history


def _read(entry: Any, told: Projection, history: History) -> None:
    leaf = leaf_hash(entry)
    history.frontier = history.frontier.extend([leaf])
    if leaf.hex() != entry.leaf_sha256:
        history.faults.append(f"log entry {entry.seq}: leaf")
    if entry.body is None:
        history.bodiless.add(entry.seq)
        return
    if body_hash(entry.body) != entry.body_sha256:
        history.faults.append(f"log entry {entry.seq}: body")
        return
    try:
        body = json.loads(entry.body)
        if entry.action == Action.BODIES_ERASED:
            history.bodiless.difference_update(numbers(body["entries"]))
        for text in body.get("rows", ()):
            told.tell(text)
    except (ValueError, KeyError, TypeError, AttributeError):
        # Not by our hand; a checkpoint that does not fit says so, too.
        history.faults.append(f"log entry {entry.seq}: rows")


def _meet(due: list[int], roots: dict[int, set[Hash]], history: History) -> None:
    """Compare the checkpoints of this size with the tree; `due` is sorted."""
    while due and due[0] <= history.frontier.size:
        size = due.pop(0)
        # One from before the part that is read was compared when that was.
        if size == history.frontier.size and roots[size] != {history.frontier.root()}:
            history.faults.append(f"checkpoint {size}: another log")


def _checkpoints(
    session: Session, history: History, remembered: Note | None
) -> dict[int, set[Hash]]:
    """The signed roots by size; a fault for each checkpoint that a key of the log did not sign."""
    origin = origin_of(session.exec(select(Installation.id)).one())
    keys = [VerifierKey(origin, Kind.NOTE, key.public) for key in keys_of(session)]
    notes = {str(row.size): row.note for row in session.exec(select(CheckpointRow))}
    if remembered is not None:
        notes["beside the key"] = remembered.to_text()
    roots: dict[int, set[Hash]] = {}
    for name, whole in notes.items():
        try:
            note = Note.from_text(whole)
            checkpoint = Checkpoint.from_text(note.text)
        except ValueError:
            history.faults.append(f"checkpoint {name}: unreadable")
            continue
        if checkpoint.origin != origin or name not in {str(checkpoint.size), "beside the key"}:
            history.faults.append(f"checkpoint {name}: another log")
        if not any(holds(note.text, note.signatures, key) for key in keys):
            history.faults.append(f"checkpoint {name}: signature")
        roots.setdefault(checkpoint.size, set()).add(checkpoint.root)
    return roots
