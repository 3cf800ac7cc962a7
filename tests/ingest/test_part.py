"""Part files: one writer, explicit places, nothing behind what was acknowledged."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from ingest.errors import DiskFull, FootageAltered, PartBusy
from ingest.part import Part
from tests.ingest.conftest import PAGE, SmallDisk


def test_what_was_not_acknowledged_is_cut_off(tmp_path: Path) -> None:
    """U3: whoever resumes continues at the acknowledged byte, whatever lies behind it."""
    path = tmp_path / "a.part"
    with Part(path) as part:
        part.resume(0)
        part.write(b"0123456789")
        assert part.sync() == 10
    with Part(path) as part:
        part.resume(4)
        part.write(b"ab")
        assert part.sync() == 6
    assert path.read_bytes() == b"0123ab"


def test_less_than_was_acknowledged_is_an_alarm(tmp_path: Path) -> None:
    path = tmp_path / "a.part"
    path.write_bytes(b"012")
    with Part(path) as part, pytest.raises(FootageAltered):
        part.resume(4)
    assert path.read_bytes() == b"012"


def test_there_is_one_writer_among_all_processes(tmp_path: Path) -> None:
    """U5; and the kernel frees what a killed one held."""
    path = tmp_path / "a.part"
    script = (
        "import sys; from pathlib import Path; from ingest.part import Part\n"
        "part = Part(Path(sys.argv[1])); print(flush=True); sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", script, path], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as other:
        assert other.stdout is not None
        other.stdout.readline()
        with pytest.raises(PartBusy):
            Part(path)
        other.kill()
        other.wait()
        Part(path).close()


def test_a_link_is_not_written_through(tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.write_bytes(b"mine")
    (tmp_path / "a.part").symlink_to(victim)
    with pytest.raises(OSError, match="symbolic"):
        Part(tmp_path / "a.part")
    assert victim.read_bytes() == b"mine"


def test_a_full_disk_costs_only_what_was_not_acknowledged(small_disk: SmallDisk) -> None:
    """DiskFull, never a bare OSError; the acknowledged bytes stay, the others free their space."""
    path = small_disk.root / "a.part"
    with Part(path) as part:
        part.resume(0)
        part.write(b"a" * PAGE)
        part.sync()
        small_disk.leave(2)
        with pytest.raises(DiskFull):
            part.write(b"b" * PAGE * 4)
        part.resume(PAGE)
    assert path.read_bytes() == b"a" * PAGE
    assert os.statvfs(small_disk.root).f_bavail == 2
    small_disk.free()
    with Part(path) as part:
        part.resume(PAGE)
        part.write(b"c" * PAGE * 4)
        assert part.sync() == 5 * PAGE
