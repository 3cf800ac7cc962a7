"""`liuhen user`, `token` and `tls`, as an administrator types them on the server."""

from pathlib import Path

import pytest

from service.tls import CERT_FILE, KEY_FILE
from tests.cli.command import run

PASSWORD = "correct horse battery"
BADGE = ("--badge", "01-0001", "--badge-until", "2027-12-31")


def done(home: Path, *arguments: str) -> str:
    """What a command says when it succeeds."""
    ended = run(*arguments, "--home", home, LIUHEN_NEW_PASSWORD=PASSWORD)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return ended.stdout


def refused(home: Path, *arguments: str) -> str:
    """What a command says when it refuses."""
    ended = run(*arguments, "--home", home, LIUHEN_NEW_PASSWORD=PASSWORD)
    assert ended.returncode == 2, ended.stdout + ended.stderr
    return ended.stderr


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """An installation with one officer."""
    done(tmp_path, "user", "add", "wang", "--name", "王某", "--unit", "一中队", *BADGE)
    return tmp_path


def test_an_account_from_its_beginning_to_its_end(home: Path) -> None:
    shown = done(home, "user", "list")
    for words in ("王某", "执法队员", "一中队", "01-0001", "2027-12-31"):
        assert words in shown
    done(home, "user", "set", "wang", "--badge-until", "2030-01-31", "--role", "leader")
    shown = done(home, "user", "list")
    for words in ("王某", "中队长", "一中队", "2030-01-31"):
        assert words in shown
    done(home, "user", "close", "wang")
    assert "停用" in done(home, "user", "list")
    done(home, "user", "reset", "wang")
    done(home, "user", "reopen", "wang")
    assert "停用" not in done(home, "user", "list")


def test_an_empty_text_unsets_a_value(home: Path) -> None:
    done(home, "user", "set", "wang", "--unit", "", "--role", "reviewer", "--badge-until", "")
    shown = done(home, "user", "list")
    assert "一中队" not in shown
    assert "2027-12-31" not in shown


REFUSED = {
    "an officer without a last day": ("user", "set", "wang", "--badge-until", ""),
    "a day that is none": ("user", "set", "wang", "--badge-until", "next year"),
    "nobody": ("user", "close", "zhang"),
    "in use": ("user", "reopen", "wang"),
    "a role that is none": ("user", "set", "wang", "--role", "emperor"),
    "a token for nothing": ("token", "add", "t", "--purpose", " ", "--scope", "metrics"),
    "a token for ever": (
        *("token", "add", "t", "--purpose", "x", "--scope", "metrics"),
        *("--days", "9999"),
    ),
    "no such token": ("token", "revoke", "t"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_is_refused_in_one_sentence(home: Path, case: str) -> None:
    told = refused(home, *REFUSED[case])
    assert "Traceback" not in told


def test_a_token_is_shown_once(home: Path) -> None:
    scopes = ("--scope", "read_events", "--scope", "metrics")
    text = done(home, "token", "add", "screen", "--purpose", "大屏", *scopes).splitlines()[-1]
    assert text.startswith("lh_")
    shown = done(home, "token", "list")
    assert ("大屏" in shown, text in shown) == (True, False)
    done(home, "token", "revoke", "screen")
    assert refused(home, "token", "revoke", "screen")


def test_a_mistyped_home_makes_no_token(tmp_path: Path) -> None:
    """Attacks: a token that opens nothing, of an installation that nobody wanted."""
    refused(tmp_path / "typo", "token", "add", "t", "--purpose", "x", "--scope", "metrics")
    assert list(tmp_path.iterdir()) == []


def test_a_certificate_is_made_with_the_settings_that_use_it(tmp_path: Path) -> None:
    told = done(tmp_path, "tls", "make", "--name", "liuhen.example")
    lines = told.splitlines()[-2:]
    assert lines == [f'tls_cert_file = "{CERT_FILE}"', f'tls_key_file = "{KEY_FILE}"']
    assert "liuhen.example" in told
    (tmp_path / "liuhen.toml").write_text("\n".join(lines))
    assert run("config", "check", "--home", tmp_path).returncode == 0
    assert "已存在" in refused(tmp_path, "tls", "make")


def test_other_machines_are_not_served_in_the_clear(tmp_path: Path) -> None:
    told = refused(tmp_path, "serve", "--host", "0.0.0.0", "--port", "0")
    assert "TLS" in told
    assert not (tmp_path / "liuhen.db").exists()
