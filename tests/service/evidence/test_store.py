"""The store: created once, by content, never changed, and every change is found."""

import io
import stat
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.errors import FootageAltered
from ingest.files import Sha256, sha256_bytes
from service.evidence.store import FolderStore

ABSENT = Sha256("0" * 64)


@pytest.fixture
def store(tmp_path: Path) -> FolderStore:
    return FolderStore(tmp_path)


def files(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


@pytest.mark.parametrize("size", [0, 1, (1 << 20) - 1, 1 << 20, (1 << 20) + 1])
def test_an_object_is_kept_whole(store: FolderStore, tmp_path: Path, size: int) -> None:
    data = bytes(n % 251 for n in range(size))
    sha256, length = store.add(io.BytesIO(data))
    assert (sha256, length) == (sha256_bytes(data), size)
    with store.open(sha256) as stream:
        assert stream.read() == data
    assert store.path(sha256) == tmp_path / "sha256" / sha256[:2] / sha256
    assert store.check(sha256) == size


def test_the_same_bytes_twice_are_one_object(store: FolderStore, tmp_path: Path) -> None:
    first, _ = store.add(io.BytesIO(b"clip"))
    before = store.path(first).stat()
    assert store.add(io.BytesIO(b"clip")) == (first, 4)
    after = store.path(first).stat()
    assert (after.st_ino, after.st_mtime_ns) == (before.st_ino, before.st_mtime_ns)
    assert files(tmp_path) == [store.path(first)]


def test_an_object_is_read_only_and_nobody_runs_it(store: FolderStore) -> None:
    sha256, _ = store.add(io.BytesIO(b"clip"))
    assert stat.S_IMODE(store.path(sha256).stat().st_mode) == 0o444


@given(st.binary(min_size=1, max_size=2000), st.data())
def test_a_flipped_bit_is_found(
    tmp_path_factory: pytest.TempPathFactory, content: bytes, data: st.DataObject
) -> None:
    store = FolderStore(tmp_path_factory.mktemp("store"))
    sha256, _ = store.add(io.BytesIO(content))
    bit = data.draw(st.integers(0, 8 * len(content) - 1))
    damaged = bytearray(content)
    damaged[bit // 8] ^= 1 << bit % 8
    rewrite(store, sha256, bytes(damaged))
    with pytest.raises(FootageAltered):
        store.check(sha256)


@pytest.mark.parametrize("content", [b"", b"cli", b"clip ", b"clip\0"])
def test_another_length_is_found(store: FolderStore, content: bytes) -> None:
    sha256, _ = store.add(io.BytesIO(b"clip"))
    rewrite(store, sha256, content)
    with pytest.raises(FootageAltered):
        store.check(sha256)


def test_what_is_not_there_is_a_key_error(store: FolderStore) -> None:
    for ask in (store.open, store.path, store.check):
        with pytest.raises(KeyError):
            ask(ABSENT)


def test_an_altered_object_is_not_healed_over(store: FolderStore, tmp_path: Path) -> None:
    """Adding the right bytes again must not hide that somebody changed them."""
    sha256, _ = store.add(io.BytesIO(b"clip"))
    rewrite(store, sha256, b"clap")
    with pytest.raises(FootageAltered):
        store.add(io.BytesIO(b"clip"))
    assert files(tmp_path) == [store.path(sha256)]


class Torn(io.BytesIO):
    """A stream that breaks off in the middle: a card pulled out, a connection lost."""

    def __init__(self, error: BaseException) -> None:
        super().__init__()
        self._error: BaseException | None = error

    def read(self, *_: Any) -> bytes:
        if self._error is not None and self.tell() > 0:
            raise self._error
        self.seek(1)
        return bytes(1 << 16)


@pytest.mark.parametrize("error", [OSError("card removed"), KeyboardInterrupt()], ids=repr)
def test_a_stream_that_breaks_leaves_nothing(
    store: FolderStore, tmp_path: Path, error: BaseException
) -> None:
    with pytest.raises(type(error)):
        store.add(Torn(error))
    assert files(tmp_path) == []


def rewrite(store: FolderStore, sha256: Sha256, data: bytes) -> None:
    """Change an object as someone with the machine's password could."""
    path = store.path(sha256)
    path.chmod(0o644)
    path.write_bytes(data)
