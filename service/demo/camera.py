"""A street camera made of nothing but code: an RTSP server with faults on request."""

import asyncio
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field

from ingest.clock import Clock
from service.demo.connection import Connection
from service.demo.dice import dice
from service.demo.digest import Login
from service.demo.mount import Mount
from service.demo.sdp import CONTROL
from service.demo.sound import Tone
from service.demo.source import Pace, Source
from vision.frame import Instant, later

_GRACE_S = 1.0
"""How long a closing camera waits for its clients to read what is on the way."""


@dataclass(frozen=True, slots=True)
class Lie:
    """How a camera's clock is wrong: ahead by `offset_s`, and by `drift_ppm` more with time."""

    offset_s: float = 0.0
    drift_ppm: float = 0.0

    def error_s(self, elapsed_s: float) -> float:
        """Seconds by which the clock is ahead after `elapsed_s`."""
        return self.offset_s + elapsed_s * self.drift_ppm / 1_000_000


HONEST = Lie()
"""A clock that is right."""


@dataclass(frozen=True, slots=True)
class Equipment:
    """What a camera can do besides sending pictures inside of TCP.

    Attributes:
        tls: its certificate and key; it then speaks `rtsps://` only.
        udp: whether it sends datagrams to a client that would have them.
        sounds: what is heard at a mount.
    """

    tls: ssl.SSLContext | None = None
    udp: bool = False
    sounds: Mapping[str, Tone] = field(default_factory=dict)


SIMPLE = Equipment()
"""Pictures inside of TCP, and nothing else."""


class SimulatedCamera:
    """Serves each source under its name to any number of clients.

    All methods belong to one event loop at a time; `CameraServer` is for everybody else. The
    sources' time 0 is the construction; time goes on while the camera is off.
    """

    def __init__(
        self,
        sources: Mapping[str, Source],
        *,
        clock: Clock,
        login: Login | None = None,
        lie: Lie = HONEST,
        equipment: Equipment = SIMPLE,
    ) -> None:
        self._sources = dict(sources)
        self._equipment = equipment
        self._clock = clock
        self._login = login
        self._lie = lie
        self._rng = dice("camera")
        self._origin_us = clock.monotonic_us()
        self.epoch = clock.now()
        self._pace = Pace(clock, self._origin_us)
        self._mounts: dict[str, Mount] = {}
        self._connections: dict[Connection, asyncio.Task[None]] = {}
        self._server: asyncio.Server | None = None

    async def start(self, host: str, port: int) -> int:
        """Listen, and return the port, which the system chooses when `port` is 0.

        Raises:
            OSError: the address is in use or not this machine's.
        """
        self._server = await asyncio.start_server(
            self._welcome, host, port, ssl=self._equipment.tls
        )
        self._pace = Pace(self._clock, self._origin_us)
        sounds = self._equipment.sounds
        self._mounts = {
            n: Mount(n, source, self._rng, sounds.get(n)) for n, source in self._sources.items()
        }
        told = later(self.epoch, self._lie.offset_s)
        for mount in self._mounts.values():
            mount.start(self._pace, told, self._wall_at)
        return int(self._server.sockets[0].getsockname()[1])

    async def stop(self) -> None:
        """Go off: no listener, connection or thread is left."""
        self._pace.stop()
        if self._server:
            self._server.close()
        for mount in self._mounts.values():
            await mount.finished()
        for connection in self._connections:
            connection.close()
        tasks = tuple(self._connections.values())
        if tasks and (await asyncio.wait(tasks, timeout=_GRACE_S))[1]:
            for connection, task in self._connections.items():
                connection.abort()
                task.cancel()
            await asyncio.wait(tasks)
        if self._server:
            await self._server.wait_closed()

    def stall(self, name: str) -> None:
        """Send no packets of this mount and keep its connections open."""
        self._mounts[name].still = set(self._mounts[name].players)

    def freeze(self, name: str) -> None:
        """Send no pictures of this mount; its sound goes on."""
        self._mounts[name].still = {CONTROL}

    def resume(self, name: str) -> None:
        """Send again, from the next key frame on."""
        self._mounts[name].still = set()

    def lose(self, name: str, fraction: float) -> None:
        """Lose this part of the packets of this mount, by a chance that falls alike each time."""
        self._mounts[name].lose(fraction)

    def restart_time(self, name: str) -> None:
        """Begin to count the media time of this mount anew, in the middle of its streams."""
        self._mounts[name].restart_time()

    def end(self, name: str) -> None:
        """Say goodbye to the clients of this mount (RTCP BYE); their connections stay open."""
        self._mounts[name].end(self._wall_at)

    def drop(self, name: str) -> None:
        """Close all connections that play this mount."""
        self._mounts[name].drop()

    def lie(self, offset_s: float) -> None:
        """Set the clock of the sender reports ahead by `offset_s`; the burnt-in one stays."""
        self._lie = Lie(offset_s, self._lie.drift_ppm)

    def _wall_at(self, pts_s: float) -> Instant:
        """The camera's wall clock at media time `pts_s`."""
        elapsed_s = self._pace.elapsed_s()
        truth = later(self._clock.now(), pts_s - elapsed_s)
        return later(truth, self._lie.error_s(elapsed_s))

    def _welcome(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one client, and forget it when it has gone."""
        connection = Connection(self._mounts, self._login, reader, writer, udp=self._equipment.udp)
        task = asyncio.create_task(connection.serve())
        self._connections[connection] = task
        task.add_done_callback(lambda _: self._connections.pop(connection))
