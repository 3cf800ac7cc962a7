"""A simulated camera for code that has no event loop: threads outside, asyncio inside."""

import asyncio
from collections.abc import Callable, Coroutine, Mapping
from contextlib import ExitStack
from threading import Thread
from types import TracebackType
from typing import Any, Self, TypeVar

from ingest.clock import Clock
from service.demo.camera import HONEST, SIMPLE, Equipment, Lie, SimulatedCamera
from service.demo.digest import Login
from service.demo.source import Source
from vision.frame import Instant

_T = TypeVar("_T")


class _LoopThread:
    """An event loop that runs in a thread of its own."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = Thread(target=self._loop.run_forever, name="camera-server")
        self._thread.start()

    def run(self, work: Coroutine[Any, Any, _T]) -> _T:
        """The result of `work`, or its exception."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result()

    def close(self) -> None:
        """End the loop, its helper threads and its own."""
        self.run(self._loop.shutdown_default_executor())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()


class CameraServer:
    """A camera at `rtsp://host:port/name` for each name of `sources`; use it with `with`.

    With TLS it is at `rtsps://`. Port 0 lets the system choose at the first start; a later start
    takes the same again.
    """

    def __init__(
        self,
        sources: Mapping[str, Source],
        *,
        clock: Clock,
        address: tuple[str, int] = ("127.0.0.1", 0),
        login: Login | None = None,
        lie: Lie = HONEST,
        equipment: Equipment = SIMPLE,
    ) -> None:
        self.host, self.port = address
        self._scheme = "rtsps" if equipment.tls else "rtsp"
        self._camera = SimulatedCamera(
            sources, clock=clock, login=login, lie=lie, equipment=equipment
        )
        self._thread: _LoopThread | None = None

    @property
    def epoch(self) -> Instant:
        """The true wall clock at time 0 of the sources."""
        return self._camera.epoch

    def url(self, name: str) -> str:
        """The address of a mount, without user and password."""
        return f"{self._scheme}://{self.host}:{self.port}/{name}"

    def start(self) -> None:
        """Switch on; clients can connect when it returns.

        Raises:
            OSError: the address is in use or not this machine's.
        """
        with ExitStack() as undo:
            thread = _LoopThread()
            undo.callback(thread.close)
            self.port = thread.run(self._camera.start(self.host, self.port))
            undo.pop_all()
        self._thread = thread

    def stop(self) -> None:
        """Switch off: connections close, threads end. Nothing happens when it is off."""
        if self._thread:
            self._thread.run(self._camera.stop())
            self._thread.close()
            self._thread = None

    def stall(self, name: str) -> None:
        """Send no packets of this mount and keep its connections open."""
        self._do(self._camera.stall, name)

    def freeze(self, name: str) -> None:
        """Send no pictures of this mount; its sound goes on."""
        self._do(self._camera.freeze, name)

    def lose(self, name: str, fraction: float) -> None:
        """Lose this part of the packets of this mount, by a chance that falls alike each time."""
        self._do(lambda wanted: self._camera.lose(name, wanted), fraction)

    def restart_time(self, name: str) -> None:
        """Begin to count the media time of this mount anew, in the middle of its streams."""
        self._do(self._camera.restart_time, name)

    def end(self, name: str) -> None:
        """Say goodbye to the clients of this mount (RTCP BYE); their connections stay open."""
        self._do(self._camera.end, name)

    def resume(self, name: str) -> None:
        """Send again, from the next key frame on."""
        self._do(self._camera.resume, name)

    def drop(self, name: str) -> None:
        """Close all connections that play this mount."""
        self._do(self._camera.drop, name)

    def lie(self, offset_s: float) -> None:
        """Set the clock of the sender reports ahead by `offset_s`; the burnt-in one stays."""
        self._do(self._camera.lie, offset_s)

    def __enter__(self) -> Self:
        """Switch on."""
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Switch off."""
        self.stop()

    def _do(self, fault: Callable[[_T], None], argument: _T) -> None:
        """Commit a fault in the camera's loop; RuntimeError while it is off."""
        if self._thread is None:
            msg = "the camera is off"
            raise RuntimeError(msg)

        async def act() -> None:
            fault(argument)

        self._thread.run(act())
