"""How simulated trials are counted; the counting itself is `python -m benchmarks.simulated`."""

import argparse

import pytest

from benchmarks.simulated import (
    CONDITIONS,
    Task,
    poisson,
    run,
    tasks,
    totals,
)
from benchmarks.simulated_film import Film, SimulatedDetector
from service.demo.calm import kinds
from service.demo.deed import DEEDS
from vision.boxes import iou
from vision.frame import SECOND, Instant

SEED = 500
"""Below the held-out ones."""


def options(**given: object) -> argparse.Namespace:
    usual = {
        "events": 50,
        "hours": 6.0,
        "first_seed": SEED,
        "settle": 10.0,
        "detector": True,
        "conditions": ["day", "night"],
        "kinds": None,
    }
    return argparse.Namespace(**(usual | given))


@pytest.mark.parametrize(
    ("count", "least", "most"), [(0, 0.0, 3.689), (1, 0.0253, 5.572), (10, 4.795, 18.39)]
)
def test_the_interval_is_the_exact_one(count: int, least: float, most: float):
    """Values of Garwood's table."""
    assert poisson(count, 1.0) == pytest.approx((least, most), rel=1e-3)
    assert poisson(count, 24.0) == pytest.approx((least / 24, most / 24), rel=1e-3)


def test_there_are_as_many_trials_as_were_asked_for():
    """At least so many deposits, and so many hours, of every condition and every kind of it."""
    for condition, lights in CONDITIONS.items():
        mine = [task for task in tasks(options()) if task.condition == condition]
        deeds = [task for task in mine if task.kind in DEEDS]
        assert len(deeds) + sum(task.kind == "several" for task in deeds) >= 50
        assert {task.kind for task in mine} == {*DEEDS, *kinds(lights[0])}
        assert len(mine) - len(deeds) == 36
        assert {task.light for task in mine} == set(lights)
    assert len(set(tasks(options()))) == len(tasks(options()))


def test_the_detector_sees_most_of_what_is_there_and_is_never_exact():
    """Misses, jitter and false boxes; the same for the same picture."""
    trial = Task("day", "waiting", SEED, 10.0, detector=True).trial()
    detector, hits, total, exact = SimulatedDetector(trial), 0, 0, 0
    image = trial.picture(0.0)
    for second in range(60, 360):
        detector.now_s = float(second)
        found = detector.detect(image)
        assert found == detector.detect(image)
        for label, box in trial.actors_at(second):
            same = [iou(each.box, box) for each in found if each.label == label]
            hits, total = hits + (max(same, default=0.0) > 0.5), total + 1
            exact += 1.0 in same
    assert 0.8 < hits / total < 0.97
    assert exact == 0


def test_a_film_shows_the_trial_at_its_times():
    """Fifths of a second inside the interval, ends included, in order; the detector knows when."""
    trial = Task("day", "bag", SEED, 10.0, detector=True).trial()
    detector = SimulatedDetector(trial)
    film = Film(trial, detector)
    asked = []
    for frame in film.between(Instant(3 * SECOND), Instant(4 * SECOND)):
        asked.append((frame.at, detector.now_s))
    assert asked == [(round((3 + n / 5) * SECOND), 3 + n / 5) for n in range(6)]


def test_a_plain_deposit_is_found_and_a_quiet_street_is_quiet():
    """The whole way once: drawn, watched, looked back at, matched with the truth, summed up."""
    found = run(Task("day", "bag", SEED, 10.0, detector=True))
    assert (found.events, found.found, found.missed, found.false) == (1, 1, [], [])
    total = totals([found])
    assert (total["recall"], total["quiet_hours"]) == (1.0, 0.0)
    assert 0 < total["median_delay_s"] < 60
