"""Deletions: two persons, a week, then nothing but a record; a case and a hold stop every one."""

import io
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from sqlalchemy.exc import IntegrityError

from ingest.errors import DiskFailed
from ingest.files import Sha256, sha256_bytes
from ingest.fsck import Code, Depth
from service.alarms import Trouble, open_alarms
from service.case_end import Procedure, close_case, reopen_case
from service.cases import PartyFacts, add_exhibit, open_case, set_party
from service.claim import claim
from service.deletion import MOST, RECYCLE_S, Wish, approve, ask, refuse
from service.erasure import Eraser
from service.errors import InputError, WorldError
from service.evidence.log import Action
from service.evidence.store import FolderStore
from service.evidence.verify import verify
from service.fsck import Checker
from service.holds import HoldRequest, hold_subject, place_hold, release_hold
from service.keeper import Keeper
from service.mend import Mender
from service.needs import DAY_S
from service.recycle import Recycler, recover
from service.review import Rejection, reject
from service.roles import Role
from service.scrub import progress
from service.settings import Settings
from service.subject import Subject, SubjectKind, parts_of
from service.tables import (
    Acquisition,
    Case,
    ContentIndex,
    Deletion,
    Event,
    Item,
    Tombstone,
    User,
)
from service.term import due, forgettable, term_of
from service.tombstone import deletion_of, living, refuse_deleted
from tests.service.installation import Installation
from vision.frame import Instant

EVENT = Subject(SubjectKind.EVENT, "event")
WHY = "误采集，与执法无关"


def person(of: Installation, user_id: str) -> User:
    with of.database.read() as session:
        return session.get_one(User, user_id)


@pytest.fixture
def home(embedded: Installation) -> Installation:
    """A confirmed event with its pieces, and everybody who has a say."""
    embedded.add_camera()
    embedded.add_person("wang")
    embedded.add_person("li")
    embedded.add_person("zhong", Role.LEADER)
    embedded.add_person("jing", Role.DIRECTOR)
    embedded.add_person("zuo", Role.OPERATOR)
    embedded.add_person("zhao", Role.ADMIN)
    embedded.add_event("event")
    embedded.confirm("event", person(embedded, "wang"))
    return embedded


def asked(of: Installation, *subjects: Subject, by: str = "wang", why: str = WHY) -> str:
    with of.database.write() as session:
        wish = Wish(subjects or (EVENT,), why)
        return ask(session, of.clock, of.settings, wish, by=person(of, by))


def approved(of: Installation, batch: str, by: str = "jing") -> list[Deletion]:
    with of.database.write() as session:
        return approve(session, of.clock, batch, by=person(of, by))


def recycler(of: Installation, store: FolderStore | None = None) -> Recycler:
    return Recycler(of.database, store or of.store, of.clock, of.settings)


def agreed(of: Installation, *subjects: Subject) -> str:
    """A deletion that has waited long enough."""
    batch = asked(of, *subjects)
    approved(of, batch)
    of.clock.sleep(RECYCLE_S)
    return batch


def opened_case(of: Installation, event_id: str = "event") -> str:
    with of.database.write() as session:
        return open_case(session, of.clock, event_id, officer=person(of, "wang"), title="偷倒").id


def closed_case(of: Installation, procedure: Procedure = Procedure.SUMMARY) -> str:
    case_id = opened_case(of)
    with of.database.write() as session:
        officer = person(of, "wang")
        facts = PartyFacts(name="张三", id_no="120101")
        set_party(session, of.clock, case_id, facts, officer=officer)
        close_case(session, of.clock, case_id, officer=officer, procedure=procedure)
    return case_id


def objects(of: Installation) -> set[str]:
    return {path.name for path in (of.settings.objects / "sha256").glob("*/*")}


def test_two_persons_a_week_and_then_a_record(home: Installation) -> None:
    """The whole way: hashes, sizes, rule, who asked and who approved stay; the bytes go."""
    before = {item.sha256: item.size for item in home.rows(Item)}
    assert objects(home) == set(before)
    batch = asked(home)
    approved(home, batch)
    recycler(home).step()
    home.clock.sleep(RECYCLE_S - 1)
    recycler(home).step()
    assert objects(home) == set(before), "not a second before the week is over"
    home.clock.sleep(1)
    recycler(home).step()
    assert objects(home) == set()
    (row,) = home.rows(Deletion)
    assert (row.state, row.asked_by, row.approved_by) == ("destroyed", "wang", "jing")
    assert row.destroyed_us == home.now()
    stones = home.rows(Tombstone)
    assert {stone.sha256: stone.size for stone in stones} == before
    assert {item.sha256 for item in home.rows(Item)} == set(before), "rows stay"
    (entry,) = home.log(Action.OBJECTS_DESTROYED)
    told = json.loads(entry.body or "")
    assert told["deletions"] == [f"{row.id} wang jing"]
    assert sorted(line.split()[0] for line in told["objects"]) == sorted(before)
    assert "行政处罚法" in told["basis"][0] and "提前" in told["basis"][0]
    assert [each.actor for each in home.log(Action.DELETION_ASKED)] == ["wang"]
    assert [each.actor for each in home.log(Action.DELETION_APPROVED)] == ["jing"]


def test_what_is_destroyed_is_no_damage(home: Installation) -> None:
    """Verify and fsck know a tombstone; an object lost without one is still found."""
    agreed(home)
    recycler(home).step()
    assert verify(home.database, home.store).faults == ()
    report = Checker(home.settings, home.database, home.clock, Depth.HASHES).run()
    assert report.findings == ()
    home.add_event("second")
    (clip,) = [
        each for each in home.rows(Item) if each.event_id == "second" and each.role == "clip"
    ]
    home.store.destroy(Sha256(clip.sha256))
    assert verify(home.database, home.store).faults == (f"object {clip.sha256}: missing",)


def test_what_comes_back_from_a_backup_is_destroyed_again(home: Installation) -> None:
    """D3: a tombstone's object on disk is a leftover, and mended."""
    agreed(home)
    recycler(home).step()
    home.store.add(io.BytesIO(b"clip of event"))
    report = Checker(home.settings, home.database, home.clock, Depth.PRESENCE).run()
    assert [each.code for each in report.findings] == [Code.OBJECT_BACK]
    Mender(home.settings, home.database, home.clock).mend(report.findings)
    assert objects(home) == set()


REFUSALS: dict[str, tuple[str, str]] = {
    "an operator asks": ("zuo", "no_access"),
    "an administrator asks": ("zhao", "no_access"),
    "a director asks": ("jing", "no_access"),
}


@pytest.mark.parametrize(("by", "code"), REFUSALS.values(), ids=REFUSALS)
def test_who_may_not_ask(home: Installation, by: str, code: str) -> None:
    with pytest.raises(InputError, match=code):
        asked(home, by=by)
    assert home.rows(Deletion) == []


@pytest.mark.parametrize("by", ["wang", "li", "zuo", "zhao"])
def test_who_may_not_approve(home: Installation, by: str) -> None:
    """An officer agrees to nothing, whoever asked."""
    batch = asked(home)
    with pytest.raises(InputError, match="no_access"):
        approved(home, batch, by)
    assert home.rows(Deletion)[0].state == "asked"


def test_nobody_approves_their_own(home: Installation) -> None:
    """Row 18: two persons, though a leader has both rights; the database refuses it as well."""
    batch = asked(home, by="zhong")
    with pytest.raises(InputError, match="deletion_same_person"):
        approved(home, batch, "zhong")
    with pytest.raises(IntegrityError), home.database.write() as session:
        row = session.get_one(Deletion, home.rows(Deletion)[0].id)
        row.approved_by = "zhong"
        session.add(row)


ASKED_WRONGLY: dict[str, tuple[tuple[Subject, ...], str, str]] = {
    "no reason": ((EVENT,), " ", "why_missing"),
    "nothing": ((), WHY, "deletion_count"),
    "too much": (
        tuple(Subject(SubjectKind.EVENT, str(n)) for n in range(MOST + 1)),
        WHY,
        "deletion_count",
    ),
    "not there": ((Subject(SubjectKind.UPLOAD, "event"),), WHY, "not_found"),
}


@pytest.mark.parametrize(("subjects", "why", "code"), ASKED_WRONGLY.values(), ids=ASKED_WRONGLY)
def test_what_is_asked_wrongly_leaves_nothing(
    home: Installation, subjects: tuple[Subject, ...], why: str, code: str
) -> None:
    with pytest.raises(InputError, match=code), home.database.write() as session:
        ask(session, home.clock, home.settings, Wish(subjects, why), by=person(home, "wang"))
    assert home.rows(Deletion) == []


def test_one_deletion_of_a_subject_at_a_time(home: Installation) -> None:
    batch = asked(home)
    with pytest.raises(InputError, match="deletion_stands"):
        asked(home)
    with home.database.write() as session:
        refuse(session, home.clock, batch, by=person(home, "jing"), why="尚需核对")
    assert asked(home) != batch


def test_who_asked_may_withdraw_and_no_other_officer(home: Installation) -> None:
    batch = asked(home)
    for by, code in {"li": "no_access", "zuo": "no_access"}.items():
        with pytest.raises(InputError, match=code), home.database.write() as session:
            refuse(session, home.clock, batch, by=person(home, by), why="不")
    with home.database.write() as session:
        refuse(session, home.clock, batch, by=person(home, "wang"), why="写错了")
    (row,) = home.rows(Deletion)
    assert (row.state, row.settled_by, row.settled_why) == ("refused", "wang", "写错了")
    with pytest.raises(InputError, match="no_deletion"):
        approved(home, batch)


# --- cases and holds ---


def test_nobody_decides_on_a_case_of_another_unit(home: Installation) -> None:
    """Who may not read a case neither agrees to its end, nor lets its hold go, nor recovers it."""
    case = Subject(SubjectKind.CASE, closed_case(home))
    home.add_person("qian", Role.LEADER)
    with home.database.write() as session:
        session.get_one(User, "qian").unit = "二中队"
        hold = hold_subject(session, home.clock, case, by="wang", reason="投诉").id
    qian = person(home, "qian")
    with pytest.raises(InputError, match="foreign_case"), home.database.write() as session:
        release_hold(session, home.clock, hold, by="qian", reason="x")
    with home.database.write() as session:
        release_hold(session, home.clock, hold, by="wang", reason="已答复")
    batch = asked(home, case)
    with pytest.raises(InputError, match="foreign_case"):
        approved(home, batch, "qian")
    with pytest.raises(InputError, match="foreign_case"), home.database.write() as session:
        refuse(session, home.clock, batch, by=qian, why="x")
    approved(home, batch)
    with pytest.raises(InputError, match="foreign_case"), home.database.write() as session:
        recover(session, home.clock, home.rows(Deletion)[0].id, by=qian, why="x")


def in_case(of: Installation) -> None:
    opened_case(of)


def hold_on_event(of: Installation) -> None:
    with of.database.write() as session:
        hold_subject(session, of.clock, EVENT, by="wang", reason="投诉")


def hold_on_recording(of: Installation) -> None:
    with of.database.read() as session:
        clip = next(p for p in of.rows(Item) if p.role == "clip")
    request = HoldRequest("gate-1", Instant(clip.end_us - 1), Instant(clip.end_us + 9), "投诉")
    with of.database.write() as session:
        place_hold(session, of.clock, request, by="wang")


def add_upload(home: Installation) -> Sha256:
    """A recorder file of which somebody found out what it shows."""
    sha256, size = home.store.add(io.BytesIO(b"recorder file"))
    with home.database.write() as session:
        session.add(
            Acquisition(
                id="upload",
                sha256=sha256,
                size=size,
                file_name="a.mp4",
                acquired_us=home.now(),
                time_source="container",
                times={},
                media={},
            )
        )
        session.add(
            ContentIndex(
                sha256=sha256,
                model="0" * 64,
                looks=1,
                appearances=[["person", 0, 0, 1]],
                person=True,
                vehicle=False,
                bag=False,
                made_us=home.now(),
            )
        )
    return sha256


def test_what_a_recorder_file_showed_goes_with_it(home: Installation) -> None:
    sha256 = add_upload(home)
    agreed(home, Subject(SubjectKind.UPLOAD, "upload"))
    assert len(home.rows(ContentIndex)) == 1
    recycler(home).step()
    assert sha256 not in objects(home)
    assert home.rows(ContentIndex) == []


def test_a_hold_on_a_finding_keeps_the_recorder_file_it_was_found_in(home: Installation) -> None:
    """D2: the file is the finding's recording, as the ring is of a camera's."""
    sha256 = add_upload(home)
    with home.database.write() as session:
        session.get_one(Event, "event").camera_id = f"upload:{sha256}"
    hold_on_event(home)
    with pytest.raises(InputError, match="deletion_held"):
        asked(home, Subject(SubjectKind.UPLOAD, "upload"))


STOPS = {"case": in_case, "held": hold_on_event, "held by time": hold_on_recording}


@pytest.mark.parametrize("stop", STOPS.values(), ids=STOPS)
def test_a_case_or_a_hold_stops_the_request(
    home: Installation, stop: Callable[[Installation], None]
) -> None:
    stop(home)
    with pytest.raises(InputError, match=r"deletion_(held|case)"):
        asked(home)


@pytest.mark.parametrize("stop", STOPS.values(), ids=STOPS)
def test_a_case_or_a_hold_stops_the_approval(
    home: Installation, stop: Callable[[Installation], None]
) -> None:
    batch = asked(home)
    stop(home)
    assert [row.state for row in approved(home, batch)] == ["refused"]
    home.clock.sleep(30 * DAY_S)
    recycler(home).step()
    assert objects(home) >= {item.sha256 for item in home.rows(Item)}


@pytest.mark.parametrize("stop", [hold_on_event, hold_on_recording])
def test_a_hold_stops_what_is_in_the_recycle_state(
    home: Installation, stop: Callable[[Installation], None]
) -> None:
    """It waits as long as it is held; released, it goes."""
    agreed(home)
    stop(home)
    recycler(home).step()
    assert home.rows(Deletion)[0].state == "recycled"
    assert home.rows(Tombstone) == []
    with home.database.write() as session:
        hold = json.loads(home.log(Action.HELD)[0].body or "")["hold"]
        release_hold(session, home.clock, hold, by="wang", reason="已答复")
    recycler(home).step()
    assert home.rows(Deletion)[0].state == "destroyed"


def test_what_is_in_the_recycle_state_comes_into_no_case(home: Installation) -> None:
    approved(home, asked(home))
    with pytest.raises(InputError, match="recycled"):
        opened_case(home)


def test_what_is_recovered_is_as_it_was(home: Installation) -> None:
    approved(home, asked(home))
    (row,) = home.rows(Deletion)
    with home.database.write() as session:
        with pytest.raises(InputError, match="recycled"):
            refuse_deleted(session, EVENT)
        with pytest.raises(InputError, match="why_missing"):
            recover(session, home.clock, row.id, by=person(home, "li"), why=" ")
        with pytest.raises(InputError, match="no_access"):
            recover(session, home.clock, row.id, by=person(home, "zuo"), why="要看")
        recover(session, home.clock, row.id, by=person(home, "li"), why="当事人申诉")
        refuse_deleted(session, EVENT)
    home.clock.sleep(30 * DAY_S)
    recycler(home).step()
    assert verify(home.database, home.store).faults == ()
    assert objects(home) == {item.sha256 for item in home.rows(Item)}
    (entry,) = home.log(Action.DELETION_RECOVERED)
    assert (entry.actor, entry.subject) == ("li", "event")
    opened_case(home)


def test_nothing_destroyed_is_recovered_or_held(home: Installation) -> None:
    agreed(home)
    recycler(home).step()
    (row,) = home.rows(Deletion)
    with home.database.write() as session:
        with pytest.raises(InputError, match="no_deletion"):
            recover(session, home.clock, row.id, by=person(home, "wang"), why="要看")
        with pytest.raises(InputError, match="destroyed"):
            hold_subject(session, home.clock, EVENT, by="wang", reason="投诉")


# --- the end of a case ---


def test_a_case_is_closed_once_and_changed_no_more(home: Installation) -> None:
    case_id = closed_case(home)
    home.add_event("second")
    home.confirm("second", person(home, "wang"))
    officer = person(home, "wang")
    for change in (
        lambda session: close_case(
            session, home.clock, case_id, officer=officer, procedure=Procedure.ORDINARY
        ),
        lambda session: add_exhibit(session, home.clock, case_id, "second", officer=officer),
        lambda session: set_party(
            session, home.clock, case_id, PartyFacts(name="李四"), officer=officer
        ),
    ):
        with pytest.raises(InputError, match="case_closed"), home.database.write() as session:
            change(session)
    with home.database.write() as session:
        with pytest.raises(InputError, match="why_missing"):
            reopen_case(session, home.clock, case_id, officer=officer, why="")
        reopen_case(session, home.clock, case_id, officer=officer, why="补充证据")
        set_party(session, home.clock, case_id, PartyFacts(name="李四"), officer=officer)
    assert len(home.log(Action.CASE_CLOSED)) == len(home.log(Action.CASE_REOPENED)) == 1


def test_a_file_goes_with_all_its_evidence_and_its_party(home: Installation) -> None:
    """Only a case that has ended; what is not of it stays."""
    case_id = opened_case(home)
    case = Subject(SubjectKind.CASE, case_id)
    with pytest.raises(InputError, match="deletion_open"):
        asked(home, case)
    with home.database.write() as session:
        officer = person(home, "wang")
        set_party(session, home.clock, case_id, PartyFacts(name="张三"), officer=officer)
        close_case(session, home.clock, case_id, officer=officer, procedure=Procedure.SUMMARY)
    home.add_event("other")
    agreed(home, case)
    recycler(home).step()
    assert objects(home) == {i.sha256 for i in home.rows(Item) if i.event_id == "other"}
    (row,) = home.rows(Case)
    assert (row.title, row.party_name) == ("偷倒", None)
    with home.database.read() as session:
        found = deletion_of(session, EVENT)
        assert found is not None and found.kind == "case"
    assert verify(home.database, home.store).faults == ()


# --- bytes that two rows name ---


def test_bytes_that_something_else_names_stay(home: Installation) -> None:
    """The same still in two events: it goes with the second."""
    home.add_event("twin")
    with home.database.read() as session:
        first = {p.sha256 for p in parts_of(session, EVENT)}
        second = {p.sha256 for p in parts_of(session, Subject(SubjectKind.EVENT, "twin"))}
    shared = first & second
    assert len(shared) == 3, "the three stills are the same"
    agreed(home)
    recycler(home).step()
    assert objects(home) == second
    assert {stone.sha256 for stone in home.rows(Tombstone)} == first - shared
    home.confirm("twin", person(home, "wang"))
    agreed(home, Subject(SubjectKind.EVENT, "twin"))
    recycler(home).step()
    assert objects(home) == set()


def test_bytes_that_are_being_destroyed_cannot_be_named(home: Installation) -> None:
    """D4: kept again just before they go, named just after; whoever is refused tries again."""

    class Late(FolderStore):
        """A store in which somebody keeps the same bytes as they are about to go."""

        refused = 0

        def destroy(self, sha256: Sha256) -> None:
            with pytest.raises(WorldError), home.database.write() as session:
                claim(session, self, [sha256])
            Late.refused += 1
            super().destroy(sha256)

    agreed(home)
    recycler(home, Late(home.settings.objects)).step()
    assert Late.refused == 5
    clip = sha256_bytes(b"clip of event")
    with pytest.raises(WorldError, match="object_going"), home.database.write() as session:
        claim(session, home.store, [clip])
    home.add_event("again")
    with home.database.write() as session:
        home.store.add(io.BytesIO(b"clip of event"))
        claim(session, home.store, [clip])


# --- crashes ---


@dataclass
class Dying(Exception):
    """The power went."""


class Mortal(FolderStore):
    """A store that dies at its `left`th removal."""

    left = 0

    def destroy(self, sha256: Sha256) -> None:
        if self.left == 0:
            raise Dying
        self.left -= 1
        super().destroy(sha256)


@pytest.mark.parametrize("removals", range(6))
def test_a_death_at_every_removal_is_made_up_for(home: Installation, removals: int) -> None:
    """D2: rows before files; the next round finishes what a crash left, and only that."""
    home.add_event("other")
    agreed(home)
    store = Mortal(home.settings.objects)
    store.left = removals
    if removals < 2:
        # Two pieces are the event's own; three stills are shared.
        with pytest.raises(Dying):
            recycler(home, store).step()
        assert home.rows(Deletion)[0].state == "garbage"
    else:
        recycler(home, store).step()
    assert verify(home.database, home.store).faults == ()
    recycler(home).step()
    assert home.rows(Deletion)[0].state == "destroyed"
    assert objects(home) == {i.sha256 for i in home.rows(Item) if i.event_id == "other"}
    assert len(home.log(Action.OBJECTS_DESTROYED)) == 1


def test_a_disk_that_keeps_files_is_told_and_condemns_no_more(home: Installation) -> None:
    class Stuck(FolderStore):
        def destroy(self, sha256: Sha256) -> None:
            raise DiskFailed(path=sha256, folder="objects", detail="read-only")

    agreed(home)
    home.add_event("second")
    home.confirm("second", person(home, "wang"))
    stuck = recycler(home, Stuck(home.settings.objects))
    assert stuck.step() is False
    agreed(home, Subject(SubjectKind.EVENT, "second"))
    assert stuck.step() is False
    assert sorted(row.state for row in home.rows(Deletion)) == ["garbage", "recycled"]
    with home.database.read() as session:
        assert [alarm.key for alarm in open_alarms(session)] == [Trouble.DELETION_STUCK]
    recycler(home).step()
    with home.database.read() as session:
        assert open_alarms(session) == []
    assert {row.state for row in home.rows(Deletion)} == {"destroyed"}


@pytest.mark.parametrize("name", ["../" * 3 + "liuhen.db", "0" * 63, "A" * 64, ""])
def test_a_row_points_nowhere_out_of_the_store(home: Installation, name: str) -> None:
    with pytest.raises(KeyError):
        home.store.destroy(Sha256(name))
    assert Path(home.settings.home / "liuhen.db").is_file()


def test_a_removal_is_durable_and_twice_is_once(home: Installation) -> None:
    sha256, _ = home.store.add(io.BytesIO(b"x"))
    for _ in range(2):
        home.store.destroy(sha256)
    with pytest.raises(KeyError):
        home.store.path(sha256)
    assert list((home.settings.objects / "sha256" / sha256[:2]).iterdir()) == []


# --- terms ---


def test_terms_are_the_longest_of_rule_and_setting(home: Installation) -> None:
    """law.md 2.5 as dated data; hearsay says that it is."""
    now = home.now()
    with home.database.read() as session:
        confirmed = term_of(session, EVENT, home.settings, now)
        longer = replace_setting(home, confirmed_keep_days=900)
        asked_more = term_of(session, EVENT, longer, now)
    assert confirmed is not None and (confirmed.days, asked_more and asked_more.days) == (731, 900)
    days = {}
    case_id = closed_case(home)
    for procedure in Procedure:
        with home.database.write() as session:
            session.get_one(Case, case_id).procedure = procedure.value
        with home.database.read() as session:
            term = term_of(session, Subject(SubjectKind.CASE, case_id), home.settings, now)
        assert term is not None
        days[procedure] = (term.days, term.cited)
    assert days[Procedure.ORDINARY][0] == 10958
    assert "据转引" in days[Procedure.ORDINARY][1]
    assert days[Procedure.SUMMARY] == (3653, "本单位设定的期限〔依据未核实〕")


def replace_setting(of: Installation, **values: int) -> Settings:
    return of.settings.model_copy(update=values)


def test_what_is_due_is_proposed_and_goes_by_nobody_alone(home: Installation) -> None:
    """A confirmed event after two years; a file ten years after its case ended."""
    home.pass_days(731)
    recycler(home).forget()
    with home.database.read() as session:
        found = due(session, home.now(), home.settings, most=10)
    assert [each.subject for each in found] == [EVENT]
    assert home.rows(Deletion) == []
    asked(home, EVENT)
    with home.database.read() as session:
        assert due(session, home.now(), home.settings, most=10) == []


def test_a_clock_that_leaps_makes_nothing_due(home: Installation) -> None:
    """R6 holds for the store as well."""
    home.clock.step(3000 * DAY_S)
    with home.database.read() as session:
        assert due(session, home.now(), home.settings, most=10) == []


def test_pictures_of_rejected_events_go_by_themselves(home: Installation) -> None:
    """30 days after the rejection, and not those that are held."""
    for name in ("wrong", "held"):
        home.add_event(name)
        with home.database.write() as session:
            officer = person(home, "wang")
            reject(session, home.clock, name, officer=officer, reason=Rejection.LIGHT)
    with home.database.write() as session:
        held = Subject(SubjectKind.EVENT, "held")
        hold_subject(session, home.clock, held, by="wang", reason="投诉")
    home.pass_days(30)
    with home.database.read() as session:
        assert forgettable(session, home.now(), home.settings, most=9) == []
    home.pass_days(1)
    assert recycler(home).forget() == 1
    recycler(home).step()
    (row,) = home.rows(Deletion)
    assert (row.subject, row.state, row.asked_by, row.approved_by) == (
        "wrong",
        "destroyed",
        "liuhen",
        "liuhen",
    )
    assert "个人信息保护法第十九条" in row.basis
    with home.database.read() as session:
        left = living(session)
    assert objects(home) == set(left)


def test_a_pending_event_is_decided_first(home: Installation) -> None:
    home.add_event("new")
    with pytest.raises(InputError, match="deletion_undecided"):
        asked(home, Subject(SubjectKind.EVENT, "new"))


def test_the_whole_way_on_every_engine(installation: Installation) -> None:
    """An event and a case, destroyed; its party forgotten; log, rows and objects hold."""
    of = installation
    of.add_camera()
    of.add_person("wang")
    of.add_person("jing", Role.DIRECTOR)
    for name in ("event", "exhibit"):
        of.add_event(name)
        of.confirm(name, person(of, "wang"))
    case_id = opened_case(of, "exhibit")
    with of.database.write() as session:
        officer = person(of, "wang")
        set_party(session, of.clock, case_id, PartyFacts(name="张三"), officer=officer)
        close_case(session, of.clock, case_id, officer=officer, procedure=Procedure.ORDINARY)
    agreed(of, EVENT, Subject(SubjectKind.CASE, case_id))
    recycler(of).step()
    Eraser(of.database, of.clock, of.settings).step()
    assert {row.state for row in of.rows(Deletion)} == {"destroyed"}
    assert objects(of) == set()
    assert not [entry for entry in of.log() if "张三" in (entry.body or "")]
    assert verify(of.database, of.store).faults == ()


def test_the_keeper_does_everything_that_is_due(home: Installation) -> None:
    """One look: what two persons agreed to, what a rule lets go, and a round of the scrub."""
    home.add_event("wrong")
    with home.database.write() as session:
        officer = person(home, "wang")
        reject(session, home.clock, "wrong", officer=officer, reason=Rejection.LIGHT)
    agreed(home)
    home.pass_days(31)
    keeper = Keeper(home.database, home.store, home.clock, home.settings)
    keeper.step()
    home.clock.sleep(5)
    keeper.step()
    assert [row.state for row in home.rows(Deletion)] == ["destroyed", "destroyed"]
    assert objects(home) == set()
    with home.database.read() as session:
        found = progress(session)
    assert found is not None and not found.running and found.faults == 0
