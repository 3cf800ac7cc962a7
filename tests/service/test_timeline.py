"""A faulty hour, told from rows: what a person reads of it, and that it adds up."""

import json
from collections.abc import Iterator
from dataclasses import replace
from io import StringIO
from itertools import pairwise

import av
import pytest
from rich.console import Console
from sqlmodel import select

from ingest.lock import Lock
from ingest.packet import Packet
from ingest.recorder import Recorder
from ingest.segments import Segments
from service.alarms import Trouble, close_alarm, open_alarms, raise_alarm
from service.cli_timeline import show_timeline
from service.evidence.log import Action
from service.registrar import Registrar
from service.tables import Gap, SegmentRow
from service.timeline import Kind, Timeline, timeline
from tests.ingest.clip import CAMERA, Recipe, Replay, encoded, record, replayed
from tests.service.installation import Installation
from vision.frame import SECOND, Instant, later

CLIP = Recipe(count=300, gop=10, container="ts")
"""Thirty seconds."""


class Told(Replay):
    """A camera that sends its time, `ahead_s` off, and a server whose clock is set at `step_at`."""

    ahead_s = 0.2
    step_at = -1
    step_s = 0.0

    def _stamped(self, n: int, packet: "av.Packet") -> Packet:
        if n == self.step_at:
            self.clock.step(self.step_s)
        told = super()._stamped(n, packet)
        return replace(told, camera_time=Instant(told.arrival + round(self.ahead_s * SECOND)))


@pytest.fixture
def recorder(embedded: Installation) -> Recorder:
    return Recorder(embedded.settings.segments, CAMERA, embedded.clock, segment_s=10)


def show(embedded: Installation, recorder: Recorder, reason: str, **told: float) -> None:
    """One run of the camera, entered."""
    source = Told(encoded(CLIP), embedded.clock)
    for name, value in told.items():
        setattr(source, name, value)
    record(recorder, source, reason)
    enter(embedded)


def enter(embedded: Installation) -> None:
    Registrar(embedded.database, embedded.clock, embedded.settings).step()


def told_of(embedded: Installation, start: Instant, *, end: Instant | None = None) -> Timeline:
    segments = Segments(embedded.settings.segments)
    with embedded.database.read() as session:
        return timeline(session, segments, CAMERA, start, end or embedded.now())


def alarm_keys(embedded: Installation) -> list[str]:
    with embedded.database.read() as session:
        return [alarm.key for alarm in open_alarms(session)]


def test_a_faulty_hour_adds_up(embedded: Installation, recorder: Recorder) -> None:
    """Runs, gaps with their causes, an alarm: in order, and together the whole interval."""
    start = embedded.now()
    show(embedded, recorder, "disconnected")
    with embedded.database.write() as session:
        raise_alarm(session, embedded.clock, Trouble.CAMERA_DOWN, CAMERA, cause="disconnected")
    embedded.clock.sleep(12)
    with embedded.database.write() as session:
        close_alarm(session, embedded.clock, Trouble.CAMERA_DOWN, CAMERA)
    show(embedded, recorder, "silent")
    embedded.clock.sleep(8)
    show(embedded, recorder, "stopped")
    told = told_of(embedded, start)
    seen = [(m.kind, (m.start - start) / SECOND, m.cause) for m in told.moments]
    assert seen == [
        (Kind.RECORDED, 0, "disconnected"),
        (Kind.GAP, 30, "disconnected"),
        (Kind.ALARM, 30, "camera_down"),
        (Kind.RECORDED, 42, "silent"),
        (Kind.GAP, 72, "silent"),
        (Kind.RECORDED, 80, "stopped"),
    ]
    gaps_s = sum((gap.end or gap.start) - gap.start for gap in told.gaps) / SECOND
    assert (told.recorded_s, gaps_s) == (90, 20)
    assert told.coverage == pytest.approx(90 / 110)
    assert [m.facts["segments"] for m in told.moments if m.kind is Kind.RECORDED] == [3, 3, 3]
    assert told.offsets is not None
    assert (told.offsets.count, told.offsets.usual_s) == (9, 0.2)


@pytest.mark.parametrize("step_s", [600.0, -600.0])
def test_a_step_of_the_clock_is_no_gap(
    embedded: Installation, recorder: Recorder, step_s: float
) -> None:
    """Not a picture is missing: the step is told as what it is, with its alarm and log entry."""
    start = later(embedded.now(), -1000)
    show(embedded, recorder, "stopped", step_at=123, step_s=step_s)
    told = told_of(embedded, start, end=later(start, 1630))
    assert embedded.count(Gap) == 0
    (step,) = [m for m in told.moments if m.kind is Kind.CLOCK_STEP]
    assert step.facts == {"step_s": step_s}
    assert "clock_stepped" in alarm_keys(embedded)
    told = [json.loads(entry.body or "") for entry in embedded.log(Action.SEGMENTS_CLOSED)]
    assert [len(body["clock_steps"]) for body in told if body["clock_steps"]] == [1]


def test_a_camera_with_a_wrong_clock_is_an_alarm_from_one_second_on(
    embedded: Installation, recorder: Recorder
) -> None:
    """GB/T 28181 9.10.1; it ends when the clock is right again."""
    for ahead_s, alarms in (
        (0.99, []),
        (-86_400, ["camera_clock"]),
        (1.0, ["camera_clock"]),
        (0, []),
    ):
        show(embedded, recorder, "stopped", ahead_s=ahead_s)
        assert alarm_keys(embedded) == alarms


def test_a_loss_is_a_gap_however_short(embedded: Installation, recorder: Recorder) -> None:
    """A hiccup of the network may be nothing; an overrun is known to have cost pictures."""
    show(embedded, recorder, "overrun")
    embedded.clock.sleep(0.4)
    show(embedded, recorder, "stopped")
    (gap,) = embedded.rows(Gap)
    assert (gap.cause, gap.end_us - gap.start_us) == ("overrun", 400_000)


def test_a_pause_inside_a_segment_is_a_gap(embedded: Installation, recorder: Recorder) -> None:
    """The connection stood and nothing came for 5 s: that is missing as well."""
    start = embedded.now()
    source = Replay(
        encoded(CLIP),
        embedded.clock,
        warp=lambda n: 5 * 90_000 if n > 43 else 0,
        lag_s=lambda n: 5.0 if n > 43 else 0.0,
    )
    packets = list(replayed(source)[1])
    source.close()
    source = Replay(encoded(CLIP), embedded.clock)
    recorder.start(source.open())
    for packet, after in pairwise(packets):
        recorder.write(replace(packet, duration=after.dts - packet.dts))
    recorder.stop("stopped")
    source.close()
    enter(embedded)
    (gap,) = embedded.rows(Gap)
    assert gap.cause == "paused"
    assert (gap.start_us - start, gap.end_us - start) == (4_300_000, 9_400_000)


def test_what_is_being_written_counts(embedded: Installation, recorder: Recorder) -> None:
    """The last minutes are in no row yet."""
    start = embedded.now()
    source = Told(encoded(CLIP), embedded.clock)
    recorder.start(source.open())
    for packet in source.packets():
        recorder.write(packet)
        if packet.monotonic_us > 25 * SECOND:
            break
    with Lock(embedded.settings.segments / f"{CAMERA}.lock") as lock:
        assert lock.take()
        enter(embedded)
    told = told_of(embedded, start)
    assert [(m.kind, m.end is None) for m in told.moments] == [
        (Kind.RECORDED, False),
        (Kind.RECORDED, True),
    ]
    assert told.recorded_s == pytest.approx(25, abs=1)
    recorder.stop("stopped")
    source.close()


def test_a_camera_that_is_away_now_is_told(embedded: Installation, recorder: Recorder) -> None:
    """Nobody has to wait for it to come back to see that it is missing."""
    start = embedded.now()
    show(embedded, recorder, "disconnected")
    embedded.clock.sleep(19)
    assert told_of(embedded, start).gaps == []
    embedded.clock.sleep(2)
    (gap,) = told_of(embedded, start).gaps
    assert (gap.start, gap.end) == (later(start, 30), None)
    # It came back, in a segment that is in no row yet.
    source = Told(encoded(CLIP), embedded.clock)
    record(recorder, source, "stopped")
    (gap,) = told_of(embedded, start).gaps
    assert (gap.start, gap.end, gap.cause) == (
        later(start, 30),
        later(start, 51),
        "disconnected",
    )
    assert told_of(embedded, start).recorded_s == 60


@pytest.fixture
def printed() -> Iterator[tuple[Console, StringIO]]:
    paper = StringIO()
    yield Console(file=paper, width=200), paper


def test_a_person_reads_it_in_chinese_and_english(
    embedded: Installation, recorder: Recorder, printed: tuple[Console, StringIO]
) -> None:
    """Every kind of line has words; times are of Beijing."""
    start = embedded.now()
    show(embedded, recorder, "disconnected", ahead_s=5.0)
    embedded.clock.sleep(7)
    show(embedded, recorder, "stopped", step_at=55, step_s=-3.0)
    with embedded.database.write() as session:
        raise_alarm(session, embedded.clock, Trouble.CAMERA_DOWN, CAMERA, cause="silent")
    embedded.clock.sleep(1)
    out, paper = printed
    show_timeline(out, told_of(embedded, start))
    text = paper.getvalue()
    for words in (
        "缺口：连接中断",
        "nothing recorded: the connection broke",
        "时钟被调整 -3.0 秒",
        "摄像头“gate”断线：已连接但无数据",
        "缺口 1 处，最长 7.0 秒",
        "+5.00",
        "04:26:40",
    ):
        assert words in text, words


def test_it_is_read_by_machines_too(embedded: Installation, recorder: Recorder) -> None:
    start = embedded.now()
    show(embedded, recorder, "disconnected")
    plain = told_of(embedded, start).to_json()
    assert plain["recorded_s"] == 30
    assert [moment["kind"] for moment in plain["moments"]] == ["recorded"]
    assert plain["camera_clock_minus_server_s"] == {
        "segments": 3,
        "least": 0.2,
        "usual": 0.2,
        "most": 0.2,
    }


def test_what_was_destroyed_is_not_recorded(embedded: Installation, recorder: Recorder) -> None:
    """It was, and nobody can look at it any more."""
    start = embedded.now()
    show(embedded, recorder, "stopped")
    with embedded.database.write() as session:
        for row in session.exec(select(SegmentRow)).all()[:2]:
            row.state = "destroyed"
            session.add(row)
    told = told_of(embedded, start)
    assert [m.kind for m in told.moments] == [Kind.DESTROYED, Kind.RECORDED]
    assert told.recorded_s == 10


def test_a_broken_index_hides_nothing_else(embedded: Installation, recorder: Recorder) -> None:
    """It is an alarm; the rest of the hour can be followed."""
    start = embedded.now()
    source = Told(encoded(CLIP), embedded.clock)
    record(recorder, source, "stopped")
    (broken, *_) = sorted(embedded.settings.segments.rglob("*.idx"))
    broken.write_bytes(b"xx\n" + broken.read_bytes())
    told = told_of(embedded, start)
    assert told.recorded_s == 20


def test_a_clock_that_is_set_in_a_pause_hides_no_gap(
    embedded: Installation, recorder: Recorder
) -> None:
    """Invariant 10: the camera was away for 30 s, whatever the clock said meanwhile."""
    show(embedded, recorder, "disconnected")
    embedded.clock.sleep(30)
    embedded.clock.step(-3600)
    show(embedded, recorder, "disconnected")
    embedded.clock.sleep(20)
    embedded.clock.step(1800)
    show(embedded, recorder, "stopped")
    gaps = [(gap.cause, (gap.end_us - gap.start_us) / SECOND) for gap in embedded.rows(Gap)]
    assert sorted(gaps) == [("disconnected", 20), ("disconnected", 30)]


def test_a_killed_recorder_is_on_the_timeline(embedded: Installation, recorder: Recorder) -> None:
    """Its process's alarm is the camera's."""
    start = embedded.now()
    show(embedded, recorder, "stopped")
    with embedded.database.write() as session:
        raise_alarm(session, embedded.clock, Trouble.PROCESS_ENDED, f"camera-{CAMERA}", code="-9")
    embedded.clock.sleep(1)
    assert "process_ended" in [m.cause for m in told_of(embedded, start).moments]
