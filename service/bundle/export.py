"""Exporting (导出): gather, hash, log, seal; only then does the first byte leave.

1. What belongs to it is gathered; its recording that the log does not tell of yet is entered.
2. Every file is read and hashed; one that is not what it must be ends it.
3. Clock report, custody report and manifest are made.
4. The act is logged with the manifest's hash, and covered by a checkpoint.
5. The anchors are shown that checkpoint; entries, proofs and what others said are put beside it.
6. The log's key seals the list of all files, which names the manifest that was logged.
"""

from collections.abc import Callable, Iterator, Sequence, Set
from dataclasses import asdict, dataclass
from datetime import datetime
from importlib import resources
from pathlib import Path

from sqlmodel import Session, col, select

from ingest.clock import Clock
from ingest.files import sha256_bytes
from service.bundle.archive import Content, archive, write_archive
from service.bundle.clocks import clock_report
from service.bundle.contents import Contents, contents_of
from service.bundle.custody import chain, entries_about, naming
from service.bundle.order import Order
from service.bundle.piece import Measured, Piece, Role, measure, sm3_bytes
from service.bundle.proofs import Files, Head, Outside
from service.bundle.report import Heading, report
from service.database import Database
from service.documents.checkpoint_mark import CheckpointMark
from service.evidence.anchors import anchor_now, configured
from service.evidence.log import Action, append
from service.evidence.store import Store
from service.ledger.checkpoint import origin_of
from service.ledger.entry import canonical
from service.ledger.keys import Fingerprint
from service.segments import log_recording, unlogged_cameras
from service.settings import Settings
from service.tables import CheckpointRow, Installation, LogEntry
from service.times import beijing
from vision.frame import Instant

FORMAT = "liuhen-bundle/1"
_COMPANIONS = ("verify.py", "verify.html", "说明.md")
"""Files that are the same in every bundle."""


@dataclass(frozen=True, slots=True)
class Desk:
    """What exporting draws on."""

    database: Database
    store: Store
    clock: Clock
    settings: Settings


@dataclass(frozen=True, slots=True)
class Export:
    """A bundle that is logged and sealed, about to leave."""

    name: str
    made: datetime
    content: Content

    def write(self, path: Path) -> None:
        """Write the zip file; see `write_archive`."""
        write_archive(path, self.name, self.made, self.content)

    def stream(self) -> Iterator[bytes]:
        """The zip file as a stream; see `archive`."""
        return archive(self.name, self.made, self.content)


@dataclass(frozen=True, slots=True)
class _Draft:
    """What was made before the act is logged."""

    made_us: Instant
    files: Sequence[Measured]
    entries: Sequence[LogEntry]
    small: Files


def export(
    desk: Desk, order: Order, *, on_file: Callable[[int, int], None] = lambda _done, _total: None
) -> Export:
    """Make a bundle and log that it leaves; `on_file` hears how many files of all are hashed.

    Raises:
        InputError: there is no such subject, nobody may see it now, or an anchor's settings are
            wrong.
        WorldError: a segment of it is still being recorded, or nobody could sign.
        FootageAltered, EvidenceError: a file or the log is not what it was; nothing is logged.
    """
    # Wrong settings are told before anything is logged.
    configured(desk.settings)
    with desk.database.read() as session:
        contents = contents_of(session, desk.store, desk.settings, order.subject)
    _enter_recording(desk, {span.camera for span in contents.spans})
    files = []
    for number, path in enumerate(sorted(contents.pieces), start=1):
        files.append(measure(contents.pieces[path]))
        on_file(number, len(contents.pieces))
    with desk.database.read() as session:
        draft = _draft(session, desk, order, contents, files)
    _log(desk, order, draft)
    small = _proven(desk, order, draft)
    made = beijing(draft.made_us)
    return Export(
        name=f"liuhen-{order.subject.id}-{made:%Y%m%d-%H%M%S}",
        made=made,
        content={**small, **{each.piece.path: each for each in files}},
    )


def _proven(desk: Desk, order: Order, draft: _Draft) -> Files:
    """The small files of a bundle whose export is logged, sealed."""
    # Whoever is out of reach is asked later; the bundle then tells of what they saw before.
    anchor_now(desk.database, desk.clock, desk.settings)
    outside = Outside(
        tuple(site.verifier for site in desk.settings.witnesses), desk.settings.tsa_ca
    )
    with desk.database.read() as session:
        act = _act(session, order, draft)
        head = Head(session)
        small = draft.small | head.files([*draft.entries, act], outside)
    for name in _COMPANIONS:
        small[name] = (resources.files("service") / "data" / "bundle" / name).read_bytes()
    return {**small, "seal": _seal(desk, act, head.origin, draft.files, small)}


def _enter_recording(desk: Desk, cameras: Set[str]) -> None:
    """Let the log tell of recording that waits for its ten minutes to be over."""
    with desk.database.read() as session:
        unlogged = cameras & set(unlogged_cameras(session))
    for camera in sorted(unlogged):
        complete = False
        while not complete:
            with desk.database.write() as session:
                complete = log_recording(session, desk.clock, camera)


def _draft(
    session: Session, desk: Desk, order: Order, contents: Contents, files: Sequence[Measured]
) -> _Draft:
    now = desk.clock.now()
    entries = entries_about(session, contents, files)
    clock = clock_report(session, contents)
    installation = session.exec(select(Installation.id)).one()
    newest = session.exec(
        select(CheckpointRow).order_by(col(CheckpointRow.size).desc()).limit(1)
    ).one()
    heading = Heading(
        authority=desk.settings.authority,
        made_at=now,
        made_by=order.told["name"],
        reason=order.told["reason"],
        origin=origin_of(installation),
        mark=CheckpointMark(newest.note, Fingerprint(newest.key_fingerprint)),
    )
    small = {
        "clock.json": canonical(clock),
        "report.html": report(heading, contents, files, chain(session, contents, entries), clock),
    }
    listed = [_listed(each, entries) for each in files]
    listed += [_small(path, data) for path, data in small.items()]
    manifest = canonical(
        {
            "format": FORMAT,
            "installation": installation,
            "origin": heading.origin,
            "made_at_us": now,
            "made_by": heading.made_by,
            "reason": heading.reason,
            "subject": {
                "kind": contents.subject.kind.value,
                "id": contents.subject.id,
                "title": contents.title,
            },
            "files": listed,
            "absent": [asdict(each) for each in contents.absent],
        }
    )
    return _Draft(now, files, entries, {**small, "manifest.json": manifest})


def _listed(file: Measured, entries: Sequence[LogEntry]) -> dict[str, object]:
    return {
        "path": file.piece.path,
        "size": file.size,
        "sha256": file.sha256,
        "sm3": file.sm3,
        "role": str(file.piece.role),
        "of": naming(entries, file.sha256),
        "parent": file.piece.parent,
    }


def _small(path: str, data: bytes) -> dict[str, object]:
    role = {"clock.json": Role.CLOCK, "report.html": Role.REPORT}[path]
    measured = Measured(
        Piece(path, role, Path(path), None), len(data), sha256_bytes(data), sm3_bytes(data)
    )
    return _listed(measured, ())


def _log(desk: Desk, order: Order, draft: _Draft) -> None:
    with desk.database.write() as session:
        append(
            session,
            desk.clock,
            actor=order.actor,
            action=Action.EXPORTED,
            subject=order.subject.id,
            body={
                **order.told,
                "kind": order.subject.kind.value,
                "files": len(draft.files),
                "manifest_sha256": sha256_bytes(draft.small["manifest.json"]),
            },
        )


def _act(session: Session, order: Order, draft: _Draft) -> LogEntry:
    """The entry of this export."""
    digest = sha256_bytes(draft.small["manifest.json"])
    acts = select(LogEntry).where(
        LogEntry.subject == order.subject.id,
        LogEntry.action == Action.EXPORTED.value,
        col(LogEntry.body).contains(digest),
    )
    return session.exec(acts.order_by(col(LogEntry.seq).desc()).limit(1)).one()


def _seal(desk: Desk, act: LogEntry, origin: str, files: Sequence[Measured], small: Files) -> bytes:
    lines = {each.piece.path: f"{each.sha256} {each.size}" for each in files}
    lines |= {path: f"{sha256_bytes(data)} {len(data)}" for path, data in small.items()}
    told = "".join(f"{line} {path}\n" for path, line in sorted(lines.items()))
    text = f"{FORMAT}\n{origin}\n{told}"
    return (text + "\n" + desk.database.seal.sign_bundle(act.seq, text)).encode()
