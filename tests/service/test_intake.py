"""Watch folders, and uploads that are complete: taken in once, whatever happens on the way."""

import hashlib
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

import pytest

from ingest.files import Sha256, sha256_bytes
from service.alarms import Trouble, open_alarms, raise_alarm
from service.errors import InputError
from service.evidence.log import Action
from service.evidence.store import FolderStore
from service.evidence.verify import verify
from service.intake import AGAIN_S, Intake
from service.settings import load
from service.sources import Source
from service.tables import Acquisition, Alarm, Companion, Quarantined, Transfer
from service.transfers import State, part_path
from service.watchfolder import ORPHAN_S, is_temporary
from tests.ingest.clip import Recipe, encoded
from tests.service.installation import Installation
from vision.frame import Instant, later

CLIP = encoded(Recipe(count=5, created="2026-05-01T01:30:00.000000Z"))
"""It began at 9:30 in Beijing."""
NAME = "DSJ-7_li_20260501093000.mp4"
PATTERN = r"(?P<device>DSJ-\d+)_(?P<officer>\w+?)_(?P<ts>\d{14})"


class Station:
    """A docking station's folder, and the intake that watches it."""

    def __init__(
        self, made: Installation, folder: Path, store: FolderStore, **changes: object
    ) -> None:
        facts: dict[str, object] = {
            "name": "dock",
            "folder": folder,
            "pattern": PATTERN,
            "stable_s": 10,
        }
        self.source = Source.model_validate(facts | changes)
        settings = made.settings.model_copy(update={"sources": (self.source,)})
        self.made = made
        self.folder = folder
        self.intake = Intake(made.database, store, made.clock, settings)

    def put(self, name: str, content: bytes) -> Path:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        return path

    def look(self, after_s: float = 0.0) -> int:
        self.made.clock.sleep(after_s)
        return self.intake.step()

    def settle(self) -> int:
        """See what is there, and look again when it has been stable for long enough."""
        self.look()
        return self.look(10.5)

    def alarms(self) -> list[Alarm]:
        with self.made.database.read() as session:
            return open_alarms(session)

    def here(self) -> set[str]:
        return {
            path.relative_to(self.folder).as_posix()
            for path in self.folder.rglob("*")
            if path.is_file()
        }


@pytest.fixture
def made(embedded: Installation) -> Installation:
    embedded.add_person("li")
    return embedded


@pytest.fixture
def dock(made: Installation, tmp_path: Path) -> Station:
    folder = tmp_path / "dock"
    folder.mkdir()
    return Station(made, folder, made.store)


def test_a_complete_file_is_taken_in_and_moved(dock: Station, made: Installation) -> None:
    """Bit for bit, with what its name says; moved only when the row is there."""
    dock.put(f"5月/{NAME}", CLIP)
    assert dock.settle() == 1
    (row,) = made.rows(Acquisition)
    assert (row.device_id, row.officer_id, row.file_name) == ("DSJ-7", "li", NAME)
    assert (row.channel, row.handed_by) == ("folder", "dock")
    assert (row.time_source, row.confidence) == ("name", "high")
    assert set(row.times) == {"name", "container", "container_local", "modified"}
    assert made.store.path(row.sha256).read_bytes() == CLIP
    assert dock.here() == {f"done/5月/{NAME}"}
    assert dock.look(60) == 0
    assert verify(made.database, made.store).holds


def test_a_file_that_still_grows_is_left_alone(dock: Station, made: Installation) -> None:
    """Size and modification time must stay for the stable time on the monotonic clock."""
    path = dock.put(NAME, CLIP[:100])
    for end in (200, 300, len(CLIP)):
        assert dock.look(9.0) == 0
        path.write_bytes(CLIP[:end])
    made.clock.step(3600)
    assert dock.look() == 0, "a step of the wall clock is no time that passed"
    assert dock.look(9.0) == 0
    os.utime(path, (1_700_000_000, 1_700_000_000))
    assert dock.look(9.0) == 0
    assert dock.look(10.5) == 1


TEMPORARY = [".hidden.mp4", "a.mp4.part", "a.mp4.TMP", "a.crdownload", "a.mp4~", "a.filepart"]


@pytest.mark.parametrize("name", TEMPORARY)
def test_what_is_still_being_written_is_not_looked_at(dock: Station, name: str) -> None:
    assert is_temporary(name)
    dock.put(name, CLIP)
    assert dock.settle() == 0
    assert dock.here() == {name}


class Writing(FolderStore):
    """A store beside which a recorder goes on writing, as soon as its file is looked into."""

    more: "tuple[Path, bytes] | None" = None

    def path(self, sha256: Sha256) -> Path:
        if self.more is not None:
            path, data = self.more
            self.more = None
            with path.open("ab") as stream:
                stream.write(data)
        return super().path(sha256)


def test_a_file_that_grows_while_it_is_looked_into(made: Installation, tmp_path: Path) -> None:
    """U9: what was moved is what was kept; the longer file is another, taken in when it rests."""
    folder = tmp_path / "dock"
    folder.mkdir()
    store = Writing(made.settings.objects)
    dock = Station(made, folder, store)
    tail = bytes(4) + b"more"
    path = dock.put(NAME, CLIP)
    dock.put(f"{NAME}.md5", hashlib.md5(CLIP + tail).hexdigest().encode())
    store.more = (path, tail)
    dock.settle()
    assert dock.here() == {NAME, f"{NAME}.md5"}, "it is not whole yet"
    assert dock.alarms() == []
    assert dock.settle() == 1
    assert dock.alarms() == []
    assert dock.here() == {f"done/{NAME}", f"done/{NAME}.md5"}
    assert (dock.folder / "done" / NAME).read_bytes() == CLIP + tail
    rows = {store.path(row.sha256).read_bytes(): row for row in made.rows(Acquisition)}
    assert rows.keys() == {CLIP, CLIP + tail}
    assert [each["equal"] for each in rows[CLIP + tail].sums] == [True]
    assert dock.look(AGAIN_S) == 0
    assert verify(made.database, made.store).holds


def test_links_are_not_followed(dock: Station, made: Installation, tmp_path: Path) -> None:
    """Whoever can write into the share cannot make us read our own files."""
    (tmp_path / "secret").write_bytes(b"secret")
    (dock.folder / "a.mp4").symlink_to(tmp_path / "secret")
    (dock.folder / "b").symlink_to(tmp_path)
    assert dock.settle() == 0
    assert made.count(Quarantined) == 0


def test_one_bad_file_does_not_stop_the_others(dock: Station, made: Installation) -> None:
    """Unreadable ones are kept and wait for a person; the rest goes on."""
    dock.put("a.mp4", "不是视频".encode())
    dock.put("b.mp4", CLIP[: len(CLIP) // 2])
    dock.put(NAME, CLIP)
    assert dock.settle() == 3
    assert {row.reason for row in made.rows(Quarantined)} == {"not_media", "broken_media"}
    assert made.count(Acquisition) == 1
    assert dock.here() == {"done/a.mp4", "done/b.mp4", f"done/{NAME}"}
    for row in made.rows(Quarantined):
        made.store.check(row.sha256)


class Choosy(FolderStore):
    """A store that cannot keep files of one size, for a reason that nobody foresaw."""

    hated = -1

    def add(self, stream: BinaryIO) -> tuple[Sha256, int]:
        if os.fstat(stream.fileno()).st_size == self.hated:
            raise ZeroDivisionError
        return super().add(stream)


def test_what_nobody_foresaw_is_an_alarm_and_is_tried_again(
    made: Installation, tmp_path: Path
) -> None:
    """The others are taken in; nothing is moved that was not; the alarm goes with the trouble."""
    folder = tmp_path / "dock"
    folder.mkdir()
    store = Choosy(made.settings.objects)
    store.hated = 3
    dock = Station(made, folder, store)
    dock.put("0.txt3", b"bad")
    dock.put(NAME, CLIP)
    assert dock.settle() == 1
    assert dock.here() == {"0.txt3", f"done/{NAME}"}
    (alarm,) = dock.alarms()
    assert "0.txt3" in alarm.facts["detail"]
    store.hated = -1
    assert dock.look(1) == 0
    assert dock.look(AGAIN_S) == 1
    assert dock.alarms() == []


def test_a_folder_that_is_gone_is_an_alarm(dock: Station, made: Installation) -> None:
    """An unmounted share must not look like an empty one."""
    dock.folder.rmdir()
    dock.look()
    (alarm,) = dock.alarms()
    assert (alarm.key, alarm.subject) == ("intake_failed", "dock")
    dock.folder.mkdir()
    dock.look(AGAIN_S + 1)
    assert dock.alarms() == []


def test_an_alarm_of_a_folder_that_is_watched_no_more_is_closed(
    dock: Station, made: Installation, tmp_path: Path
) -> None:
    """Nothing else would ever close it; those of other troubles and other sources stay."""
    dock.folder.rmdir()
    dock.look()
    with made.database.write() as session:
        raise_alarm(session, made.clock, Trouble.CAMERA_DOWN, "gate-1")
    again = Station(made, dock.folder, made.store)
    again.look()
    assert {alarm.subject for alarm in again.alarms()} == {"dock", "gate-1"}
    (tmp_path / "other").mkdir()
    other = Station(made, tmp_path / "other", made.store, name="other")
    other.look()
    assert {alarm.subject for alarm in other.alarms()} == {"gate-1"}


def test_side_files_go_with_their_video(dock: Station, made: Installation) -> None:
    """By stem or whole name, in the same folder; kept, named in the log, moved together."""
    md5 = hashlib.md5(CLIP).hexdigest()
    dock.put("day/DSJ-7_li_20260501093000.mp4", CLIP)
    dock.put("day/DSJ-7_li_20260501093000.mp4.md5", f"{md5}  x\n".encode())
    dock.put("day/DSJ-7_li_20260501093000.sha1", b"0" * 40)
    dock.put("day/DSJ-7_li_20260501093000.LOG", b"start 2026-05-01 09:30:10\n")
    dock.put("DSJ-7_li_20260501093000.gps", b"an other folder")
    assert dock.settle() == 1
    (row,) = made.rows(Acquisition)
    assert {each["algorithm"]: each["equal"] for each in row.sums} == {"md5": True, "sha1": False}
    assert row.times["sidecar"] - row.started_us == 10_000_000
    companions = made.rows(Companion)
    assert {each.upload_id for each in companions} == {row.id}
    assert len(companions) == 3
    body = json.loads(made.log(Action.ACQUIRED)[0].body or "")
    assert set(body["companions"]) == {each.sha256 for each in companions}
    assert dock.here() == {
        "done/day/DSJ-7_li_20260501093000.mp4",
        "done/day/DSJ-7_li_20260501093000.mp4.md5",
        "done/day/DSJ-7_li_20260501093000.sha1",
        "done/day/DSJ-7_li_20260501093000.LOG",
        "DSJ-7_li_20260501093000.gps",
    }
    assert verify(made.database, made.store).holds


def test_a_side_file_without_a_video_does_not_stay_unseen(
    dock: Station, made: Installation
) -> None:
    dock.put("alone.log", b"text")
    assert dock.settle() == 0
    assert dock.look(ORPHAN_S) == 1
    assert made.rows(Quarantined)[0].reason == "not_media"


UNRESOLVED = {
    "no device": ("clip_20260501093000.mp4", {"needs_device": True}, "no_device"),
    "no officer": ("clip_20260501093000.mp4", {"needs_officer": True}, "no_officer"),
    "unknown officer": ("DSJ-7_wang_20260501093000.mp4", {}, "no_officer"),
}


@pytest.mark.parametrize(("name", "changes", "reason"), UNRESOLVED.values(), ids=UNRESOLVED)
def test_what_is_not_known_is_asked_of_a_person(
    made: Installation, tmp_path: Path, name: str, changes: dict[str, object], reason: str
) -> None:
    folder = tmp_path / "dock"
    folder.mkdir()
    dock = Station(made, folder, made.store, **changes)
    dock.put(name, CLIP)
    assert dock.settle() == 1
    (row,) = made.rows(Quarantined)
    assert row.reason == reason
    assert made.count(Acquisition) == 0
    assert dock.here() == {f"done/{name}"}


def test_a_card_number_names_an_officer(made: Installation, tmp_path: Path) -> None:
    """Docking stations know 执法证号, not our accounts."""
    folder = tmp_path / "dock"
    folder.mkdir()
    dock = Station(made, folder, made.store, pattern=r"(?P<officer>津A-\d+)")
    dock.put("津A-0001_20260501093000.mp4", CLIP)
    assert dock.settle() == 1
    assert made.rows(Acquisition)[0].officer_id == "li"


def test_the_same_bytes_under_two_names_are_one_object(dock: Station, made: Installation) -> None:
    dock.put(NAME, CLIP)
    dock.put("DSJ-8_li_20260501093000.mp4", CLIP)
    assert dock.settle() == 2
    assert len({row.sha256 for row in made.rows(Acquisition)}) == 1
    assert made.count(Acquisition) == 2


def test_a_name_in_done_is_not_replaced(dock: Station, made: Installation) -> None:
    dock.put(f"done/{NAME}", b"an older file")
    dock.put(NAME, CLIP)
    assert dock.settle() == 1
    assert (dock.folder / "done" / NAME).read_bytes() == b"an older file"
    assert len(dock.here()) == 2


def test_a_file_that_was_entered_but_not_moved_is_only_moved(
    dock: Station, made: Installation
) -> None:
    """Killed between the row and the move: the next process finds its own row."""
    path = dock.put(NAME, CLIP)
    times = (path.stat().st_atime_ns, path.stat().st_mtime_ns)
    dock.settle()
    (dock.folder / "done" / NAME).rename(path)
    os.utime(path, ns=times)
    again = Station(made, dock.folder, made.store)
    assert again.settle() == 1
    assert made.count(Acquisition) == len(made.log(Action.ACQUIRED)) == 1
    assert again.here() == {f"done/{NAME}"}


def test_a_thousand_files(dock: Station, made: Installation) -> None:
    """A look at a full folder stays cheap, and nothing of it is forgotten."""
    for n in range(1000):
        dock.put(f"{n % 10}/{n}.bin", b"x")
    dock.look()
    made.clock.sleep(10.5)
    limit = iter(range(20))
    assert dock.intake.step(lambda: next(limit, None) is None) == 20
    assert len([name for name in dock.here() if name.startswith("done/")]) == 20
    assert len(dock.here()) == 1000
    assert dock.intake.step(lambda: True) == 0


class Dying(FolderStore):
    """A store in which the process dies, before or after the file has its place."""

    def __init__(self, root: Path, moment: str) -> None:
        super().__init__(root)
        self.moment = moment

    def adopt(self, path: Path) -> tuple[Sha256, int]:
        if self.moment == "before":
            raise KeyboardInterrupt
        found = super().adopt(path)
        if self.moment == "adopted":
            raise KeyboardInterrupt
        return found

    def path(self, sha256: Sha256) -> Path:
        if self.moment == "looking":
            raise KeyboardInterrupt
        return super().path(sha256)


def received(made: Installation, content: bytes, *, transfer_id: str = "a" * 32) -> Path:
    """An upload whose last byte was acknowledged."""
    path = part_path(made.settings, transfer_id)
    path.write_bytes(content)
    with made.database.write() as session:
        session.add(
            Transfer(
                id=transfer_id,
                owner="user:li",
                length=len(content),
                offset=len(content),
                file_name=NAME,
                said="",
                sums={},
                state=State.RECEIVED.value,
                created_us=made.now(),
                expires_us=later(made.now(), 86_400),
            )
        )
    return path


@contextmanager
def dies() -> Iterator[None]:
    with pytest.raises(KeyboardInterrupt):
        yield


@pytest.mark.parametrize("moment", ["before", "adopted", "looking"])
def test_killed_between_the_last_byte_and_the_row(made: Installation, moment: str) -> None:
    """U6: whatever it was doing, the next start finishes it, once."""
    path = received(made, CLIP)
    store = Dying(made.settings.objects, moment)
    with dies():
        Intake(made.database, store, made.clock, made.settings).step()
    assert made.count(Acquisition) == 0
    assert made.intake().step() == 1
    assert made.intake().step() == 0
    (row,) = made.rows(Acquisition)
    assert (row.id, row.sha256) == ("a" * 32, sha256_bytes(CLIP))
    assert len(made.log(Action.ACQUIRED)) == 1
    assert not path.exists()
    assert verify(made.database, made.store).holds


def test_killed_between_the_row_and_the_end_of_the_transfer(made: Installation) -> None:
    """The row is found and not made a second time."""
    content = CLIP
    path = received(made, content)
    made.intake().step()
    with made.database.write() as session:
        session.get_one(Transfer, "a" * 32).state = State.RECEIVED.value
    path.write_bytes(content)
    assert made.intake().step() == 1
    assert made.count(Acquisition) == len(made.log(Action.ACQUIRED)) == 1
    assert not path.exists()


def test_received_bytes_that_are_gone_are_an_alarm(made: Installation) -> None:
    """And the other uploads are taken in."""
    received(made, CLIP).write_bytes(CLIP[:-1])
    received(made, CLIP, transfer_id="b" * 32)
    assert made.intake().step() == 1
    with made.database.read() as session:
        assert {alarm.key for alarm in open_alarms(session)} == {
            "evidence_broken",
            "intake_failed",
        }


BAD_SOURCES = {
    "a pattern that is none": {"pattern": "("},
    "a group that nobody knows": {"pattern": "(?P<color>x)"},
    "a zone that is none": {"time_zone": "Mars/Olympus"},
    "a relative folder": {"folder": "dock"},
    "an unknown key": {"colour": "red"},
    "a name with a space": {"name": "a b"},
}


@pytest.mark.parametrize("changes", BAD_SOURCES.values(), ids=BAD_SOURCES)
def test_a_source_that_cannot_be_is_refused(tmp_path: Path, changes: dict[str, str]) -> None:
    facts = {"name": "dock", "folder": "/srv/dock", **changes}
    lines = [f"{key} = {json.dumps(value)}" for key, value in facts.items()]
    (tmp_path / "liuhen.toml").write_text("[[sources]]\n" + "\n".join(lines))
    with pytest.raises(InputError, match="settings_value"):
        load(tmp_path, {})


def test_names_are_read_by_the_source(tmp_path: Path) -> None:
    source = Source(
        name="dock",
        folder=tmp_path,
        pattern=r"(?P<device>\w+)/(?P<ts>\d\d-\d\d-\d\d_\d\d\.\d\d)",
        time_format="%y-%m-%d_%H.%M",
        time_zone="UTC",
    )
    facts = source.read_name("DSJ1/26-05-01_01.30.mp4")
    assert facts.device_id == "DSJ1"
    assert facts.at == Instant(1_777_599_000_000_000)
    assert source.read_name("x.mp4").device_id is None
