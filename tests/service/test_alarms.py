"""Alarms: one for each trouble however often it is told, and the installation's readiness."""

import pytest

from service.alarms import (
    BLOCKING,
    Trouble,
    close_alarm,
    close_older,
    open_alarms,
    raise_alarm,
)
from service.status import readiness
from service.tables import Alarm
from tests.service.installation import Installation


def tell(installation: Installation, trouble: Trouble, subject: str, **facts: int) -> None:
    with installation.database.write() as session:
        raise_alarm(session, installation.clock, trouble, subject, **facts)


def end(installation: Installation, trouble: Trouble, subject: str) -> None:
    with installation.database.write() as session:
        close_alarm(session, installation.clock, trouble, subject)


def now_open(installation: Installation) -> list[tuple[str, str]]:
    with installation.database.read() as session:
        return [(alarm.key, alarm.subject) for alarm in open_alarms(session)]


def test_trouble_told_twice_is_one_alarm(installation: Installation) -> None:
    tell(installation, Trouble.ANALYSIS_LATE, "gate", skipped=3)
    installation.clock.sleep(5)
    tell(installation, Trouble.ANALYSIS_LATE, "gate", skipped=9)
    (alarm,) = installation.rows(Alarm)
    assert alarm.facts == {"skipped": 9}, "what it says is the latest"
    assert (alarm.opened_us, alarm.renewed_us) == (
        installation.now() - 5_000_000,
        installation.now(),
    )


def test_alarms_are_told_apart_by_kind_and_subject(installation: Installation) -> None:
    tell(installation, Trouble.CAMERA_DOWN, "gate")
    installation.clock.sleep(1)
    tell(installation, Trouble.CAMERA_DOWN, "yard")
    installation.clock.sleep(1)
    tell(installation, Trouble.CAMERA_REFUSED, "gate")
    end(installation, Trouble.CAMERA_DOWN, "gate")
    assert now_open(installation) == [("camera_down", "yard"), ("camera_refused", "gate")]


def test_trouble_that_comes_back_is_a_new_alarm(installation: Installation) -> None:
    for _ in range(2):
        tell(installation, Trouble.CAMERA_DOWN, "gate")
        installation.clock.sleep(1)
        end(installation, Trouble.CAMERA_DOWN, "gate")
    assert installation.count(Alarm) == 2
    assert now_open(installation) == []


def test_closing_what_is_not_open_changes_nothing(installation: Installation) -> None:
    end(installation, Trouble.CAMERA_DOWN, "gate")
    tell(installation, Trouble.CAMERA_DOWN, "gate")
    end(installation, Trouble.CAMERA_DOWN, "gate")
    closed = installation.rows(Alarm)[0].closed_us
    installation.clock.sleep(1)
    end(installation, Trouble.CAMERA_DOWN, "gate")
    assert installation.rows(Alarm)[0].closed_us == closed


def test_old_alarms_of_one_kind_end_by_time(installation: Installation) -> None:
    tell(installation, Trouble.ANALYSIS_LATE, "old")
    tell(installation, Trouble.CAMERA_DOWN, "old")
    installation.clock.sleep(600)
    tell(installation, Trouble.ANALYSIS_LATE, "new")
    with installation.database.write() as session:
        close_older(session, installation.clock, Trouble.ANALYSIS_LATE, 600)
    assert len(now_open(installation)) == 3, "600 s are not more than 600 s"
    installation.clock.sleep(1)
    with installation.database.write() as session:
        close_older(session, installation.clock, Trouble.ANALYSIS_LATE, 600)
    assert now_open(installation) == [("camera_down", "old"), ("analysis_late", "new")]


def test_trouble_that_goes_on_does_not_end_by_time(installation: Installation) -> None:
    for _ in range(3):
        tell(installation, Trouble.ANALYSIS_LATE, "gate")
        installation.clock.sleep(400)
        with installation.database.write() as session:
            close_older(session, installation.clock, Trouble.ANALYSIS_LATE, 600)
    assert now_open(installation) == [("analysis_late", "gate")]


@pytest.mark.parametrize("trouble", Trouble)
def test_only_blocking_trouble_ends_readiness(embedded: Installation, trouble: Trouble) -> None:
    tell(embedded, trouble, "subject")
    embedded.add_event("event")
    with embedded.database.read() as session:
        found = readiness(session)
    assert found.ready is (trouble not in BLOCKING)
    assert [alarm.key for alarm in found.alarms] == [trouble.value]
    assert (found.pending_events, found.waiting_jobs) == (1, 0)
    end(embedded, trouble, "subject")
    with embedded.database.read() as session:
        assert readiness(session).ready


def test_what_blocks_is_full_disks_and_broken_evidence() -> None:
    disk = {Trouble.DISK_FULL, Trouble.RING_EXHAUSTED}
    evidence = {Trouble.EVIDENCE_BROKEN, Trouble.LOG_REFUSED, Trouble.LOG_UNSIGNED}
    assert disk | evidence == BLOCKING
