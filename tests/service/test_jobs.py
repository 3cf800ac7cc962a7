"""Jobs: nothing is lost, nothing is done twice, whatever happens to the workers."""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest

from service.alarms import open_alarms
from service.database import Database
from service.jobs import (
    LEASE_S,
    MAX_ATTEMPTS,
    add_job,
    complete_job,
    extend_lease,
    fail_job,
    lease_job,
    postpone_job,
    waiting_jobs,
)
from service.tables import Gap, Job
from tests.service.installation import Installation
from vision.frame import later


def queue(installation: Installation, job_id: str, *, in_s: float = 0) -> bool:
    with installation.database.write() as session:
        return add_job(
            session,
            installation.clock,
            id=job_id,
            kind="lookback",
            payload={"camera": "gate"},
            not_before=later(installation.now(), in_s),
        )


def lease(installation: Installation, kind: str = "lookback") -> Job | None:
    with installation.database.write() as session:
        return lease_job(session, installation.clock, kind)


def leased(installation: Installation) -> Job:
    job = lease(installation)
    assert job is not None
    return job


def complete(installation: Installation, job: Job) -> bool:
    """Complete a job as workers do: with a result in the same transaction."""
    with installation.database.write() as session:
        done = complete_job(session, installation.clock, job, "event")
        if done:
            result = f"by {job.epoch}"
            session.add(Gap(id=result, camera_id="", start_us=0, end_us=0, cause="result"))
        return done


def fail(installation: Installation, job: Job, *, again: bool = True) -> None:
    with installation.database.write() as session:
        fail_job(session, installation.clock, job, "no_footage", again=again)


def state(installation: Installation, job_id: str) -> str:
    with installation.database.read() as session:
        return session.get_one(Job, job_id).state


def alarms(installation: Installation) -> list[tuple[str, str]]:
    with installation.database.read() as session:
        return [(alarm.key, alarm.subject) for alarm in open_alarms(session)]


def test_a_job_is_queued_once(installation: Installation) -> None:
    assert queue(installation, "a")
    assert not queue(installation, "a")
    assert complete(installation, leased(installation))
    assert not queue(installation, "a"), "whatever became of it"
    assert lease(installation) is None


def test_jobs_come_when_they_are_due_and_the_oldest_first(installation: Installation) -> None:
    queue(installation, "later", in_s=20)
    queue(installation, "sooner", in_s=10)
    assert lease(installation) is None
    installation.clock.sleep(20)
    assert [leased(installation).id, leased(installation).id] == ["sooner", "later"]
    assert lease(installation) is None


def test_a_worker_gets_only_its_kind(installation: Installation) -> None:
    queue(installation, "a")
    assert lease(installation, "clips") is None


def test_a_leased_job_is_nobody_elses_until_its_time_is_up(installation: Installation) -> None:
    queue(installation, "a")
    first = leased(installation)
    installation.clock.sleep(LEASE_S)
    assert lease(installation) is None
    installation.clock.sleep(1)
    second = leased(installation)
    assert (second.id, second.epoch) == ("a", first.epoch + 1)


def test_a_worker_that_lost_its_lease_changes_nothing(installation: Installation) -> None:
    queue(installation, "a")
    slow = leased(installation)
    installation.clock.sleep(LEASE_S + 1)
    quick = leased(installation)
    fail(installation, slow)
    with installation.database.write() as session:
        postpone_job(session, installation.clock, slow, 0)
    assert not complete(installation, slow)
    assert state(installation, "a") == "leased"
    assert complete(installation, quick)
    assert not complete(installation, quick), "nor twice"
    assert [gap.id for gap in installation.rows(Gap)] == ["by 2"]
    assert state(installation, "a") == "done"


def extend(installation: Installation, job: Job, note: str = "") -> bool:
    with installation.database.write() as session:
        return extend_lease(session, installation.clock, job, note)


def test_a_lease_that_is_extended_is_nobody_elses(installation: Installation) -> None:
    """Attacks: long work that a second worker begins again while the first is at it."""
    queue(installation, "a")
    job = leased(installation)
    for n in range(5):
        installation.clock.sleep(LEASE_S - 1)
        assert extend(installation, job, f"{n}")
        assert lease(installation) is None
    (row,) = installation.rows(Job)
    assert (row.outcome, row.attempts) == ("4", 1)
    assert complete(installation, job)


def test_a_lost_lease_is_not_extended(installation: Installation) -> None:
    """Attacks: a worker that was taken for dead and takes its job back from the next one."""
    queue(installation, "a")
    slow = leased(installation)
    installation.clock.sleep(LEASE_S + 1)
    quick = leased(installation)
    assert not extend(installation, slow)
    assert extend(installation, quick)
    assert complete(installation, quick)
    assert not extend(installation, quick), "nor what is done"


def test_a_postponed_job_has_not_been_tried(installation: Installation) -> None:
    queue(installation, "a")
    for _ in range(3 * MAX_ATTEMPTS):
        job = leased(installation)
        assert job.attempts == 1
        with installation.database.write() as session:
            postpone_job(session, installation.clock, job, 1.0)
        assert lease(installation) is None
        installation.clock.sleep(1)
    assert alarms(installation) == []


def test_a_failed_job_is_tried_again_ever_later_and_then_told(installation: Installation) -> None:
    queue(installation, "a")
    for wait in (5, 10, 20, 40):
        fail(installation, leased(installation))
        assert (state(installation, "a"), alarms(installation)) == ("ready", [])
        installation.clock.sleep(wait - 0.001)
        assert lease(installation) is None
        installation.clock.sleep(0.001)
    fail(installation, leased(installation))
    assert alarms(installation) == [("job_failed", "a")]
    installation.clock.sleep(86_400)
    assert lease(installation) is None
    (job,) = installation.rows(Job)
    assert (job.state, job.outcome, job.attempts) == ("failed", "no_footage", MAX_ATTEMPTS)


def test_what_cannot_be_mended_is_told_at_once(installation: Installation) -> None:
    queue(installation, "a")
    fail(installation, leased(installation), again=False)
    assert (state(installation, "a"), alarms(installation)) == ("failed", [("job_failed", "a")])


def test_a_job_that_kills_its_workers_is_told_and_holds_up_no_other(
    installation: Installation,
) -> None:
    queue(installation, "deadly")
    for _ in range(MAX_ATTEMPTS):
        assert leased(installation).id == "deadly"
        installation.clock.sleep(LEASE_S + 1)
    queue(installation, "harmless")
    assert leased(installation).id == "harmless"
    assert state(installation, "deadly") == "failed"
    assert alarms(installation) == [("job_failed", "deadly")]


def test_jobs_wait_until_they_are_done_or_given_up(installation: Installation) -> None:
    counts = []
    for job_id in ("a", "b"):
        queue(installation, job_id)
    for act in (complete, lambda i, j: fail(i, j, again=False)):
        job = leased(installation)
        counts.append(_waiting(installation.database))
        act(installation, job)
        counts.append(_waiting(installation.database))
    assert counts == [2, 1, 1, 0]


def _waiting(database: Database) -> int:
    with database.read() as session:
        return waiting_jobs(session)


@pytest.mark.parametrize("workers", [4])
def test_no_two_workers_hold_the_same_job(installation: Installation, workers: int) -> None:
    for n in range(12):
        queue(installation, f"job-{n}")

    def work(_: int) -> list[str]:
        mine = []
        while (job := lease(installation)) is not None:
            mine.append(job.id)
        return mine

    with ThreadPoolExecutor(workers) as pool:
        held = Counter(job_id for mine in pool.map(work, range(workers)) for job_id in mine)
    assert held == Counter(f"job-{n}" for n in range(12))
