"""What belongs into the bundle of a case, an event or a recorder file."""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Any

from sqlmodel import Session, col, select

from ingest.errors import FootageAltered
from ingest.files import Sha256, sha256_bytes
from ingest.ring import is_id
from service.bundle.piece import Absent, Piece, Role
from service.cases import documents_of, exhibits_of
from service.errors import EvidenceError, InputError, WorldError
from service.evidence.store import Store
from service.promotion import originals_of
from service.review import items_of
from service.settings import Settings
from service.subject import Subject, SubjectKind
from service.tables import (
    Acquisition,
    Case,
    Companion,
    Derived,
    Event,
    Item,
    SegmentRow,
    Tombstone,
)
from service.texts import say
from service.tombstone import refuse_deleted
from vision.frame import Instant

_SUFFIX = re.compile(r"\.[A-Za-z0-9]{1,5}")
"""An ending that every system takes; the rest of a name stands in the manifest's entries only."""
_SUFFIXES: Mapping[str, str] = {Role.CLIP: "mp4", Role.MANIFEST: "json"}
"""Of an event's items; all others are stills."""
_UPLOAD = "upload:"
"""Before the digest of the recorder file in an event that is not of a camera."""


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of a camera's recording that belongs to the evidence."""

    camera: str
    start: Instant
    end: Instant


@dataclass(slots=True)
class Contents:
    """What was gathered.

    Attributes:
        subjects: what entries of the log are about, if they are about this evidence, and what
            people call it.
        segments: ids of the segments that the clips were cut from.
    """

    subject: Subject
    title: str
    pieces: dict[str, Piece] = field(default_factory=dict)
    absent: list[Absent] = field(default_factory=list)
    subjects: dict[str, str] = field(default_factory=dict)
    segments: list[str] = field(default_factory=list)
    spans: list[Span] = field(default_factory=list)
    uploads: list[Acquisition] = field(default_factory=list)

    def add(self, piece: Piece) -> None:
        """Take a file along; two exhibits may need the same one."""
        self.pieces[piece.path] = piece


def contents_of(session: Session, store: Store, settings: Settings, subject: Subject) -> Contents:
    """Everything that belongs to a subject; nothing is hashed yet but manifests.

    Raises:
        InputError: there is no such subject, it is in the recycle state or destroyed.
        WorldError: a segment of it is still being recorded.
        EvidenceError, FootageAltered: a file is gone without a record, or a manifest was altered.
    """
    refuse_deleted(session, subject)
    gathering = _Gathering(session, store, settings)
    match subject.kind:
        case SubjectKind.CASE:
            return gathering.of_case(subject)
        case SubjectKind.EVENT:
            return gathering.of_event(subject)
        case SubjectKind.UPLOAD:
            return gathering.of_upload(subject)


class _Gathering:
    """One walk over the rows."""

    def __init__(self, session: Session, store: Store, settings: Settings) -> None:
        self._session = session
        self._store = store
        self._settings = settings

    def of_case(self, subject: Subject) -> Contents:
        case = self._session.get(Case, subject.id)
        if case is None:
            raise InputError("no_case", case=subject.id)
        found = Contents(subject, case.title, subjects={case.id: case.title})
        for exhibit, event in exhibits_of(self._session, case.id):
            found.subjects[event.id] = say("case.exhibit_number", number=exhibit.number)
            self._event(found, event, f"exhibit-{exhibit.number}")
        for document in documents_of(self._session, case.id):
            found.subjects[document.id] = say(f"document.{document.kind}")
            path = f"derived/documents/{document.kind}-{document.id}.docx"
            self._object(found, path, Role.DOCUMENT, document.sha256)
        return found

    def of_event(self, subject: Subject) -> Contents:
        event = self._session.get(Event, subject.id)
        if event is None:
            raise InputError("no_event", event=subject.id)
        title = say(f"kind.{event.kind}")
        found = Contents(subject, title, subjects={event.id: title})
        self._event(found, event, "event")
        return found

    def of_upload(self, subject: Subject) -> Contents:
        row = self._session.get(Acquisition, subject.id)
        if row is None:
            raise InputError("no_upload", upload=subject.id)
        found = Contents(subject, row.file_name)
        self._upload(found, row)
        return found

    def _event(self, found: Contents, event: Event, name: str) -> None:
        items = items_of(self._session, event.id)
        for role, item in items.items():
            suffix = _SUFFIXES.get(role, "jpg")
            self._object(found, f"derived/{name}/{role}.{suffix}", role, item.sha256)
        clip = items.get(Role.CLIP)
        if clip is not None:
            self._copies(found, clip.sha256, f"derived/{name}", f"derived/{name}/{Role.CLIP}.mp4")
        if event.camera_id.startswith(_UPLOAD):
            digest = event.camera_id.removeprefix(_UPLOAD)
            rows = select(Acquisition).where(Acquisition.sha256 == digest)
            for row in self._session.exec(rows):
                self._upload(found, row)
        elif clip is not None and Role.MANIFEST in items:
            found.spans.append(Span(event.camera_id, Instant(clip.start_us), Instant(clip.end_us)))
            for segment in self._sources(items[Role.MANIFEST]):
                self._segment(found, event, segment)

    def _sources(self, item: Item) -> Iterator[str]:
        """Ids of the segments that a clip was cut from, once each, as its manifest tells."""
        if not self._is_there(Sha256(item.sha256)):
            return
        with self._store.open(Sha256(item.sha256)) as stream:
            data = stream.read()
        if sha256_bytes(data) != item.sha256:
            raise FootageAltered(path=item.sha256)
        told: dict[str, Any] = json.loads(data)
        for segment in dict.fromkeys(str(each["segment"]) for each in told.get("sources", ())):
            if not is_id(segment):
                raise EvidenceError("export_missing", path=segment)
            yield segment

    def _segment(self, found: Contents, event: Event, segment: str) -> None:
        """A segment and its index, from the store where they were promoted, else from the ring."""
        path = f"originals/{segment}.mp4"
        kept = {row.path: row for row in originals_of(self._session, event.id)}
        row = self._session.get(SegmentRow, segment)
        found.segments.append(segment)
        if f"{segment}.mp4" in kept:
            self._object(found, path, Role.SEGMENT, kept[f"{segment}.mp4"].sha256)
            index = kept[f"{segment}.idx"].sha256
            self._object(found, f"originals/{segment}.idx", Role.INDEX, index, path)
        elif row is None:
            raise WorldError("export_recording", camera=event.camera_id)
        elif row.state != "kept":
            found.absent.append(Absent(Role.SEGMENT, segment, row.sha256, row.state))
        else:
            media = self._settings.segments / f"{segment}.mp4"
            found.add(Piece(path, Role.SEGMENT, media, Sha256(row.sha256), row.size))
            index_path = f"originals/{segment}.idx"
            found.add(Piece(index_path, Role.INDEX, media.with_suffix(".idx"), None, parent=path))

    def _upload(self, found: Contents, row: Acquisition) -> None:
        found.subjects[row.id] = row.file_name
        found.uploads.append(row)
        path = f"originals/upload-{row.id}{_suffix(row.file_name)}"
        self._object(found, path, Role.UPLOAD, row.sha256)
        beside = select(Companion).where(Companion.upload_id == row.id).order_by(col(Companion.id))
        for each in self._session.exec(beside):
            name = f"originals/upload-{row.id}-{each.sha256[:12]}{_suffix(each.file_name)}"
            self._object(found, name, Role.COMPANION, each.sha256, path)
        self._copies(found, row.sha256, f"derived/upload-{row.id}", path)

    def _copies(self, found: Contents, parent: str, folder: str, of: str) -> None:
        """Review copies: an office machine may not play the original."""
        rows = select(Derived).where(Derived.parent_sha256 == parent)
        for number, row in enumerate(self._session.exec(rows.order_by(col(Derived.start_us))), 1):
            self._object(found, f"{folder}/review-{number}.mp4", Role.REVIEW, row.sha256, of)

    def _object(
        self, found: Contents, path: str, role: str, sha256: str, parent: str | None = None
    ) -> None:
        digest = Sha256(sha256)
        if self._is_there(digest):
            found.add(Piece(path, role, self._store.path(digest), digest, parent=parent))
        else:
            found.absent.append(Absent(role, path, digest, "destroyed"))

    def _is_there(self, sha256: Sha256) -> bool:
        """Whether the store has an object; one that is gone must have its record."""
        try:
            self._store.path(sha256)
        except KeyError as error:
            record = select(Tombstone).where(Tombstone.sha256 == sha256)
            if self._session.exec(record).first() is None:
                raise EvidenceError("object_missing", sha256=sha256) from error
            return False
        return True


def _suffix(file_name: str) -> str:
    suffix = PurePosixPath(file_name).suffix
    return suffix.lower() if _SUFFIX.fullmatch(suffix) else ""
