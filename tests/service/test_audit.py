"""The audit: once a day, each week whole, and loud."""

import json

from sqlmodel import text

from service.alarms import open_alarms
from service.audit import Auditor
from service.evidence.log import Action
from service.evidence.verify import record, verify
from tests.service.installation import Installation

DAY_S = 86_400


def auditor(of: Installation) -> Auditor:
    return Auditor(of.database, of.store, of.clock)


def since(of: Installation) -> list[int]:
    """From which entry each check looked."""
    return [json.loads(entry.body or "")["since"] for entry in of.log(Action.VERIFIED)]


def test_it_checks_once_a_day_and_whole_each_week(embedded: Installation) -> None:
    """A keeper that is restarted ten times a day replays years of log once a week."""
    for _ in range(8):
        for _ in range(3):
            auditor(embedded).step()
        embedded.clock.sleep(DAY_S)
    found = since(embedded)
    assert len(found) == 8
    assert [n for n, first in enumerate(found) if first == 0] == [0, 7]


def test_a_clock_that_ran_ahead_does_not_stop_it(embedded: Installation) -> None:
    """A check of next year is no reason to make none until then."""
    embedded.clock.sleep(365 * DAY_S)
    auditor(embedded).step()
    embedded.clock.step(-365 * DAY_S)
    auditor(embedded).step()
    assert len(embedded.log(Action.VERIFIED)) == 2


def test_it_gives_signs_of_life(embedded: Installation) -> None:
    """The replay of years takes minutes: that is work, and no keeper that stands still."""
    signs: list[int] = []
    of = embedded
    Auditor(of.database, of.store, of.clock, lambda: signs.append(of.clock.monotonic_us())).step()
    assert len(signs) == 1, "one in ten seconds, and the clock stands"


def test_partial_checks_do_not_stand_for_a_whole_one(embedded: Installation) -> None:
    """`liuhen verify --recent` every hour would otherwise put it off for ever."""
    auditor(embedded).step()
    embedded.clock.sleep(7 * DAY_S)
    with embedded.database.write() as session:
        record(
            session,
            embedded.clock,
            verify(embedded.database, embedded.store, whole=False, objects=False),
        )
    auditor(embedded).step()
    assert since(embedded)[-1] == 0


def test_a_row_that_was_changed_is_an_alarm(embedded: Installation) -> None:
    """Nobody needs to ask for it."""
    embedded.add_event("event", bare=True)
    with embedded.database.engine.connect() as connection:
        connection.execute(text("UPDATE events SET kind = 'stall'"))
        connection.commit()
    auditor(embedded).step()
    with embedded.database.read() as session:
        assert [alarm.subject for alarm in open_alarms(session)] == [
            "row events/event kind: changed"
        ]
