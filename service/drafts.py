"""The documents of a case, drafted from its rows and kept in the store."""

import io
import json
from dataclasses import dataclass
from enum import StrEnum
from typing import Any
from uuid import uuid4

from sqlmodel import Session

from ingest.clock import Clock
from ingest.errors import FootageAltered
from ingest.files import Sha256, sha256_bytes
from service.cases import exhibits_of, open_to_change
from service.claim import claim
from service.documents.checkpoint_mark import CheckpointMark
from service.documents.evidence_sheet import (
    TEMPLATE as SHEET_TEMPLATE,
)
from service.documents.evidence_sheet import (
    Device,
    EvidenceSheetFacts,
    Interval,
    KeyMoment,
    Quality,
    QualityReview,
    Still,
    render_evidence_sheet,
)
from service.documents.officer import Officer
from service.documents.penalty_draft import (
    TEMPLATE as DRAFT_TEMPLATE,
)
from service.documents.penalty_draft import (
    Party,
    PenaltyDraftFacts,
    render_penalty_draft,
)
from service.documents.template import Template
from service.errors import InputError
from service.evidence.anchors import newest_checkpoint
from service.evidence.log import Action, append
from service.evidence.store import Store
from service.law import Catalogue, Provision, Topic
from service.ledger.keys import Fingerprint
from service.review import check_items, items_of, review_of
from service.roles import Permission, require_officer
from service.stills import STILLS
from service.tables import Camera, Case, Document, Event, Exhibit, Item, User
from service.texts import say
from service.times import beijing
from vision.frame import SECOND, Instant, seconds_between


class DocumentKind(StrEnum):
    """The documents that Liuhen drafts (the catalogue has the words, `document.<kind>`)."""

    EVIDENCE_SHEET = "evidence_sheet"
    """视听资料证据说明单 (最高法行诉证据规定 12), one for each exhibit."""
    PENALTY_DRAFT = "penalty_draft"
    """当场处罚决定书草稿 (行政处罚法 52)."""


@dataclass(frozen=True, slots=True)
class Office:
    """What every document draws on besides the case.

    Attributes:
        authority: the body that penalises (行政处罚法 24); empty prints a blank.
    """

    store: Store
    clock: Clock
    law: Catalogue
    authority: str


@dataclass(frozen=True, slots=True)
class _Drafted:
    """A rendered document, before it is kept."""

    kind: DocumentKind
    name: str
    template: str
    data: bytes


def make_documents(
    session: Session, office: Office, case_id: str, *, kind: DocumentKind, officer: User
) -> list[Document]:
    """Render and keep the documents of `kind` that a case needs from what is known now.

    Raises:
        InputError: no such case or another unit's, no officer with a valid 执法证, or the chosen
            provision is not in the catalogue; the case has ended.
        DocumentError: a template cannot be used.
        DiskFull: a document cannot be kept.
        EvidenceError, FootageAltered: a piece of an exhibit is gone or is not what was kept.
    """
    require_officer(officer, Permission.DOCUMENT_MAKE, office.clock.now())
    case = open_to_change(session, case_id, officer)
    for _, event in exhibits_of(session, case_id):
        check_items(office.store, items_of(session, event.id).values())
    if kind is DocumentKind.PENALTY_DRAFT:
        drafted = [_penalty_draft(session, office, case, officer)]
    else:
        drafted = [
            _evidence_sheet(session, office, case, exhibit, event)
            for exhibit, event in exhibits_of(session, case_id)
        ]
    return [_keep(session, office, case, each, officer) for each in drafted]


def _keep(
    session: Session, office: Office, case: Case, drafted: _Drafted, officer: User
) -> Document:
    sha256, size = office.store.add(io.BytesIO(drafted.data))
    claim(session, office.store, [sha256])
    document = Document(
        id=uuid4().hex[:12],
        case_id=case.id,
        kind=drafted.kind.value,
        sha256=sha256,
        size=size,
        template_sha256=Template.built_in(drafted.template).sha256,
        file_name=f"{drafted.name}-{case.id}.docx",
        made_by=officer.id,
        made_us=office.clock.now(),
    )
    session.add(document)
    append(
        session,
        office.clock,
        actor=officer.id,
        action=Action.DOCUMENT_MADE,
        subject=document.id,
        body={"case": case.id, "kind": drafted.kind.value, "sha256": sha256},
    )
    return document


def _penalty_draft(session: Session, office: Office, case: Case, officer: User) -> _Drafted:
    today = beijing(office.clock.now()).date()
    facts = PenaltyDraftFacts(
        authority=office.authority or None,
        party=Party(
            name=case.party_name,
            id_no=case.party_id_no,
            address=case.party_address,
            phone=case.party_phone,
        ),
        act_at=Instant(case.act_us),
        place=case.place or None,
        evidence=tuple(
            _named(session, exhibit, event) for exhibit, event in exhibits_of(session, case.id)
        ),
        basis=_chosen(office.law, case),
        fine_yuan=case.fine_yuan,
        remedy=office.law.paragraph_on(Topic.REMEDY_ON_THE_SPOT, today),
        late_payment=office.law.paragraph_on(Topic.LATE_PAYMENT, today),
        officers=(Officer(officer.name, officer.badge_no),),
    )
    return _Drafted(
        DocumentKind.PENALTY_DRAFT,
        say("document.penalty_draft"),
        DRAFT_TEMPLATE,
        render_penalty_draft(facts),
    )


def _named(session: Session, exhibit: Exhibit, event: Event) -> str:
    """The exhibit in the draft's list; a device that was not reviewed is told (行政处罚法 41)."""
    camera = session.get(Camera, event.camera_id)
    if camera is not None and camera.status != "lead_only":
        return say("paper.exhibit", number=exhibit.number)
    return say("paper.exhibit_lead_only", number=exhibit.number)


def _chosen(law: Catalogue, case: Case) -> tuple[Provision, ...]:
    """The provision that an officer chose; it need not be in force today (行政处罚法 37)."""
    if case.provision_id is None:
        return ()
    found = tuple(entry for entry in law.provision if entry.id == case.provision_id)
    if not found:
        raise InputError("no_provision", provision=case.provision_id)
    return found


def _evidence_sheet(
    session: Session, office: Office, case: Case, exhibit: Exhibit, event: Event
) -> _Drafted:
    items = items_of(session, event.id)
    clip = items["clip"]
    manifest = json.loads(_bytes(office.store, items["manifest"]))
    media = manifest["clip"]
    offset_ms = manifest["camera_clock_minus_server_ms"]
    doubt_ms = manifest.get("camera_clock_doubt_ms")
    start, end = Instant(clip.start_us), Instant(clip.end_us)
    facts = EvidenceSheetFacts(
        authority=office.authority or None,
        exhibit_no=str(exhibit.number),
        case_no=None,
        cause=case.title,
        exhibit_name=say("paper.clip_name", place=case.place),
        device=_device(session, event),
        original_medium=say("paper.medium"),
        method=say("paper.method"),
        extracted_at=Instant(clip.made_us),
        recorded_from=start,
        recorded_to=end,
        clock_offset_s=None if offset_ms is None else offset_ms / 1000,
        clock_doubt_s=None if doubt_ms is None else doubt_ms / 1000,
        clock_note=_clock_note(manifest),
        duration_s=seconds_between(start, end),
        size_px=(media["width"], media["height"]),
        codec={"h264": "H.264", "hevc": "H.265"}[media["codec"]],
        file_name=f"{clip.sha256[:16]}.mp4",
        size_bytes=clip.size,
        sha256=clip.sha256,
        excerpts=(Interval(start, end),),
        gaps=tuple(
            Interval(Instant(gap["start_us"]), Instant(gap["end_us"])) for gap in manifest["gaps"]
        ),
        moments=_moments(event, start),
        transcript=_sound_note(manifest),
        stills=tuple(
            Still(
                picture=_bytes(office.store, items[role]),
                caption=say(f"still.{role}"),
                at=Instant(items[role].start_us),
                sha256=items[role].sha256,
            )
            for role in STILLS
            if role in items
        ),
        review=_review(session, event),
        checkpoint=_mark(session),
    )
    name = f"{say('document.evidence_sheet')}-{exhibit.number}"
    return _Drafted(DocumentKind.EVIDENCE_SHEET, name, SHEET_TEMPLATE, render_evidence_sheet(facts))


def _mark(session: Session) -> CheckpointMark | None:
    """How the log stands now; None before it is signed first."""
    row = newest_checkpoint(session)
    return CheckpointMark(row.note, Fingerprint(row.key_fingerprint)) if row is not None else None


def _clock_note(manifest: dict[str, Any]) -> str | None:
    """What is to be said of the server's clock while the clip was recorded; None: nothing."""
    steps = [f"{step['step_us'] / SECOND:+.1f}" for step in manifest.get("clock_steps", ())]
    told = [say("paper.clock_steps", count=len(steps), seconds="、".join(steps))] if steps else []
    if manifest.get("server_clock", {}).get("synchronised") is False:
        told.append(say("paper.clock_alone"))
    return "；".join(told) or None


def _sound_note(manifest: dict[str, Any]) -> str | None:
    """Sound is recorded in the segments and stays there: a clip holds pictures only."""
    codec = manifest.get("audio", {}).get("recorded")
    return say("paper.sound", codec=codec) if codec else None


def _bytes(store: Store, item: Item) -> bytes:
    with store.open(Sha256(item.sha256)) as stream:
        data = stream.read()
    if sha256_bytes(data) != item.sha256:
        raise FootageAltered(path=item.sha256)
    return data


def _device(session: Session, event: Event) -> Device:
    camera = session.get(Camera, event.camera_id)
    if camera is None:
        return Device(no=event.camera_id)
    return Device(
        no=camera.id, site=camera.place, legal_status=say(f"camera_status.{camera.status}")
    )


def _moments(event: Event, clip_start: Instant) -> tuple[KeyMoment, ...]:
    """When its bringer came, when the thing was put down, and when they left: what was seen."""
    told: list[tuple[str, int | None]] = [
        ("paper.moment_arrived", event.arrived_us),
        ("paper.moment_onset", event.onset_us),
        ("paper.moment_left", event.left_us),
    ]
    return tuple(
        KeyMoment(
            text=say(key),
            start=Instant(at),
            from_s=seconds_between(clip_start, Instant(at)),
        )
        for key, at in told
        if at is not None
    )


def _review(session: Session, event: Event) -> QualityReview:
    review = review_of(session, event.id)
    if review is None:
        return QualityReview()
    officer = session.get(User, review.officer_id)
    return QualityReview(
        true=Quality(review.genuine),
        clear=Quality(review.clear),
        complete=Quality(review.complete),
        accurate=Quality(review.accurate),
        reviewers=(Officer(officer.name, officer.badge_no),) if officer else (),
        at=Instant(review.decided_us),
    )
