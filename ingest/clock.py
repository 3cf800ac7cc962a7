"""The only place that reads a clock."""

import ctypes
import time
from dataclasses import dataclass
from typing import Protocol

from vision.frame import SECOND, Instant

_START = Instant(1_780_000_000 * SECOND)
"""2026-05-28: an arbitrary day, so that tests print plausible times."""


@dataclass(frozen=True, slots=True)
class ClockQuality:
    """What the kernel says of the wall clock.

    Attributes:
        synchronised: whether a time service (NTP, PTP) disciplines it; None when the kernel does
            not say.
        error_us: the largest error that the time service admits, microseconds; None likewise.
    """

    synchronised: bool | None = None
    error_us: int | None = None


UNKNOWN = ClockQuality()
"""Nobody said."""


class Clock(Protocol):
    """Where times come from; a simulated one stands here in the tests."""

    def now(self) -> Instant:
        """The wall clock, UTC; it may jump when the machine's clock is set."""
        ...

    def monotonic_us(self) -> int:
        """Microseconds that only ever grow, from an arbitrary origin; for durations and ages."""
        ...

    def sleep(self, seconds: float) -> None:
        """Return after `seconds`."""
        ...

    def quality(self) -> ClockQuality:
        """How far the wall clock can be trusted now."""
        ...


_UNSYNCHRONISED = 0x0040
"""STA_UNSYNC of <sys/timex.h>."""


class _Timex(ctypes.Structure):
    """`struct timex` of adjtimex(2), of which only the beginning is read."""

    _fields_ = (
        ("modes", ctypes.c_uint),
        ("offset", ctypes.c_long),
        ("freq", ctypes.c_long),
        ("maxerror", ctypes.c_long),
        ("esterror", ctypes.c_long),
        ("status", ctypes.c_int),
        ("rest", ctypes.c_byte * 256),
    )


class SystemClock:
    """The machine's own clocks."""

    def now(self) -> Instant:
        """CLOCK_REALTIME."""
        return Instant(time.time_ns() // 1000)

    def monotonic_us(self) -> int:
        """CLOCK_MONOTONIC."""
        return time.monotonic_ns() // 1000

    def sleep(self, seconds: float) -> None:
        """Block this thread."""
        time.sleep(seconds)

    def quality(self) -> ClockQuality:
        """From adjtimex(2), which changes nothing with no mode set."""
        asked = _Timex()
        if ctypes.CDLL(None).adjtimex(ctypes.byref(asked)) < 0:
            return UNKNOWN
        return ClockQuality(not asked.status & _UNSYNCHRONISED, int(asked.maxerror))


@dataclass
class SimulatedClock:
    """A clock that stands still until it is told otherwise; `sleep` moves it at once."""

    wall: Instant = _START
    elapsed_us: int = 0
    trust: ClockQuality = ClockQuality(synchronised=True, error_us=1000)

    def now(self) -> Instant:
        """The wall time set so far."""
        return self.wall

    def monotonic_us(self) -> int:
        """Time passed since the start, steps of the wall clock left out."""
        return self.elapsed_us

    def sleep(self, seconds: float) -> None:
        """Let `seconds` pass on both clocks."""
        self.elapsed_us += round(seconds * SECOND)
        self.wall = Instant(self.wall + round(seconds * SECOND))

    def step(self, seconds: float) -> None:
        """Set the wall clock forward or back, as NTP or a person would."""
        self.wall = Instant(self.wall + round(seconds * SECOND))

    def quality(self) -> ClockQuality:
        """As told."""
        return self.trust
