"""Review copies (审看副本): asked for, waited for, and entered; what makes them is copying.py.

A copy is derived from an original for looking only. It is never evidence, and the original is
not touched by it (docs/design/derived.md).
"""

import json
from dataclasses import asdict, dataclass
from importlib.metadata import version
from typing import Any, Self

import av
from sqlmodel import Session, col, delete, select

from ingest.clock import Clock
from ingest.files import Sha256, sha256_bytes
from ingest.transcode import PARAMETERS, Stretch, Transcoded
from service.errors import InputError
from service.evidence.log import MACHINE, Action, append
from service.jobs import add_job
from service.ledger.entry import canonical
from service.tables import Derived, Event, Item, Job
from vision.frame import SECOND, later

JOB = "review_copy"
"""Kind of the job."""
REVIEW = "review"
"""Kind of the derived item."""
LONGEST_S = 1800
"""Half an hour of one copy: about as much as a person looks at in one go."""
MOST_WAITING = 5
"""Copies that one person can wait for: a queue that nobody fills for the others."""
FORGET_S = 30 * 86_400.0
"""A finished job is of no use after its copy's row but to say why there is no copy; who asked has
read that by then."""
_CLIP_SLACK_S = 10
"""Added to a clip's length, which is known by the wall clock and played by the camera's."""
MADE, PLAYABLE = "made", "playable"
"""Outcomes: the copy is there; the machine wished for what browsers play as it is."""


@dataclass(frozen=True, slots=True)
class Wish:
    """A copy that somebody wants.

    Attributes:
        parent: the original.
        subject: the event or the acquisition that it is wanted for.
        name: what people call the original.
    """

    parent: Sha256
    stretch: Stretch
    subject: str
    name: str
    made_for: str

    @property
    def id(self) -> Sha256:
        """The copy's id: whoever wants it and for what, the same wish has the same."""
        return sha256_bytes(
            canonical(
                {
                    "parent": self.parent,
                    "kind": REVIEW,
                    "start_us": self.stretch.start_us,
                    "end_us": self.stretch.end_us,
                    "parameters": PARAMETERS,
                }
            )
        )

    def to_json(self) -> dict[str, Any]:
        """Plain values, for a job."""
        return asdict(self)

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> Self:
        """The inverse of `to_json`."""
        return cls(**{**values, "stretch": Stretch(**values["stretch"])})


def wish_for_clip(clip: Item, made_for: str) -> Wish:
    """A copy of a whole clip."""
    length_us = clip.end_us - clip.start_us + _CLIP_SLACK_S * SECOND
    name = f"{clip.event_id}.mp4"
    return Wish(Sha256(clip.sha256), Stretch(0, length_us), clip.event_id, name, made_for)


def wish_for_exhibit(session: Session, clock: Clock, event: Event) -> None:
    """Queue a copy of an exhibit's clip; the worker finds out whether browsers need one."""
    items = select(Item).where(Item.event_id == event.id, Item.role == "clip")
    clip = session.exec(items).first()
    if clip is not None:
        ask(session, clock, wish_for_clip(clip, MACHINE))


def _tries(session: Session, copy_id: str) -> list[Job]:
    """The jobs for a copy, oldest first."""
    rows = select(Job).where(col(Job.id).startswith(f"{copy_id}-"), Job.kind == JOB)
    return sorted(session.exec(rows), key=_number)


def _number(job: Job) -> int:
    return int(job.id.rpartition("-")[2])


def _is_over(job: Job) -> bool:
    return job.state in {"done", "failed"}


def ask(session: Session, clock: Clock, wish: Wish) -> None:
    """Queue a wish, unless the copy is there or on its way.

    What failed is tried again when a person asks for it, not for the machine.

    Raises:
        InputError: the stretch is none or too long, or this person waits for enough copies.
    """
    length_us = wish.stretch.end_us - wish.stretch.start_us
    if wish.stretch.start_us < 0 or length_us <= 0:
        raise InputError("copy_stretch")
    if length_us > LONGEST_S * SECOND:
        raise InputError("copy_too_long", minutes=LONGEST_S // 60)
    tries = _tries(session, wish.id)
    if session.get(Derived, wish.id) is not None or (tries and not _is_over(tries[-1])):
        return
    if wish.made_for == MACHINE:
        if tries:
            return
    elif _waiting(session, wish.made_for) >= MOST_WAITING:
        raise InputError("copy_queue_full", most=MOST_WAITING)
    _forget(session, clock)
    add_job(
        session,
        clock,
        id=f"{wish.id}-{_number(tries[-1]) + 1 if tries else 1}",
        kind=JOB,
        payload=wish.to_json(),
        not_before=clock.now(),
    )


def _forget(session: Session, clock: Clock) -> None:
    """Remove jobs that were done long ago: each new one takes the old ones away."""
    old = col(Job.done_us) < later(clock.now(), -FORGET_S)
    session.connection().execute(delete(Job).where(col(Job.kind) == JOB, old))


def _waiting(session: Session, user_id: str) -> int:
    rows = select(Job).where(Job.kind == JOB, col(Job.state).in_(["ready", "leased"]))
    return sum(job.payload["made_for"] == user_id for job in session.exec(rows))


@dataclass(frozen=True, slots=True)
class Standing:
    """How a copy stands.

    Attributes:
        state: `none`, `waiting`, `making`, `ready` or `failed`.
        done_s, total_s: how much of it is made.
        refusal: code and facts of the error for which it failed; None when it did not, or when
            the machine failed.
    """

    state: str
    done_s: float = 0.0
    total_s: float = 0.0
    refusal: tuple[str, dict[str, str | int]] | None = None


def standing(session: Session, copy_id: str) -> Standing:
    """How a copy stands; an unknown one is `none`."""
    if session.get(Derived, copy_id) is not None:
        return Standing("ready")
    tries = _tries(session, copy_id)
    if not tries or tries[-1].outcome in {MADE, PLAYABLE}:
        return Standing("none")
    job = tries[-1]
    total_s = float(Wish.from_json(job.payload).stretch.length)
    match job.state:
        case "failed":
            return Standing("failed")
        case "done":
            said = json.loads(job.outcome)
            return Standing("failed", refusal=(said["code"], said["facts"]))
        case "leased":
            return Standing("making", _seconds(job.outcome), total_s)
        case _:
            return Standing("waiting", total_s=total_s)


def _seconds(note: str) -> float:
    """How far a copy is, as its worker noted; a new lease may still hold what went wrong before."""
    try:
        return float(note)
    except ValueError:
        return 0.0


@dataclass(frozen=True, slots=True)
class Copy:
    """A copy of an original that is there, or was wanted lately."""

    id: str
    stretch: Stretch


def copies_of(session: Session, parent: Sha256) -> list[Copy]:
    """The copies of an original, once each, by their beginning."""
    rows = session.exec(select(Derived).where(Derived.parent_sha256 == parent))
    there = [Copy(row.id, Stretch(row.start_us, row.end_us)) for row in rows]
    of_parent = col(Job.payload)["parent"].as_string() == parent
    jobs = session.exec(select(Job).where(Job.kind == JOB, of_parent))
    wishes = (Wish.from_json(job.payload) for job in jobs)
    wanted = [Copy(wish.id, wish.stretch) for wish in wishes]
    found = {copy.id: copy for copy in (*wanted, *there)}
    return sorted(found.values(), key=lambda copy: (copy.stretch.start_us, copy.stretch.end_us))


def tools() -> dict[str, str]:
    """The programs that make copies, with their versions."""
    codec = ".".join(map(str, av.library_versions["libavcodec"]))
    return {"liuhen": version("liuhen"), "av": av.__version__, "libavcodec": codec}


def enter(
    session: Session, clock: Clock, wish: Wish, made: Transcoded, *, sha256: Sha256, size: int
) -> None:
    """Add the row of a copy that is in the store, and the log entry; once."""
    if session.get(Derived, wish.id) is not None:
        return
    row = Derived(
        id=wish.id,
        kind=REVIEW,
        parent_sha256=wish.parent,
        sha256=sha256,
        size=size,
        start_us=wish.stretch.start_us,
        end_us=made.end_us,
        first_us=made.first_us,
        pictures=made.pictures,
        left_out=made.left_out,
        parameters=PARAMETERS,
        tools=tools(),
        made_us=clock.now(),
        made_for=wish.made_for,
    )
    session.add(row)
    append(
        session,
        clock,
        actor=MACHINE,
        action=Action.DERIVED,
        subject=wish.subject,
        body={
            "copy": row.id,
            "kind": REVIEW,
            "parent_sha256": row.parent_sha256,
            "sha256": sha256,
            "start_us": row.start_us,
            "end_us": row.end_us,
            "left_out": row.left_out,
            "parameters": [f"{name}={value}" for name, value in sorted(PARAMETERS.items())],
            "tools": [f"{name} {number}" for name, number in row.tools.items()],
            "made_for": row.made_for,
        },
    )


def manifest(row: Derived) -> dict[str, Any]:
    """What a copy is, from what and how it was made, and what it is not."""
    return {
        "purpose": "review copy for looking only, not evidence; the original is unchanged",
        "derived": row.model_dump(),
        "times": "a picture at time t of the copy is the one at start_us + t of the parent",
    }
