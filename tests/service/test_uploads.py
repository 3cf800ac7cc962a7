"""Recorder files: kept bit for bit, each hand-over recorded, nothing kept of what is refused."""

import io
import json
import os
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import BinaryIO

import av
import pytest

from ingest.errors import BrokenMedia, EmptyFile, IngestError, NotMedia
from ingest.files import Sha256
from service.demo.encoder import Format, encode_recorder_file
from service.demo.plot import passers
from service.errors import InputError, WorldError
from service.evidence.log import MACHINE, Action
from service.evidence.store import FolderStore
from service.evidence.verify import verify
from service.roles import Role
from service.settings import load
from service.start_time import time_in_name
from service.tables import Acquisition, User
from service.times import BEIJING, instant
from service.uploads import HandOver, name_of, take_in
from tests.service.installation import Installation
from vision.frame import Instant

BEGAN = instant(datetime(2026, 5, 1, 9, 30, tzinfo=BEIJING))
"""Before the day on the simulated clock: a start in the future is not believed."""


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A short recorder file."""
    path = tmp_path_factory.mktemp("recorded") / "file.mp4"
    scene = passers(1, size=(160, 90))
    encode_recorder_file(path, scene, 1.0, Format(fps=10), began=BEGAN)
    return path.read_bytes()


@pytest.fixture
def card(tmp_path: Path) -> Path:
    """A memory card."""
    folder = tmp_path / "card"
    folder.mkdir()
    return folder


def hand_over(made: Installation, path: Path, *, officer: str | None = None) -> Acquisition:
    given = HandOver(path, device_id="DSJ-1", officer_id=officer)
    return take_in(made.database, made.store, made.clock, made.settings, given)


def objects(made: Installation) -> list[Path]:
    return [path for path in made.settings.objects.rglob("*") if path.is_file()]


def put(folder: Path, name: str, content: bytes) -> Path:
    path = folder / name
    path.write_bytes(content)
    return path


def test_a_file_is_kept_bit_for_bit(
    installation: Installation, card: Path, recorded: bytes
) -> None:
    path = put(card, "DSJ-1_000001_20260501093000.mp4", recorded)
    installation.add_person("li")
    row = hand_over(installation, path, officer="li")
    with installation.store.open(row.sha256) as stream:
        assert stream.read() == recorded == path.read_bytes()
    (kept,) = installation.rows(Acquisition)
    assert (kept.started_us, kept.time_source) == (BEGAN, "name")
    assert kept.times["container"] == BEGAN
    assert (kept.media["codec"], kept.media["complete"]) == ("h264", True)
    (entry,) = installation.log(Action.ACQUIRED)
    assert (entry.actor, entry.subject) == (MACHINE, kept.id), "nobody proved to be li"
    assert (kept.officer_id, json.loads(entry.body or "")["officer"]) == ("li", "li")
    assert verify(installation.database, installation.store).holds


def test_the_same_bytes_twice_are_one_object_and_two_hand_overs(
    embedded: Installation, card: Path, recorded: bytes
) -> None:
    for officer in ("li", "wang"):
        embedded.add_person(officer)
    first = hand_over(embedded, put(card, "a.mp4", recorded), officer="li")
    second = hand_over(embedded, put(card, "b.mp4", recorded), officer="wang")
    assert first.sha256 == second.sha256
    assert len(objects(embedded)) == 1 + len(["INSTALLATION"])
    told = {(row.file_name, row.officer_id) for row in embedded.rows(Acquisition)}
    assert told == {("a.mp4", "li"), ("b.mp4", "wang")}
    assert len(embedded.log(Action.ACQUIRED)) == 2


BAD: dict[str, tuple[Callable[[bytes], bytes], type[IngestError]]] = {
    "empty": (lambda _: b"", EmptyFile),
    "text": (lambda _: "这不是视频".encode() * 100, NotMedia),
    "playlist": (lambda _: b"ffconcat version 1.0\nfile /etc/passwd\n", NotMedia),
    "stream list": (lambda _: b"#EXTM3U\nhttp://127.0.0.1/x\n", NotMedia),
    "head without a body": (lambda data: data[:64], BrokenMedia),
    "noise under a video's head": (lambda data: data[:32] + bytes(4000), BrokenMedia),
}


@pytest.mark.parametrize(("spoil", "error"), BAD.values(), ids=BAD)
def test_a_bad_file_leaves_nothing(
    embedded: Installation,
    card: Path,
    recorded: bytes,
    spoil: Callable[[bytes], bytes],
    error: type[IngestError],
) -> None:
    before = objects(embedded)
    with pytest.raises(error) as caught:
        hand_over(embedded, put(card, "bad.mp4", spoil(recorded)))
    assert caught.value.facts["name"] == "bad.mp4"
    assert objects(embedded) == before
    assert embedded.count(Acquisition) == len(embedded.log(Action.ACQUIRED)) == 0


@pytest.mark.parametrize("name", ["none.mp4", "."])
def test_what_is_no_file_is_refused(embedded: Installation, card: Path, name: str) -> None:
    with pytest.raises(InputError, match="no_file"):
        hand_over(embedded, card / name)


def test_an_officer_whom_nobody_knows_hands_nothing_over(
    embedded: Installation, card: Path, recorded: bytes
) -> None:
    with pytest.raises(InputError, match="no_user"):
        hand_over(embedded, put(card, "a.mp4", recorded), officer="nobody")
    assert embedded.count(Acquisition) == len(embedded.log(Action.ACQUIRED)) == 0


@pytest.mark.parametrize("kind", ["operator", "admin", "closed"])
def test_only_an_officer_in_office_is_named(
    embedded: Installation, card: Path, recorded: bytes, kind: str
) -> None:
    embedded.add_person("li", Role.OFFICER if kind == "closed" else Role(kind))
    with embedded.database.write() as session:
        session.get_one(User, "li").active = kind != "closed"
    before = objects(embedded)
    with pytest.raises(InputError, match="no_active_officer"):
        hand_over(embedded, put(card, "a.mp4", recorded), officer="li")
    assert objects(embedded) == before
    assert embedded.count(Acquisition) == len(embedded.log(Action.ACQUIRED)) == 0


class Touching(FolderStore):
    """A store during whose work somebody else writes to the file."""

    def add(self, stream: BinaryIO) -> tuple[Sha256, int]:
        os.utime(stream.name, (0, 0))
        return super().add(stream)


def test_the_times_are_those_from_before_the_file_was_kept(
    embedded: Installation, card: Path, recorded: bytes
) -> None:
    path = put(card, "a.mp4", recorded)
    os.utime(path, (1_700_000_000, 1_700_000_000))
    store = Touching(embedded.settings.objects)
    row = take_in(embedded.database, store, embedded.clock, embedded.settings, HandOver(path))
    assert path.stat().st_mtime == 0
    assert 1_699_999_990_000_000 < row.times["modified"] <= 1_700_000_000_000_000


def test_the_reserve_of_the_disk_is_kept(
    embedded: Installation, card: Path, recorded: bytes
) -> None:
    settings = load(embedded.settings.home, {"LIUHEN_RESERVE_BYTES": str(1 << 60)})
    given = HandOver(put(card, "a.mp4", recorded))
    before = objects(embedded)
    with pytest.raises(WorldError, match="no_space"):
        take_in(embedded.database, embedded.store, embedded.clock, settings, given)
    assert objects(embedded) == before
    assert embedded.count(Acquisition) == 0


def test_a_file_that_breaks_off_is_kept_and_marked(
    embedded: Installation, card: Path, tmp_path: Path
) -> None:
    """It may be all that there is."""
    path = encode_recorder_file(
        tmp_path / "whole.mp4", passers(1, size=(160, 90)), 2.0, Format(fps=10), began=BEGAN
    )
    whole = fast_start(path.read_bytes(), tmp_path)
    row = hand_over(embedded, put(card, "torn.mp4", whole[: len(whole) * 2 // 3]))
    assert row.media["complete"] is False
    assert row.size == len(whole) * 2 // 3
    assert verify(embedded.database, embedded.store).holds


def fast_start(data: bytes, folder: Path) -> bytes:
    """The file with its index in front, so that its beginning can be read alone."""
    path = folder / "fast.mp4"
    with (
        av.open(io.BytesIO(data)) as source,
        av.open(str(path), "w", options={"movflags": "faststart"}) as target,
    ):
        stream = target.add_stream_from_template(source.streams.video[0])
        for packet in source.demux(source.streams.video[0]):
            if packet.size:
                packet.stream = stream
                target.mux(packet)
    return path.read_bytes()


NAMES = {
    "20260501093000.mp4": BEGAN,
    "DSJ-1_000001_20260501093000.mp4": BEGAN,
    "VID_20260501_093000.mp4": BEGAN,
    "20260501-093000_1.MP4": BEGAN,
    "20260501T093000Z.mov": BEGAN,
    "执法20260501093000现场.mp4": BEGAN,
    "00000000000000_20260501093000.mp4": BEGAN,
    "clip.mp4": None,
    "": None,
    "2026050109300.mp4": None,
    "202605010930001.mp4": None,
    "20261301093000.mp4": None,
    "20260230093000.mp4": None,
    "20260501240000.mp4": None,
    "19991101093000.mp4": None,
    "e20260501.mp4": None,
}


@pytest.mark.parametrize(("name", "at"), NAMES.items(), ids=NAMES)
def test_the_time_in_a_name_is_beijing_time(name: str, at: Instant | None) -> None:
    assert time_in_name(name) == at


ODD_NAMES = [
    "现场录像.mp4".encode(),
    "现场录像.mp4".encode("gb18030"),
    b"\xff\xfe\x80.mp4",
    b"-i.mp4",
    b"; rm -rf $HOME; .mp4",
    "\N{RIGHT-TO-LEFT OVERRIDE}4pm.exe".encode(),
    b"a\nb.mp4",
    b"x" * 251 + b".mp4",
]


@pytest.mark.parametrize("raw", ODD_NAMES, ids=repr)
def test_a_name_is_only_a_name(
    embedded: Installation, card: Path, recorded: bytes, raw: bytes
) -> None:
    path = put(card, os.fsdecode(raw), recorded)
    row = hand_over(embedded, path)
    row.file_name.encode()  # It can be written everywhere.
    assert verify(embedded.database, embedded.store).holds


def test_names_of_chinese_archives_are_read(card: Path) -> None:
    path = card / os.fsdecode("现场录像.mp4".encode("gb18030"))
    assert name_of(path) == "现场录像.mp4"
