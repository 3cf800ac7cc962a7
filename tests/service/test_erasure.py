"""Erasure: details go when their term is over, leaves hold, and nothing of a case or hold goes."""

import json

import pytest

from service.alarms import open_alarms
from service.case_end import Procedure, close_case
from service.cases import PartyFacts, open_case, set_party
from service.deletion import RECYCLE_S, Wish, approve, ask
from service.erasure import Eraser, spans
from service.evidence.log import Action, append
from service.evidence.verify import verify
from service.holds import hold_subject
from service.recycle import Recycler
from service.roles import Role
from service.subject import Subject, SubjectKind
from service.tables import Case, Item, LogEntry, User
from tests.service.installation import Installation, faults

TERM = 1096
"""Days; the longest rule of the access log."""


@pytest.fixture
def home(embedded: Installation) -> Installation:
    embedded.add_camera()
    embedded.add_person("wang")
    embedded.add_person("jing", Role.DIRECTOR)
    for event_id in ("seen", "held", "exhibit"):
        embedded.add_event(event_id)
        embedded.confirm(event_id, person(embedded, "wang"))
    return embedded


def person(of: Installation, user_id: str) -> User:
    with of.database.read() as session:
        return session.get_one(User, user_id)


def viewed(of: Installation, subject: str, sha256: str | list[str] = "0" * 64) -> None:
    with of.database.write() as session:
        append(
            session,
            of.clock,
            actor="wang",
            action=Action.VIEWED,
            subject=subject,
            body={"sha256": sha256, "reason": "值班审核"},
        )


def erase(of: Installation) -> None:
    while Eraser(of.database, of.clock, of.settings).step():
        pass


def left(of: Installation, action: Action) -> dict[str, bool]:
    """By subject: whether the details are there."""
    return {entry.subject: entry.body is not None for entry in of.log(action)}


def pass_days(of: Installation, days: int) -> None:
    """Days that were witnessed, in one transaction."""
    with of.database.write() as session:
        for _ in range(days):
            of.clock.sleep(86_400)
            append(session, of.clock, actor="liuhen", action=Action.SCRUBBED, subject="objects")


def case_of(of: Installation) -> Subject:
    with of.database.write() as session:
        officer = person(of, "wang")
        case = open_case(session, of.clock, "exhibit", officer=officer, title="偷倒")
        facts = PartyFacts(name="张三", id_no="120101199001011234")
        set_party(session, of.clock, case.id, facts, officer=officer)
    return Subject(SubjectKind.CASE, case.id)


def test_who_looked_is_forgotten_after_its_term(home: Installation) -> None:
    """Three years, to the day; the entries stay and hold, and one entry says which were erased."""
    viewed(home, "seen")
    viewed(home, "queue", [item.sha256 for item in home.rows(Item) if item.event_id == "seen"][:1])
    pass_days(home, TERM)
    erase(home)
    assert all(left(home, Action.VIEWED).values()), "not a day before"
    pass_days(home, 1)
    viewed(home, "held")
    erase(home)
    assert left(home, Action.VIEWED) == {"seen": False, "queue": False, "held": True}
    assert faults(home.log()) == []
    (entry,) = home.log(Action.BODIES_ERASED)
    seqs = [each.seq for each in home.log(Action.VIEWED) if each.body is None]
    told = json.loads(entry.body or "")
    assert told["entries"] == spans(seqs)
    assert any("网络安全法" in each or "个人信息保护法" in each for each in told["basis"])
    assert all(each.body for each in home.log(Action.REVIEWED)), "decisions are no access"
    erase(home)
    assert len(home.log(Action.BODIES_ERASED)) == 1


def test_nothing_of_a_case_or_a_hold_is_forgotten(home: Installation) -> None:
    """Not of its events, nor of lists in which their pictures were, nor of a case that ended."""
    case = case_of(home)
    with home.database.write() as session:
        held = Subject(SubjectKind.EVENT, "held")
        hold_subject(session, home.clock, held, by="wang", reason="投诉")
    exhibit = next(item.sha256 for item in home.rows(Item) if item.event_id == "exhibit")
    for subject in ("seen", "held", "exhibit", case.id):
        viewed(home, subject)
    viewed(home, "queue", [exhibit])
    with home.database.write() as session:
        officer = person(home, "wang")
        close_case(session, home.clock, case.id, officer=officer, procedure=Procedure.ORDINARY)
    pass_days(home, TERM + 1)
    erase(home)
    assert left(home, Action.VIEWED) == {
        "seen": False,
        "held": True,
        "exhibit": True,
        case.id: True,
        "queue": True,
    }


def test_a_clock_that_leaps_forgets_nothing(home: Installation) -> None:
    """R6."""
    viewed(home, "seen")
    home.clock.step(5000 * 86_400)
    erase(home)
    assert left(home, Action.VIEWED) == {"seen": True}


def test_a_party_is_forgotten_with_its_file(home: Installation) -> None:
    """Nowhere in rows and log; what the rows are now is told again, so that verification holds."""
    case = case_of(home)
    with home.database.write() as session:
        officer = person(home, "wang")
        close_case(session, home.clock, case.id, officer=officer, procedure=Procedure.SUMMARY)
    erase(home)
    assert any("张三" in (entry.body or "") for entry in home.log())
    with home.database.write() as session:
        wish = Wish((case,), "保管期满")
        batch = ask(session, home.clock, home.settings, wish, by=person(home, "wang"))
        approve(session, home.clock, batch, by=person(home, "jing"))
    home.clock.sleep(RECYCLE_S)
    Recycler(home.database, home.store, home.clock, home.settings).step()
    erase(home)
    assert home.rows(Case)[0].party_name is None
    for name in ("张三", "120101199001011234"):
        assert [entry.seq for entry in home.log() if name in (entry.body or "")] == []
    assert faults(home.log()) == []
    assert verify(home.database, home.store).faults == ()
    (gone,) = home.log(Action.OBJECTS_DESTROYED)
    assert case.id in (gone.body or ""), "the record stays"


def test_an_altered_row_is_not_made_true_by_an_erasure(home: Installation) -> None:
    """Who changes a row must not have it told again as it is: nothing is erased, and it is told."""
    case = case_of(home)
    with home.database.write() as session:
        officer = person(home, "wang")
        close_case(session, home.clock, case.id, officer=officer, procedure=Procedure.SUMMARY)
        wish = Wish((case,), "保管期满")
        batch = ask(session, home.clock, home.settings, wish, by=officer)
        approve(session, home.clock, batch, by=person(home, "jing"))
    home.clock.sleep(RECYCLE_S)
    Recycler(home.database, home.store, home.clock, home.settings).step()
    with home.database.engine.begin() as connection:
        connection.exec_driver_sql("UPDATE cases SET title = '误会'")
    erase(home)
    assert home.log(Action.BODIES_ERASED) == []
    with home.database.read() as session:
        assert [alarm.subject for alarm in open_alarms(session)] == [
            f"row cases/{case.id} title: changed"
        ]
    assert len(verify(home.database, home.store).faults) == 1


def test_spans_are_short() -> None:
    assert spans([]) == []
    assert spans([3, 7, 8, 9, 12]) == ["3", "7-9", "12"]


def test_an_entry_of_the_log_is_never_lost(home: Installation) -> None:
    viewed(home, "seen")
    before = [(entry.seq, entry.leaf_sha256) for entry in home.log()]
    pass_days(home, TERM + 1)
    erase(home)
    assert [(entry.seq, entry.leaf_sha256) for entry in home.log()][: len(before)] == before
    assert len(home.rows(LogEntry)) > len(before)
