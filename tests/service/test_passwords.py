"""Passwords of cameras: where they are looked for, and what refuses to give them."""

import os
from pathlib import Path

import pytest

from service.errors import InputError
from service.passwords import camera_password
from service.settings import load
from tests.ingest.live import everything_told

NAME = "LIUHEN_CAMERA_GATE"
CANARY = "c4nary"


def kept(home: Path, text: str | bytes, mode: int = 0o600, name: str = "secrets.toml") -> Path:
    path = home / name
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    path.chmod(mode)
    return path


def asked(home: Path, environment: dict[str, str] | None = None, **settings: str) -> str:
    given = {f"LIUHEN_{name}": value for name, value in settings.items()}
    return camera_password(NAME, load(home, given), environment or {})


def test_the_environment_comes_before_the_file(tmp_path: Path) -> None:
    assert asked(tmp_path, {NAME: "from environment"}) == "from environment"
    kept(tmp_path, f'{NAME} = "from file"\nOTHER = "x"')
    assert asked(tmp_path) == "from file"
    assert asked(tmp_path, {NAME: ""}) == "from file"
    assert asked(tmp_path, {NAME: "from environment"}) == "from environment"


def test_the_file_may_lie_elsewhere(tmp_path: Path) -> None:
    """As a path of its own, or beside the rest of the installation; a link is followed."""
    path = kept(tmp_path, f'{NAME} = "a"', name="cameras.toml")
    (tmp_path / "link.toml").symlink_to(path)
    for setting in (str(path), "cameras.toml", "link.toml"):
        assert asked(tmp_path, SECRETS_FILE=setting) == "a"


def test_it_is_read_anew_each_time(tmp_path: Path) -> None:
    """A changed password needs no restart of the service."""
    for password in ("first", "second"):
        kept(tmp_path, f'{NAME} = "{password}"')
        assert asked(tmp_path) == password


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o644, 0o660, 0o601, 0o610, 0o666, 0o777])
def test_a_file_that_others_can_reach_is_refused(tmp_path: Path, mode: int) -> None:
    """A password that another account can read or replace is none."""
    path = kept(tmp_path, f'{NAME} = "{CANARY}"', mode)
    with pytest.raises(InputError, match="secrets_open") as caught:
        asked(tmp_path)
    assert caught.value.facts == {"path": str(path), "mode": f"{mode:o}"}
    assert CANARY not in everything_told(caught.value)
    assert asked(tmp_path, {NAME: "x"}) == "x", "the environment needs no file"


MALFORMED: dict[str, str | bytes] = {
    "no TOML": f"{NAME} {CANARY}",
    "half a text": f'{NAME} = "{CANARY}',
    "no text": f"{NAME} = 4711\nOTHER = '{CANARY}'",
    "a table": f"[{NAME}]\npassword = '{CANARY}'",
    "twice": f'{NAME} = "{CANARY}"\n{NAME} = "{CANARY}"',
    "not UTF-8": f'{NAME} = "{CANARY}'.encode() + b'\xff"',
}


@pytest.mark.parametrize("text", MALFORMED.values(), ids=MALFORMED)
def test_a_malformed_file_is_refused_and_not_quoted(tmp_path: Path, text: str | bytes) -> None:
    """Neither the sentence nor what a debugger would find behind it holds any of the file."""
    path = kept(tmp_path, text)
    # What is told of an error includes the variables of this very function.
    del text
    with pytest.raises(InputError, match="secrets_malformed") as caught:
        asked(tmp_path)
    assert caught.value.facts == {"path": str(path)}
    assert CANARY not in everything_told(caught.value)


def test_what_is_missing_is_said(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=f"password_missing.*{NAME}"):
        asked(tmp_path)
    kept(tmp_path, f'{NAME} = ""')
    with pytest.raises(InputError, match="password_missing"):
        asked(tmp_path)
    with pytest.raises(InputError, match="secrets_unreadable"):
        asked(tmp_path, SECRETS_FILE="not-there.toml")
    (tmp_path / "folder").mkdir(mode=0o700)
    with pytest.raises(InputError, match="secrets_unreadable"):
        asked(tmp_path, SECRETS_FILE="folder")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_of_somebody_else_is_said(tmp_path: Path) -> None:
    kept(tmp_path, f'{NAME} = "{CANARY}"', 0)
    with pytest.raises(InputError, match="secrets_unreadable"):
        asked(tmp_path)
