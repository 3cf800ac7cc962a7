"""Names that people choose are shown as they are: nothing in them is markup, nothing acts."""

import os
import pty
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest
from rich.table import Table

from service.demo import plot
from service.demo.encoder import Format, encode
from service.terminal import cell, plain, terminal
from tests.cli import command

LIUHEN = Path(sys.executable).with_name("liuhen")
UNTIL = ("--badge-until", "2099-12-31")
NAMES = ["[link]a[/b]", "[/p]", "[red]x[/red]", "[/]", ":smile:", "\\[a]"]


def run(*arguments: str | Path) -> str:
    """What a command says when it succeeds."""
    done = command.run(*arguments, LIUHEN_NEW_PASSWORD="long enough a word")
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A good file of two seconds whose name looks like markup."""
    folder = tmp_path_factory.mktemp("clip")
    path = folder / "[red]a[b].mp4"
    return encode(path, plot.passers(1, size=(160, 90)), 2.0, Format(fps=5.0))


def test_files(tmp_path: Path, clip: Path) -> None:
    assert clip.name in run("analyze", clip)
    assert clip.name in run("ingest", clip, "--home", tmp_path)
    bad = tmp_path / "[red]\x1b[31m\nbad.mp4"
    bad.touch()
    done = subprocess.run([LIUHEN, "analyze", bad], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert r"[red]\x1b[31m\nbad.mp4" in done.stderr
    assert len(done.stderr.splitlines()) == 1
    missing = subprocess.run(
        [LIUHEN, "analyze", "[link]a[/b].mp4"], capture_output=True, text=True, check=False
    )
    assert missing.returncode == 2
    assert "[link]a[/b].mp4" in missing.stderr


def test_progress_on_a_terminal(clip: Path) -> None:
    """The bar shows the name; markup in it would end the command."""
    ours, theirs = pty.openpty()
    with subprocess.Popen(
        [LIUHEN, "analyze", clip],
        stdout=subprocess.DEVNULL,
        stderr=theirs,
        env={**os.environ, "TERM": "xterm", "COLUMNS": "120"},
    ) as running:
        os.close(theirs)
        shown = b""
        # The end of a terminal's other side is an error on Linux.
        with suppress(OSError):
            while chunk := os.read(ours, 4096):
                shown += chunk
        os.close(ours)
    assert running.returncode == 0
    assert clip.name.encode() in shown


def test_cameras(tmp_path: Path) -> None:
    for number, name in enumerate(NAMES):
        url = f"rtsp://127.0.0.1/{number}"
        run("camera", "add", f"c{number}", url, "--place", name, "--home", tmp_path)
    shown = run("camera", "list", "--home", tmp_path)
    assert [name for name in NAMES if name not in shown] == []


def test_users(tmp_path: Path) -> None:
    for number, name in enumerate(NAMES):
        options = ("--name", name, "--badge", "[b]", *UNTIL, "--home", tmp_path)
        assert f"u{number}" in run("user", "add", f"u{number}", *options)
    bell = ("--name", "a\x07\x1b]0;owned\x07", "--badge", "1", *UNTIL)
    run("user", "add", "bell", *bell, "--home", tmp_path)
    shown = run("user", "list", "--home", tmp_path)
    assert [name for name in NAMES if name not in shown] == []
    assert "\x1b" not in shown
    assert "\x07" not in shown
    assert r"a\x07\x1b]0;owned\x07" in shown


def test_what_acts_is_written_out() -> None:
    assert plain("a\tb\r\n\x1b[2J\x9b") == r"a\tb\r\n\x1b[2J\x9b"
    assert plain("\N{RIGHT-TO-LEFT OVERRIDE}4pm\u2028") == r"\u202e4pm\u2028"
    assert plain(os.fsdecode(b"\xff.mp4")) == r"\udcff.mp4"
    assert plain("河滨路 1 号（东）🙂") == "河滨路 1 号（东）🙂"


def test_a_long_address_is_shown_whole() -> None:
    address = "rtsp://10.0.0.8/" + "x" * 200
    table = Table("a", "b")
    table.add_row(cell("gate"), cell(address))
    console = terminal()
    with console.capture() as shown:
        console.print(table)
    assert shown.get().count("x") == 200
