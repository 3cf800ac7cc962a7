"""Every table of the database; migrations/ holds how they came to be.

Times are microseconds UTC (`Instant`) in `*_us` columns. Rows about evidence are only ever
inserted; what changes (a job's lease, an event's state) says so.
"""

from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    CheckConstraint,
    Column,
    Index,
    String,
    UniqueConstraint,
    false,
    text,
)
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
    unit: str | None = None
    """单位, such as a squad; cases are shown within it. None where there are none."""
    badge_until: str | None = None
    """Last day on which the 执法证 is valid, Beijing date as `2027-12-31`."""
    must_change: bool = Field(default=False, sa_column_kwargs={"server_default": false()})
    """The password was set by somebody else: nothing is open before it is changed."""


class LoginSession(SQLModel, table=True):
    """A browser that is logged in; only the hash of its token is kept."""

    token_sha256: str = Field(primary_key=True)
    user_id: str = Field(foreign_key="users.id", index=True)
    created_us: int = _instant()
    expires_us: int = _instant()
    seen_us: int = Field(sa_column=Column(BigInteger, nullable=False, server_default="0"))
    """When it was last used, to the minute."""
    reason: str | None = None
    """事由 of this duty, as the person stated it: stands beside every view."""


class Token(SQLModel, table=True):
    """What lets a program in (令牌), to what its scopes name; only its hash is kept."""

    __tablename__ = "tokens"
    id: str = Field(primary_key=True)
    purpose: str
    scopes: list[str] = _json()
    token_sha256: str = Field(unique=True)
    added_by: str
    added_us: int = _instant()
    expires_us: int = _instant()
    revoked_us: int | None = _instant(nullable=True)


class Camera(SQLModel, table=True):
    """A fixed camera (摄像头). The address never holds a password."""

    __tablename__ = "cameras"
    id: str = Field(primary_key=True)
    place: str
    """点位, as published."""
    url: str
    sub_url: str | None = None
    """The smaller stream of the same camera, for the watch; None: the main one serves both."""
    transport: str = Field(default="tcp", sa_column_kwargs={"server_default": "tcp"})
    """How packets come: `tcp`, inside the RTSP connection, or `udp`."""
    audio: bool = Field(default=False, sa_column_kwargs={"server_default": false()})
    """Whether sound is recorded, which is decided for each camera and logged."""
    username: str | None = None
    password_variable: str | None = None
    """Under which name the environment or the secrets file holds the password."""
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
    hours: list[str] = Field(default_factory=list, sa_column=Column(JSON, nullable=False))
    """Weekly hours in which it applies, as written: `Mon-Fri 22:00-06:00`; empty means always."""
    time_zone: str = Field(
        default="Asia/Shanghai", sa_column_kwargs={"server_default": "Asia/Shanghai"}
    )
    valid_from_us: int = _instant()
    valid_to_us: int | None = _instant(nullable=True)


class SegmentRow(SQLModel, table=True):
    """A closed segment file of the ring, as its own index describes it."""

    __tablename__ = "segments"
    # The ring gives way oldest first, and asks for what is left of it every minute.
    __table_args__ = (
        Index("ix_segments_state_end_us", "state", "end_us"),
        # A handful among a million, asked for every ten minutes.
        Index(
            "ix_segments_unlogged",
            "camera_id",
            sqlite_where=text("logged IS 0"),
            postgresql_where=text("logged IS false"),
        ),
    )
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
    state: str = Field(
        default="kept", sa_column=Column(String, nullable=False, server_default="kept")
    )
    """`kept`, then `garbage` while its files are removed, then `destroyed`: the row stays."""
    camera_offset_us: int | None = _instant(nullable=True)
    """The camera's clock minus ours, microseconds; None when it sent no time."""
    clock_synchronised: bool | None = None
    """Whether a time service disciplined our clock when it began; None when nobody said."""
    clock_error_us: int | None = _instant(nullable=True)
    """The largest error of our clock that the time service admitted then."""
    codec: str | None = None
    """`h264` or `hevc`; None for rows from before this was kept."""
    audio: str | None = None
    """Codec of the sound in it; None when it has none."""
    logged: bool = Field(default=False, sa_column_kwargs={"server_default": false()})
    """Whether the log tells of it yet: one entry for each camera in ten minutes does."""


class ClockStep(SQLModel, table=True):
    """The server's wall clock was set while a camera was recorded (时钟跳变)."""

    __tablename__ = "clock_steps"
    id: str = Field(primary_key=True)
    camera_id: str = Field(index=True)
    at_us: int = _instant(index=True)
    """Start of the footage in which it happened, by the clock as it stood before."""
    step_us: int = Field(sa_column=Column(BigInteger, nullable=False))
    """New minus old time; negative when it was set back."""
    logged: bool = Field(default=False, sa_column_kwargs={"server_default": false()})
    """Whether the log tells of it yet: one entry for each camera in ten minutes does."""


class Destruction(SQLModel, table=True):
    """One batch of segments that retention destroyed (销毁): what, by which rule; never changed."""

    __tablename__ = "destructions"
    id: str = Field(primary_key=True)
    camera_id: str = Field(index=True)
    start_us: int = _instant()
    end_us: int = _instant()
    count: int
    size: int = Field(sa_column=Column(BigInteger, nullable=False))
    rule: str
    """`age`, `bytes` or `reserve`: which limit asked for it."""
    basis: str
    """How the rule was set on that day."""
    actor: str
    at_us: int = _instant()
    segments: list[list[str]] = _json()
    """`[id, sha256]` of each."""


class Hold(SQLModel, table=True):
    """What must not be destroyed (保全), until released: a stretch of recording, or a subject."""

    __tablename__ = "holds"
    __table_args__ = (Index("ix_holds_kind_subject", "kind", "subject"),)
    id: str = Field(primary_key=True)
    kind: str = Field(default="recording", sa_column_kwargs={"server_default": "recording"})
    """`recording`, with a camera and a stretch; or `event`, `upload`, `case`, with a subject."""
    subject: str | None = None
    camera_id: str | None = Field(default=None, foreign_key="cameras.id", index=True)
    start_us: int | None = _instant(nullable=True)
    end_us: int | None = _instant(nullable=True)
    reason: str
    placed_by: str = Field(foreign_key="users.id")
    placed_us: int = _instant()
    released_by: str | None = Field(default=None, foreign_key="users.id")
    released_us: int | None = _instant(nullable=True)
    release_reason: str | None = None


class Deletion(SQLModel, table=True):
    """One subject of a deletion (删除) that one person asks for and another approves."""

    __tablename__ = "deletions"
    __table_args__ = (
        Index("ix_deletions_kind_subject", "kind", "subject"),
        CheckConstraint(
            "approved_by IS NULL OR approved_by <> asked_by OR asked_by = 'liuhen'",
            name="two_persons",
        ),
    )
    id: str = Field(primary_key=True)
    batch: str = Field(index=True)
    """What was asked for together is approved together."""
    kind: str
    """`event`, `upload` or `case`."""
    subject: str
    state: str = Field(index=True)
    """`asked`, then `refused`; or `recycled`, then `recovered`; or `garbage` while its files are
    removed, then `destroyed`: the row stays."""
    reason: str
    basis: str
    """Which rules stood on that day, and how many days were left of them."""
    asked_by: str
    """A user's id, or `liuhen` where a rule lets the machine do it alone."""
    asked_us: int = _instant()
    approved_by: str | None = None
    approved_us: int | None = _instant(nullable=True)
    due_us: int | None = _instant(nullable=True)
    """From then on it is destroyed; until then it can be recovered."""
    settled_by: str | None = None
    """Who refused or recovered it."""
    settled_us: int | None = _instant(nullable=True)
    settled_why: str | None = None
    destroyed_us: int | None = _instant(nullable=True)


class Tombstone(SQLModel, table=True):
    """What is left of a destroyed object (销毁记录): its name and size, by which deletion."""

    __tablename__ = "tombstones"
    id: str = Field(primary_key=True)
    deletion_id: str = Field(foreign_key="deletions.id", index=True)
    sha256: str = Field(index=True)
    size: int = Field(sa_column=Column(BigInteger, nullable=False))
    role: str
    """What it was of its subject: `clip`, `original`, `document` and so on."""
    at_us: int = _instant()


class Promotion(SQLModel, table=True):
    """A file of the ring that an exhibit needs, kept in the store as an original (转存)."""

    __tablename__ = "promotions"
    __table_args__ = (UniqueConstraint("event_id", "path"),)
    id: str = Field(primary_key=True)
    event_id: str = Field(foreign_key="events.id", index=True)
    path: str
    """Below the segments folder, with suffix: recording and index are a row each."""
    sha256: str = Field(index=True)
    size: int = Field(sa_column=Column(BigInteger, nullable=False))
    promoted_us: int = _instant()


class Scrub(SQLModel, table=True):
    """One round over the store in which every object is hashed again (巡检)."""

    __tablename__ = "scrubs"
    id: int | None = Field(default=None, primary_key=True)
    began_us: int = _instant()
    ended_us: int | None = _instant(nullable=True)
    reached: str = ""
    """The last digest that was looked at: they come in order."""
    objects: int = 0
    total: int = 0
    """Objects that there were as it began."""
    bytes_read: int = Field(default=0, sa_column=Column(BigInteger, nullable=False))
    faults: int = 0


class Gap(SQLModel, table=True):
    """An interval in which a camera was not recorded, and why (缺口)."""

    __tablename__ = "gaps"
    id: str = Field(primary_key=True)
    camera_id: str = Field(index=True)
    start_us: int = _instant(index=True)
    end_us: int = _instant()
    cause: str
    logged: bool = Field(default=False, sa_column_kwargs={"server_default": false()})
    """Whether the log tells of it yet: one entry for each camera in ten minutes does."""


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
    """Container, codec, width, height, seconds, audio."""
    confidence: str = "unknown"
    """How far `started_us` can be trusted: `high`, `medium`, `low`, `none`; `stated` by an
    officer; `unknown` for rows from before it was judged."""
    channel: str = "command"
    """How it came: `command`, `page`, `station`, `token` or `folder`."""
    handed_by: str = ""
    """The account, docking station or watch folder that brought it; empty when nobody proved it."""
    sums: list[dict[str, Any]] = Field(default_factory=list, sa_column=Column(JSON, nullable=False))
    """Checksums that came with the file, each with ours and whether they are equal."""


class Companion(SQLModel, table=True):
    """A file that came beside a recorder file (随附文件): checksum, log, GPS track."""

    __tablename__ = "companions"
    id: str = Field(primary_key=True)
    upload_id: str = Field(index=True)
    """The acquisition or the quarantined file to which it belongs: both have the same id."""
    file_name: str
    sha256: str = Field(index=True)
    size: int = Field(sa_column=Column(BigInteger, nullable=False))


class ContentIndex(SQLModel, table=True):
    """What a recorder file shows and when (内容索引): to find a place in it, never evidence."""

    __tablename__ = "content_indexes"
    sha256: str = Field(primary_key=True)
    """Of the original."""
    model: str
    """SHA-256 of the weights that looked."""
    looks: int
    appearances: list[list[Any]] = _json()
    """`[group, start, end, most]` each, microseconds from the first picture."""
    person: bool
    vehicle: bool
    bag: bool
    made_us: int = _instant()


class Transfer(SQLModel, table=True):
    """A file on its way to us, in parts (传输); the offset here is what was acknowledged."""

    __tablename__ = "transfers"
    id: str = Field(primary_key=True)
    """Also the id of the acquisition or quarantined file that it becomes."""
    owner: str = Field(index=True)
    """`user:<account>`, `station:<id>` or `token:<id>`: nobody else may touch it."""
    length: int = Field(sa_column=Column(BigInteger, nullable=False))
    offset: int = Field(sa_column=Column(BigInteger, nullable=False))
    """Bytes that are durable and acknowledged; grows only."""
    file_name: str
    device_id: str | None = None
    officer_id: str | None = None
    modified_us: int | None = _instant(nullable=True)
    """Modification time as the client said it."""
    sums: dict[str, str] = _json()
    """Checksums that the client said, by algorithm."""
    said: str
    """All that the client said of the file, as it came (Upload-Metadata)."""
    state: str = Field(index=True)
    """`arriving`, then `received` with its last byte, then `taken` or `quarantined`."""
    created_us: int = _instant()
    expires_us: int = _instant(index=True)
    """An unfinished one is forgotten then; grows with every part that arrives."""


class Quarantined(SQLModel, table=True):
    """A file that waits for a person (待处理): kept, and not yet handed over."""

    __tablename__ = "quarantine"
    id: str = Field(primary_key=True)
    sha256: str = Field(index=True)
    size: int = Field(sa_column=Column(BigInteger, nullable=False))
    file_name: str
    device_id: str | None = None
    officer_id: str | None = None
    channel: str
    handed_by: str
    arrived_us: int = _instant(index=True)
    reason: str
    """Why it waits, a key of the catalogue."""
    facts: dict[str, Any] = _json()
    """What fills the reason's blanks."""
    times: dict[str, Any] = _json()
    media: dict[str, Any] | None = Field(default=None, sa_column=Column(JSON))
    """None when it cannot be read as a video."""
    sums: list[dict[str, Any]] = _json()
    settled_us: int | None = _instant(nullable=True)
    settled_by: str | None = None
    settlement: str | None = None
    """`taken` (an acquisition with the same id) or `set_aside`; None while it waits."""
    settled_why: str | None = None


class Station(SQLModel, table=True):
    """A docking station (采集工作站) that may upload; only the hash of its token is kept."""

    __tablename__ = "stations"
    id: str = Field(primary_key=True)
    place: str
    token_sha256: str = Field(unique=True)
    added_us: int = _instant()
    revoked_us: int | None = _instant(nullable=True)


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
    arrived_us: int | None = _instant(nullable=True)
    contact_us: int | None = _instant(nullable=True)
    released_us: int | None = _instant(nullable=True)
    """None in rows of before this was kept."""
    alarm_us: int = _instant()
    left_us: int | None = _instant(nullable=True)
    cleared_us: int | None = _instant(nullable=True)
    """When the thing was gone; None while it lies there, for all the watch knows."""
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
    """`clip`, `manifest`, or one of `service.stills.STILLS`."""
    sha256: str = Field(index=True)
    size: int = Field(sa_column=Column(BigInteger, nullable=False))
    media_type: str
    start_us: int = _instant()
    end_us: int = _instant()
    made_us: int = _instant()


class Derived(SQLModel, table=True):
    """A copy that was made of an original for looking (派生件); never evidence."""

    __tablename__ = "derived"
    id: str = Field(primary_key=True)
    """Deterministic: parent, kind, what was asked of it and parameters, hashed."""
    kind: str
    """`review`."""
    parent_sha256: str = Field(index=True)
    sha256: str = Field(index=True)
    size: int = Field(sa_column=Column(BigInteger, nullable=False))
    start_us: int = _instant()
    """Offset in the parent, from its first picture: the copy's time 0. No time of day."""
    end_us: int = _instant()
    """Where its last picture ends, likewise."""
    first_us: int = _instant()
    """The copy's time of its first picture."""
    pictures: int
    left_out: int
    """Damaged pictures of the parent that it lacks."""
    parameters: dict[str, Any] = _json()
    tools: dict[str, Any] = _json()
    made_us: int = _instant()
    made_for: str
    """A user's id, or `liuhen` when a case asked for it."""


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
    closed_us: int | None = _instant(nullable=True)
    """When the case ended (结案): from then on the time of its file counts."""
    closed_by: str | None = Field(default=None, foreign_key="users.id")
    procedure: str | None = None
    """`ordinary` (普通程序) or `summary` (简易程序): how long its file is kept."""


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
    promoted_us: int | None = _instant(nullable=True)
    """When its recording was kept in the store; until then the ring must keep it."""


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
    __table_args__ = (
        Index("ix_log_subject_at_us", "subject", "at_us"),
        Index("ix_log_at_us", "at_us"),
    )
    seq: int = Field(sa_column=Column(BigInteger, primary_key=True, autoincrement=False))
    at_us: int = _instant()
    actor: str
    action: str
    subject: str
    body: str | None
    """Canonical JSON with its salt; personal data stands only here, so it can be erased."""
    body_sha256: str
    leaf_sha256: str


class CheckpointRow(SQLModel, table=True):
    """A signed statement of how large the log is and what its root is (检查点)."""

    __tablename__ = "checkpoints"
    size: int = Field(sa_column=Column(BigInteger, primary_key=True, autoincrement=False))
    """Entries that it covers. Only the newest is kept, and those that anchors name."""
    root_sha256: str
    note: str
    """The C2SP signed note, with the log's own signature."""
    key_fingerprint: str
    at_us: int = _instant()
    frontier: list[str] = _json()
    """Hashes of the complete subtrees, hexadecimal, from left to right."""
    tip_sha256: str
    """Leaf hash of the last entry that it covers."""


class AnchorRow(SQLModel, table=True):
    """A checkpoint shown to somebody outside (锚定), and what they answered."""

    __tablename__ = "anchors"
    __table_args__ = (UniqueConstraint("size", "kind", "name"),)
    id: str = Field(primary_key=True)
    size: int = Field(sa_column=Column(BigInteger, nullable=False, index=True))
    """Which checkpoint."""
    kind: str
    """`tsa`, a time-stamp of RFC 3161, or `witness`, a cosignature of C2SP tlog-cosignature."""
    name: str
    """The TSA's address or the witness's name."""
    state: str = Field(index=True)
    """`waiting`, then `done`, or `failed` when a later checkpoint took its place."""
    token: str = ""
    """The time-stamp's response in base64, or the signature line."""
    time_us: int | None = _instant(nullable=True)
    """When they saw it, by their clock."""
    asked_us: int = _instant()
    attempts: int = 0
    error: str = ""


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
