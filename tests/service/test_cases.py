"""Cases: only what officers confirmed is an exhibit, each event once, numbered without a hole."""

import json
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, wait

import pytest
from sqlmodel import Session, select

from service.cases import (
    PartyFacts,
    add_exhibit,
    case_of,
    case_with,
    cases,
    exhibits_of,
    open_case,
    set_party,
)
from service.errors import InputError
from service.evidence.log import Action
from service.review import Rejection, reject
from service.roles import Role
from service.tables import Case, Exhibit, LogEntry, User
from tests.service.installation import PLACE, Installation, faults

Act = Callable[[Session, User], None]


@pytest.fixture
def office(installation: Installation) -> Installation:
    """An installation with an officer and three confirmed events of one camera."""
    officer = installation.add_person("officer")
    installation.add_camera()
    for event_id in ("one", "two", "three"):
        installation.add_event(event_id, bare=True)
        installation.confirm(event_id, officer)
    return installation


def start(office: Installation, event_id: str, *, by: str = "officer", title: str = "案由") -> str:
    with office.database.write() as session:
        officer = session.get_one(User, by)
        return open_case(session, office.clock, event_id, officer=officer, title=title).id


def link(office: Installation, case_id: str, event_id: str, *, by: str = "officer") -> int:
    with office.database.write() as session:
        officer = session.get_one(User, by)
        return add_exhibit(session, office.clock, case_id, event_id, officer=officer).number


def learn(office: Installation, case_id: str, facts: PartyFacts, *, by: str = "officer") -> None:
    with office.database.write() as session:
        officer = session.get_one(User, by)
        set_party(session, office.clock, case_id, facts, officer=officer)


def kept(office: Installation) -> tuple[int, int, int]:
    """How many cases, exhibits and entries there are."""
    return office.count(Case), office.count(Exhibit), len(office.log())


def test_a_case_begins_with_its_first_exhibit(office: Installation) -> None:
    case_id = start(office, "one", title="  涉嫌随意倾倒垃圾 ")
    with office.database.read() as session:
        case = case_of(session, case_id)
        ((exhibit, event),) = exhibits_of(session, case_id)
        assert case_with(session, "one") == case
        assert case_with(session, "two") is None
        assert (case.title, case.place, case.kind) == ("涉嫌随意倾倒垃圾", PLACE, "dumping")
        assert (exhibit.number, event.id, case.act_us) == (1, "one", event.onset_us)
        officer = session.get_one(User, case.opened_by)
        assert [each.id for each in cases(session, officer)] == [case_id]
    assert len(office.log(Action.CASE_OPENED)) == len(office.log(Action.LINKED)) == 1


def test_exhibits_are_numbered_in_order_case_by_case(office: Installation) -> None:
    first, second = start(office, "one"), start(office, "two")
    assert link(office, first, "three") == 2
    with office.database.read() as session:
        told = {
            case_id: [
                (exhibit.number, event.id) for exhibit, event in exhibits_of(session, case_id)
            ]
            for case_id in (first, second)
        }
    assert told == {first: [(1, "one"), (2, "three")], second: [(1, "two")]}


@pytest.mark.parametrize("state", ["pending", "rejected"])
def test_what_nobody_confirmed_is_no_exhibit(office: Installation, state: str) -> None:
    case_id = start(office, "one")
    event_id = f"event-{state}"
    office.add_event(event_id, bare=True)
    if state == "rejected":
        with office.database.write() as session:
            officer = session.get_one(User, "officer")
            reject(session, office.clock, event_id, officer=officer, reason=Rejection.NOTHING)
    before = kept(office)
    for attempt in (lambda: start(office, event_id), lambda: link(office, case_id, event_id)):
        with pytest.raises(InputError, match="not_confirmed"):
            attempt()
    assert kept(office) == before


def test_one_act_is_not_punished_twice(office: Installation) -> None:
    first, second = start(office, "one"), start(office, "two")
    before = kept(office)
    for attempt in (
        lambda: start(office, "one"),
        lambda: link(office, second, "one"),
        lambda: link(office, first, "one"),
    ):
        with pytest.raises(InputError, match="exhibit_exists"):
            attempt()
    assert kept(office) == before


@pytest.mark.parametrize("role", [Role.OPERATOR, Role.ADMIN])
def test_only_officers_touch_cases(office: Installation, role: Role) -> None:
    office.add_person("other", role)
    case_id = start(office, "one")
    before = kept(office)
    for attempt in (
        lambda: start(office, "two", by="other"),
        lambda: link(office, case_id, "two", by="other"),
        lambda: learn(office, case_id, PartyFacts(name="王某"), by="other"),
    ):
        with pytest.raises(InputError, match="not_an_officer"):
            attempt()
    assert kept(office) == before


@pytest.mark.parametrize("title", ["", "   ", "\u3000"])
def test_a_case_needs_a_title(office: Installation, title: str) -> None:
    with pytest.raises(InputError, match="title_missing"):
        start(office, "one", title=title)


def test_what_does_not_exist_is_said(office: Installation) -> None:
    for attempt, code in (
        (lambda: start(office, "none"), "no_event"),
        (lambda: link(office, "none", "one"), "no_case"),
        (lambda: learn(office, "none", PartyFacts()), "no_case"),
    ):
        with pytest.raises(InputError, match=code):
            attempt()


@pytest.mark.parametrize("fine", [0, -1, -50])
def test_a_fine_is_positive(office: Installation, fine: int) -> None:
    case_id = start(office, "one")
    learn(office, case_id, PartyFacts(name="王某", fine_yuan=50))
    with pytest.raises(InputError, match="fine_not_positive"):
        learn(office, case_id, PartyFacts(name="李某", fine_yuan=fine))
    (case,) = office.rows(Case)
    assert (case.party_name, case.fine_yuan) == ("王某", 50)


def test_the_log_says_what_was_learnt_and_what_was_taken_back(office: Installation) -> None:
    case_id = start(office, "one")
    learn(office, case_id, PartyFacts("王某", provision_id="swl-111-1-1", fine_yuan=50))
    learn(office, case_id, PartyFacts("李某"))
    bodies = [json.loads(entry.body or "") for entry in office.log(Action.CASE_CHANGED)]
    told = [(body["party_name"], body["provision_id"], body["fine_yuan"]) for body in bodies]
    assert told == [("王某", "swl-111-1-1", 50), ("李某", "", "")]


def test_the_party_can_be_erased_from_the_log(office: Installation) -> None:
    """Personal data stand in the body alone; the leaf, hashed for ever, holds without it."""
    learn(office, start(office, "one"), PartyFacts("王某", "120101199001011234", "和平路 1 号"))
    with office.database.write() as session:
        for entry in session.exec(select(LogEntry)):
            entry.body = None
            session.add(entry)
    kept_for_ever = "".join(entry.model_dump_json() for entry in office.log())
    assert not [secret for secret in ("王某", "120101", "和平路") if secret in kept_for_ever]
    assert faults(office.log()) == []


def second_after_first(office: Installation, first: Act, second: Callable[[], object]) -> Future:
    """Do `second` while the transaction of `first` is still open: it has to wait for its end."""
    with ThreadPoolExecutor(1) as pool:
        with office.database.write() as session:
            first(session, session.get_one(User, "officer"))
            waiting = pool.submit(second)
            with pytest.raises(TimeoutError):
                waiting.result(timeout=0.3)
        wait([waiting])
    return waiting


def test_two_officers_at_once_put_an_event_into_one_case(office: Installation) -> None:
    one, two = start(office, "one"), start(office, "two")

    def first(session: Session, officer: User) -> None:
        add_exhibit(session, office.clock, one, "three", officer=officer)

    late = second_after_first(office, first, lambda: link(office, two, "three"))
    with pytest.raises(InputError, match="exhibit_exists"):
        late.result()
    assert office.count(Exhibit) == 3


def test_two_exhibits_at_once_get_two_numbers(office: Installation) -> None:
    case_id = start(office, "one")

    def first(session: Session, officer: User) -> None:
        add_exhibit(session, office.clock, case_id, "two", officer=officer)

    late = second_after_first(office, first, lambda: link(office, case_id, "three"))
    assert late.result() == 3
