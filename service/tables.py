"""Every table of the database; migrations/ holds how they came to be.

Times are microseconds UTC (`Instant`) in `*_us` columns. Rows about evidence are only ever
inserted; what changes (a job's lease, an event's state) says so.
"""

from typing import Any

from sqlalchemy import JSON, BigInteger, CheckConstraint, Column, Index, UniqueConstraint
from sqlmodel import Field, SQLModel

from vision.candidate import Kind


def _instant(*, nullable: bool = False, index: bool = False) -> Any:
    return Field(
        default=None if nullable else ...,
        sa_column=Column(BigInteger, nullable=nullable, index=index),
    )


def _json() -> Any:
    return Field(sa_column=Column(JSON, nullable=False))


class Installation(SQLModel, table=True):
    """Ties this database to the store that belongs to it."""

    id: str = Field(primary_key=True)
    created_us: int = _instant()


class User(SQLModel, table=True):
    """A person who may log in (人员)."""

    __tablename__ = "users"  # `user` is a reserved word of PostgreSQL
    id: str = Field(primary_key=True)
    name: str
    role: str
    password_hash: str
    badge_no: str | None = None
    """执法证号; without it a person cannot decide (行政处罚法 42)."""
    active: bool = True
    created_us: int = _instant()


class LoginSession(SQLModel, table=True):
    """A browser that is logged in; only the hash of its token is kept."""

    token_sha256: str = Field(primary_key=True)
    user_id: str = Field(foreign_key="users.id", index=True)
    created_us: int = _instant()
    expires_us: int = _instant()


class Camera(SQLModel, table=True):
    """A fixed camera (摄像头). The address never holds a password."""

    __tablename__ = "cameras"
    id: str = Field(primary_key=True)
    place: str
    """点位, as published."""
    url: str
    username: str | None = None
    password_variable: str | None = None
    """Name of the environment variable that holds the password."""
    status: str = "lead_only"
    """`lead_only` (线索) until 法制审核 and 技术审核 are on file (行政处罚法 41), then
    `enforcement`."""
    settle_s: float = 10.0
    enabled: bool = True
    added_us: int = _instant()


class ZoneRow(SQLModel, table=True):
    """A polygon in a camera's picture; a change closes the row and opens another."""

    __tablename__ = "zones"
    id: str = Field(primary_key=True)
    camera_id: str = Field(foreign_key="cameras.id", index=True)
    name: str
    kind: str
    points: list[list[float]] = _json()
    valid_from_us: int = _instant()
    valid_to_us: int | None = _instant(nullable=True)


class SegmentRow(SQLModel, table=True):
    """A closed segment file of the ring, as its own index describes it."""

    __tablename__ = "segments"
    id: str = Field(primary_key=True)
    """Path below the segments folder, without suffix."""
    camera_id: str = Field(index=True)
    run: str
    start_us: int = _instant(index=True)
    end_us: int = _instant()
    size: int = Field(sa_column=Column(BigInteger, nullable=False))
    sha256: str
    predecessor: str | None = None
    end_reason: str


class Gap(SQLModel, table=True):
    """An interval in which a camera was not recorded, and why (缺口)."""

    __tablename__ = "gaps"
    id: str = Field(primary_key=True)
    camera_id: str = Field(index=True)
    start_us: int = _instant(index=True)
    end_us: int = _instant()
    cause: str


class Acquisition(SQLModel, table=True):
    """One hand-over of one recorder file (采集); the same bytes may be handed over twice."""

    __tablename__ = "acquisitions"
    id: str = Field(primary_key=True)
    sha256: str = Field(index=True)
    size: int = Field(sa_column=Column(BigInteger, nullable=False))
    file_name: str
    device_id: str | None = None
    officer_id: str | None = None
    acquired_us: int = _instant()
    started_us: int | None = _instant(nullable=True)
    """When the recording began, from the source named in `time_source`; None when unknown."""
    time_source: str
    times: dict[str, Any] = _json()
    """Every time that was found: container, file name, modification."""
    media: dict[str, Any] = _json()
    """Container, codec, width, height, seconds."""


class Event(SQLModel, table=True):
    """A finding for an officer (事件): `Sighting` as a row, plus the state of its review."""

    __tablename__ = "events"
    __table_args__ = (
        CheckConstraint(f"kind IN ({', '.join(repr(k.value) for k in Kind)})", name="known_kind"),
    )
    id: str = Field(primary_key=True)
    """Deterministic: the same find is the same row however often it is made."""
    camera_id: str = Field(index=True)
    """A camera, or `upload:<sha256>` for a recorder file."""
    kind: str
    state: str = Field(default="pending", index=True)
    """`pending`, then `confirmed` or `rejected`, by a person only."""
    before_us: int = _instant()
    onset_us: int = _instant(index=True)
    alarm_us: int = _instant()
    left_us: int | None = _instant(nullable=True)
    box: list[float] = _json()
    size: list[int] = _json()
    actor: str
    actor_box: list[float] | None = Field(default=None, sa_column=Column(JSON))
    score: float
    """Orders the queue; appears in no document."""
    certain: bool
    reasons: list[dict[str, Any]] = _json()
    model: str | None = None
    """SHA-256 of the detector's weights; None when none ran."""
    found_us: int = _instant()


class Item(SQLModel, table=True):
    """A stored piece of an event: its clip, its stills, its manifest."""

    __tablename__ = "items"
    __table_args__ = (UniqueConstraint("event_id", "role"),)
    id: str = Field(primary_key=True)
    event_id: str = Field(foreign_key="events.id", index=True)
    role: str
    """`clip`, `manifest`, or the moment of a still: `before`, `onset`, `after`."""
    sha256: str = Field(index=True)
    size: int = Field(sa_column=Column(BigInteger, nullable=False))
    media_type: str
    start_us: int = _instant()
    end_us: int = _instant()
    made_us: int = _instant()


class Review(SQLModel, table=True):
    """An officer's decision on an event; never changed."""

    __tablename__ = "reviews"
    id: int | None = Field(default=None, primary_key=True)
    event_id: str = Field(foreign_key="events.id", unique=True)
    officer_id: str = Field(foreign_key="users.id")
    decision: str
    """`confirmed` or `rejected`."""
    reason: str
    """Key of the rejection's reason, or the officer's words on a confirmation."""
    note: str = ""
    genuine: bool | None = None
    clear: bool | None = None
    complete: bool | None = None
    accurate: bool | None = None
    decided_us: int = _instant()


class Case(SQLModel, table=True):
    """A penalty case in preparation (案件). The case of record lives on the 执法监督平台."""

    __tablename__ = "cases"
    id: str = Field(primary_key=True)
    title: str
    kind: str
    place: str
    act_us: int = _instant()
    opened_by: str = Field(foreign_key="users.id")
    opened_us: int = _instant()
    party_name: str | None = None
    party_id_no: str | None = None
    party_address: str | None = None
    party_phone: str | None = None
    provision_id: str | None = None
    """The provision that an officer chose from the catalogue; the program never chooses."""
    fine_yuan: int | None = None


class Exhibit(SQLModel, table=True):
    """A confirmed clip that a case relies on (证据)."""

    __tablename__ = "exhibits"
    id: str = Field(primary_key=True)
    case_id: str = Field(foreign_key="cases.id", index=True)
    event_id: str = Field(foreign_key="events.id", unique=True)
    """One act is not punished twice (行政处罚法 29)."""
    number: int
    added_by: str = Field(foreign_key="users.id")
    added_us: int = _instant()


class Document(SQLModel, table=True):
    """One rendering of a document of a case (文书)."""

    __tablename__ = "documents"
    id: str = Field(primary_key=True)
    case_id: str = Field(foreign_key="cases.id", index=True)
    kind: str
    sha256: str
    size: int = Field(sa_column=Column(BigInteger, nullable=False))
    template_sha256: str
    file_name: str
    made_by: str = Field(foreign_key="users.id")
    made_us: int = _instant()


class LogEntry(SQLModel, table=True):
    """One act on evidence (留痕); append-only."""

    __tablename__ = "log"
    __table_args__ = (Index("ix_log_subject_at_us", "subject", "at_us"),)
    seq: int = Field(sa_column=Column(BigInteger, primary_key=True, autoincrement=False))
    at_us: int = _instant()
    actor: str
    action: str
    subject: str
    body: str | None
    """Canonical JSON with its salt; personal data stands only here, so it can be erased."""
    body_sha256: str
    leaf_sha256: str


class Job(SQLModel, table=True):
    """Work that must not be lost (任务): the queue is this table."""

    __tablename__ = "jobs"
    id: str = Field(primary_key=True)
    kind: str = Field(index=True)
    payload: dict[str, Any] = _json()
    state: str = Field(default="ready", index=True)
    """`ready`, `leased`, `done`, `failed`."""
    not_before_us: int = _instant()
    lease_until_us: int | None = _instant(nullable=True)
    epoch: int = 0
    """Grows with each lease; a worker whose epoch is old may not commit."""
    attempts: int = 0
    outcome: str = ""
    created_us: int = _instant()
    done_us: int | None = _instant(nullable=True)


class Alarm(SQLModel, table=True):
    """Something that a person must know (告警): row, banner, /readyz and metric."""

    __tablename__ = "alarms"
    id: int | None = Field(default=None, primary_key=True)
    key: str = Field(index=True)
    """Which kind of trouble, a key of the catalogue."""
    subject: str
    """What it is about: a camera, a disk, a job."""
    facts: dict[str, Any] = _json()
    opened_us: int = _instant()
    renewed_us: int = _instant()
    """When the trouble was last seen."""
    closed_us: int | None = _instant(nullable=True)
