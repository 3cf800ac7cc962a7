"""Wall time may jump; durations may not."""

import time

from hypothesis import given
from hypothesis import strategies as st

from ingest.clock import SimulatedClock, SystemClock
from vision.frame import SECOND

STEPS = st.lists(
    st.tuples(st.sampled_from(["sleep", "step"]), st.integers(0, 10**6), st.booleans())
)


@given(STEPS)
def test_only_sleep_lets_time_pass(moves: list[tuple[str, int, bool]]) -> None:
    """A step sets the wall clock and nothing else; sleep moves both alike."""
    clock = SimulatedClock()
    start, slept, stepped = clock.now(), 0, 0
    for kind, milliseconds, back in moves:
        if kind == "sleep":
            clock.sleep(milliseconds / 1000)
            slept += milliseconds
        else:
            signed = -milliseconds if back else milliseconds
            clock.step(signed / 1000)
            stepped += signed
        assert clock.monotonic_us() == slept * 1000
        assert clock.now() - start == (slept + stepped) * 1000


def test_the_machines_clocks_are_in_microseconds() -> None:
    """Within what a loaded machine needs between two readings."""
    clock = SystemClock()
    assert abs(clock.now() / SECOND - time.time()) < 5
    before = clock.monotonic_us()
    clock.sleep(0.002)
    assert clock.monotonic_us() - before >= 2000
