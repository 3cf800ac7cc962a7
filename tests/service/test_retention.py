"""Retention: never what is needed, oldest first, whole or finished later whatever kills it."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.errors import DiskFull
from ingest.ring import Ring
from ingest.segments import LONGEST_S, Segments, day_of
from service.alarms import open_alarms
from service.cases import open_case
from service.errors import WorldError
from service.evidence.log import Action
from service.holds import HoldRequest, hold_subject, place_hold, release_hold
from service.jobs import add_job
from service.law import LawInvalid
from service.needs import DAY_S, MARGIN_S, Need, Needs, Why, needs_of
from service.registrar import Registrar
from service.retention import BATCH, Decision, Kept, Limits, RingKeeper, Rule, decide, limits_of
from service.retention_law import Scope, load_rules, parse_rules
from service.review import Rejection, reject
from service.settings import Settings
from service.subject import Subject, SubjectKind
from service.tables import Camera as CameraRow
from service.tables import Destruction, Event, Job, SegmentRow, User
from tests.service.footage import CAMERA, Camera, Film, candidate
from tests.service.installation import Installation, faults, installed
from vision.frame import SECOND, CameraId, Instant, later
from vision.lookback import spans

PROJECT = Path(__file__).parents[2]
MIB = 1 << 20

# --- the judge ---


def kept(n: int, camera: str = "gate", *, size: int = 10) -> Kept:
    """The minute `n`."""
    start = Instant(n * 60 * SECOND)
    return Kept(f"{camera}/{n}", camera, start, later(start, 60), size, "0" * 64)


def minutes(first: int, last: int, camera: str = "gate") -> Need:
    return Need(
        CameraId(camera), Instant(first * 60 * SECOND), Instant(last * 60 * SECOND), Why.HOLD
    )


AT = [Instant(n * 60 * SECOND) for n in range(12)]
NEVER = Instant(-1)
TEN = [kept(n) for n in range(10)]
"""Minutes 0 to 9, 10 bytes each."""


@dataclass(frozen=True)
class Given:
    limits: Limits
    needs: tuple[Need, ...] = ()
    free: int = 1000
    most: int = BATCH


DECISIONS: dict[str, tuple[Given, dict[str, list[int]]]] = {
    "nothing is due": (Given(Limits(NEVER, NEVER, None, 0)), {}),
    "by age, whole minutes only": (Given(Limits(AT[3], AT[3], None, 0)), {"age": [0, 1, 2]}),
    "by bytes": (Given(Limits(NEVER, AT[11], 75, 0)), {"bytes": [0, 1, 2]}),
    "by bytes, but the law wins": (Given(Limits(NEVER, AT[2], 75, 0)), {"bytes": [0, 1]}),
    "by reserve, whatever the law": (
        Given(Limits(NEVER, NEVER, None, 1025)),
        {"reserve": [0, 1, 2]},
    ),
    "what age frees counts for the others": (
        Given(Limits(AT[2], AT[2], 75, 1025)),
        {"age": [0, 1], "reserve": [2]},
    ),
    "what is needed is passed over": (
        Given(Limits(NEVER, NEVER, None, 1025), (minutes(0, 2), minutes(3, 4))),
        {"reserve": [2, 4, 5]},
    ),
    "another camera's need is not ours": (
        Given(Limits(AT[2], NEVER, None, 0), (minutes(0, 10, "yard"),)),
        {"age": [0, 1]},
    ),
    "all is needed": (Given(Limits(AT[9], AT[9], 0, 5000), (minutes(0, 10),)), {}),
    "a batch": (Given(Limits(AT[9], AT[9], None, 0), most=2), {"age": [0, 1]}),
}


@pytest.mark.parametrize(("asked", "expected"), DECISIONS.values(), ids=DECISIONS)
def test_decisions(asked: Given, expected: dict[str, list[int]]) -> None:
    """R2 and the order of the limits."""
    decision = decide(
        TEN, Needs(asked.needs), asked.limits, size=100, free=asked.free, most=asked.most
    )
    found: dict[str, list[int]] = {}
    for segment, rule in decision.doomed:
        found.setdefault(rule.value, []).append(int(segment.id.partition("/")[2]))
    assert found == expected


def test_what_cannot_be_reached_is_said() -> None:
    """Exhausted: the disk is short and all that is left is needed. More: the batch was full."""
    limits = Limits(NEVER, NEVER, None, 1065)
    assert not decide(TEN, Needs([]), limits, size=100, free=1000).exhausted
    some = decide(TEN, Needs([minutes(2, 9)]), limits, size=100, free=1000)
    assert (len(some.doomed), some.exhausted) == (3, True)
    assert decide([], Needs([]), limits, size=0, free=0).exhausted
    batch = decide(TEN, Needs([]), limits, size=100, free=1000, most=2)
    assert (batch.more, batch.exhausted) == (True, False)
    assert decide(TEN, Needs([]), replace(limits, reserve=0), size=100, free=1) == Decision()


stretches = st.tuples(st.integers(0, 400), st.integers(1, 40), st.sampled_from(["gate", "yard"]))


@given(
    segments=st.lists(st.tuples(stretches, st.integers(0, 50)), max_size=30),
    needed=st.lists(stretches, max_size=5),
    before=st.integers(0, 450),
    younger=st.integers(0, 200),
    limit=st.none() | st.integers(0, 400),
    reserve=st.integers(0, 600),
    most=st.integers(1, 40),
)
def test_the_judge_keeps_its_laws(
    segments: list[tuple[tuple[int, int, str], int]],
    needed: list[tuple[int, int, str]],
    before: int,
    younger: int,
    limit: int | None,
    reserve: int,
    most: int,
) -> None:
    """R2: never a needed one; oldest first; every limit is reached where that is possible."""
    ring = [
        Kept(str(n), camera, Instant(start), Instant(start + length), size, "")
        for n, ((start, length, camera), size) in enumerate(segments)
    ]
    ring.sort(key=lambda each: (each.end, each.id))
    needs = [
        Need(CameraId(camera), Instant(start), Instant(start + length), Why.HOLD)
        for start, length, camera in needed
    ]
    lawful = before + younger
    limits = Limits(Instant(before), Instant(lawful), limit, reserve)
    total, free = sum(each.size for each in ring), 100
    decision = decide(ring, Needs(needs), limits, size=total, free=free, most=most)

    def wanted(each: Kept) -> bool:
        return any(
            need.camera == each.camera and need.start < each.end and need.end > each.start
            for need in needs
        )

    gone = [each for each, _ in decision.doomed]
    spare = [each for each in ring if not wanted(each)]
    # Never a needed one, and none before an older one: the doomed are the first of the spare.
    assert gone == spare[: len(gone)]
    assert len(gone) <= most
    freed = sum(each.size for each in gone)
    for each, rule in decision.doomed:
        assert rule is not Rule.AGE or each.end <= before
        assert rule is not Rule.BYTES or each.end <= lawful
    left = spare[len(gone) :]
    if len(gone) < most:
        # Every limit is reached, or nothing is left that it may take.
        assert not [each for each in left if each.end <= before]
        assert free + freed >= reserve or not left
        if limit is not None:
            assert total - freed <= limit or not [e for e in left if e.end <= lawful]
        assert decision.exhausted is (free + freed < reserve)
    # Nothing is given without need: before the last one some limit was not reached yet.
    if gone:
        last, rule = decision.doomed[-1]
        short = free + freed - last.size < reserve
        beyond = limit is not None and total - freed + last.size > limit
        assert {Rule.AGE: last.end <= before, Rule.BYTES: beyond, Rule.RESERVE: short}[rule]


@given(
    needs=st.lists(st.tuples(st.integers(0, 60), st.integers(1, 20)), max_size=6),
    start=st.integers(0, 80),
    length=st.integers(0, 30),
)
def test_needs_are_asked_rightly(needs: list[tuple[int, int]], start: int, length: int) -> None:
    """The merged intervals answer as each need would; a segment without length still has a time."""
    found = Needs(
        Need(CameraId("gate"), Instant(at), Instant(at + long), Why.HOLD) for at, long in needs
    )
    end = start + max(length, 1)
    assert found.cover("gate", start, end) is any(
        at < end and at + long > start for at, long in needs
    )
    assert not found.cover("yard", start, end)


# --- what needs a recording ---


def pending(of: Installation) -> None:
    of.add_event("event", bare=True)


def rejected(of: Installation) -> None:
    pending(of)
    with of.database.write() as session:
        officer = of.add_person("wang")
        reject(session, of.clock, "event", officer=officer, reason=Rejection.LIGHT)


def confirmed(of: Installation) -> None:
    pending(of)
    of.confirm("event", of.add_person("wang"))


def exhibited(of: Installation) -> None:
    confirmed(of)
    with of.database.write() as session:
        officer = session.get_one(User, "wang")
        open_case(session, of.clock, "event", officer=officer, title="偷倒垃圾")


def after(days: float, of: Callable[[Installation], None]) -> Callable[[Installation], None]:
    """The same, so many days ago."""

    def make(installation: Installation) -> None:
        of(installation)
        installation.pass_days(days)

    return make


EVENTS: dict[str, tuple[Callable[[Installation], None], Why | None]] = {
    "pending": (pending, Why.PENDING),
    "pending 89 days": (after(89, pending), Why.PENDING),
    "pending 91 days": (after(91, pending), None),
    "rejected": (rejected, None),
    "confirmed": (confirmed, Why.CONFIRMED),
    "confirmed 729 days": (after(729, confirmed), Why.CONFIRMED),
    "confirmed 731 days": (after(731, confirmed), None),
    "exhibit": (exhibited, Why.EXHIBIT),
    "exhibit 5 years": (after(1826, exhibited), Why.EXHIBIT),
}


@pytest.mark.parametrize("make", [pending, confirmed])
def test_a_clock_that_leaps_ends_no_need(
    embedded: Installation, make: Callable[[Installation], None]
) -> None:
    """R6: what is needed for 90 days is needed for 90 days that we witnessed."""
    embedded.add_camera()
    make(embedded)
    embedded.clock.step(1000 * DAY_S)
    assert len(wanted(embedded)) == 1


def wanted(of: Installation, *, recent: bool = False) -> list[Need]:
    with of.database.read() as session:
        found = needs_of(session, of.now(), of.settings)
    return [need for need in found if recent or need.why is not Why.RECENT]


@pytest.mark.parametrize(("make", "why"), EVENTS.values(), ids=EVENTS)
def test_what_an_event_needs(
    embedded: Installation, make: Callable[[Installation], None], why: Why | None
) -> None:
    """The table of `service/needs.py`: until when, and from when to when."""
    embedded.add_camera()
    make(embedded)
    found = wanted(embedded)
    assert [need.why for need in found] == ([why] if why else [])
    (event,) = embedded.rows(Event)
    for need in found:
        settings = embedded.settings
        assert need.start == later(event.onset_us, -settings.pre_roll_s - MARGIN_S)
        assert need.end == later(event.alarm_us, settings.post_roll_s + MARGIN_S)


def test_a_hold_on_an_event_holds_its_recording(embedded: Installation) -> None:
    """Of a rejected event too, which needs none otherwise, until the hold is released."""
    embedded.add_camera()
    rejected(embedded)
    subject = Subject(SubjectKind.EVENT, "event")
    with embedded.database.write() as session:
        hold = hold_subject(session, embedded.clock, subject, by="wang", reason="投诉")
    (need,) = wanted(embedded)
    (event,) = embedded.rows(Event)
    assert need.why is Why.HOLD and need.start < event.onset_us < event.alarm_us < need.end
    with embedded.database.write() as session:
        release_hold(session, embedded.clock, hold.id, by="wang", reason="已答复")
    assert wanted(embedded) == []


JOBS: dict[str, tuple[str, float, bool]] = {
    "waits": ("ready", 0, True),
    "waits for a year": ("ready", 365, True),
    "runs": ("leased", 0, True),
    "done": ("done", 0, False),
    "failed": ("failed", 0, True),
    "failed 91 days ago": ("failed", 91, False),
}


@pytest.mark.parametrize(("state", "days", "needed"), JOBS.values(), ids=JOBS)
def test_what_a_look_back_needs(
    embedded: Installation, film: Film, state: str, days: float, needed: bool
) -> None:
    """Its span and the clip that may come of it."""
    found = candidate(film, embedded.now())
    with embedded.database.write() as session:
        add_job(
            session,
            embedded.clock,
            id="j",
            kind="lookback",
            payload=found.to_json(),
            not_before=Instant(0),
        )
        add_job(session, embedded.clock, id="k", kind="other", payload={}, not_before=Instant(0))
        session.get_one(Job, "j").state = state
    embedded.pass_days(days)
    needs = wanted(embedded)
    assert [need.why for need in needs] == ([Why.JOB] if needed else [])
    for need in needs:
        assert need.camera == CAMERA
        assert need.start <= later(found.onset, -embedded.settings.pre_roll_s)
        assert need.start <= spans(found)[0][0]
        assert need.end >= later(found.alarm, embedded.settings.post_roll_s)


def test_what_a_hold_needs_until_it_is_released(embedded: Installation) -> None:
    embedded.add_camera()
    embedded.add_person("wang")
    request = HoldRequest("gate-1", Instant(5), Instant(9), "投诉")
    with embedded.database.write() as session:
        hold = place_hold(session, embedded.clock, request, by="wang")
    assert wanted(embedded) == [Need(CameraId("gate-1"), Instant(5), Instant(9), Why.HOLD)]
    with embedded.database.write() as session:
        release_hold(session, embedded.clock, hold.id, by="wang", reason="已结案")
    assert wanted(embedded) == []


def test_a_cameras_last_minutes_are_needed(embedded: Installation) -> None:
    """What the watch has not reported yet, and a clock that was set back while it records."""
    embedded.add_camera()
    with embedded.database.write() as session:
        session.get_one(CameraRow, "gate-1").settle_s = 100
    needs = Needs(wanted(embedded, recent=True))
    now = embedded.now()
    since = later(now, -100 - LONGEST_S)
    assert needs.cover("gate-1", since, since + 1)
    assert not needs.cover("gate-1", since - 100, since)
    assert needs.cover("gate-1", later(now, 1e6), later(now, 1e6 + 60))


# --- the law ---

RULE = """
[[rule]]
id = "x"
scope = "ring"
act = "规定"
article = "第一条"
text = "保存"
least_days = {days}
valid_from = {since}
source = "here"
mark = "V"
"""


def test_the_longest_rule_in_force_wins() -> None:
    rules = parse_rules(
        RULE.format(days=20, since="2025-01-01")
        + RULE.format(days=90, since="2026-01-01")
        + RULE.format(days=50, since="2025-06-01")
    )
    days = {
        on: rule.least_days if (rule := rules.longest(date.fromisoformat(on))) else None
        for on in ("2024-12-31", "2025-01-01", "2025-12-31", "2026-01-01")
    }
    assert days == {"2024-12-31": None, "2025-01-01": 20, "2025-12-31": 50, "2026-01-01": 90}


@pytest.mark.parametrize(
    "text",
    [
        RULE.format(days=0, since="2025-01-01"),
        RULE.format(days=1, since="2025-01-01").replace('"V"', '"hearsay"'),
        RULE.format(days=1, since="2025-01-01").replace('"ring"', '"everything"'),
        RULE.format(days=1, since="2025-01-01") + "confirmed_bye = 'x'",
        "[[rule]]",
        "[",
    ],
)
def test_a_rule_that_nobody_read_is_refused(text: str) -> None:
    """Hearsay and misspelt keys."""
    with pytest.raises(LawInvalid):
        parse_rules(text)


MARKS = {
    "V": "规定第一条〔待法制员确认〕",
    "V-sec": "规定第一条〔据转引，原文待核〕〔待法制员确认〕",
    "A": "规定第一条〔期限系本系统按该条推定〕〔待法制员确认〕",
    "U": "本单位设定的期限〔依据未核实〕",
}


@pytest.mark.parametrize(("mark", "cited"), MARKS.items(), ids=MARKS)
def test_how_a_rule_is_known_is_printed_with_it(mark: str, cited: str) -> None:
    """What nobody verified is printed as no law; what nobody confirmed says so."""
    rule = RULE.format(days=1, since="2025-01-01").replace('"V"', f'"{mark}"')
    assert parse_rules(rule).rule[0].cited == cited
    confirmed = parse_rules(rule + 'confirmed_by = "王法制"').rule[0].cited
    assert "待法制员确认" not in confirmed and ("规定" in confirmed) is (mark != "U")


def test_every_scope_has_a_rule_today() -> None:
    rules = load_rules()
    assert all(rules.longest(date(2026, 11, 23), scope) for scope in Scope)


def test_settings_never_ask_for_less_than_the_law(tmp_path: Path) -> None:
    law = load_rules().longest(date(2026, 11, 23))
    assert law is not None
    assert law.least_days == 30
    assert "待法制员确认" in law.cited
    now = Instant(10**15)
    for days, before in {7: 30, 30: 30, 60: 60}.items():
        limits = limits_of(Settings(home=tmp_path, ring_days=days), now, law)
        assert limits.before == later(now, -before * DAY_S)
        assert limits.lawful == later(now, -30 * DAY_S)
    assert limits_of(Settings(home=tmp_path, ring_days=7), now, None).before == later(
        now, -7 * DAY_S
    )


# --- the clerk ---


@dataclass
class Disk(Ring):
    """A ring on a disk of which the test says how much is free; what is removed adds to it."""

    settings: Settings
    spare: int = 1 << 40

    def __post_init__(self) -> None:
        super().__init__(self.settings.segments, self.settings.quarantine)

    def free(self) -> int:
        return self.spare

    def _unlink(self, path: Path) -> None:
        if path.exists():
            self.spare += path.stat().st_size
        super()._unlink(path)


def filled(of: Installation, film: Film, *, days: float = 0.0) -> list[SegmentRow]:
    """Five segments of a camera, entered, then `days` pass."""
    of.add_camera()
    Camera(of, film, of.now()).record(0, 21)
    of.clock.sleep(60)
    Registrar(of.database, of.clock, of.settings).step()
    of.pass_days(days)
    return rows(of)


def rows(of: Installation) -> list[SegmentRow]:
    return sorted(of.rows(SegmentRow), key=lambda row: row.start_us)


def files(of: Installation) -> list[str]:
    """Names of the files of segments, by their start."""
    return sorted(path.name for path in of.settings.segments.rglob("*.*") if path.suffix != ".lock")


def keeper(of: Installation, disk: Disk | None = None, **changed: object) -> RingKeeper:
    settings = of.settings.model_copy(update=changed)
    return RingKeeper(of.database, of.clock, settings, disk or Disk(settings))


def alarms(of: Installation) -> list[str]:
    with of.database.read() as session:
        return sorted(alarm.key for alarm in open_alarms(session))


def test_what_is_old_is_destroyed_and_recorded(installation: Installation, film: Film) -> None:
    """R1: record, log entry and tombstones tell what was there; the folder of the day goes."""
    before = filled(installation, film, days=30.1)
    keeper(installation).step()
    assert files(installation) == []
    assert not list(installation.settings.segments.glob("*/*"))
    after_ = rows(installation)
    assert {row.state for row in after_} == {"destroyed"}
    assert [(row.id, row.sha256) for row in after_] == [(row.id, row.sha256) for row in before]
    (record,) = installation.rows(Destruction)
    assert (record.camera_id, record.count, record.rule) == (CAMERA, len(before), "age")
    assert record.size == sum(row.size for row in before)
    assert (record.start_us, record.end_us) == (before[0].start_us, before[-1].end_us)
    assert record.segments == [[row.id, row.sha256] for row in before]
    assert "ring_days=30" in record.basis
    assert "第十七条" in record.basis
    (entry,) = installation.log(Action.DESTROYED)
    assert entry.body is not None
    assert all(f"{row.id} {row.sha256}" in entry.body for row in before)
    assert faults(installation.log()) == []
    keeper(installation).step()
    assert len(installation.rows(Destruction)) == 1


@pytest.mark.parametrize(("days", "gone"), [(0, False), (29, False), (31, True)])
def test_a_clock_that_leaps_makes_nothing_old(
    embedded: Installation, film: Film, days: int, gone: bool
) -> None:
    """R6: a wrong year destroys no month of recording; age is counted in days that we witnessed."""
    filled(embedded, film, days=days)
    embedded.clock.step(400 * DAY_S)
    keeper(embedded, ring_bytes=1).step()
    assert (files(embedded) == []) is gone


def test_nothing_is_destroyed_before_its_day(embedded: Installation, film: Film) -> None:
    filled(embedded, film, days=29.9)
    there = files(embedded)
    keeper(embedded, ring_days=7, ring_bytes=1).step()
    assert files(embedded) == there


def test_the_reserve_takes_the_oldest_whatever_its_age(embedded: Installation, film: Film) -> None:
    """Just enough; less than the law asks is told."""
    before = filled(embedded, film, days=1)
    disk = Disk(embedded.settings, spare=MIB)
    # One and a half times the reserve is freed: a byte more than the first segment gives.
    need = (MIB + before[0].size + 1) * 2 // 3 + 1
    keeper(embedded, disk, reserve_bytes=need).step()
    assert [row.state for row in rows(embedded)] == ["destroyed"] * 2 + ["kept"] * (len(before) - 2)
    assert [record.rule for record in embedded.rows(Destruction)] == ["reserve"]
    assert alarms(embedded) == ["ring_short"]
    read = Segments(embedded.settings.segments).read(CAMERA, Instant(0), embedded.now())
    assert len({gop.head.path for gop in read}) == len(before) - 2
    embedded.clock.sleep(DAY_S + 100)
    keeper(embedded, disk, reserve_bytes=need).step()
    assert alarms(embedded) == []


def test_what_is_needed_stays_on_a_full_disk(embedded: Installation, film: Film) -> None:
    """R2 above all: then the alarm, and its end when the hold is released."""
    before = filled(embedded, film, days=400)
    embedded.add_person("wang")
    first, last = Instant(before[1].start_us), Instant(before[2].end_us - 1)
    with embedded.database.write() as session:
        request = HoldRequest(CAMERA, first, last, "复议")
        hold = place_hold(session, embedded.clock, request, by="wang")
    disk = Disk(embedded.settings, spare=0)
    clerk = keeper(embedded, disk, reserve_bytes=1 << 50)
    clerk.step()
    states = [row.state for row in rows(embedded)]
    assert states == ["destroyed", "kept", "kept", *["destroyed"] * (len(before) - 3)]
    assert alarms(embedded) == ["ring_exhausted"]
    with embedded.database.write() as session:
        release_hold(session, embedded.clock, hold.id, by="wang", reason="已结案")
    clerk.step()
    assert [row.state for row in rows(embedded)] == states, "not at every round"
    embedded.clock.sleep(11)
    clerk.step()
    assert {row.state for row in rows(embedded)} == {"destroyed"}
    disk.spare = 1 << 51
    embedded.clock.sleep(61)
    clerk.step()
    assert alarms(embedded) == []


def test_a_round_is_bounded_and_the_next_goes_on(embedded: Installation) -> None:
    """Facts and alarms do not wait for thousands of segments."""
    embedded.add_camera()
    with embedded.database.write() as session:
        session.add_all(
            SegmentRow(
                id=f"gate-1/20250101/{n}",
                camera_id="gate-1",
                run="r",
                start_us=n * 60 * SECOND,
                end_us=(n + 1) * 60 * SECOND,
                size=10,
                sha256="0" * 64,
                end_reason="full",
            )
            for n in range(BATCH * 2 + 7)
        )
    embedded.pass_days(31)
    clerk = keeper(embedded)
    left = []
    for _ in range(4):
        clerk.step()
        left.append(sum(row.state == "kept" for row in embedded.rows(SegmentRow)))
    assert left == [BATCH + 7, 7, 0, 0]
    oldest = min(embedded.rows(Destruction), key=lambda record: record.start_us)
    assert oldest.start_us == 0


def test_what_was_not_entered_is_not_touched(embedded: Installation, film: Film) -> None:
    """No row, no permission: the segment in hand, and what the registrar has not seen."""
    embedded.add_camera()
    Camera(embedded, film, embedded.now()).record(0, 12, None)
    embedded.clock.sleep(400 * DAY_S)
    there = files(embedded)
    keeper(embedded, Disk(embedded.settings, spare=0), reserve_bytes=1 << 50).step()
    assert files(embedded) == there


def test_todays_folder_stays_for_the_recorder(embedded: Installation, film: Film) -> None:
    """A folder may be emptied just as the recorder is about to open a file in it."""
    filled(embedded, film)
    embedded.clock.sleep(LONGEST_S + 100)
    keeper(embedded, Disk(embedded.settings, spare=0), reserve_bytes=1 << 50).step()
    assert files(embedded) == []
    assert [path.name for path in embedded.settings.segments.glob("*/*")] == [
        day_of(later(embedded.now(), -LONGEST_S))
    ]


class Stubborn(Disk):
    """A disk that removes nothing."""

    def _unlink(self, path: Path) -> None:
        raise OSError(30, "Read-only file system")


def test_a_disk_that_removes_nothing_loses_nothing_more(embedded: Installation, film: Film) -> None:
    """One batch is marked, an alarm is raised, and no further segment is given up."""
    before = filled(embedded, film, days=1)
    disk = Stubborn(embedded.settings, spare=MIB)
    clerk = keeper(embedded, disk, reserve_bytes=MIB * 2 // 3 + 2)
    for _ in range(5):
        clerk.step()
        embedded.clock.sleep(61)
    assert [row.state for row in rows(embedded)] == ["garbage", *["kept"] * (len(before) - 1)]
    assert "ring_stuck" in alarms(embedded)
    keeper(embedded).step()
    assert rows(embedded)[0].state == "destroyed"
    assert "ring_stuck" not in alarms(embedded)


def test_a_row_that_points_elsewhere_removes_nothing(embedded: Installation, film: Film) -> None:
    """A path is proven to be inside the ring before anything is unlinked."""
    victim = embedded.settings.home / "20260101"
    victim.mkdir()
    (victim / "1.mp4").touch()
    ring = Ring(embedded.settings.segments, embedded.settings.quarantine)
    for name in ("../20260101/1", "gate/../1", "/etc/1", "gate/20260101/1/../x"):
        gone, failed = ring.remove([name], empty_before="0")
        assert (gone, len(failed)) == ([], 1)
    assert (victim / "1.mp4").exists()


def test_a_locked_database_destroys_nothing(embedded: Installation, film: Film) -> None:
    """Files go only after the transaction that says so."""
    filled(embedded, film, days=40)
    there = files(embedded)
    clerk = keeper(embedded)
    embedded.database.close()
    moved = embedded.settings.home / "liuhen.db"
    moved.rename(moved.with_suffix(".away"))
    moved.mkdir()
    with pytest.raises(WorldError):
        clerk.step()
    assert files(embedded) == there
    moved.rmdir()
    moved.with_suffix(".away").rename(moved)


def test_a_small_disk_goes_round_and_round(tiny_disk: Path, tmp_path: Path, film: Film) -> None:
    """A disk of 2 MiB, the database elsewhere: recording goes on, and what is held stays whole."""
    environment = {"LIUHEN_DATABASE_URL": f"sqlite:///{tmp_path / 'liuhen.db'}"}
    with installed(tiny_disk / "home", environment) as of:
        of.add_camera()
        of.add_person("wang")
        began, full = of.now(), 0
        clerk = RingKeeper(
            of.database, of.clock, of.settings.model_copy(update={"reserve_bytes": MIB // 2})
        )
        for _ in range(30):
            try:
                Camera(of, film, of.now(), segment_s=60).record(0, 21)
            except DiskFull:
                full += 1
            of.clock.sleep(LONGEST_S + 60)
            Registrar(of.database, of.clock, of.settings).step()
            if not of.log(Action.HELD):
                with of.database.write() as session:
                    request = HoldRequest(CAMERA, began, later(began, 20), "留")
                    place_hold(session, of.clock, request, by="wang")
            clerk.step()
        assert full == 0
        first, *others = rows(of)
        assert first.state == "kept"
        assert len(others) == 29
        assert [row.state for row in others] == sorted(row.state for row in others)
        assert {row.state for row in others} == {"destroyed", "kept"}
        (kept_,) = {
            gop.head.path
            for gop in Segments(of.settings.segments).read(CAMERA, began, later(began, 20))
        }
        assert kept_.name == first.id.rpartition("/")[2]


# --- kill -9 ---

DYING = """
import os, signal, sys
from pathlib import Path
from dataclasses import dataclass
from ingest.clock import SimulatedClock
from ingest.ring import Ring
from service.database import Database
from service.retention import RingKeeper
from service.settings import load
from vision.frame import Instant

home, now, point, number = Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3], int(sys.argv[4])
count = 0

def reached(name):
    global count
    count += name == point
    if count > number:
        os.kill(os.getpid(), signal.SIGKILL)

class Clock(SimulatedClock):
    def now(self):
        reached("now")
        return super().now()

class Dying(Ring):
    def _unlink(self, path):
        reached("unlink")
        super()._unlink(path)
    def _sync(self, folder):
        reached("sync")
        super()._sync(folder)
    def _drop(self, folder):
        super()._drop(folder)
        reached("drop")
    def free(self):
        return 1 << 40

settings = load(home, {"LIUHEN_RESERVE_BYTES": "0"})
database = Database(settings)
clock = Clock(wall=Instant(now))
RingKeeper(database, clock, settings, Dying(settings.segments, settings.quarantine)).step()
database.close()
"""

POINTS = [
    *(("now", n) for n in range(8)),
    *(("unlink", n) for n in (0, 1, 2, 5)),
    ("sync", 0),
    ("drop", 0),
    ("nowhere", 0),
]


@pytest.mark.parametrize(("point", "number"), POINTS, ids=[f"{p} {n}" for p, n in POINTS])
def test_a_kill_anywhere_is_finished_later(
    embedded: Installation, film: Film, point: str, number: int
) -> None:
    """R1 to R3 after SIGKILL at each step, and after the next start: nothing needed is lost, no
    file is without its row's permission, and exactly one record tells of each segment.
    """
    before = filled(embedded, film, days=40)
    embedded.add_person("wang")
    with embedded.database.write() as session:
        request = HoldRequest(
            CAMERA, Instant(before[1].start_us), Instant(before[1].start_us + 1), "留"
        )
        place_hold(session, embedded.clock, request, by="wang")
    embedded.database.close()
    arguments = [str(embedded.settings.home), str(embedded.now()), point, str(number)]
    done = subprocess.run(
        [sys.executable, "-c", DYING, *arguments],
        cwd=PROJECT,
        env={**os.environ, "PYTHONWARNINGS": "error"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode in {0, -signal.SIGKILL}, done.stderr
    if point != "now":
        assert done.returncode == (0 if point == "nowhere" else -signal.SIGKILL)
    _is_consistent(embedded)
    with installed(embedded.settings.home, {}) as again:
        again.clock.wall = embedded.now()
        keeper(again).step()
        _is_consistent(again)
        states = {row.id: row.state for row in rows(again)}
        assert states.pop(before[1].id) == "kept"
        assert set(states.values()) == {"destroyed"}
        assert {name.partition(".")[0] for name in files(again)} == {
            before[1].id.rpartition("/")[2]
        }
        told = [name for record in again.rows(Destruction) for name, _ in record.segments]
        assert sorted(told) == sorted(states)
        assert len(again.log(Action.DESTROYED)) == len(again.rows(Destruction))


def _is_consistent(of: Installation) -> None:
    """A kept row has both files; a file is missing only where the row says so."""
    there = set(files(of))
    for row in rows(of):
        name = row.id.rpartition("/")[2]
        both = {f"{name}.idx", f"{name}.mp4"} & there
        if row.state == "kept":
            assert len(both) == 2, row.id
        if row.state == "destroyed":
            assert not both, row.id
