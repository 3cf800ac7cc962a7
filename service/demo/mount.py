"""One address of a simulated camera and the clients that watch it."""

import asyncio
import logging
from collections.abc import Callable, Iterator
from random import Random
from threading import Thread

from service.demo.carrier import Carrier, TooSlowError
from service.demo.dice import dice
from service.demo.encoder import AccessUnit
from service.demo.rtp import RtpStream
from service.demo.sdp import CONTROL, SOUND_CONTROL, parameter_sets
from service.demo.sound import SoundUnit, Tone
from service.demo.source import Pace, Source
from service.errors import InputError
from vision.frame import Instant

_log = logging.getLogger(__name__)

_REPORT_S = 5.0
"""Seconds between sender reports (RFC 3550, section 6.2: the recommended minimum)."""


class Player:
    """One client of one track of a mount."""

    def __init__(self, carrier: Carrier, stream: RtpStream, *, needs_key: bool) -> None:
        self.stream = stream
        self.playing = False
        self.carrier = carrier
        self._has_keys = self._needs_key = needs_key
        self._report_due_s = float("-inf")

    def send(self, unit: AccessUnit | SoundUnit, wall: Instant, loses: Callable[[], bool]) -> None:
        """Send `unit`, which was taken at `wall`; a client too slow to read is cut off.

        Packets that `loses` tells of are numbered and not sent.
        """
        waits = self._needs_key and isinstance(unit, AccessUnit) and not unit.key
        if waits or not self.playing or self.carrier.is_closing():
            return
        self._needs_key = False
        try:
            if unit.pts_s >= self._report_due_s:
                self._report_due_s = unit.pts_s + _REPORT_S
                self.carrier.send([self.stream.report(unit.pts_s, wall)], control=True)
            packets = [packet for packet in self.stream.packets(unit) if not loses()]
            self.carrier.send(packets, control=False)
        except TooSlowError as error:
            _log.warning("client %s reads too slowly and is cut off", error)

    def miss(self) -> None:
        """Send nothing until the next key frame: something was left out."""
        self._needs_key = self._has_keys

    def end(self, pts_s: float, wall: Instant) -> None:
        """Say that nothing more will come, and send nothing more."""
        if self.playing and not self.carrier.is_closing():
            self.carrier.send([self.stream.bye(pts_s, wall)], control=True)
        self.playing = False


class Mount:
    """Feeds the units of one source, and the sound beside it, to all its clients.

    Rendering and compressing happen in threads of their own; everything else, the constructor too,
    in the event loop.
    """

    def __init__(self, name: str, source: Source, rng: Random, sound: Tone | None = None) -> None:
        self.name = name
        self.codec = source.codec
        self.sound = sound
        self.players: dict[str, set[Player]] = {CONTROL: set()}
        if sound:
            self.players[SOUND_CONTROL] = set()
        self.still: set[str] = set()
        self._loss = 0.0
        self._chance = dice("loss", name)
        self.latest_s = 0.0
        self._source = source
        self._rng = rng
        self._sets: dict[str, bytes] = {}
        self._described = asyncio.Event()
        self._threads: list[Thread] = []

    def start(self, pace: Pace, epoch: Instant, wall_at: Callable[[float], Instant]) -> None:
        """Play the source; `wall_at` gives the camera's wall clock at a media time."""
        self._feed(CONTROL, self._source.units(pace, epoch), wall_at)
        if self.sound:
            self._feed(SOUND_CONTROL, self.sound.pieces(pace), wall_at)

    def _feed(
        self,
        control: str,
        units: Iterator[AccessUnit] | Iterator[SoundUnit],
        wall_at: Callable[[float], Instant],
    ) -> None:
        loop = asyncio.get_running_loop()

        def feed() -> None:
            try:
                for unit in units:
                    loop.call_soon_threadsafe(self._publish, control, unit, wall_at)
            except InputError:
                _log.exception("mount %s has lost its source", self.name)
                loop.call_soon_threadsafe(self.drop)

        thread = Thread(target=feed, name=f"mount-{self.name}-{control}")
        thread.start()
        self._threads.append(thread)

    async def finished(self) -> None:
        """Wait for the threads, which end with their pace."""
        for thread in self._threads:
            await asyncio.to_thread(thread.join)

    async def parameter_sets(self, timeout_s: float) -> dict[str, bytes]:
        """The decoder's parameter sets, from the latest key frame.

        Raises:
            TimeoutError: there was no key frame within `timeout_s`.
        """
        await asyncio.wait_for(self._described.wait(), timeout_s)
        return self._sets

    def join(self, control: str, carrier: Carrier) -> Player:
        """A new client of one track, not playing yet."""
        codec = self.sound.codec if self.sound and control == SOUND_CONTROL else self.codec
        player = Player(carrier, RtpStream(codec, self._rng), needs_key=control == CONTROL)
        self.players[control].add(player)
        return player

    def leave(self, player: Player) -> None:
        """Forget a client."""
        for players in self.players.values():
            players.discard(player)

    def drop(self) -> None:
        """Close the connections of all clients."""
        for player in self._everybody():
            player.carrier.close()

    def end(self, wall_at: Callable[[float], Instant]) -> None:
        """Say goodbye to all clients; their connections stay."""
        for player in self._everybody():
            player.end(self.latest_s, wall_at(self.latest_s))

    def restart_time(self) -> None:
        """Begin to count the time of all tracks anew, in the middle of the streams."""
        for player in self._everybody():
            player.stream.restart(self.latest_s)

    def lose(self, fraction: float) -> None:
        """Lose this part of the packets from now on; which ones is the same each time."""
        self._loss, self._chance = fraction, dice("loss", self.name)

    def _everybody(self) -> list[Player]:
        return [player for players in self.players.values() for player in players]

    def _publish(
        self, control: str, unit: AccessUnit | SoundUnit, wall_at: Callable[[float], Instant]
    ) -> None:
        """Hand one unit to every client of its track."""
        if isinstance(unit, AccessUnit):
            if unit.key and (sets := parameter_sets(unit, self.codec)):
                self._sets = sets
                self._described.set()
            self.latest_s = unit.pts_s
        for player in tuple(self.players[control]):
            if control in self.still:
                player.miss()
            else:
                player.send(unit, wall_at(unit.pts_s), self._loses)

    def _loses(self) -> bool:
        return self._chance.random() < self._loss
