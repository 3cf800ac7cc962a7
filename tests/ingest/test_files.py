"""Evidence is written once: exclusively, idempotently, whole or not at all."""

import errno
import hashlib
import io
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.errors import DiskError, DiskFailed, DiskFull, FootageAltered
from ingest.files import (
    create_exclusive,
    disk_errors,
    make_directory,
    publish_idempotent,
    sha256_bytes,
    sha256_file,
    sha256_stream,
    write_temporary,
)
from ingest.spool import FactKind, Spool
from tests.ingest.clip import CAMERA
from vision.frame import CameraId, Instant


@given(st.binary(max_size=300))
def test_hashes_agree(data: bytes) -> None:
    """Bytes, streams and FIPS 180-4 itself."""
    wanted = hashlib.sha256(data).hexdigest()
    assert sha256_bytes(data) == wanted
    assert sha256_stream(io.BytesIO(data)) == (wanted, len(data))


def test_the_hash_of_nothing() -> None:
    """A golden value, so that the hash can never be another one."""
    empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    assert sha256_stream(io.BytesIO()) == (empty, 0)


def test_a_name_is_taken_once(tmp_path: Path) -> None:
    """The first bytes stay, read-only, and nothing else is left beside them."""
    path = tmp_path / "fact.json"
    assert create_exclusive(path, b"first")
    assert not create_exclusive(path, b"second")
    assert path.read_bytes() == b"first"
    assert path.stat().st_mode & 0o777 == 0o444
    assert [p.name for p in tmp_path.iterdir()] == ["fact.json"]


def test_a_copy_says_what_it_holds(tmp_path: Path) -> None:
    """Hashed as it arrives; the same as a second reading says."""
    data = bytes(range(256)) * 9000
    path, sha256, size = write_temporary(tmp_path, io.BytesIO(data))
    assert (sha256, size) == sha256_file(path) == (sha256_bytes(data), len(data))
    assert path.suffix == ".tmp"


class Torn(io.RawIOBase):
    """An upload whose connection breaks."""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:
        if buffer[:1] == b"x":
            raise ConnectionResetError
        buffer[:1] = b"x"
        return 1


def test_a_copy_that_breaks_off_leaves_nothing(tmp_path: Path) -> None:
    """Whole or not at all; the error is the stream's own."""
    with pytest.raises(ConnectionResetError):
        write_temporary(tmp_path, io.BufferedReader(Torn()))
    assert list(tmp_path.iterdir()) == []


def test_publishing_the_same_bytes_twice(tmp_path: Path) -> None:
    """Idempotent: a crash between rename and row is repaired by doing it again."""
    target = tmp_path / "original.mp4"
    for created in (True, False):
        path, sha256, _ = write_temporary(tmp_path, io.BytesIO(b"pictures"))
        assert publish_idempotent(path, target, sha256) is created
        assert [p.name for p in tmp_path.iterdir()] == ["original.mp4"]
    assert target.read_bytes() == b"pictures"
    assert target.stat().st_mode & 0o222 == 0


def test_other_bytes_under_a_name_are_an_alarm(tmp_path: Path) -> None:
    """What stands there is not replaced; evidence that does not hold is named."""
    target = tmp_path / "original.mp4"
    target.write_bytes(b"altered")
    path, sha256, _ = write_temporary(tmp_path, io.BytesIO(b"pictures"))
    with pytest.raises(FootageAltered) as caught:
        publish_idempotent(path, target, sha256)
    assert caught.value.facts == {"path": "original.mp4"}
    assert target.read_bytes() == b"altered"
    assert [p.name for p in tmp_path.iterdir()] == ["original.mp4"]


REFUSALS = {
    "no space": (errno.ENOSPC, DiskFull, {}),
    "quota": (errno.EDQUOT, DiskFull, {}),
    "broken disk": (errno.EIO, DiskFailed, {"detail": "Input/output error"}),
    "read-only": (errno.EROFS, DiskFailed, {"detail": "Read-only file system"}),
    "not ours": (errno.EACCES, DiskFailed, {"detail": "Permission denied"}),
}


@pytest.mark.parametrize(("number", "kind", "more"), REFUSALS.values(), ids=REFUSALS)
def test_what_a_disk_refuses_has_a_name(
    number: int, kind: type[DiskError], more: dict[str, str]
) -> None:
    """Rule 10: foreign exceptions are wrapped where they enter; once, however deep."""
    path = Path("/folder/name")
    with pytest.raises(kind) as caught, disk_errors(path), disk_errors(path):
        raise OSError(number, "as the kernel says")
    assert caught.value.facts == {"path": "name", "folder": "/folder"} | more
    assert isinstance(caught.value, OSError) == (kind is DiskFailed)


def test_other_errors_are_not_the_disks() -> None:
    """A name that is taken says nothing about the disk."""
    with pytest.raises(FileExistsError), disk_errors(Path("/folder/name")):
        raise OSError(errno.EEXIST, "as the kernel says")


def test_folders_may_exist(tmp_path: Path) -> None:
    for _ in range(2):
        make_directory(tmp_path / "a" / "b" / "c")
    assert (tmp_path / "a" / "b" / "c").is_dir()


def test_facts_of_processes_come_oldest_first(tmp_path: Path) -> None:
    """By their time, whatever the order in which they were put."""
    for at in (30, 5, 1_780_000_000_000_000, 200):
        Spool(tmp_path).put(FactKind.UP, CAMERA, Instant(at), {})
    assert [fact.at for fact in Spool(tmp_path).facts()] == [5, 30, 200, 1_780_000_000_000_000]


def test_facts_of_one_process_come_as_they_were_said(tmp_path: Path) -> None:
    """Its clock may have been set back in between."""
    spool = Spool(tmp_path)
    for at in (30, 5, 1_780_000_000_000_000, 200):
        spool.put(FactKind.UP, CAMERA, Instant(at), {})
    assert [fact.at for fact in spool.facts()] == [30, 5, 1_780_000_000_000_000, 200]


def test_facts_of_one_time_stand_beside_each_other(tmp_path: Path) -> None:
    """Nothing that is said replaces what was said before; saying it twice is harmless."""
    spool = Spool(tmp_path)
    for data in ({"cause": "silent"}, {"cause": "silent"}, {"cause": "refused"}):
        spool.put(FactKind.DOWN, CAMERA, Instant(7), data)
    spool.put(FactKind.DOWN, CameraId("yard"), Instant(7), {"cause": "silent"})
    found = [(f.camera, f.at, f.data["cause"]) for f in spool.facts()]
    assert found == [
        ("gate", 7, "silent"),
        ("gate", 7, "silent"),
        ("gate", 7, "refused"),
        ("yard", 7, "silent"),
    ]


def test_a_fact_is_forgotten_once(tmp_path: Path) -> None:
    """Removal is idempotent, and a spool that is opened again still has the others."""
    spool = Spool(tmp_path)
    for at in (1, 2):
        spool.put(FactKind.SKIPPED, CAMERA, Instant(at), {"skipped": at})
    first = spool.facts()[0]
    for _ in range(2):
        spool.remove(first)
    assert [fact.data for fact in Spool(tmp_path).facts()] == [{"skipped": 2}]


def test_half_written_facts_are_not_seen(tmp_path: Path) -> None:
    """What a crash left under a temporary name is not a fact."""
    spool = Spool(tmp_path)
    (tmp_path / "abc.tmp").write_bytes(b'{"kind": "u')
    assert spool.facts() == []
