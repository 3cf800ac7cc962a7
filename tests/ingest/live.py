"""A simulated camera that plays a clip of the tests, and what a failure of it tells."""

import traceback
from collections.abc import Iterator
from dataclasses import dataclass
from typing import cast

from ingest.errors import CameraError
from ingest.packet import Packet, PacketSource
from service.demo.encoder import AccessUnit, Codec
from service.demo.source import Pace
from tests.ingest.clip import STEP, Recipe, Replay, encoded, replayed
from vision.frame import Instant

RATE = 50
"""Pictures that it sends in a second."""


@dataclass(frozen=True)
class ClipSource:
    """The clip again and again; a `Source` of a simulated camera."""

    codec: Codec
    sent: tuple[Packet, ...]

    @classmethod
    def of(cls, recipe: Recipe) -> "ClipSource":
        source = Replay(encoded(recipe))
        _, packets = replayed(source)
        source.close()
        return cls(cast(Codec, recipe.codec), tuple(packets))

    def units(self, pace: Pace, epoch: Instant) -> Iterator[AccessUnit]:
        first, length = self.sent[0].pts, len(self.sent)
        number = 0
        while pace.reach(number / RATE):
            packet = self.sent[number % length]
            turn = number - number % length
            shown = turn + (packet.pts - first) // STEP
            yield AccessUnit(packet.data, packet.key, shown / RATE)
            number += 1


def failure_of(source: PacketSource) -> CameraError:
    """How a source fails, while it is opened or later."""
    try:
        source.open()
        for _ in source.packets():
            pass
    except CameraError as error:
        return error
    finally:
        source.close()
    raise AssertionError


def everything_told(error: BaseException) -> str:
    """All that a log, a debugger or a crash report could make of an error."""
    said = traceback.TracebackException.from_exception(error, capture_locals=True)
    told = "".join(said.format())
    seen: BaseException | None = error
    while seen is not None:
        told += f"{seen}{seen!r}{seen.args}{vars(seen)}{getattr(seen, 'filename', '')}"
        seen = seen.__cause__ or seen.__context__
    return told
