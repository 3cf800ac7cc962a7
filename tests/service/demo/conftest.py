"""Cameras and clients of the tests in this folder."""

import threading
from collections.abc import Callable, Iterator

import av
import pytest
from av.container import InputContainer

from service.demo.digest import Login

LOGIN = Login("cam", "correct horse")

OpenCamera = Callable[..., InputContainer]


@pytest.fixture(autouse=True)
def _no_thread_left() -> Iterator[None]:
    before = set(threading.enumerate())
    yield
    assert set(threading.enumerate()) <= before


@pytest.fixture
def login() -> Login:
    return LOGIN


@pytest.fixture
def open_camera() -> OpenCamera:
    """Opens `url` as the recorder does: TCP, both time-outs; quick, because the SDP says all."""

    def open_(url: str, login: Login | None = LOGIN, read_s: float = 5.0) -> InputContainer:
        if login:
            secret = login.password.replace(" ", "%20")
            url = url.replace("//", f"//{login.user}:{secret}@", 1)
        options = {"rtsp_transport": "tcp", "analyzeduration": "1", "fpsprobesize": "0"}
        return av.open(url, options=options, timeout=(5.0, read_s))

    return open_
