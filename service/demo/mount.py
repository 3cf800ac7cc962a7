"""One address of a simulated camera and the clients that watch it."""

import asyncio
import logging
from collections.abc import Callable
from random import Random
from threading import Thread

from service.demo.encoder import AccessUnit
from service.demo.rtp import RtpStream
from service.demo.sdp import parameter_sets
from service.demo.source import Pace, Source
from service.errors import InputError
from vision.frame import Instant

_log = logging.getLogger(__name__)

_REPORT_S = 5.0
"""Seconds between sender reports (RFC 3550, section 6.2: the recommended minimum)."""

_BACKLOG_LIMIT = 4 * 1024 * 1024
"""Bytes that a slow client may leave unread: four seconds of an 8 Mbit/s camera."""


class Player:
    """One client of one mount, over the connection on which it asked (RFC 2326, section 10.12)."""

    def __init__(
        self, transport: asyncio.WriteTransport, channels: tuple[int, int], stream: RtpStream
    ) -> None:
        self.stream = stream
        self.playing = False
        self._transport = transport
        self._channels = channels
        self._needs_key = True
        self._report_due_s = float("-inf")

    def send(self, unit: AccessUnit, wall: Instant) -> None:
        """Send `unit`, which was taken at `wall`; a client too slow to read is cut off."""
        waits = self._needs_key and not unit.key
        if waits or not self.playing or self._transport.is_closing():
            return
        self._needs_key = False
        frames = []
        if unit.pts_s >= self._report_due_s:
            self._report_due_s = unit.pts_s + _REPORT_S
            report = self.stream.report(unit.pts_s, wall)
            frames.append(_interleaved(self._channels[1], report))
        frames += [_interleaved(self._channels[0], p) for p in self.stream.packets(unit)]
        self._transport.write(b"".join(frames))
        if self._transport.get_write_buffer_size() > _BACKLOG_LIMIT:
            peer = self._transport.get_extra_info("peername")
            _log.warning("client %s reads too slowly and is cut off", peer)
            self._transport.abort()

    def miss(self) -> None:
        """Send nothing until the next key frame: something was left out."""
        self._needs_key = True

    def close(self) -> None:
        """End the connection after what is already written."""
        self._transport.close()


class Mount:
    """Feeds the units of one source to all its clients.

    Rendering and compressing happen in a thread of its own; everything else, the constructor too,
    in the event loop.
    """

    def __init__(self, name: str, source: Source, rng: Random) -> None:
        self.name = name
        self.codec = source.codec
        self.players: set[Player] = set()
        self.stalled = False
        self.latest_s = 0.0
        self._source = source
        self._rng = rng
        self._sets: asyncio.Future[dict[str, bytes]] = asyncio.get_running_loop().create_future()
        self._thread: Thread | None = None

    def start(self, pace: Pace, epoch: Instant, wall_at: Callable[[float], Instant]) -> None:
        """Play the source; `wall_at` gives the camera's wall clock at a media time."""
        loop = asyncio.get_running_loop()

        def feed() -> None:
            try:
                for unit in self._source.units(pace, epoch):
                    loop.call_soon_threadsafe(self._publish, unit, wall_at)
            except InputError:
                _log.exception("mount %s has lost its source", self.name)
                loop.call_soon_threadsafe(self.drop)

        self._thread = Thread(target=feed, name=f"mount-{self.name}")
        self._thread.start()

    async def finished(self) -> None:
        """Wait for the thread, which ends with its pace."""
        if self._thread:
            await asyncio.to_thread(self._thread.join)

    async def parameter_sets(self, timeout_s: float) -> dict[str, bytes]:
        """The decoder's parameter sets, from the first key frame.

        Raises:
            TimeoutError: there was no key frame within `timeout_s`.
        """
        return await asyncio.wait_for(asyncio.shield(self._sets), timeout_s)

    def join(self, transport: asyncio.WriteTransport, channels: tuple[int, int]) -> Player:
        """A new client, not playing yet."""
        player = Player(transport, channels, RtpStream(self.codec, self._rng))
        self.players.add(player)
        return player

    def drop(self) -> None:
        """Close the connections of all clients."""
        for player in self.players:
            player.close()

    def _publish(self, unit: AccessUnit, wall_at: Callable[[float], Instant]) -> None:
        """Hand one unit to every client."""
        if unit.key and not self._sets.done():
            sets = parameter_sets(unit, self.codec)
            if sets is not None:
                self._sets.set_result(sets)
        self.latest_s = unit.pts_s
        for player in tuple(self.players):
            if self.stalled:
                player.miss()
            else:
                player.send(unit, wall_at(unit.pts_s))


def _interleaved(channel: int, packet: bytes) -> bytes:
    """A packet inside the RTSP connection (RFC 2326, section 10.12)."""
    return b"$" + bytes([channel]) + len(packet).to_bytes(2) + packet
