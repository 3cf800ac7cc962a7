"""`verify` names every object, entry, checkpoint, row and column that does not hold, and no other.

Whoever tampers here can do anything to the database and the store; the key's folder is out of
reach, as where the signer runs as a user of its own.
"""

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlmodel import select, text

from ingest.files import Sha256, sha256_bytes
from service.alarms import open_alarms
from service.cases import open_case
from service.errors import EvidenceError
from service.evidence.log import Action
from service.evidence.verify import MOST_TOLD, Report, record, verify
from service.ledger.entry import leaf_hash
from service.ledger.note import Note, sign
from service.tables import Case, CheckpointRow, Deletion, Item, LogEntry, Review
from tests.service.installation import Installation

Tampering = Callable[[Installation], set[str]]


def fill(installation: Installation) -> None:
    """A confirmed event, as the first exhibit of a case."""
    installation.add_camera()
    installation.add_event("event")
    officer = installation.add_person("officer")
    installation.confirm("event", officer)
    with installation.database.write() as session:
        open_case(session, installation.clock, "event", officer=officer, title="倾倒")


@pytest.fixture
def kept(embedded: Installation) -> Installation:
    fill(embedded)
    return embedded


def check(kept: Installation, *, whole: bool = True) -> Report:
    return verify(kept.database, kept.store, whole=whole, objects=whole)


def run(kept: Installation, *statements: str) -> None:
    """Change rows as somebody with the database's password could."""
    with kept.database.engine.connect() as connection:
        for statement in statements:
            connection.execute(text(statement))
        connection.commit()


def of_role(kept: Installation, role: str) -> str:
    (item,) = (item for item in kept.rows(Item) if item.role == role)
    return str(item.sha256)


def number_of(kept: Installation, action: Action) -> int:
    return kept.log(action)[0].seq


def size(kept: Installation) -> int:
    return len(kept.log())


def flip(kept: Installation) -> set[str]:
    sha256 = of_role(kept, "clip")
    path = next(kept.settings.objects.rglob(sha256))
    path.chmod(0o644)
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)
    return {f"object {sha256}: altered"}


def cut(kept: Installation) -> set[str]:
    sha256 = of_role(kept, "before")
    path = next(kept.settings.objects.rglob(sha256))
    path.chmod(0o644)
    path.write_bytes(path.read_bytes()[:-1])
    return {f"object {sha256}: altered"}


def remove(kept: Installation) -> set[str]:
    sha256 = of_role(kept, "manifest")
    next(kept.settings.objects.rglob(sha256)).unlink()
    return {f"object {sha256}: missing"}


def swap(kept: Installation) -> set[str]:
    """Two objects under each other's names."""
    clip, after = (of_role(kept, role) for role in ("clip", "after"))
    one, two = (next(kept.settings.objects.rglob(sha256)) for sha256 in (clip, after))
    aside = one.with_name("aside")
    one.rename(aside)
    two.rename(one)
    aside.rename(two)
    return {f"object {clip}: altered", f"object {after}: altered"}


def point_elsewhere(kept: Installation) -> set[str]:
    """A row made to name other evidence."""
    other, key = "1" * 64, next(item.id for item in kept.rows(Item) if item.role == "clip")
    run(kept, f"UPDATE items SET sha256 = '{other}' WHERE role = 'clip'")
    return {f"row items/{key} sha256: changed", f"object {other}: missing"}


def change_row(kept: Installation) -> set[str]:
    run(kept, "UPDATE reviews SET decision = 'rejected', clear = false")
    return {"row reviews/1 decision: changed", "row reviews/1 clear: changed"}


def change_number(kept: Installation) -> set[str]:
    run(kept, "UPDATE events SET onset_us = onset_us + 1")
    return {"row events/event onset_us: changed"}


def change_password(kept: Installation) -> set[str]:
    """Another password for somebody's account: the log holds a hash of the hash."""
    run(kept, "UPDATE users SET password_hash = 'mine'")
    return {"row users/officer password_hash: changed"}


def remove_row(kept: Installation) -> set[str]:
    run(kept, "DELETE FROM reviews")
    return {"row reviews/1: missing"}


def add_row(kept: Installation) -> set[str]:
    """A decision that nobody took."""
    kept.add_event("second", bare=True)
    columns = "officer_id, decision, reason, note, genuine, clear, complete, accurate, decided_us"
    run(
        kept,
        f"INSERT INTO reviews (id, event_id, {columns}) SELECT 2, 'second', {columns} FROM reviews",
    )
    return {"row reviews/2: unlogged"}


def edit_body(kept: Installation) -> set[str]:
    """What an entry told is not known any more: the rows it told of differ, too."""
    seq = number_of(kept, Action.REVIEWED)
    run(kept, f"UPDATE log SET body = replace(body, 'confirmed', 'rejected') WHERE seq = {seq}")
    return {
        f"log entry {seq}: body",
        "row reviews/1: unlogged",
        "row events/event state: changed",
    }


def drop_body(kept: Installation) -> set[str]:
    """Erased, and no entry says so."""
    seq = number_of(kept, Action.REVIEWED)
    run(kept, f"UPDATE log SET body = NULL WHERE seq = {seq}")
    return {
        f"log entry {seq}: body missing",
        "row reviews/1: unlogged",
        "row events/event state: changed",
    }


def edit_leaf(kept: Installation) -> set[str]:
    seq = number_of(kept, Action.REVIEWED)
    run(kept, f"UPDATE log SET at_us = at_us - 1 WHERE seq = {seq}")
    end = size(kept)
    return {
        f"log entry {seq}: leaf",
        f"checkpoint {end}: another log",
    }


def rewrite(kept: Installation) -> set[str]:
    """An entry made anew with all its hashes: only the checkpoint knows."""
    with kept.database.read() as session:
        entry = session.exec(select(LogEntry).where(LogEntry.action == "reviewed")).one()
    entry.actor = "somebody"
    entry.leaf_sha256 = leaf_hash(entry).hex()
    run(
        kept,
        f"UPDATE log SET actor = 'somebody', leaf_sha256 = '{entry.leaf_sha256}' "
        f"WHERE seq = {entry.seq}",
    )
    return {f"checkpoint {size(kept)}: another log"}


def cut_out(kept: Installation) -> set[str]:
    """Nothing behind a missing entry can be put into its place."""
    run(kept, "DELETE FROM log WHERE seq = 1")
    return {"log entry 1: missing"}


def cut_tail(kept: Installation) -> set[str]:
    end = size(kept)
    run(kept, f"DELETE FROM log WHERE seq = {end - 1}")
    return {f"checkpoint {end}: the log is shorter"}


def reorder(kept: Installation) -> set[str]:
    """Two entries under each other's numbers."""
    one, two = number_of(kept, Action.REVIEWED), number_of(kept, Action.CASE_OPENED)
    run(
        kept,
        f"UPDATE log SET seq = -1 WHERE seq = {one}",
        f"UPDATE log SET seq = {one} WHERE seq = {two}",
        f"UPDATE log SET seq = {two} WHERE seq = -1",
    )
    return {
        f"log entry {one}: leaf",
        f"log entry {two}: leaf",
        f"checkpoint {size(kept)}: another log",
    }


def restore_backup(kept: Installation) -> set[str]:
    """The database as it was before the last act; what lies beside the key remembers more."""
    path = Path(kept.database.url.removeprefix("sqlite:///"))
    kept.database.close()
    shutil.copy(path, path.with_suffix(".backup"))
    with kept.database.write() as session:
        session.exec(select(Review)).one().note = "later"
    end = size(kept)
    kept.database.close()
    for leftover in path.parent.glob(f"{path.name}-*"):
        leftover.unlink()
    shutil.copy(path.with_suffix(".backup"), path)
    return {f"checkpoint {end}: the log is shorter"}


def forge_checkpoint(kept: Installation) -> set[str]:
    """A log of the forger's own, signed with a key of the forger's own."""
    rewrite(kept)
    with kept.database.read() as session:
        row = session.exec(select(CheckpointRow)).one()
    note = Note.from_text(row.note)
    forged = Note(
        note.text, (sign(note.text, note.signatures[0].name, Ed25519PrivateKey.generate()),)
    )
    run(kept, f"UPDATE checkpoints SET note = '{forged.to_text()}'")
    return {f"checkpoint {row.size}: signature", f"checkpoint {row.size}: another log"}


def blur_checkpoint(kept: Installation) -> set[str]:
    run(kept, "UPDATE checkpoints SET note = 'x'")
    return {f"checkpoint {size(kept)}: unreadable"}


TAMPERINGS: list[Tampering] = [
    flip,
    cut,
    remove,
    swap,
    point_elsewhere,
    change_row,
    change_number,
    change_password,
    remove_row,
    add_row,
    edit_body,
    drop_body,
    edit_leaf,
    rewrite,
    cut_out,
    cut_tail,
    reorder,
    restore_backup,
    forge_checkpoint,
    blur_checkpoint,
]
"""Each does one thing and returns what must be said of it."""


@pytest.mark.parametrize("tamper", TAMPERINGS, ids=lambda each: each.__name__)
def test_tampering_is_named(kept: Installation, tamper: Tampering) -> None:
    """Found, and told in words that lead to the place."""
    assert check(kept).holds
    expected = tamper(kept)
    found = check(kept)
    assert not found.holds
    if tamper in (cut_out, cut_tail, restore_backup):
        # Rows that the lost entries told of differ as well; how many depends on the entry.
        assert expected <= set(found.faults)
    else:
        assert set(found.faults) == expected


def test_an_untouched_installation_holds(installation: Installation) -> None:
    """No false alarm, on each engine: what the log tells of rows is what the engine gives back."""
    assert check(installation).holds
    fill(installation)
    seen: list[tuple[int, int]] = []
    report = verify(
        installation.database, installation.store, on_progress=lambda *step: seen.append(step)
    )
    assert report.faults == ()
    assert (report.objects, report.entries, report.since) == (5, size(installation), 0)
    assert report.rows >= 5 + 5
    assert seen == [(n, 5) for n in range(1, 6)]


def test_a_changed_row_is_named_on_each_engine(installation: Installation) -> None:
    """The insider's UPDATE, by hand and with no entry."""
    fill(installation)
    with installation.database.engine.connect() as connection:
        connection.execute(text("UPDATE events SET score = 0.25, certain = false"))
        connection.commit()
    assert set(check(installation).faults) == {
        "row events/event score: changed",
        "row events/event certain: changed",
    }


def noted(kept: Installation) -> Report:
    report = check(kept)
    with kept.database.write() as session:
        record(session, kept.clock, report)
    return report


def test_a_later_check_reads_what_came_since(kept: Installation) -> None:
    """Incremental: the entries behind the last good check, and the rows of which they tell."""
    before = noted(kept)
    kept.add_event("second")
    report = check(kept, whole=False)
    assert report.holds
    assert (report.since, report.objects) == (before.entries, None)
    assert 0 < report.rows < before.rows
    run(kept, "UPDATE events SET actor = 'vehicle' WHERE id = 'second'")
    assert check(kept, whole=False).faults == ("row events/second actor: changed",)


def test_a_later_check_sees_another_past(kept: Installation) -> None:
    """It goes on from a frontier that leads to the signed checkpoint, or it does not hold."""
    report = noted(kept)
    (entry,) = kept.log(Action.VERIFIED)
    forged = json.loads(entry.body or "")
    forged["frontier"][0] = "00" * 32
    body = json.dumps(forged)
    changed = LogEntry(**{**entry.model_dump(), "body_sha256": sha256_bytes(body.encode())})
    run(
        kept,
        f"UPDATE log SET body = '{body}', body_sha256 = '{changed.body_sha256}', "
        f"leaf_sha256 = '{leaf_hash(changed).hex()}' WHERE seq = {entry.seq}",
    )
    found = check(kept, whole=False)
    assert found.since == report.entries
    assert found.faults == (f"checkpoint {size(kept)}: another log",)


def test_what_was_found_is_told_and_logged(kept: Installation) -> None:
    """An alarm for each fault; a whole check that holds ends them, a partial one does not."""
    noted(kept)
    run(kept, "UPDATE reviews SET note = 'x'")
    found = noted(kept)
    assert [entry.action for entry in kept.log()[-1:]] == [Action.VERIFY_FAILED]
    with kept.database.read() as session:
        assert [alarm.subject for alarm in open_alarms(session)] == list(found.faults)
    run(kept, "UPDATE reviews SET note = ''")
    for whole, left in ((False, 1), (True, 0)):
        with kept.database.write() as session:
            record(session, kept.clock, check(kept, whole=whole))
        with kept.database.read() as session:
            assert len(open_alarms(session)) == left


def test_a_check_that_hashed_nothing_ends_no_alarm_of_an_object(kept: Installation) -> None:
    """The nightly check of log and rows leaves the objects to the scrub."""
    flip(kept)
    noted(kept)
    run(kept, "UPDATE reviews SET note = 'x'")
    noted(kept)
    run(kept, "UPDATE reviews SET note = ''")
    with kept.database.write() as session:
        record(session, kept.clock, verify(kept.database, kept.store, objects=False))
    with kept.database.read() as session:
        assert [alarm.subject[:7] for alarm in open_alarms(session)] == ["object "]


def test_a_checkpoint_beside_the_key_that_is_none_is_said(kept: Installation) -> None:
    """The file is the anchor against restored databases: it is not silently done without."""
    (kept.settings.keys / "last-checkpoint").write_text("x")
    with pytest.raises(EvidenceError) as caught:
        check(kept)
    assert caught.value.code == "log_unremembered"


def test_what_is_destroyed_while_objects_are_hashed_is_not_missing(kept: Installation) -> None:
    """Hashing a store takes hours, and deletions go on: that is no damage."""

    def destroy(done: int, total: int) -> None:
        if done == 1:
            with kept.database.write() as session:
                session.add(condemned(kept))
            for item in kept.rows(Item):
                kept.store.destroy(Sha256(item.sha256))

    report = verify(kept.database, kept.store, on_progress=destroy)
    assert report.objects == len(kept.rows(Item)) > 1
    assert report.faults == ()


def condemned(of: Installation) -> Deletion:
    """A deletion of the event that is being carried out; its case went with it."""
    (case,) = of.rows(Case)
    return Deletion(
        id="deletion",
        batch="batch",
        kind="case",
        subject=case.id,
        state="garbage",
        reason="-",
        basis="-",
        asked_by="officer",
        asked_us=of.now(),
    )


def test_many_faults_are_counted_and_some_are_told(kept: Installation) -> None:
    """A table that is gone is not as many alarms as it had rows."""
    faults = tuple(f"row events/{n}: missing" for n in range(MOST_TOLD + 1))
    with kept.database.write() as session:
        record(session, kept.clock, replace(check(kept), faults=faults))
    body = json.loads(kept.log(Action.VERIFY_FAILED)[0].body or "")
    assert (body["count"], body["faults"]) == (MOST_TOLD + 1, list(faults[:MOST_TOLD]))
    with kept.database.read() as session:
        assert len(open_alarms(session)) == MOST_TOLD
