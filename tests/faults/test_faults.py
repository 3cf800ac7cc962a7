"""Whatever happens to camera, process, disk, database or clock: nothing acknowledged is lost."""

from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor

import pytest

from tests.faults.disk import NoDiskError
from tests.faults.ground import prepared
from tests.faults.interference import NoTracingError
from tests.faults.outcome import Outcome
from tests.faults.table import FAULTS, objections

AT_ONCE = 5
"""Faults are mostly waited for."""
KILLS = 6
ALL = [*FAULTS, *(f"kill {n}" for n in range(2, KILLS + 1))]
pytestmark = pytest.mark.timeout(300)


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Future[Outcome]]]:
    """All faults are committed several at a time, each on a rig of its own."""
    ground = prepared(tmp_path_factory.mktemp("faults"), hold_s=4.0, lead_s=2.0)
    with ThreadPoolExecutor(AT_ONCE) as pool:
        yield {name: pool.submit(FAULTS[_kind(name)].commit, ground, name) for name in ALL}


def _kind(name: str) -> str:
    return "kill" if name.startswith("kill") else name


@pytest.mark.parametrize("name", ALL)
def test_nothing_acknowledged_is_lost(name: str, outcomes: dict[str, Future[Outcome]]) -> None:
    """Invariants 1 to 8 and T1 to T3: the four answers of docs/design/faults.md."""
    try:
        found = outcomes[name].result()
    except (NoDiskError, NoTracingError) as error:
        pytest.skip(f"{name}: {error}")
    assert objections(FAULTS[_kind(name)], found) == []
