"""Settings: the file, then the environment; whatever is wrong is refused by name."""

from pathlib import Path

import pytest
from pydantic import ValidationError

from service.errors import InputError
from service.settings import load


def written(home: Path, text: str) -> Path:
    (home / "liuhen.toml").write_text(text, encoding="utf-8")
    return home


def test_without_a_file_everything_has_a_default(tmp_path: Path) -> None:
    settings = load(tmp_path, {})
    assert (settings.home, settings.port, settings.segment_s) == (tmp_path, 8470, 60.0)
    folders = {settings.segments, settings.spool, settings.objects}
    assert folders == {tmp_path / name for name in ("segments", "spool", "objects")}


def test_the_environment_is_above_the_file(tmp_path: Path) -> None:
    home = written(tmp_path, 'port = 1000\nauthority = "某某街道办事处"\n')
    settings = load(home, {"LIUHEN_PORT": "2000", "PORT": "3000"})
    assert (settings.port, settings.authority) == (2000, "某某街道办事处")


def test_folders_of_weights_are_listed_like_a_path(tmp_path: Path) -> None:
    home = written(tmp_path, 'weights = ["/from/file"]')
    assert load(home, {}).weights == (Path("/from/file"),)
    assert load(home, {"LIUHEN_WEIGHTS": "/a:/b"}).weights == (Path("/a"), Path("/b"))


def test_variables_that_others_read_are_left_alone(tmp_path: Path) -> None:
    others = ("HOME", "MEDIA", "IMAGES", "CAMERA_GATE")
    assert load(tmp_path, {f"LIUHEN_{name}": "x" for name in others}) == load(tmp_path, {})


def test_a_setting_of_cameras_is_not_taken_for_a_password(tmp_path: Path) -> None:
    """`LIUHEN_CAMERA_*` are names of passwords, but for the one that is a setting."""
    settings = load(tmp_path, {"LIUHEN_CAMERA_CA_FILE": "ca.pem", "LIUHEN_CAMERA_CA": "x"})
    assert settings.camera_ca == tmp_path / "ca.pem"
    assert load(tmp_path, {}).camera_ca is None
    assert load(tmp_path, {"LIUHEN_SECRETS_FILE": "/etc/x"}).secrets == Path("/etc/x")
    assert load(tmp_path, {}).secrets == tmp_path / "secrets.toml"


def test_a_relative_home_is_made_absolute(tmp_path: Path) -> None:
    assert load(Path("home"), {}).home == Path.cwd() / "home"


REFUSED = {
    "unknown key": ("prot = 1", {}, "key=prot"),
    "unknown table": ("[camera]\nid = 1", {}, "key=camera"),
    "unknown variable": ("", {"LIUHEN_PROT": "1"}, "key=prot"),
    "home in the file": ('home = "/elsewhere"', {}, "key=home"),
    "port too high": ("port = 65536", {}, "key=port"),
    "port below zero": ("port = -1", {}, "key=port"),
    "port in words": ("", {"LIUHEN_PORT": "many"}, "key=port"),
    "port empty": ("", {"LIUHEN_PORT": ""}, "key=port"),
    "segment too short": ("segment_s = 1.9", {}, "key=segment_s"),
    "segment too long": ("segment_s = 601", {}, "key=segment_s"),
    "segment not a number": ("segment_s = nan", {}, "key=segment_s"),
    "packet age for ever": ("packet_age_s = inf", {}, "key=packet_age_s"),
    "negative pre-roll": ("pre_roll_s = -1", {}, "key=pre_roll_s"),
    "negative reserve": ("", {"LIUHEN_RESERVE_BYTES": "-1"}, "key=reserve_bytes"),
    "no session": ("session_hours = 0", {}, "key=session_hours"),
    "journal of another kind": ('sqlite_journal = "off"', {}, "key=sqlite_journal"),
    "not TOML": ("port 1000", {}, "settings_file"),
}


@pytest.mark.parametrize(("text", "environment", "told"), REFUSED.values(), ids=REFUSED)
def test_what_is_wrong_is_refused_by_name(
    tmp_path: Path, text: str, environment: dict[str, str], told: str
) -> None:
    with pytest.raises(InputError) as caught:
        load(written(tmp_path, text), environment)
    assert told in str(caught.value)


@pytest.mark.parametrize("content", [b"\xff\xfe", "端口 = 1".encode("gb18030")])
def test_a_file_in_another_encoding_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "liuhen.toml").write_bytes(content)
    with pytest.raises(InputError, match="settings_file"):
        load(tmp_path, {})


def test_a_file_that_cannot_be_read_is_refused(tmp_path: Path) -> None:
    (tmp_path / "liuhen.toml").mkdir()
    with pytest.raises(InputError, match="settings_file"):
        load(tmp_path, {})


@pytest.mark.parametrize("bound", ["2", "600"])
def test_the_bounds_belong_to_the_range(tmp_path: Path, bound: str) -> None:
    assert load(tmp_path, {"LIUHEN_SEGMENT_S": bound}).segment_s == float(bound)


def test_settings_do_not_change(tmp_path: Path) -> None:
    settings = load(tmp_path, {})
    with pytest.raises(ValidationError):
        settings.port = 1
    with pytest.raises(ValidationError):
        type(settings)(home=tmp_path, prot=1)
