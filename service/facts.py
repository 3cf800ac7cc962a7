"""What camera processes left in the spool, entered: jobs for candidates, alarms for trouble."""

from sqlmodel import Session

from ingest.clock import Clock
from ingest.spool import Fact, FactKind
from service.alarms import Trouble, close_alarm, raise_alarm
from service.clearing import ask
from service.jobs import add_job
from vision.candidate import Candidate, Clearing
from vision.frame import later
from vision.health import Ailment

GOP_S = 2.0
"""A picture is on disk when its group is complete; cameras should have a key frame so often."""


def enter_fact(session: Session, clock: Clock, fact: Fact, *, post_roll_s: float) -> None:
    """Enter one fact; again does no harm.

    Raises:
        KeyError, ValueError, TypeError: it is not what a camera process writes.
    """
    match fact.kind:
        case FactKind.CANDIDATE:
            candidate = Candidate.from_json(fact.data)
            add_job(
                session,
                clock,
                id=candidate.id,
                kind="lookback",
                payload=fact.data,
                # The clip's end must be on disk too, or the look-back would be done twice.
                not_before=later(candidate.alarm, post_roll_s + GOP_S),
            )
        case FactKind.CLEARED:
            clearing = Clearing.from_json(fact.data)
            # After the look-back that may tell of the thing.
            ask(session, clock, clearing, not_before=later(clearing.at, post_roll_s + GOP_S))
        case FactKind.UP:
            for trouble in (Trouble.CAMERA_DOWN, Trouble.CAMERA_REFUSED):
                close_alarm(session, clock, trouble, fact.camera)
        case FactKind.SUB_UP:
            close_alarm(session, clock, Trouble.SUB_STREAM_DOWN, fact.camera)
        case FactKind.HEALTH:
            _enter_health(session, clock, fact)
        case _:
            _enter_trouble(session, clock, fact)


_OF_HEALTH = {
    Ailment.COVERED: Trouble.CAMERA_COVERED,
    Ailment.FROZEN: Trouble.CAMERA_FROZEN,
    Ailment.DARK: Trouble.CAMERA_DARK,
    Ailment.TURNED: Trouble.CAMERA_TURNED,
    Ailment.DEFOCUSED: Trouble.CAMERA_DEFOCUSED,
    Ailment.CUT: Trouble.CAMERA_CUT,
}
"""The alarm for each ailment of a camera's picture."""


def _enter_health(session: Session, clock: Clock, fact: Fact) -> None:
    """All that is wrong with a picture now; what is not named is over."""
    ailing = {Ailment(name) for name in fact.data["ailing"]}
    for ailment, trouble in _OF_HEALTH.items():
        change = raise_alarm if ailment in ailing else close_alarm
        change(session, clock, trouble, fact.camera)


_TROUBLES = {
    FactKind.DOWN: (Trouble.CAMERA_DOWN, ("cause",)),
    FactKind.SUB_DOWN: (Trouble.SUB_STREAM_DOWN, ("cause",)),
    FactKind.LOST: (Trouble.FOOTAGE_LOST, ("packets", "seconds")),
    FactKind.SLOW: (Trouble.DISK_SLOW, ("seconds",)),
    FactKind.MISSED: (Trouble.PICTURES_MISSED, ("pictures",)),
    FactKind.SKIPPED: (Trouble.ANALYSIS_LATE, ("skipped",)),
    FactKind.FAILED: (Trouble.ANALYSIS_FAILED, ()),
}
"""The alarm for a fact, and what of it the alarm says."""


def _enter_trouble(session: Session, clock: Clock, fact: Fact) -> None:
    trouble, told = _TROUBLES[fact.kind]
    facts = {name: fact.data[name] for name in told}
    if facts.get("cause") == "refused":
        trouble = Trouble.CAMERA_REFUSED if trouble is Trouble.CAMERA_DOWN else trouble
    raise_alarm(session, clock, trouble, fact.camera, **facts)
