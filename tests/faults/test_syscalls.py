"""One system call of a recording fails, or is the last one: what was promised is there."""

from pathlib import Path
from random import Random

import pytest

from tests.faults.interference import SPOILS, Call, NoTracingError, Spoil, Tracer
from tests.faults.rig import template

POINTS = 24
"""A sample; `python -m benchmarks.recording --syscalls` spoils every call."""


@pytest.fixture(scope="module")
def tracer(tmp_path_factory: pytest.TempPathFactory) -> Tracer:
    folder = tmp_path_factory.mktemp("traced")
    return Tracer(template(folder), folder)


@pytest.fixture(scope="module")
def calls(tracer: Tracer) -> list[Call]:
    try:
        return tracer.calls()
    except NoTracingError as error:
        pytest.skip(f"a failing system call needs strace and the right to trace: {error}")


def test_every_kind_of_call_is_spoilt(calls: list[Call]) -> None:
    """A recording creates, writes, syncs and links; whoever adds another way adds it here."""
    kinds = {call.name.removesuffix("at") for call in calls}
    assert {"open", "write", "fsync", "link", "mkdir"} <= kinds
    about = {Path(call.about).suffix for call in calls}
    assert {".mp4", ".idx", ".tmp"} <= about


def test_bytes_are_durable_before_their_line(tracer: Tracer, calls: list[Call]) -> None:
    """Invariant 1 in a power cut, as far as it can be had without one: the order of calls."""
    assert calls
    assert tracer.hasty() == set()


@pytest.mark.parametrize("spoil", SPOILS)
def test_what_was_promised_is_there(tracer: Tracer, calls: list[Call], spoil: Spoil) -> None:
    """Invariants 1, 2, 3 and 7: durable is durable, readable is whole, fsck has no complaint, and
    no segment is written to after a write or fsync of it has failed.
    """
    for call in Random(spoil).sample(calls, POINTS // len(SPOILS)):
        found = tracer.spoil(call, spoil)
        assert found.holds, (call, found)
        # It records again after whatever failed once; only a kill ends it.
        assert spoil == "KILL" or found.groups >= 4, (call, found)
