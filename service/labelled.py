"""The labelled set (标注集): what officers decided, as pictures to train and to measure with.

A confirmed event shows a bag in its box; one rejected because there was nothing, a person, a
vehicle or a light shows none. Cameras go to one side as a whole, learnt or held out: the next
picture of a camera that was learnt from would say nothing of the streets that were not. The layout
is what `models.train` and `models.evaluate` read.
"""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import cv2
import numpy as np
from sqlmodel import Session, col, select

from ingest.clock import Clock
from ingest.files import Sha256
from service.database import Database
from service.errors import EvidenceError, InputError
from service.evidence.log import Action, append
from service.evidence.store import Store
from service.review import Rejection, review_of
from service.roles import Permission, require
from service.settings import Settings
from service.subject import Subject, SubjectKind
from service.tables import Event, Item, User
from service.term import term_of
from service.tombstone import deletion_of
from vision.boxes import Box
from vision.frame import Image, Instant

CROP_PX = 416
"""Least side of a picture: the detector's input at the camera's own pixels."""
_AROUND = 4.0
"""Or so many sides of the box: a bag is told from a stone by what is around it."""
_HELD_OUT_SHARE = 0.25
"""Of the cameras, for measuring."""
_JPEG_QUALITY = 95
"""No visible loss; the stills are JPEGs already."""
BAG_CLASS = 0
"""As in the photos of bags; whatever an officer confirmed counts as one."""
BARE = frozenset({Rejection.NOTHING, Rejection.PERSON, Rejection.VEHICLE, Rejection.LIGHT})
"""Rejections that say that no bag is there; of the others a bag may lie in the picture."""


@dataclass(frozen=True, slots=True)
class Example:
    """One picture to be made: of which still, and the box of a bag in it, if one is there."""

    event: str
    camera: str
    still: Sha256
    box: Box
    has_bag: bool
    keep_until: Instant

    @property
    def is_held_out(self) -> bool:
        """Whether its camera serves for measuring: by a hash, so that it never changes sides."""
        share = hashlib.sha256(self.camera.encode()).digest()[0] / 256
        return share < _HELD_OUT_SHARE

    @property
    def folder(self) -> str:
        """Where its picture goes: pictures without bags to learn from are grounds."""
        if self.is_held_out:
            return "held_out/images"
        return "learnt/images" if self.has_bag else "grounds"


@dataclass(frozen=True, slots=True)
class Request:
    """Who wants the labelled set, why, and the new folder in which it is to be."""

    folder: Path
    by: str
    reason: str


def export(
    database: Database, store: Store, clock: Clock, settings: Settings, request: Request
) -> list[Example]:
    """Write the labelled set and log every event whose picture leaves.

    `index.json` says of each picture until when the original is kept: copies must go by then as
    well. Events whose term is over, or that are deleted, are left out.

    Raises:
        InputError: the folder is there, no reason, or no account that may take evidence out.
        EvidenceError: a still is not in the store or no picture.
    """
    if request.folder.exists():
        raise InputError("dataset_folder", path=str(request.folder))
    reason = request.reason.strip()
    if not reason:
        raise InputError("dataset_reason")
    with database.write() as session:
        person = session.get(User, request.by)
        if person is None or not person.active:
            raise InputError("no_user", user=request.by)
        require(person, Permission.EXPORT)
        examples = _examples(session, settings, clock.now())
        for each in examples:
            body = {"reason": reason, "sha256": each.still, "into": "dataset"}
            append(
                session,
                clock,
                actor=person.id,
                action=Action.DOWNLOADED,
                subject=each.event,
                body=body,
            )
    for each in examples:
        _write(store, each, request.folder)
    _write_index(examples, request.folder)
    return examples


def _write_index(examples: Sequence[Example], folder: Path) -> None:
    """What each picture is, in `index.json`: times in microseconds UTC."""
    told = [asdict(each) | {"box": each.box.xyxy, "folder": each.folder} for each in examples]
    folder.mkdir(parents=True, exist_ok=True)
    index = json.dumps({"pictures": told}, ensure_ascii=False, indent=1)
    (folder / "index.json").write_text(index + "\n", encoding="utf-8")


def _examples(session: Session, settings: Settings, now: Instant) -> list[Example]:
    """What may leave now, oldest first."""
    decided = select(Event).where(col(Event.state).in_(["confirmed", "rejected"]))
    found = []
    for event in session.exec(decided.order_by(col(Event.onset_us), col(Event.id))):
        subject = Subject(SubjectKind.EVENT, event.id)
        term = term_of(session, subject, settings, now)
        if term is None or term.until <= now or deletion_of(session, subject) is not None:
            continue
        review = review_of(session, event.id)
        has_bag = event.state == "confirmed"
        if review is None or not (has_bag or review.reason in BARE):
            continue
        still = session.exec(
            select(Item).where(Item.event_id == event.id, Item.role == "after")
        ).first()
        if still is not None:
            sha256, box = Sha256(still.sha256), Box(*event.box)
            made = Example(event.id, event.camera_id, sha256, box, has_bag, term.until)
            found.append(made)
    return found


def _write(store: Store, example: Example, folder: Path) -> None:
    """The picture, and beside a picture that may have bags its label."""
    picture, box = cropped(_still(store, example), example.box)
    place = folder / example.folder
    place.mkdir(parents=True, exist_ok=True)
    quality = [cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY]
    coded = cv2.imencode(".jpg", picture, quality)[1]
    (place / f"{example.event}.jpg").write_bytes(coded.tobytes())
    if place.name == "images":
        labels = place.with_name("labels")
        labels.mkdir(exist_ok=True)
        line = label_line(box, (picture.shape[1], picture.shape[0])) if example.has_bag else ""
        (labels / f"{example.event}.txt").write_text(line, encoding="ascii")


def _still(store: Store, example: Example) -> Image:
    try:
        with store.open(example.still) as stream:
            data = np.frombuffer(stream.read(), np.uint8)
    except KeyError as error:
        raise EvidenceError("object_missing", sha256=example.still) from error
    image = cv2.imdecode(data, cv2.IMREAD_COLOR)
    if image is None:
        raise EvidenceError("dataset_still", sha256=example.still)
    return image.astype(np.uint8, copy=False)


def cropped(image: Image, box: Box) -> tuple[Image, Box]:
    """The surroundings of `box` at the picture's own pixels, and the box in them."""
    high, wide = image.shape[:2]
    side = round(max(CROP_PX, _AROUND * max(box.width, box.height)))
    x, y = (
        int(min(max(0.0, middle - side / 2), max(0, full - side)))
        for middle, full in zip(box.centre, (wide, high), strict=True)
    )
    part = image[y : y + side, x : x + side]
    return part, box.moved(-x, -y).clipped(part.shape[1], part.shape[0])


def label_line(box: Box, size: Sequence[int]) -> str:
    """YOLO's label: class, centre and size in shares of a `(width, height)`."""
    x, y = box.centre
    shares = (x / size[0], y / size[1], box.width / size[0], box.height / size[1])
    return " ".join((str(BAG_CLASS), *(f"{share:.6f}" for share in shares))) + "\n"
