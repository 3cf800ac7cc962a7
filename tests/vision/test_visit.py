"""The course of who brought a thing, read from a detector's boxes alone."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vision.boxes import Box
from vision.detect import Detection, Label
from vision.frame import Instant, later, seconds_between
from vision.lookback import Glimpse
from vision.sighting import Actor, CloseUpRole, Visit
from vision.visit import Deposit, visit_of

NOTHING = np.zeros((4, 4, 3), np.uint8)
START = Instant(1_780_000_000_000_000)
SIZE = (640, 360)
THING = Box(300, 200, 330, 220)
DEPOSIT = Deposit(THING, SIZE, later(START, 6), later(START, 7))


def person(x: float, *, height: float = 100) -> Detection:
    """Feet at 225, so that the thing lies beside them."""
    return Detection(Label.PERSON, Box(x, 225 - height, x + 0.4 * height, 225), 0.9)


def van(x: float) -> Detection:
    return Detection(Label.TRUCK, Box(x, 130, x + 160, 230), 0.9)


def looks(*seen: tuple[Detection, ...], start: Instant = START) -> tuple[Glimpse, ...]:
    """A look each second."""
    return tuple(Glimpse(later(start, n), NOTHING, each) for n, each in enumerate(seen))


COMES = [(), (), (person(60),), (person(140),), (person(220),), (person(280),), (person(285),)]
"""Into view at 2 s, in reach of the thing from 4 s on; it lies there at 6 s."""
GOES = [(person(285),), (person(360),), (person(440),), (person(520),), (person(610),), ()]
WALK = (*COMES, *GOES)


def course_of(glimpses: tuple[Glimpse, ...], deposit: Deposit = DEPOSIT) -> Visit:
    found = visit_of(glimpses, deposit, Actor.PERSON, person(285).box)
    assert found is not None
    return found


def second(at: Instant | None) -> float | None:
    return None if at is None else seconds_between(START, at)


def test_a_person_comes_puts_something_down_and_goes():
    found = course_of(looks(*WALK))
    assert (second(found.arrived), second(found.contact)) == (2.0, 4.0)
    assert second(found.leaving) == 8.0
    roles = {each.role: second(each.at) for each in found.close_ups}
    assert set(roles) == {CloseUpRole.PERSON_ARRIVING, CloseUpRole.PERSON_LEAVING}


def test_nobody_named_is_nobody_followed():
    assert visit_of(looks(*WALK), DEPOSIT, Actor.UNKNOWN, None) is None


def test_who_was_there_from_the_first_look_never_arrived():
    assert course_of(looks(*([(person(285),)] * 7), *GOES)).arrived is None


def test_who_stays_beside_it_does_not_leave():
    found = course_of(looks(*COMES, *([(person(285),)] * 6)))
    assert found.leaving is None


def test_a_look_that_misses_them_loses_nobody():
    gappy = [() if n in (3, 8) else look for n, look in enumerate(WALK)]
    found = course_of(looks(*gappy))
    assert (second(found.arrived), second(found.leaving)) == (2.0, 9.0)


def test_whoever_turns_up_after_a_while_is_somebody_else():
    later_on = [*COMES, (person(360),), (), (), (), (person(400),)]
    times = {second(each.at) for each in course_of(looks(*later_on)).close_ups}
    assert 11.0 not in times


def test_a_passer_far_away_is_not_taken_for_them():
    crowd = [(*look, person(20, height=45)) for look in WALK]
    assert course_of(looks(*crowd)) == course_of(looks(*WALK))


def test_close_ups_are_of_the_largest_whole_look():
    """At the rim a larger box is cut off."""
    comes = [(person(-20, height=190),), (person(60, height=150),), (person(150, height=110),)]
    walk = looks((), (), *comes, (person(285),), (person(285),))
    (arriving, *_) = course_of(walk).close_ups
    assert (arriving.role, second(arriving.at)) == (CloseUpRole.PERSON_ARRIVING, 3.0)


@pytest.mark.parametrize(
    ("vans", "linked"),
    [
        ([None, 480, 400, 350, 350, 350, 350, 350, 350, 480, None, None, None], True),
        ([350] * 13, False),
        ([None, None, None, None, 100, 240, 400, 560, None, None, None, None, None], False),
        ([None] * 13, False),
    ],
    ids=["stops and drives off", "is parked there", "drives past", "none"],
)
def test_a_vehicle_that_stopped_with_a_person_is_shown(
    vans: list[float | None], linked: bool
) -> None:
    seen = [look if x is None else (*look, van(x)) for look, x in zip(WALK, vans, strict=True)]
    roles = {each.role for each in course_of(looks(*seen)).close_ups}
    both = {CloseUpRole.VEHICLE_ARRIVING, CloseUpRole.VEHICLE_LEAVING}
    assert roles & both == (both if linked else set())


def test_a_vehicle_that_brought_it_alone_is_followed():
    places = [None, 480, 400, 350, 350, 350, 350, 350, 420, 600, None]
    glimpses = looks(*(() if x is None else (van(x),) for x in places))
    found = visit_of(glimpses, DEPOSIT, Actor.VEHICLE, van(350).box)
    assert found is not None
    assert (second(found.arrived), second(found.leaving)) == (1.0, 7.0)
    assert [each.role for each in found.close_ups] == [
        CloseUpRole.VEHICLE_ARRIVING,
        CloseUpRole.VEHICLE_LEAVING,
    ]


def test_who_is_seen_only_after_the_thing_did_not_arrive_after_it():
    found = course_of(looks(*([()] * 7), *GOES))
    assert found.arrived is None
    assert found.contact <= DEPOSIT.onset


@given(st.integers(-(10**9), 10**9))
def test_the_origin_of_time_changes_nothing(shift_us: int):
    start = Instant(START + shift_us)
    moved = replace(
        DEPOSIT,
        onset=Instant(DEPOSIT.onset + shift_us),
        released=Instant(DEPOSIT.released + shift_us),
    )
    there, here = course_of(looks(*WALK, start=start), moved), course_of(looks(*WALK))
    assert there.contact - shift_us == here.contact
    assert [each.at - shift_us for each in there.close_ups] == [each.at for each in here.close_ups]
