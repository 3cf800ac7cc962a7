"""The registrar: every fact and file is entered, once, whatever dies in between."""

import hashlib
import json
from pathlib import Path

import pytest
from sqlalchemy import text

from ingest.spool import FactKind, Spool
from service.alarms import open_alarms
from service.errors import WorldError
from service.evidence.log import Action
from service.facts import GOP_S
from service.registrar import LATE_S, LOG_S, Registrar
from service.settings import load
from service.tables import Alarm, Gap, Job, SegmentRow
from tests.service.footage import CAMERA, Camera, Film, candidate
from tests.service.installation import Installation, faults, installed
from vision.frame import CameraId, Instant, later


@pytest.fixture
def camera(installation: Installation, film: Film) -> Camera:
    return Camera(installation, film, installation.now())


def new_registrar(installation: Installation, **settings: str) -> Registrar:
    """A registrar as after a restart: it knows only what is in the database."""
    changed = load(installation.settings.home, settings) if settings else installation.settings
    return Registrar(installation.database, installation.clock, changed)


def enter(installation: Installation) -> None:
    new_registrar(installation).step()


def say(
    installation: Installation, kind: FactKind, camera: str = CAMERA, /, **data: object
) -> None:
    Spool(installation.settings.spool).put(kind, CameraId(camera), installation.now(), data)
    installation.clock.sleep(1)


def alarms(installation: Installation) -> list[tuple[str, str]]:
    with installation.database.read() as session:
        return [(alarm.key, alarm.subject) for alarm in open_alarms(session)]


def waiting(installation: Installation) -> int:
    return len(Spool(installation.settings.spool).facts())


def segments(installation: Installation) -> list[SegmentRow]:
    return sorted(installation.rows(SegmentRow), key=lambda row: row.start_us)


def test_a_candidate_becomes_one_job(installation: Installation, film: Film) -> None:
    found = candidate(film, installation.now())
    for _ in range(2):
        say(installation, FactKind.CANDIDATE, **found.to_json())
        enter(installation)
    (job,) = installation.rows(Job)
    post_roll_s = installation.settings.post_roll_s
    assert (job.id, job.kind, job.payload) == (found.id, "lookback", found.to_json())
    assert job.not_before_us == later(found.alarm, post_roll_s + GOP_S)
    assert waiting(installation) == 0


FACTS: dict[str, tuple[list[tuple[FactKind, dict[str, object]]], list[str]]] = {
    "down": ([(FactKind.DOWN, {"cause": "disconnected"})], ["camera_down"]),
    "refused": ([(FactKind.DOWN, {"cause": "refused"})], ["camera_refused"]),
    "down twice": ([(FactKind.DOWN, {"cause": "silent"})] * 2, ["camera_down"]),
    "up": ([(FactKind.UP, {})], []),
    "down and up": ([(FactKind.DOWN, {"cause": "silent"}), (FactKind.UP, {})], []),
    "refused and up": ([(FactKind.DOWN, {"cause": "refused"}), (FactKind.UP, {})], []),
    "up and down": ([(FactKind.UP, {}), (FactKind.DOWN, {"cause": "silent"})], ["camera_down"]),
    "failed": ([(FactKind.FAILED, {})], ["analysis_failed"]),
    "skipped": ([(FactKind.SKIPPED, {"skipped": 7})], ["analysis_late"]),
    "lost": ([(FactKind.LOST, {"packets": 40, "seconds": 1.6})], ["footage_lost"]),
    "slow": ([(FactKind.SLOW, {"seconds": 12.5})], ["disk_slow"]),
    "damaged": ([(FactKind.MISSED, {"pictures": 3})], ["pictures_missed"]),
    "picture covered": ([(FactKind.HEALTH, {"ailing": ["covered"]})], ["camera_covered"]),
    "covered, then turned too": (
        [(FactKind.HEALTH, {"ailing": names}) for names in (["covered"], ["covered", "turned"])],
        ["camera_covered", "camera_turned"],
    ),
    "dark, then well": (
        [(FactKind.HEALTH, {"ailing": names}) for names in (["dark", "frozen"], ["dark"], [])],
        [],
    ),
    "another process finds the picture well": (
        [(FactKind.HEALTH, {"ailing": ["cut"]}), (FactKind.HEALTH, {"ailing": []})],
        [],
    ),
    "sub-stream down": ([(FactKind.SUB_DOWN, {"cause": "refused"})], ["sub_stream_down"]),
    "sub-stream down and up": (
        [(FactKind.SUB_DOWN, {"cause": "silent"}), (FactKind.SUB_UP, {})],
        [],
    ),
    "up is of the main stream": (
        [(FactKind.SUB_DOWN, {"cause": "silent"}), (FactKind.UP, {})],
        ["sub_stream_down"],
    ),
}


@pytest.mark.parametrize(("facts", "told"), FACTS.values(), ids=FACTS)
def test_facts_open_and_close_alarms_in_their_order(
    embedded: Installation, facts: list[tuple[FactKind, dict[str, object]]], told: list[str]
) -> None:
    for kind, data in facts:
        say(embedded, kind, **data)
    enter(embedded)
    assert alarms(embedded) == [(key, CAMERA) for key in told]


def test_an_alarm_of_one_camera_is_not_closed_by_another(embedded: Installation) -> None:
    say(embedded, FactKind.DOWN, "yard", cause="silent")
    say(embedded, FactKind.UP, "gate-1")
    enter(embedded)
    assert alarms(embedded) == [("camera_down", "yard")]


def test_late_analysis_is_over_when_nothing_was_skipped_for_long(embedded: Installation) -> None:
    say(embedded, FactKind.SKIPPED, skipped=7)
    enter(embedded)
    embedded.clock.sleep(LATE_S + 1)
    enter(embedded)
    assert alarms(embedded) == []


def test_a_disk_that_fills_up_is_told_and_a_freed_one_too(embedded: Installation) -> None:
    new_registrar(embedded, LIUHEN_RESERVE_BYTES=str(1 << 60)).step()
    assert alarms(embedded) == [
        ("ring_exhausted", str(embedded.settings.segments)),
        ("disk_full", str(embedded.settings.home)),
    ]
    enter(embedded)
    assert alarms(embedded) == []


def test_a_fact_survives_a_failed_transaction(installation: Installation) -> None:
    """The file goes only when its row is committed."""
    say(installation, FactKind.DOWN, cause="silent")
    registrar = new_registrar(installation)
    rename(installation, "alarms", "away")
    with pytest.raises(Exception, match="alarms"):
        registrar.step()
    assert waiting(installation) == 1
    rename(installation, "away", "alarms")
    registrar.step()
    assert (waiting(installation), alarms(installation)) == (0, [("camera_down", CAMERA)])


def rename(installation: Installation, old: str, new: str) -> None:
    with installation.database.write() as session:
        session.connection().execute(text(f"ALTER TABLE {old} RENAME TO {new}"))


def test_closed_segments_are_entered_once(installation: Installation, camera: Camera) -> None:
    camera.record(0, 12)
    registrar = new_registrar(installation)
    for _ in range(2):
        registrar.step()
        enter(installation)
    rows = segments(installation)
    assert [row.end_reason for row in rows] == ["full", "full", "stopped"]
    assert [row.predecessor for row in rows] == [None, rows[0].id, rows[1].id]
    assert len({row.run for row in rows}) == 1
    for row in rows:
        data = (installation.settings.segments / f"{row.id}.mp4").read_bytes()
        assert (row.size, row.sha256) == (len(data), hashlib.sha256(data).hexdigest())
    assert installation.count(Gap) == 0
    assert len(installation.log(Action.SEGMENTS_CLOSED)) == 1
    assert faults(installation.log()) == []


def test_recording_is_told_to_the_log_every_ten_minutes(
    installation: Installation, camera: Camera
) -> None:
    """Rows are entered at once; one entry for a camera tells of all that came in the meantime."""
    registrar = new_registrar(installation)
    registrar.step()
    camera.record(0, 12)
    registrar.step()
    assert len(segments(installation)) == 3
    assert installation.log(Action.SEGMENTS_CLOSED) == []
    installation.clock.sleep(LOG_S)
    registrar.step()
    (entry,) = installation.log(Action.SEGMENTS_CLOSED)
    told = json.loads(entry.body or "")["segments"]
    assert told == [f"{row.id} {row.sha256}" for row in segments(installation)]


def test_a_segment_that_is_being_written_waits(installation: Installation, camera: Camera) -> None:
    camera.record(0, 8, None)
    with camera.alive():
        enter(installation)
    assert [row.end_reason for row in segments(installation)] == ["full"]


def test_what_another_process_left_is_entered_while_a_new_one_records(
    installation: Installation, camera: Camera
) -> None:
    """Wall times do not say who writes: the clock may have been set back in between."""
    camera.record(0, 4, None)
    camera.process, camera.began = "the next", later(camera.began, -100)
    camera.record(6, 9, None)
    with camera.alive():
        enter(installation)
    (row,) = segments(installation)
    assert (row.end_reason, row.start_us) == ("crashed", later(camera.began, 100))


def test_a_gap_is_entered_once_with_its_cause(installation: Installation, camera: Camera) -> None:
    camera.record(0, 4, "disconnected")
    enter(installation)
    camera.record(9, 13, "silent")
    for _ in range(2):
        enter(installation)
    (gap,) = installation.rows(Gap)
    assert (gap.camera_id, gap.cause) == (CAMERA, "disconnected")
    assert (gap.start_us, gap.end_us) == (later(camera.began, 4), later(camera.began, 9))
    told = [
        json.loads(entry.body or "")["gaps"] for entry in installation.log(Action.SEGMENTS_CLOSED)
    ]
    assert told == [[], [f"{gap.start_us} {gap.end_us} disconnected"]]


def test_a_new_connection_is_a_gap_however_short(
    installation: Installation, camera: Camera
) -> None:
    """Pictures are missing between two runs, for certain."""
    camera.record(0, 4, "disconnected")
    camera.record(5, 8)
    enter(installation)
    (gap,) = installation.rows(Gap)
    assert (gap.start_us, gap.end_us) == (later(camera.began, 4), later(camera.began, 5))


def test_a_camera_that_counts_anew_leaves_no_gap(
    installation: Installation, camera: Camera
) -> None:
    """Its media clock jumped; not a picture is missing."""
    camera.record(0, 4, "media_clock_jump")
    camera.record(4.5, 8)
    enter(installation)
    assert installation.count(Gap) == 0


def test_a_crashed_segment_is_entered_when_nobody_writes_it(
    installation: Installation, camera: Camera
) -> None:
    """Its hash is that of what was acknowledged; what lies behind was never promised."""
    camera.record(0, 4, None)
    with camera.alive():
        enter(installation)
    assert segments(installation) == []
    enter(installation)
    (row,) = segments(installation)
    path = installation.settings.segments / f"{row.id}.mp4"
    prefix = path.read_bytes()[: row.size]
    assert (row.end_reason, row.sha256) == ("crashed", hashlib.sha256(prefix).hexdigest())
    camera.record(9, 13, None)
    camera.record(15, 20)
    enter(installation)
    assert [gap.cause for gap in installation.rows(Gap)] == ["crashed", "crashed"]


def test_a_clock_that_was_set_back_stops_nothing(
    installation: Installation, camera: Camera
) -> None:
    camera.record(0, 4, "disconnected")
    camera.record(16, 20, "disconnected")
    enter(installation)
    camera.began = Instant(camera.began - 2_000_000)
    camera.record(9, 13, "disconnected")
    enter(installation)
    assert len(segments(installation)) == 3
    assert [gap.start_us for gap in installation.rows(Gap)] == [later(camera.began, 6)]


def test_altered_footage_is_told_and_holds_up_nothing(
    installation: Installation, camera: Camera
) -> None:
    camera.record(0, 12)
    broken = first_index(installation)
    broken.chmod(0o644)
    broken.write_bytes(broken.read_bytes().replace(b'"offset"', b'"offsat"', 1))
    say(installation, FactKind.DOWN, "yard", cause="silent")
    for _ in range(2):
        enter(installation)
    told = "/".join(broken.with_suffix("").parts[-3:])
    assert set(alarms(installation)) == {("evidence_broken", told), ("camera_down", "yard")}
    assert len(segments(installation)) == 2
    assert installation.count(Alarm) == 2


def first_index(installation: Installation) -> Path:
    return min(installation.settings.segments.rglob("*.idx"))


def test_a_torn_or_empty_index_holds_up_nothing(installation: Installation, camera: Camera) -> None:
    camera.record(0, 4)
    folder = first_index(installation).parent
    (folder / f"{camera.began + 1}.idx").touch()
    (folder / f"{camera.began + 2}.idx").write_text('{"version":')
    enter(installation)
    assert len(segments(installation)) == 1


def test_strange_files_beside_the_segments_hold_up_nothing(
    installation: Installation, camera: Camera
) -> None:
    camera.record(0, 4)
    (installation.settings.segments / "lost+found").mkdir()
    (installation.settings.segments / "note.txt").touch()
    (first_index(installation).parent / "copy of a segment.idx").touch()
    enter(installation)
    assert len(segments(installation)) == 1


def test_a_database_on_a_full_disk_is_the_worlds_fault(tiny_disk: Path) -> None:
    """A full disk: nothing is entered by half, and after it is freed everything is."""
    with installed(tiny_disk / "home", {}) as made:
        ballast = tiny_disk / "ballast"
        say(made, FactKind.DOWN, cause="silent")
        with ballast.open("wb", buffering=0) as file, pytest.raises(OSError, match="space"):
            while True:
                file.write(bytes(512))
        with pytest.raises(WorldError):
            new_registrar(made).step()
        ballast.unlink()
        enter(made)
        assert alarms(made) == [("camera_down", CAMERA)]


def test_facts_of_one_process_keep_their_order(embedded: Installation) -> None:
    """The clock was set back between DOWN and UP: the camera is up."""
    spool, now = Spool(embedded.settings.spool), embedded.now()
    spool.put(FactKind.DOWN, CAMERA, now, {"cause": "silent"})
    spool.put(FactKind.UP, CAMERA, later(now, -3590), {})
    enter(embedded)
    assert alarms(embedded) == []


def test_a_segment_that_names_itself_holds_up_nothing(embedded: Installation, film: Film) -> None:
    """Only somebody's hand writes that; the registrar must not run in circles."""
    Camera(embedded, film, embedded.now()).record(0, 3)
    index = first_index(embedded)
    lines = index.read_text().splitlines(keepends=True)
    name = "/".join(index.with_suffix("").parts[-3:])
    index.write_text(
        "".join([lines[0].replace('"predecessor":null', f'"predecessor":"{name}"'), *lines[1:]])
    )
    enter(embedded)
    assert len(segments(embedded)) == 1


def test_a_backlog_is_entered_in_bites(embedded: Installation, film: Film) -> None:
    """The database is not held for minutes after an outage; nothing is left out."""
    camera = Camera(embedded, film, embedded.now(), segment_s=1.0)
    camera.record(0, 12)
    there = len(list(embedded.settings.segments.rglob("*.idx")))
    registrar = new_registrar(embedded)
    registrar.most_at_once = 5
    entered = []
    for _ in range(4):
        registrar.step()
        entered.append(len(segments(embedded)))
    assert entered == [5, 10, there, there]
    assert embedded.count(Gap) == 0


def test_what_a_crash_left_empty_holds_up_nothing(embedded: Installation, film: Film) -> None:
    """Segments without a whole group are passed over, however many."""
    camera = Camera(embedded, film, embedded.now(), segment_s=1.0)
    camera.record(0, 8)
    for index in sorted(embedded.settings.segments.rglob("*.idx"))[:6]:
        index.write_bytes(index.read_bytes().splitlines(keepends=True)[0])
    registrar = new_registrar(embedded)
    registrar.most_at_once = 1
    for _ in range(2):
        registrar.step()
    assert len(segments(embedded)) == 2


def test_media_that_is_shorter_than_its_index_is_altered(
    embedded: Installation, film: Film
) -> None:
    """No hash is taken of bytes that are not there."""
    Camera(embedded, film, embedded.now()).record(0, 4, None)
    media = first_index(embedded).with_suffix(".mp4")
    media.write_bytes(media.read_bytes()[:2000])
    enter(embedded)
    assert segments(embedded) == []
    assert [key for key, _ in alarms(embedded)] == ["evidence_broken"]
