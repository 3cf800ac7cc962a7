"""`liuhen station`: a token is shown once, and a name is tried before a folder is watched."""

from pathlib import Path

from tests.cli import command


def run(*arguments: str | Path, status: int = 0) -> str:
    done = command.run(*arguments)
    assert done.returncode == status, done.stdout + done.stderr
    return done.stdout + done.stderr


def test_a_station_is_added_listed_and_revoked(tmp_path: Path) -> None:
    home = ("--home", tmp_path)
    shown = run("station", "add", "dock-1", "--place", "值班室 [red]", *home)
    token = shown.split()[-1]
    assert token.startswith("lh_")
    listed = run("station", "list", *home)
    assert "值班室 [red]" in listed
    assert token not in listed
    run("station", "add", "dock-1", "--place", "x", *home, status=2)
    run("station", "add", "a b", "--place", "x", *home, status=2)
    run("station", "add", "dock-2", "--place", " ", *home, status=2)
    run("station", "revoke", "dock-1", *home)
    run("station", "revoke", "dock-1", *home, status=2)


def test_a_name_is_tried(tmp_path: Path) -> None:
    (tmp_path / "liuhen.toml").write_text(
        "[[sources]]\n"
        'name = "dock"\nfolder = "/srv/dock"\n'
        "pattern = '(?P<device>DSJ-\\d+)_(?P<officer>\\d+)_(?P<ts>\\d{14})'\n"
    )
    home = ("--home", tmp_path)
    shown = run("station", "test-name", "dock", "DSJ-7_010001_20260501093000.mp4", *home)
    assert "DSJ-7" in shown
    assert "010001" in shown
    assert "2026-05-01 09:30:00" in shown
    run("station", "test-name", "dock", "x.mp4", *home, status=1)
    run("station", "test-name", "none", "x.mp4", *home, status=2)
