"""Which part of a recording a look-back reads, and what it makes of what was told late."""

from dataclasses import replace

import pytest

from tests.vision.stage import BAG, DROP_S, START, Stage, person, thing
from tests.vision.test_course import candidate
from vision.dumping import attribute, span
from vision.frame import later, seconds_between
from vision.sighting import Sighting

OWNER = person(((4.0, -20.0), (7.0, 134.0), (11.0, 134.0), (13.0, 330.0)), sways=False)


@pytest.mark.parametrize(
    ("before_s", "onset_s", "alarm_s", "start_s", "end_s"),
    [
        (200.0, 201.0, 211.0, 195.0, 211.0),
        (200.0, 201.0, 500.0, 195.0, 315.0),
        (20.0, 201.0, 211.0, 141.0, 211.0),
        (20.0, 201.0, 500.0, 141.0, 261.0),
    ],
    ids=["usual", "told late", "hidden for long", "both"],
)
def test_span(before_s: float, onset_s: float, alarm_s: float, start_s: float, end_s: float):
    """It shows the onset and what came before it, and is never longer than two minutes."""
    found = replace(
        candidate(alarm_s, before_s),
        onset=later(START, onset_s),
    )
    start, end = (seconds_between(START, at) for at in span(found))
    assert (start, end) == (start_s, end_s)


def test_what_is_told_after_minutes_is_judged_by_its_first_two():
    """Not passed on unread to the officer; the alarm is that of the watch."""
    found = candidate(alarm_s=190.0)
    stage = Stage((OWNER, thing(BAG, DROP_S)))
    verdict = attribute(found, stage.lookback(found), None)
    assert isinstance(verdict, Sighting)
    assert verdict.certain
    assert verdict.alarm == found.alarm
