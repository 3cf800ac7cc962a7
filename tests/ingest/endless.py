"""A process that records a file again and again as fast as it can, until it is killed.

    python -m tests.ingest.endless FILE ROOT

It writes a line for every packet, before it records it.
"""

import sys
from pathlib import Path

import av

from ingest.clock import SimulatedClock
from ingest.packet import Packet
from ingest.recorder import Recorder
from tests.ingest.clip import CAMERA, Replay, record


class Loud(Replay):
    """Says when it gives out a packet."""

    def _stamped(self, n: int, packet: "av.Packet") -> Packet:
        sys.stdout.write(".\n")
        sys.stdout.flush()
        return super()._stamped(n, packet)


def main() -> None:
    """Record for ever."""
    media, root = Path(sys.argv[1]).read_bytes(), Path(sys.argv[2])
    clock = SimulatedClock()
    recorder = Recorder(root, CAMERA, clock, segment_s=1.5)
    while True:
        record(recorder, Loud(media, clock))


if __name__ == "__main__":
    main()
