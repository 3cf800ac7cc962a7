"""Files that wait for a person: an officer settles each once, with a reason, and it is logged."""

import io
import json
from uuid import uuid4

import pytest

from service.arrivals import Arrival, Channel, Kept, arrive
from service.errors import InputError
from service.evidence.log import Action
from service.evidence.verify import verify
from service.quarantine import Statement, set_aside, take, waiting, waiting_count
from service.roles import Role
from service.tables import Acquisition, Quarantined
from tests.ingest.clip import Recipe, encoded
from tests.service.installation import Installation
from vision.frame import Instant

CLIP = encoded(Recipe(count=5))
BEGAN = Instant(1_770_000_000_000_000)
SAID = Statement(why="核对记录仪屏幕时间", device_id="DSJ-1", officer_id="li", started=BEGAN)


def put(made: Installation, content: bytes = CLIP) -> str:
    """A file without any time; the id of its row."""
    kept = Kept("a.mp4", *made.store.add(io.BytesIO(content)))
    arrival = Arrival(id=uuid4().hex, kept=kept, channel=Channel.FOLDER, handed_by="dock")
    return arrive(made.database, made.store, made.clock, arrival).id


def test_an_officer_states_what_is_missing(installation: Installation) -> None:
    """On every engine: one acquisition of the same id, marked as stated, with who said so."""
    li = installation.add_person("li")
    waiting_id = put(installation)
    with installation.database.write() as session:
        take(session, installation.clock, waiting_id, officer=li, said=SAID)
    (row,) = installation.rows(Acquisition)
    assert (row.id, row.started_us, row.time_source) == (waiting_id, BEGAN, "stated")
    assert (row.confidence, row.device_id, row.officer_id) == ("stated", "DSJ-1", "li")
    (settled,) = installation.rows(Quarantined)
    assert (settled.settlement, settled.settled_by) == ("taken", "li")
    (entry,) = installation.log(Action.ACQUIRED)
    assert entry.actor == "li"
    assert json.loads(entry.body or "")["why"] == SAID.why
    assert len(installation.log(Action.QUARANTINE_SETTLED)) == 1
    with installation.database.read() as session:
        assert waiting(session, limit=9) == []
        assert waiting_count(session) == 0
    assert verify(installation.database, installation.store).holds


def test_what_is_set_aside_is_kept(embedded: Installation) -> None:
    """Nothing is deleted by deciding that it is of no use."""
    li = embedded.add_person("li")
    waiting_id = put(embedded, b"no video")
    with embedded.database.write() as session:
        set_aside(session, embedded.clock, waiting_id, officer=li, said=Statement(why="误传"))
    (row,) = embedded.rows(Quarantined)
    assert row.settlement == "set_aside"
    assert embedded.store.check(row.sha256) == 8
    assert embedded.count(Acquisition) == 0


WRONG = {
    "no reason": (Statement(why=" ", started=BEGAN), "why_missing"),
    "no start": (Statement(why="x"), "start_missing"),
    "a start before there were recorders": (
        Statement(why="x", started=Instant(-62_135_625_943_000_000)),
        "start_impossible",
    ),
    "a start ahead of our clock": (
        Statement(why="x", started=Instant(253_402_271_999_000_000)),
        "start_impossible",
    ),
    "an officer whom nobody knows": (
        Statement(why="x", started=BEGAN, officer_id="nobody"),
        "no_user",
    ),
    "an officer who is none": (
        Statement(why="x", started=BEGAN, officer_id="wang"),
        "no_active_officer",
    ),
}


@pytest.mark.parametrize(("said", "code"), WRONG.values(), ids=WRONG)
def test_half_a_statement_changes_nothing(
    embedded: Installation, said: Statement, code: str
) -> None:
    li = embedded.add_person("li")
    embedded.add_person("wang", Role.OPERATOR)
    waiting_id = put(embedded)
    with pytest.raises(InputError, match=code), embedded.database.write() as session:
        take(session, embedded.clock, waiting_id, officer=li, said=said)
    assert embedded.rows(Quarantined)[0].settled_us is None
    assert embedded.count(Acquisition) == 0
    assert embedded.log(Action.QUARANTINE_SETTLED) == []


def test_who_may_not_decide_settles_nothing(embedded: Installation) -> None:
    waiting_id = put(embedded)
    for role in (Role.OPERATOR, Role.ADMIN):
        person = embedded.add_person(role.value, role)
        for act in (take, set_aside):
            with (
                pytest.raises(InputError, match="not_an_officer"),
                embedded.database.write() as session,
            ):
                act(session, embedded.clock, waiting_id, officer=person, said=SAID)


def test_a_file_is_settled_once(embedded: Installation) -> None:
    li = embedded.add_person("li")
    waiting_id = put(embedded)
    with embedded.database.write() as session:
        take(session, embedded.clock, waiting_id, officer=li, said=SAID)
    for act in (take, set_aside):
        with (
            pytest.raises(InputError, match="quarantine_settled"),
            embedded.database.write() as session,
        ):
            act(session, embedded.clock, waiting_id, officer=li, said=SAID)
    assert embedded.count(Acquisition) == 1


def test_what_is_no_video_is_not_taken_in(embedded: Installation) -> None:
    li = embedded.add_person("li")
    waiting_id = put(embedded, b"no video")
    with (
        pytest.raises(InputError, match="quarantine_unreadable"),
        embedded.database.write() as session,
    ):
        take(session, embedded.clock, waiting_id, officer=li, said=SAID)


def test_arriving_twice_is_one_row(installation: Installation) -> None:
    """The id decides, whichever list the row stands in."""
    kept = Kept("a.mp4", *installation.store.add(io.BytesIO(b"x")))
    arrival = Arrival(id="a" * 32, kept=kept, channel=Channel.FOLDER, handed_by="dock")
    for _ in range(2):
        arrive(installation.database, installation.store, installation.clock, arrival)
    assert installation.count(Quarantined) == len(installation.log(Action.QUARANTINED)) == 1
