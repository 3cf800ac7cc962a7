"""Bad input: one clear sentence in both languages, the right exit code, no traceback, no loss."""

import os
import re
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from ingest.errors import AddressError
from ingest.rtsp import check_url
from service.demo import plot
from service.demo.encoder import Format, encode
from service.errors import InputError
from service.supervisor import free_socket
from tests.cli.command import run

CHINESE = re.compile(r"[\u4e00-\u9fff]")
ENGLISH = re.compile(r"[a-z]{3,} [a-z]{2,}")


def refused(done: subprocess.CompletedProcess[str], code: int) -> str:
    """The one sentence of a refusal."""
    assert done.returncode == code, done.stdout + done.stderr
    assert "Traceback" not in done.stdout + done.stderr
    (sentence,) = done.stderr.strip().splitlines()
    assert CHINESE.search(sentence)
    assert ENGLISH.search(sentence)
    return sentence


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A good file of two seconds."""
    path = tmp_path_factory.mktemp("clip") / "good.mp4"
    return encode(path, plot.passers(1, size=(160, 90)), 2.0, Format(fps=5.0))


def text_file(folder: Path, _: Path) -> Path:
    path = folder / "text.mp4"
    path.write_text("这不是视频" * 100)
    return path


def script(folder: Path, _: Path) -> Path:
    """FFmpeg's concat script: naming it .mp4 must not make it read other files."""
    path = folder / "script.mp4"
    path.write_text("ffconcat version 1.0\nfile good.mp4\n")
    return path


def empty(folder: Path, _: Path) -> Path:
    path = folder / "empty.mp4"
    path.touch()
    return path


def truncated(folder: Path, good: Path) -> Path:
    path = folder / "truncated.mp4"
    data = good.read_bytes()
    path.write_bytes(data[: len(data) // 2])
    return path


BAD_FILES: dict[str, Callable[[Path, Path], Path]] = {
    "text": text_file,
    "ffconcat": script,
    "empty": empty,
    "truncated": truncated,
}


@pytest.mark.parametrize("make", BAD_FILES.values(), ids=BAD_FILES)
@pytest.mark.parametrize("command", ["analyze", "ingest"])
def test_bad_file(
    tmp_path: Path, clip: Path, command: str, make: Callable[[Path, Path], Path]
) -> None:
    home = tmp_path / "home"
    options = ["--home", str(home)] if command == "ingest" else []
    path = make(tmp_path, clip)
    before = path.read_bytes()
    refused(run(command, path, *options), 1)
    assert path.read_bytes() == before
    assert not list(home.glob("objects/sha256/*/*"))


def test_a_bad_file_does_not_stop_the_others(tmp_path: Path, clip: Path) -> None:
    done = run("ingest", text_file(tmp_path, clip), clip, "--home", tmp_path / "home")
    assert done.returncode == 1
    assert "good.mp4" in done.stdout
    assert len(list((tmp_path / "home").glob("objects/sha256/*/*"))) == 1
    assert run("verify", "--home", tmp_path / "home").returncode == 0


def test_missing_file_is_wrong_usage(tmp_path: Path) -> None:
    assert "nothing.mp4" in refused(run("analyze", tmp_path / "nothing.mp4"), 2)


def test_wrong_model_hash(tmp_path: Path, clip: Path) -> None:
    weights = tmp_path / "yolox_nano_bigisland.onnx"
    weights.write_bytes(b"not the weights of the card")
    done = run("analyze", clip, "--model", "yolox-nano-coco", "--weights", tmp_path)
    assert "does not match card" in refused(done, 1)


def test_missing_weights_name_where_was_looked(tmp_path: Path, clip: Path) -> None:
    done = run("analyze", clip, "--model", "yolox-nano-coco", "--weights", tmp_path)
    assert str(tmp_path) in refused(done, 1)


def test_unknown_setting_is_named(tmp_path: Path) -> None:
    (tmp_path / "liuhen.toml").write_text("segment = 3\n")
    assert "segment" in refused(run("config", "check", "--home", tmp_path), 2)


def test_unsafe_database_mode_is_refused(tmp_path: Path) -> None:
    code = (
        "import sys; sys.modules['pysqlite3'] = None\n"
        "import importlib.util as u; find = u.find_spec\n"
        "u.find_spec = lambda name, *a: None if name == 'pysqlite3' else find(name, *a)\n"
        "import sqlite3; sys.exit(77) if sqlite3.sqlite_version_info >= (3, 51, 3) else None\n"
        "from service.cli import main; main()"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, "ingest", "x.mp4", "--home", str(tmp_path)],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "LIUHEN_SQLITE_JOURNAL": "wal"},
    )
    if done.returncode == 77:
        pytest.skip("Python's own SQLite is safe in WAL mode here")
    assert "WAL" in refused(done, 2)


CAMERA_ADDRESSES = {
    "password inside": "rtsp://cam:secret-word@127.0.0.1/x",
    "another scheme": "http://127.0.0.1/x",
    "a local file": "file:///etc/passwd",
    "no host": "rtsp:///x",
    "a password in the query": "rtsp://127.0.0.1/x?password=secret-word",
    "a password in the path": "rtsp://127.0.0.1/channel=1_PassWD=secret-word",
    "a password in disguise": "rtsp://127.0.0.1/x?p%61ssword%3Dsecret-word",
}


@pytest.mark.parametrize("url", CAMERA_ADDRESSES.values(), ids=CAMERA_ADDRESSES)
def test_camera_address(tmp_path: Path, url: str) -> None:
    done = run("camera", "add", "gate", url, "--place", "门口", "--home", tmp_path)
    assert "secret-word" not in refused(done, 2)


LOGINS_INSIDE = {
    "rtsp://10.0.0.8/user=admin&password=c4nary&channel=1": "user=",
    "rtsp://10.0.0.8/channel=1_PASSWORD=c4nary_stream=0.sdp": "password=",
    "rtsp://10.0.0.8/live?UserName=cam&p=c4nary": "username=",
    "rtsp://10.0.0.8/live?x=1&passwd=c4nary": "passwd=",
    "rtsp://10.0.0.8/live?Pwd=c4nary": "pwd=",
    "rtsp://10.0.0.8/live#pwd=c4nary": "pwd=",
    "rtsp://10.0.0.8/p%61ssword%3dc4nary": "password=",
    "rtsp://10.0.0.8/cam/realmonitor?channel=1&subtype=0": None,
    "rtsp://10.0.0.8/user/password/1": None,
}


@pytest.mark.parametrize(("url", "told"), LOGINS_INSIDE.items(), ids=LOGINS_INSIDE)
def test_a_login_inside_of_an_address(url: str, told: str | None) -> None:
    """It would be stored in the clear; and the refusal does not repeat it."""
    if told is None:
        check_url(url)
        return
    with pytest.raises(AddressError) as caught:
        check_url(url)
    assert caught.value.facts == {"detail": told}


CAMERA_OPTIONS = {
    "settle too short": ("--settle", "0.4"),
    "settle negative": ("--settle", "-1"),
    "settle too long": ("--settle", "3601"),
    "settle no number": ("--settle", "nan"),
    "settle endless": ("--settle", "inf"),
    "place empty": ("--place", ""),
    "place blank": ("--place", " "),
}


@pytest.mark.parametrize("option", CAMERA_OPTIONS.values(), ids=CAMERA_OPTIONS)
def test_camera_options(tmp_path: Path, option: tuple[str, str]) -> None:
    place = () if "--place" in option else ("--place", "门口")
    done = run("camera", "add", "gate", "rtsp://127.0.0.1/x", *place, *option, "--home", tmp_path)
    assert option[0] in refused(done, 2)
    assert "gate" not in run("camera", "list", "--home", tmp_path).stdout


def test_settle_time_of_files(tmp_path: Path, clip: Path) -> None:
    assert "nan" in refused(run("analyze", clip, "--settle", "nan"), 2)


def test_wrong_zone_is_named(tmp_path: Path, clip: Path) -> None:
    zones = tmp_path / "zones.json"
    zones.write_text('{"zones": [{"name": "z", "kind": "road", "points": [], "colour": 1}]}')
    assert "colour" in refused(run("analyze", clip, "--zones", zones), 2)


@pytest.mark.parametrize(("command", "code"), [("analyze", 2), ("ingest", 1)])
def test_a_folder_is_not_a_missing_file(tmp_path: Path, command: str, code: int) -> None:
    options = ["--home", tmp_path / "home"] if command == "ingest" else []
    assert "is a folder" in refused(run(command, tmp_path, *options), code)


def test_unreachable_camera(tmp_path: Path) -> None:
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        url = f"rtsp://127.0.0.1:{nobody.getsockname()[1]}/x"
        run("camera", "add", "gate", url, "--place", "门口", "--home", tmp_path)
        done = run("camera", "check", "gate", "--home", tmp_path)
    # Its past is told all the same.
    assert done.returncode == 1
    assert "gate" in done.stdout
    assert "0 gaps" in done.stdout


def test_missing_camera_password_names_the_variable(tmp_path: Path) -> None:
    options = ("--username", "cam", "--password-variable", "LIUHEN_CAMERA_GATE")
    run(
        "camera", "add", "gate", "rtsp://127.0.0.1/x", "--place", "门", *options, "--home", tmp_path
    )
    done = run("camera", "check", "gate", "--home", tmp_path)
    assert done.returncode == 1
    assert "LIUHEN_CAMERA_GATE" in done.stdout


def test_short_password(tmp_path: Path) -> None:
    options = ("--name", "张", "--badge", "1", "--badge-until", "2099-12-31", "--home", tmp_path)
    done = run("user", "add", "zhang", *options, LIUHEN_NEW_PASSWORD="short")
    refused(done, 2)


def test_taken_port(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(InputError, match="port_taken"):
            free_socket("127.0.0.1", port)
        assert str(port) in refused(run("serve", "--port", str(port), "--home", tmp_path), 2)


def test_ports_out_of_range_are_wrong_usage(tmp_path: Path) -> None:
    for command in (["serve", "--home", str(tmp_path)], ["simulate", "gate=dumping"], ["demo"]):
        for port in ("99999", "-1"):
            done = run(*command, "--port", port)
            assert done.returncode == 2
            assert "'--port'" in done.stderr


def test_hosts_that_are_not_here(tmp_path: Path) -> None:
    """Only a port that is in use is called so."""
    for host, word in (("no-such-host.invalid", "not known"), ("192.0.2.1", "cannot listen")):
        with pytest.raises(InputError, match=r"host_unknown|not_listening"):
            free_socket(host, 0)
        options = ("--host", host, "--port", "0")
        assert word in refused(run("serve", *options, "--home", tmp_path), 2)
        assert word in refused(run("simulate", "gate=dumping", *options), 2)


def test_ipv6_is_listened_at() -> None:
    try:
        with socket.socket(socket.AF_INET6) as probe:
            probe.bind(("::1", 0))
    except OSError:
        pytest.skip("no IPv6 on this machine")
    with free_socket("::1", 0) as first:
        assert first.family == socket.AF_INET6
        first.listen()
        with pytest.raises(InputError, match="port_taken"):
            free_socket("::1", first.getsockname()[1])
    with free_socket("localhost", 0) as both:
        assert both.family == socket.AF_INET


@pytest.mark.parametrize("weights", [None, b"not the weights of the card"])
def test_serve_ends_with_a_model_that_cannot_be_used(tmp_path: Path, weights: bytes | None) -> None:
    if weights:
        (tmp_path / "yolox_nano_bigisland.onnx").write_bytes(weights)
    variables = {"LIUHEN_MODEL": "yolox-nano-coco", "LIUHEN_WEIGHTS": str(tmp_path)}
    done = run("serve", "--port", "0", "--home", tmp_path / "home", **variables)
    assert "yolox" in refused(done, 1)
    assert done.stdout == ""


def test_demo_leaves_a_strange_folder_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.docx").write_text("mine")
    refused(run("demo", "--once", "--folder", tmp_path), 2)
    assert (tmp_path / "thesis.docx").read_text() == "mine"
