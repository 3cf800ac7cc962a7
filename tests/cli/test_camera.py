"""`liuhen camera`: what is entered, changed and shown, as an administrator types it."""

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from ingest.clock import SystemClock
from service.demo.camera import Equipment
from service.demo.digest import Login
from service.demo.server import CameraServer
from service.demo.sound import Tone
from tests.cli.command import run
from tests.cli.test_refusals import refused
from tests.ingest.certificate import certificate
from tests.ingest.clip import Recipe
from tests.ingest.live import ClipSource

URL = "rtsp://192.0.2.7/1"
NAME = "LIUHEN_CAMERA_GATE"
WIDE = {"COLUMNS": "400"}


def add(home: Path, *options: str) -> None:
    done = run("camera", "add", "gate", *options, "--place", "门口", "--home", home)
    assert done.returncode == 0, done.stderr


def listed(home: Path) -> str:
    return run("camera", "list", "--home", home, **WIDE).stdout


def test_both_streams_and_how_they_come_are_listed(tmp_path: Path) -> None:
    add(tmp_path, URL, "--sub-url", "rtsp://192.0.2.7/2", "--transport", "udp", "--audio")
    shown = listed(tmp_path)
    assert all(word in shown for word in (URL, "rtsp://192.0.2.7/2", "UDP", "录音：开"))


def test_a_vendor_stands_for_both_addresses(tmp_path: Path) -> None:
    done = run("camera", "url", "dahua", "192.0.2.7", "--channel", "3")
    urls = [f"rtsp://192.0.2.7:554/cam/realmonitor?channel=3&subtype={n}" for n in (0, 1)]
    assert [line.split()[-1] for line in done.stdout.splitlines()] == urls
    add(tmp_path, "--vendor", "dahua", "--host", "192.0.2.7", "--channel", "3")
    assert all(url in listed(tmp_path) for url in urls)


@pytest.mark.parametrize(
    "options",
    [(), (URL, "--vendor", "dahua"), ("--vendor", "dahua"), ("--vendor", "dahua", "--host", "a/b")],
)
def test_an_address_is_given_once(tmp_path: Path, options: tuple[str, ...]) -> None:
    done = run("camera", "add", "gate", *options, "--place", "门", "--home", tmp_path)
    refused(done, 2)


def test_settings_are_changed_one_by_one(tmp_path: Path) -> None:
    add(tmp_path, URL, "--sub-url", "rtsp://192.0.2.7/2", "--audio")
    done = run("camera", "set", "gate", "--settle", "5", "--no-audio", "--home", tmp_path)
    assert (done.returncode, "audio, settle_s" in done.stdout) == (0, True)
    done = run("camera", "set", "gate", "--sub-url", "", "--home", tmp_path)
    assert "sub_url" in done.stdout
    shown = listed(tmp_path)
    assert "rtsp://192.0.2.7/2" not in shown
    assert "录音：关" in shown
    done = run("camera", "set", "gate", "--settle", "5", "--home", tmp_path)
    assert (done.returncode, "无改动" in done.stdout) == (0, True)


def test_off_and_on_again(tmp_path: Path) -> None:
    add(tmp_path, URL)
    for word, is_off in (("disable", True), ("enable", False)):
        assert run("camera", word, "gate", "--home", tmp_path).returncode == 0
        assert ("停用" in listed(tmp_path)) is is_off


@pytest.mark.parametrize(
    "options",
    [
        ("--url", "http://192.0.2.7/"),
        ("--sub-url", "rtsp://a:b@192.0.2.7/"),
        ("--url", "rtsps://192.0.2.7/", "--transport", "udp"),
        ("--place", ""),
    ],
    ids=str,
)
def test_a_change_that_cannot_be_is_refused(tmp_path: Path, options: tuple[str, ...]) -> None:
    add(tmp_path, URL)
    refused(run("camera", "set", "gate", *options, "--home", tmp_path), 2)
    assert URL in listed(tmp_path)


@pytest.mark.parametrize("words", [("set", "--settle", "5"), ("disable",), ("enable",)], ids=str)
def test_an_unknown_camera_is_said(tmp_path: Path, words: tuple[str, ...]) -> None:
    add(tmp_path, URL)
    refused(run("camera", words[0], "yard", *words[1:], "--home", tmp_path), 2)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[CameraServer]:
    """A camera with TLS and a microphone."""
    own = certificate(tmp_path)
    equipment = Equipment(tls=own.context, sounds={"gate": Tone()})
    clip = ClipSource.of(Recipe(count=40, gop=10, container="ts"))
    with CameraServer(
        {"gate": clip}, clock=SystemClock(), login=Login("cam", "c4nary"), equipment=equipment
    ) as running:
        yield running
    assert threading.active_count() == 1


def test_a_check_tells_way_encryption_and_sound(tmp_path: Path, server: CameraServer) -> None:
    """Whether a microphone is there is said also where it is not recorded."""
    home = tmp_path / "home"
    add(home, server.url("gate"), "--username", "cam", "--password-variable", NAME)
    secrets = home / "secrets.toml"
    secrets.write_text(f'{NAME} = "c4nary"')
    secrets.chmod(0o600)
    done = run("camera", "check", "gate", "--seconds", "2", "--home", home)
    assert done.returncode == 0, done.stderr
    assert "TCP" in done.stdout
    assert "encrypted with TLS, certificate not verified" in done.stdout
    assert "pcm_alaw, not recorded: off" in done.stdout
    vouched = {"LIUHEN_CAMERA_CA_FILE": str(tmp_path / "camera.pem")}
    run("camera", "set", "gate", "--audio", "--home", home)
    done = run("camera", "check", "gate", "--seconds", "2", "--home", home, **vouched)
    assert "certificate verified" in done.stdout
    assert "pcm_alaw, recorded: on" in done.stdout
    secrets.chmod(0o644)
    # It cannot be connected to; what was recorded is told all the same.
    done = run("camera", "check", "gate", "--seconds", "2", "--home", home)
    assert done.returncode == 1
    assert str(secrets) in done.stdout
    assert "0 gaps" in done.stdout
    assert "c4nary" not in done.stdout + done.stderr
