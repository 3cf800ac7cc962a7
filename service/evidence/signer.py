"""The signer: a process that signs what others committed, and answers once it is covered.

What several ask for at once is covered by one signature. Run with its own user it guards the key
against theft; as a child of the service, with the service's user, against bugs only.
"""

import base64
import logging
import select
import socket
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from threading import Event

from ingest.clock import Clock, SystemClock
from ingest.lock import Lock
from service.alarms import Trouble, close_alarm, raise_alarm
from service.database import Database
from service.errors import EvidenceError, InputError, ServiceError, WorldError
from service.heartbeat import beat
from service.ledger.calls import LONGEST, SOCKET, in_folder, refusal
from service.process import begun
from service.settings import Settings
from vision.frame import SECOND

NAME = "signer"
ROUND_S = 1.0
"""Between two looks whether to end."""
BEAT_S = 30.0
"""Between two signs of life: well below the age at which silence is an alarm."""
_PATIENCE_S = 1.0
"""Whoever connects says at once what they want."""
_BACKLOG = 64
"""Who may wait at the door: every thread of the pages and every process."""
_MOST_TEXT = 16 << 20
"""Bytes of a bundle's seal: a hundred thousand files."""

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Call:
    """What somebody asks, and the wire on which the answer goes."""

    wire: socket.socket
    words: tuple[str, ...]
    text: str = ""


class Signer:
    """Answers calls; one per installation."""

    def __init__(self, database: Database, clock: Clock, home: Path) -> None:
        self._database = database
        self._clock = clock
        self._home = home
        self._beat_us = clock.monotonic_us()
        self._is_whole = False
        self._is_alarmed = True

    def begin(self) -> None:
        """Look at the whole log and sign what a crash left unsigned."""
        self._said(self._cover)

    def run(self, listener: socket.socket, stop: Event) -> None:
        """Answer until `stop`."""
        listener.setblocking(False)
        while not stop.is_set():
            if self._clock.monotonic_us() >= self._beat_us:
                beat(self._home, NAME, self._clock)
                self._beat_us = self._clock.monotonic_us() + round(BEAT_S * SECOND)
            ready, _, _ = select.select([listener], [], [], ROUND_S)
            if ready:
                self._round(listener)

    def _round(self, listener: socket.socket) -> None:
        """The outermost loop: whatever goes wrong with these calls, the next ones are answered."""
        with ExitStack() as wires:
            try:
                heard = [_heard(wires.enter_context(wire)) for wire in _connected(listener)]
                self._answer([call for call in heard if call is not None])
            except Exception:
                log.exception("a round of the signer failed")

    def _answer(self, calls: Sequence[Call]) -> None:
        """Answer calls, those that want the log covered with one signature."""
        covered = ""
        for call in calls:
            match call.words:
                case ("cover", _):
                    covered = covered or self._said(self._cover)
                    _say(call, covered)
                case ("key",):
                    _say(call, self._said(self._key))
                case ("seal", seq, _) if seq.isdecimal():
                    _say(call, self._said(partial(self._sealed, int(seq), call.text)))
                case _:
                    _say(call, refusal(WorldError("not_sealed", detail="unknown call")))

    def _cover(self) -> str:
        if not self._is_whole:
            self._database.sealer.check()
            self._is_whole = True
        size = self._database.sealer.seal()
        if self._is_alarmed:
            with self._database.write() as session:
                close_alarm(session, self._clock, Trouble.LOG_REFUSED, "log")
            self._is_alarmed = False
        return str(size)

    def _key(self) -> str:
        return base64.b64encode(self._database.sealer.ensure_key().public).decode()

    def _sealed(self, seq: int, text: str) -> str:
        return self._database.sealer.sign_bundle(seq, text).rstrip("\n")

    def _said(self, act: Callable[[], str]) -> str:
        """What an act comes to, as a line; that the log is not what was signed is an alarm."""
        try:
            return f"ok {act()}"
        except EvidenceError as error:
            log.error("refused: %s", error)  # noqa: TRY400  the sentence is enough
            if error.code != "not_exported":
                self._alarm(error)
            return refusal(error)
        except ServiceError as error:
            log.warning("not signed: %s", error)
            return refusal(error)

    def _alarm(self, error: EvidenceError) -> None:
        self._is_alarmed = True
        try:
            with self._database.write() as session:
                why = str(error)
                raise_alarm(session, self._clock, Trouble.LOG_REFUSED, "log", why=why)
        except ServiceError as failed:
            log.warning("that the log is refused could not be told: %s", failed)


def _connected(listener: socket.socket) -> Iterator[socket.socket]:
    """Everybody who waits at the door now."""
    with suppress(BlockingIOError):
        while True:
            wire, _ = listener.accept()
            wire.settimeout(_PATIENCE_S)
            yield wire


def _heard(wire: socket.socket) -> Call | None:
    """What somebody asks; None of who hangs up or says too much."""
    try:
        with wire.makefile("rb") as stream:
            line = stream.readline(LONGEST)
            words = tuple(line.decode("ascii").split())
            if not line.endswith(b"\n") or not words:
                return None
            size = int(words[2]) if words[0] == "seal" else 0
            text = stream.read(min(size, _MOST_TEXT)).decode()
    except (OSError, ValueError, IndexError):
        return None
    return Call(wire, words, text)


def _say(call: Call, line: str) -> None:
    """Answer; who has hung up asks again."""
    with suppress(OSError):
        call.wire.sendall(line.encode() + b"\n")


@contextmanager
def listening(run: Path) -> Iterator[socket.socket]:
    """The signer's socket; nobody else can be the signer meanwhile.

    Raises:
        InputError: somebody is.
    """
    with Lock(run / "signer.lock") as lock, socket.socket(socket.AF_UNIX) as listener:
        if not lock.take():
            raise InputError("signer_running", path=str(run))
        (run / SOCKET).unlink(missing_ok=True)
        with in_folder(run) as address:
            listener.bind(address)
        (run / SOCKET).chmod(0o660)
        listener.listen(_BACKLOG)
        try:
            yield listener
        finally:
            (run / SOCKET).unlink(missing_ok=True)


def run_signer(settings: Settings) -> None:
    """Main function of the signer's process.

    Raises:
        InputError: another one runs.
    """
    stop, clock = begun(NAME), SystemClock()
    with listening(settings.run) as listener:
        database = Database(settings, clock)
        signer = Signer(database, clock, settings.home)
        signer.begin()
        signer.run(listener, stop)
        database.close()
