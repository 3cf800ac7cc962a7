"""What `liuhen simulate` does, short of the command line."""

import os
import signal
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor

import av
import pytest
from av.container import InputContainer

from ingest.clock import SystemClock
from service.demo.digest import Login
from service.demo.encoder import Format
from service.demo.simulate import SimulateOptions, simulate
from service.errors import InputError

OpenCamera = Callable[..., InputContainer]

FORM = Format(fps=25.0, gop_s=0.2)


def played(
    options: SimulateOptions, environment: Mapping[str, str], visit: Callable[[list[str]], None]
) -> None:
    """Simulate in this thread while `visit` looks at the addresses in another."""
    urls: list[str] = []
    stop = threading.Event()
    ready = threading.Semaphore(0)

    def announce(url: str) -> None:
        urls.append(url)
        ready.release()

    def look() -> None:
        try:
            for _ in options.mounts:
                assert ready.acquire(timeout=10)
            visit(urls)
        finally:
            stop.set()

    with ThreadPoolExecutor(1) as pool:
        visitor = pool.submit(look)
        run(options, environment, announce, stop)
        visitor.result()


def run(
    options: SimulateOptions,
    environment: Mapping[str, str],
    announce: Callable[[str], None],
    stop: threading.Event,
) -> None:
    simulate(options, environment=environment, clock=SystemClock(), announce=announce, stop=stop)


def options(**changed: object) -> SimulateOptions:
    base = {
        "mounts": {"gate": "dumping"},
        "address": ("127.0.0.1", 0),
        "form": FORM,
        "size": (320, 180),
    }
    return SimulateOptions(**(base | changed))  # type: ignore[arg-type]


def test_scenes_are_served_with_a_password(open_camera: OpenCamera) -> None:
    def visit(urls: list[str]) -> None:
        assert [url.rsplit("/", 1)[1] for url in urls] == ["gate", "yard"]
        for url in urls:
            with open_camera(url, Login("cam", "s3cret")) as container:
                assert next(container.demux(video=0)).is_keyframe
            with pytest.raises(av.error.HTTPUnauthorizedError):
                open_camera(url, Login("cam", "other"))

    mounts = {"gate": "dumping", "yard": "passers"}
    asked = options(mounts=mounts, user="cam", password_variable="PASS")
    played(asked, {"PASS": "s3cret"}, visit)


def test_connections_drop_again_and_again(open_camera: OpenCamera) -> None:
    def visit(urls: list[str]) -> None:
        for _ in range(2):
            with open_camera(urls[0], None) as container:
                assert len([p for p in container.demux(video=0) if p.size]) < 60

    played(options(drop_every_s=1.2), {}, visit)


def test_a_signal_stalls_and_another_resumes(open_camera: OpenCamera) -> None:
    def visit(urls: list[str]) -> None:
        with open_camera(urls[0], None, 0.5) as container:
            os.kill(os.getpid(), signal.SIGUSR1)
            with pytest.raises((av.error.ExitError, av.error.TimeoutError)):
                list(container.demux(video=0))
        os.kill(os.getpid(), signal.SIGUSR1)
        with open_camera(urls[0], None) as container:
            assert next(container.demux(video=0)).is_keyframe

    before = signal.getsignal(signal.SIGUSR1)
    played(options(), {}, visit)
    assert signal.getsignal(signal.SIGUSR1) is before


def test_a_stall_when_it_is_due(open_camera: OpenCamera) -> None:
    def visit(urls: list[str]) -> None:
        with (
            open_camera(urls[0], None, 0.5) as container,
            pytest.raises((av.error.ExitError, av.error.TimeoutError)),
        ):
            list(container.demux(video=0))

    played(options(stall_after_s=1.0), {}, visit)


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"mounts": {"gate": "no-such-scene"}}, "camera_scene_unknown"),
        ({"user": "cam"}, "camera_password_missing"),
        ({"mounts": {"gate": __file__}}, "camera_file_unreadable"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_wrong_options_are_said(changed: dict[str, object], code: str) -> None:
    with pytest.raises(InputError, match=code):
        run(options(**changed), {}, lambda _: None, threading.Event())
