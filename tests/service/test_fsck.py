"""fsck: every damage is found as exactly what it is, and nothing where nothing is wrong."""

import hashlib
import io
import json
import os
import shutil
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from ingest.clock import SimulatedClock
from ingest.files import sha256_file
from ingest.fsck import RULES, Code, Depth, Finding, Pace, Severity
from ingest.lock import Lock
from ingest.ring import Ring
from ingest.segments import Segment, read_index
from service.alarms import Trouble, open_alarms, raise_alarm
from service.evidence.log import Action
from service.evidence.store import FolderStore
from service.evidence.verify import record as verified
from service.evidence.verify import verify
from service.fsck import MOST_ALARMS, STALE_S, Checker, Report, record, sentence
from service.mend import Mender, mend_at_start
from service.registrar import Registrar
from service.retention import RingKeeper
from service.segments import unlogged_cameras
from service.tables import Event, Gap, Item, SegmentRow
from service.tables import Installation as InstallationRow
from service.texts import catalogue
from service.tombstone import living
from tests.ingest.clip import Recipe, encoded
from tests.ingest.test_crash import killed_after
from tests.service.footage import CAMERA, Camera, Film
from tests.service.installation import Installation, installed
from vision.frame import SECOND, CameraId


@pytest.fixture(scope="module")
def sound(migrated: Path, film: Film, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home that wants for nothing: two runs of a camera, an event with its pieces."""
    home = tmp_path_factory.mktemp("sound") / "home"
    home.mkdir()
    shutil.copy(migrated, home)
    with installed(home, {}) as made:
        made.add_camera()
        Camera(made, film, made.now()).record(0, 21)
        made.clock.sleep(100)
        Camera(made, film, made.now()).record(0, 12)
        made.clock.sleep(100)
        made.add_event("event")
        Registrar(made.database, made.clock, made.settings).step()
        made.database.engine.dispose()
    return home


@pytest.fixture
def home(sound: Path, tmp_path: Path) -> Iterator[Installation]:
    """A copy of it to spoil."""
    shutil.copytree(sound, tmp_path / "home")
    with installed(tmp_path / "home", {}) as made:
        made.clock.sleep(300)
        yield made


def check(of: Installation, depth: Depth = Depth.HASHES) -> list[Finding]:
    return list(report(of, depth).findings)


def report(of: Installation, depth: Depth = Depth.HASHES) -> Report:
    return Checker(of.settings, of.database, of.clock, depth).run()


def rows(of: Installation) -> list[SegmentRow]:
    return sorted(of.rows(SegmentRow), key=lambda row: row.start_us)


def path(of: Installation, number: int, suffix: str) -> Path:
    """A file of the `number`th segment."""
    return of.settings.segments / f"{rows(of)[number].id}{suffix}"


def change(of: Installation, number: int, **fields: object) -> None:
    with of.database.write() as session:
        row = session.get_one(SegmentRow, rows(of)[number].id)
        for name, value in fields.items():
            setattr(row, name, value)


def flip(file: Path, at: int) -> None:
    """Change one byte and not the size."""
    data = bytearray(file.read_bytes())
    data[at] ^= 1
    file.chmod(0o644)
    file.write_bytes(data)


def relined(index: Path, edit: Callable[[list[dict[str, object]]], None]) -> None:
    """Change the lines of an index, as whole ones."""
    lines = [json.loads(line) for line in index.read_text().splitlines()]
    edit(lines)
    index.write_text("".join(json.dumps(line) + "\n" for line in lines))


def forget(of: Installation, number: int) -> str:
    """Remove a row."""
    name = str(rows(of)[number].id)
    with of.database.write() as session:
        session.delete(session.get_one(SegmentRow, name))
    return name


def clip_of(of: Installation) -> Path:
    (item,) = [item for item in of.rows(Item) if item.role == "clip"]
    return FolderStore(of.settings.objects).path(item.sha256)


# Each damage spoils a home and says what must be found: code, path, detail (None for any).
Expected = tuple[Code, str, str | None]
Damage = Callable[[Installation], Expected]


def media_gone(of: Installation) -> Expected:
    path(of, 1, ".mp4").unlink()
    return Code.FILES_MISSING, rows(of)[1].id, ".mp4"


def index_gone(of: Installation) -> Expected:
    path(of, 1, ".idx").unlink()
    return Code.FILES_MISSING, rows(of)[1].id, ".idx"


def both_gone(of: Installation) -> Expected:
    path(of, 1, ".idx").unlink()
    path(of, 1, ".mp4").unlink()
    return Code.FILES_MISSING, rows(of)[1].id, ".idx, .mp4"


def camera_gone(of: Installation) -> Expected:
    for row in rows(of)[1:]:
        forget(of, 1)
        for suffix in (".idx", ".mp4"):
            (of.settings.segments / f"{row.id}{suffix}").unlink()
    shutil.rmtree(of.settings.segments / CAMERA)
    return Code.FILES_MISSING, rows(of)[0].id, None


def index_alone(of: Installation) -> Expected:
    path(of, -1, ".mp4").unlink()
    return Code.INDEX_ALONE, forget(of, -1), None


def media_alone(of: Installation) -> Expected:
    path(of, -1, ".idx").unlink()
    return Code.MEDIA_ALONE, forget(of, -1), None


def index_empty(of: Installation) -> Expected:
    path(of, -1, ".idx").write_bytes(b"")
    return Code.UNACKNOWLEDGED, forget(of, -1), None


def only_a_head(of: Installation) -> Expected:
    relined(path(of, -1, ".idx"), lambda lines: lines.__delitem__(slice(1, None)))
    return Code.UNACKNOWLEDGED, forget(of, -1), None


def only_a_torn_head(of: Installation) -> Expected:
    index = path(of, -1, ".idx")
    index.write_bytes(index.read_bytes()[:40])
    return Code.UNACKNOWLEDGED, forget(of, -1), None


def index_not_ours(of: Installation) -> Expected:
    path(of, -1, ".idx").write_bytes(b"hello\n")
    return Code.INDEX_BROKEN, rows(of)[-1].id, "JSON"


def index_of_another_camera(of: Installation) -> Expected:
    relined(path(of, 1, ".idx"), lambda lines: lines[0].__setitem__("camera", "yard"))
    return Code.INDEX_BROKEN, rows(of)[1].id, "yard"


def a_line_left_out(of: Installation) -> Expected:
    relined(path(of, 1, ".idx"), lambda lines: lines.__delitem__(2))
    return Code.INDEX_BROKEN, rows(of)[1].id, "offset"


def torn_line(of: Installation) -> Expected:
    with path(of, -1, ".idx").open("ab") as stream:
        stream.write(b'{"offset":1')
    return Code.TORN_LINE, rows(of)[-1].id, None


def unclosed(of: Installation) -> Expected:
    relined(path(of, -1, ".idx"), lambda lines: lines.__delitem__(-1))
    return Code.UNCLOSED, forget(of, -1), None


def tail(of: Installation) -> Expected:
    crashed(of)
    with path(of, -1, ".mp4").open("ab") as stream:
        stream.write(b"unacknowledged")
    return Code.TAIL, rows(of)[-1].id, "14"


def crashed(of: Installation) -> None:
    """The last segment as after a crash, entered."""
    relined(path(of, -1, ".idx"), lambda lines: lines.__delitem__(-1))
    change(of, -1, end_reason="crashed")


def longer(of: Installation) -> Expected:
    with path(of, 1, ".mp4").open("ab") as stream:
        stream.write(b"x")
    size = rows(of)[1].size
    return Code.SIZE, rows(of)[1].id, f"{size + 1} != {size}"


def header(of: Installation) -> Expected:
    flip(path(of, 1, ".mp4"), 20)
    segment = read_index(path(of, 1, ".idx"))
    assert segment is not None
    return Code.HEADER_HASH, rows(of)[1].id, f"0-{segment.head.init_size}"


def one_byte(of: Installation) -> Expected:
    segment = read_index(path(of, 1, ".idx"))
    assert segment is not None
    piece = segment.gops[1].pieces[0]
    flip(path(of, 1, ".mp4"), piece.offset + piece.size - 1)
    return Code.GOP_HASH, rows(of)[1].id, f"{piece.offset}-{piece.offset + piece.size}"


def end_hash(of: Installation) -> Expected:
    relined(path(of, 1, ".idx"), lambda lines: lines[-1].__setitem__("sha256", "0" * 64))
    change(of, 1, sha256="0" * 64)
    return Code.SEGMENT_HASH, rows(of)[1].id, "index"


def crashed_hash(of: Installation) -> Expected:
    crashed(of)
    change(of, -1, sha256="0" * 64)
    return Code.SEGMENT_HASH, rows(of)[-1].id, "row"


def predecessor_gone(of: Installation) -> Expected:
    for suffix in (".idx", ".mp4"):
        path(of, 0, suffix).unlink()
    name = forget(of, 0)
    return Code.CHAIN, rows(of)[0].id, name


def copied_within_a_run(of: Installation) -> Expected:
    """Somebody puts a recorded segment under another name."""
    row = rows(of)[1]
    copy = f"{row.id}1"
    for suffix in (".idx", ".mp4"):
        shutil.copy(path(of, 1, suffix), of.settings.segments / f"{copy}{suffix}")
    return Code.OVERLAP, copy, row.id


def row_hash(of: Installation) -> Expected:
    change(of, 1, sha256="0" * 64)
    return Code.ROW_DIFFERS, rows(of)[1].id, "sha256"


def row_size(of: Installation) -> Expected:
    change(of, 1, size=7)
    return Code.ROW_DIFFERS, rows(of)[1].id, "size"


def row_run(of: Installation) -> Expected:
    change(of, 1, run="another")
    return Code.ROW_DIFFERS, rows(of)[1].id, "run"


def destroyed_with_files(of: Installation) -> Expected:
    change(of, 1, state="destroyed")
    return Code.UNFINISHED, rows(of)[1].id, None


def garbage(of: Installation) -> Expected:
    change(of, 1, state="garbage")
    path(of, 1, ".idx").unlink()
    return Code.UNFINISHED, rows(of)[1].id, None


def object_gone(of: Installation) -> Expected:
    clip_of(of).unlink()
    return Code.OBJECT_MISSING, _clip(of), None


def _clip(of: Installation) -> str:
    return next(item.sha256 for item in of.rows(Item) if item.role == "clip")


def object_longer(of: Installation) -> Expected:
    clip = clip_of(of)
    clip.chmod(0o644)
    size = clip.stat().st_size
    with clip.open("ab") as stream:
        stream.write(b"x")
    return Code.OBJECT_SIZE, _clip(of), f"{size + 1} != {size}"


def object_altered(of: Installation) -> Expected:
    flip(clip_of(of), 3)
    return Code.OBJECT_HASH, _clip(of), None


def object_without_row(of: Installation) -> Expected:
    sha256, _ = of.store.add(io.BytesIO(b"a crash came before its row"))
    return Code.OBJECT_UNNAMED, sha256, None


def another_store(of: Installation) -> Expected:
    mark = of.settings.objects / "INSTALLATION"
    mark.chmod(0o644)
    mark.write_text("another")
    (row,) = of.rows(InstallationRow)
    return Code.INSTALLATION, "objects/INSTALLATION", f"another != {row.id}"


def temporary(folder: str) -> Damage:
    def make(of: Installation) -> Expected:
        begun = of.settings.home / folder / "x.tmp"
        begun.write_bytes(b"begun")
        old_s = of.now() / SECOND - STALE_S - 1
        os.utime(begun, (old_s, old_s))
        return Code.TEMPORARY, f"{folder}/x.tmp", None

    return make


def fact_aside(of: Installation) -> Expected:
    (of.settings.spool / "1-gate.bad").write_bytes(b"?")
    return Code.FACT_ASIDE, "spool/1-gate.bad", None


def stranger(name: str) -> Damage:
    def make(of: Installation) -> Expected:
        found = of.settings.home / name
        found.parent.mkdir(parents=True, exist_ok=True)
        found.write_bytes(b"not ours")
        return Code.STRANGER, name, None

    return make


def a_link(of: Installation) -> Expected:
    day = path(of, 0, ".mp4").parent
    (day / "5.mp4").symlink_to(path(of, 0, ".mp4"))
    return Code.STRANGER, f"segments/{CAMERA}/{day.name}/5.mp4", None


DAMAGES: dict[str, Damage] = {
    "media file gone": media_gone,
    "index gone": index_gone,
    "both gone": both_gone,
    "folder of the camera gone": camera_gone,
    "index alone": index_alone,
    "media alone": media_alone,
    "empty index": index_empty,
    "head without pictures": only_a_head,
    "torn head": only_a_torn_head,
    "index not ours": index_not_ours,
    "index of another camera": index_of_another_camera,
    "line left out": a_line_left_out,
    "torn last line": torn_line,
    "unclosed": unclosed,
    "bytes behind the last line": tail,
    "longer than closed": longer,
    "header altered": header,
    "one byte altered": one_byte,
    "hash of the end altered": end_hash,
    "hash of a crashed one": crashed_hash,
    "predecessor gone": predecessor_gone,
    "overlap": copied_within_a_run,
    "row's hash": row_hash,
    "row's size": row_size,
    "row's run": row_run,
    "destroyed, with files": destroyed_with_files,
    "garbage": garbage,
    "object gone": object_gone,
    "object longer": object_longer,
    "object altered": object_altered,
    "object without row": object_without_row,
    "another store": another_store,
    "temporary in the spool": temporary("spool"),
    "temporary in the store": temporary("objects/sha256"),
    "temporary beside the store": temporary("objects"),
    "fact set aside": fact_aside,
    "stranger in the ring": stranger("segments/notes.txt"),
    "stranger beside a day": stranger("segments/gate-1/notes.txt"),
    "stranger among segments": stranger("segments/gate-1/20260528/notes.txt"),
    "strange number": stranger("segments/gate-1/20260528/-1.mp4"),
    "strange folder": stranger("segments/some folder/20260528/1.mp4"),
    "stranger in the store": stranger("objects/sha256/ab/notes.txt"),
    "link in the ring": a_link,
}


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES)
def test_a_damage_is_found_as_what_it_is(home: Installation, damage: Damage) -> None:
    """One finding, of that kind, at the depth that the rule promises and at no cheaper one."""
    code, where, detail = damage(home)
    found = check(home)
    assert [(each.code, each.path) for each in found] == [
        (code, "segments/some folder" if "some folder" in where else where)
    ]
    if detail is not None:
        assert found[0].detail == detail
    for depth in Depth:
        seen = check(home, depth)
        assert seen == (found if depth >= RULES[code].depth else []), depth
    again = report(home)
    assert again.holds is (found[0].severity is not Severity.DAMAGE)


def test_every_kind_of_finding_has_a_damage_and_words(home: Installation) -> None:
    told = {f"fsck.{code.value}" for code in Code}
    assert told <= set(catalogue())
    assert set(RULES) == set(Code)
    made = {damage.__name__ for damage in DAMAGES.values()}
    assert len(made) > 30


@pytest.mark.parametrize("depth", Depth)
def test_an_undamaged_home_gives_nothing(home: Installation, depth: Depth) -> None:
    looked = report(home, depth)
    assert looked.findings == ()
    assert looked.holds
    assert looked.segments == len(rows(home)) > 6
    assert looked.objects == len({item.sha256 for item in home.rows(Item)})
    size = sum(row.size for row in rows(home)) if depth is Depth.HASHES else 0
    assert looked.bytes_read >= size
    assert (looked.bytes_read == 0) is (depth is not Depth.HASHES)


def test_a_finding_names_bytes_and_time(home: Installation) -> None:
    _, where, detail = one_byte(home)
    (found,) = check(home)
    segment = read_index(path(home, 1, ".idx"))
    assert segment is not None
    gop = segment.gops[1]
    assert (found.start, found.end) == (gop.at, gop.end)
    assert f"{where}”的字节 {detail}（2026-05-2" in sentence(found)
    plain = report(home).to_json()["findings"][0]
    assert plain["invariant"] == "3"
    assert plain["severity"] == "damage"
    assert json.loads(json.dumps(plain)) == plain


def test_what_was_destroyed_is_no_damage(home: Installation) -> None:
    """Nor is what follows it: its predecessor has a tombstone."""
    home.pass_days(100)
    change(home, -1, state="kept")
    settings = home.settings
    with home.database.write() as session:
        session.get_one(Event, "event").state = "rejected"
    RingKeeper(home.database, home.clock, settings).step()
    assert {row.state for row in rows(home)} == {"destroyed"}
    assert check(home) == []


# --- mending ---


def mend(of: Installation) -> list[Code]:
    found = check(of)
    return [each.code for each in Mender(of.settings, of.database, of.clock).mend(found)]


MENDED = [
    "media alone",
    "empty index",
    "head without pictures",
    "torn head",
    "unclosed",
    "destroyed, with files",
    "garbage",
    "temporary in the spool",
    "temporary in the store",
    "temporary beside the store",
]


@pytest.mark.parametrize("name", MENDED)
def test_what_a_crash_leaves_is_mended(home: Installation, name: str) -> None:
    code, _, _ = DAMAGES[name](home)
    assert mend(home) == [code]
    assert check(home) == []
    assert mend(home) == []


@pytest.mark.parametrize("name", sorted(set(DAMAGES) - set(MENDED)))
def test_what_no_crash_leaves_is_not_touched(home: Installation, name: str) -> None:
    """Damage is never made to look whole, and nothing is removed that nobody explains."""
    DAMAGES[name](home)
    before = {p: p.read_bytes() for p in home.settings.home.rglob("*") if _is_kept(p)}
    assert mend(home) == []
    assert {p: p.read_bytes() for p in home.settings.home.rglob("*") if _is_kept(p)} == before


def _is_kept(p: Path) -> bool:
    return p.is_file() and p.suffix in {".mp4", ".idx", ".tmp", ".bad", ".txt", ""}


def test_orphans_are_moved_with_a_note_and_logged(home: Installation) -> None:
    """R4: moved, never deleted."""
    media = path(home, -1, ".mp4").read_bytes()
    _, name, _ = media_alone(home)
    mend(home)
    aside = home.settings.quarantine / f"{name}.mp4"
    assert aside.read_bytes() == media
    note = json.loads((home.settings.quarantine / f"{name}.json").read_text())
    assert note["code"] == "media_alone"
    assert note["sha256"] == {aside.name: hashlib.sha256(media).hexdigest()}
    (entry,) = home.log(Action.SET_ASIDE)
    assert entry.subject == name
    assert entry.body is not None
    assert note["sha256"][aside.name] in entry.body


def test_a_move_that_was_cut_off_is_finished(home: Installation) -> None:
    """Killed between the link and the unlink; and nothing is ever replaced."""
    _, name, _ = media_alone(home)
    ring = Ring(home.settings.segments, home.settings.quarantine)
    there = home.settings.segments / f"{name}.mp4"
    aside = home.settings.quarantine / f"{name}.mp4"
    aside.parent.mkdir(parents=True)
    os.link(there, aside)
    ring.set_aside(name, {})
    assert not there.exists()
    there.write_bytes(b"other")
    with pytest.raises(FileExistsError):
        ring.set_aside(name, {})
    assert there.read_bytes() == b"other"


def test_a_ring_on_a_disk_of_its_own(home: Installation, tiny_disk: Path) -> None:
    """Then a move is a copy, checked, and a removal."""
    ring = tiny_disk / "segments"
    orphan = ring / "gate" / "20260101" / "1.mp4"
    orphan.parent.mkdir(parents=True)
    orphan.write_bytes(b"begun")
    Ring(ring, home.settings.quarantine).set_aside("gate/20260101/1", {})
    assert not orphan.exists()
    aside = home.settings.quarantine / "gate" / "20260101"
    assert sorted(path.name for path in aside.iterdir()) == ["1.json", "1.mp4"]
    assert (aside / "1.mp4").read_bytes() == b"begun"


def test_the_last_segment_of_a_dead_camera_is_adopted(embedded: Installation, film: Film) -> None:
    """4: the newest of its camera, with what was closed before it, in order, and the gap."""
    embedded.add_camera()
    Camera(embedded, film, embedded.now()).record(0, 9)
    embedded.clock.sleep(60)
    Camera(embedded, film, embedded.now()).record(0, 13, None)
    assert mend(embedded) == [Code.UNCLOSED]
    found = rows(embedded)
    assert [row.end_reason for row in found] == ["full", "stopped", "full", "full", "crashed"]
    assert len(embedded.rows(Gap)) == 1
    with embedded.database.read() as session:
        assert unlogged_cameras(session) == ["gate-1"], "the registrar lets the log tell of it"
    last = found[-1]
    media = (embedded.settings.segments / f"{last.id}.mp4").read_bytes()
    assert last.sha256 == hashlib.sha256(media[: last.size]).hexdigest()
    Registrar(embedded.database, embedded.clock, embedded.settings).step()
    assert len(rows(embedded)) == len(found)


@pytest.mark.parametrize("packets", [3, 40, 77, 120])
def test_a_killed_recorder_leaves_no_damage(
    embedded: Installation, tmp_path: Path, packets: int
) -> None:
    """SIGKILL at any moment: leftovers only, and after mending only ends that nobody reads."""
    media = tmp_path / "clip.mp4"
    media.write_bytes(encoded(Recipe(count=30, gop=5)))
    killed_after(packets, media, embedded.settings.segments)
    found = check(embedded)
    assert {each.severity for each in found} <= {Severity.LEFTOVER}
    assert {each.code for each in found} & {Code.UNCLOSED, Code.UNACKNOWLEDGED, Code.MEDIA_ALONE}
    mend(embedded)
    Registrar(embedded.database, embedded.clock, embedded.settings).step()
    assert {each.code for each in check(embedded)} <= {Code.TAIL, Code.TORN_LINE}


def test_what_is_being_recorded_is_left_alone(embedded: Installation, film: Film) -> None:
    """The camera's lock says so: nothing is found, and nothing is mended even if it was found."""
    embedded.add_camera()
    Camera(embedded, film, embedded.now()).record(0, 13, None)
    lone = embedded.settings.segments / CAMERA / "20260528" / "99.mp4"
    lone.write_bytes(b"begun")
    found = check(embedded)
    assert {each.code for each in found} >= {Code.UNCLOSED, Code.MEDIA_ALONE}
    with Lock(embedded.settings.segments / f"{CAMERA}.lock") as lock:
        assert lock.take()
        assert Code.UNCLOSED not in {each.code for each in check(embedded)}
        assert Mender(embedded.settings, embedded.database, embedded.clock).mend(found) == []
    assert lone.exists()
    assert embedded.rows(SegmentRow) == []


def test_a_start_mends_and_goes_on(home: Installation) -> None:
    """`liuhen serve` begins with the cheap look; damage raises an alarm and stops nothing."""
    unclosed(home)
    path(home, 0, ".mp4").unlink()
    looked = mend_at_start(home.settings, home.database, home.clock)
    assert looked.depth is Depth.PRESENCE
    assert {each.code for each in looked.findings} == {Code.UNCLOSED, Code.FILES_MISSING}
    with home.database.read() as session:
        (alarm,) = open_alarms(session)
    assert alarm.subject == f"files_missing: {rows(home)[0].id}"
    assert rows(home)[-1].end_reason == "crashed"


def test_a_look_that_takes_too_long_ends(home: Installation) -> None:
    looked = Checker(home.settings, home.database, home.clock, Depth.SIZES, until_s=0).run()
    assert not looked.complete


# --- alarms ---


def told(of: Installation) -> list[str]:
    with of.database.read() as session:
        return sorted(alarm.subject for alarm in open_alarms(session))


def tell(of: Installation, looked: Report) -> None:
    with of.database.write() as session:
        record(session, of.clock, looked)


def test_an_alarm_ends_when_a_look_as_deep_finds_nothing(home: Installation) -> None:
    one_byte(home)
    media = path(home, 1, ".mp4")
    tell(home, report(home))
    assert told(home) == [f"gop_hash: {rows(home)[1].id}"]
    one_byte(home)
    assert sha256_file(media)[0] == rows(home)[1].sha256
    tell(home, report(home, Depth.SIZES))
    assert len(told(home)) == 1, "a cheaper look cannot say"
    tell(home, report(home))
    assert told(home) == []


def test_a_lost_disk_is_not_a_thousand_alarms(home: Installation) -> None:
    looked = replace(
        report(home),
        findings=tuple(Finding(Code.FILES_MISSING, f"gate/20260101/{n}") for n in range(1000)),
    )
    tell(home, looked)
    assert len(told(home)) == MOST_ALARMS + 1
    tell(home, report(home))
    assert told(home) == []


# --- beside the running service ---


def test_nothing_false_while_the_service_records_and_destroys(
    embedded: Installation, film: Film
) -> None:
    """Looks of all depths go on while segments are recorded, entered and destroyed."""
    embedded.add_camera()
    settings = embedded.settings.model_copy(update={"reserve_bytes": 1 << 50})

    def serve() -> None:
        for _ in range(12):
            Camera(embedded, film, embedded.now(), segment_s=3).record(0, 21)
            embedded.clock.sleep(800)
            Registrar(embedded.database, embedded.clock, embedded.settings).step()
            RingKeeper(embedded.database, embedded.clock, settings).step()

    looks, found = 0, []
    with (
        Lock(embedded.settings.segments / f"{CAMERA}.lock") as lock,
        ThreadPoolExecutor() as pool,
    ):
        assert lock.take()
        running = pool.submit(serve)
        while not running.done():
            for depth in Depth:
                found += check(embedded, depth)
                looks += 1
        running.result()
        assert check(embedded) == []
    assert [each for each in found if each.severity is Severity.DAMAGE] == []
    assert looks > 10
    assert {row.state for row in rows(embedded)} == {"destroyed"}


def test_reading_is_no_faster_than_asked() -> None:
    clock = SimulatedClock()
    pace = Pace(clock, 100.0)
    for _ in range(5):
        pace.spend(50)
    assert clock.elapsed_us == 2_500_000
    free = Pace(clock)
    free.spend(10**9)
    assert clock.elapsed_us == 2_500_000


def test_every_table_that_names_objects_is_asked(home: Installation) -> None:
    with home.database.read() as session:
        named = living(session)
    assert {item.sha256: item.size for item in home.rows(Item)} == named


def raised(of: Installation, *subjects: str) -> None:
    with of.database.write() as session:
        for subject in subjects:
            raise_alarm(session, of.clock, Trouble.EVIDENCE_BROKEN, subject)


def test_each_look_ends_the_alarms_that_it_answers_for(home: Installation) -> None:
    """The ring and the spool are fsck's, objects and the log are verify's; no other trouble."""
    segment = str(rows(home)[1].id)
    theirs = [f"object {'0' * 64}: missing", "log entry 3: leaf", "0" * 64]
    ours = [segment, f"{segment}.mp4", "1-gate.bad", f"gop_hash: {segment}", "fsck: +7"]
    raised(home, *theirs, *ours)
    with home.database.write() as session:
        raise_alarm(session, home.clock, Trouble.CAMERA_DOWN, "gate-1", cause="silent")
    tell(home, report(home, Depth.SIZES))
    ours.remove("1-gate.bad")
    assert told(home) == sorted([*theirs, *ours, "gate-1"]), "the others take a deeper look"
    tell(home, report(home))
    assert told(home) == sorted([*theirs, "gate-1"])
    raised(home, *ours)
    with home.database.write() as session:
        verified(session, home.clock, verify(home.database, home.store))
    assert told(home) == sorted([*ours, "gate-1"])


def test_an_alarm_of_what_is_still_wrong_stays(home: Installation) -> None:
    """Whoever raised it."""
    _, where, _ = one_byte(home)
    raised(home, where)
    tell(home, report(home))
    assert told(home) == sorted([where, f"gop_hash: {where}"])


@pytest.mark.parametrize("left", [0, 40])
def test_an_index_that_a_row_vouches_for_is_never_a_leftover(home: Installation, left: int) -> None:
    """What was entered was acknowledged: its loss is damage, and nothing moves it away."""
    index = path(home, 0, ".idx")
    index.chmod(0o644)
    index.write_bytes(index.read_bytes()[:left])
    looked = Checker(home.settings, home.database, home.clock, Depth.SIZES).run()
    assert not looked.holds
    Mender(home.settings, home.database, home.clock).mend(looked.findings)
    assert index.exists()
    assert index.with_suffix(".mp4").exists()


def test_a_registrar_that_was_faster_does_no_harm(embedded: Installation, film: Film) -> None:
    """The last round of a killed service enters what the next one wants to mend."""
    embedded.add_camera()
    Camera(embedded, film, embedded.now()).record(0, 8, None)

    class Late(Mender):
        def _unentered(self, camera: CameraId) -> list[Segment]:
            found = super()._unentered(camera)
            Registrar(embedded.database, embedded.clock, embedded.settings).step()
            return found

    looked = Checker(embedded.settings, embedded.database, embedded.clock, Depth.PRESENCE).run()
    Late(embedded.settings, embedded.database, embedded.clock).mend(looked.findings)
    assert len({row.id for row in rows(embedded)}) == 2
