"""Signed checkpoints: whatever was signed is continued, or nothing is signed any more."""

import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlmodel import col, select, text

from ingest.clock import SimulatedClock
from service.database import open_database, open_existing
from service.errors import EvidenceError, InputError, WorldError
from service.evidence.keys import accept_log, rotate_key
from service.evidence.log import MACHINE, Action, append
from service.ledger.checkpoint import Checkpoint
from service.ledger.entry import Act, enter
from service.ledger.keys import create_key, fingerprint
from service.ledger.merkle import Hash, root
from service.ledger.note import Kind, Note, VerifierKey, holds
from service.ledger.succession import keys_of, naming
from service.tables import AnchorRow, CheckpointRow
from tests.service.installation import Installation, add_entries, installed


def add(made: Installation, number: int = 1) -> None:
    """Some acts, each in a transaction of its own."""
    for _ in range(number):
        with made.database.write() as session:
            add_entries(session, made, 1)


def checkpoint(made: Installation) -> CheckpointRow:
    """The newest one."""
    with made.database.read() as session:
        newest = select(CheckpointRow).order_by(col(CheckpointRow.size).desc())
        return session.exec(newest).first() or pytest.fail("no checkpoint")


def assert_covered(made: Installation) -> None:
    """Invariant: the newest checkpoint is signed by the log's key and covers every entry."""
    note = Note.from_text(checkpoint(made).note)
    covered = Checkpoint.from_text(note.text)
    leaves = [Hash(bytes.fromhex(entry.leaf_sha256)) for entry in made.log()]
    assert (covered.size, covered.root) == (len(leaves), root(leaves))
    with made.database.read() as session:
        key = keys_of(session)[-1].public
    assert holds(note.text, note.signatures, VerifierKey(covered.origin, Kind.NOTE, key))
    remembered = (made.settings.keys / "last-checkpoint").read_text(encoding="utf-8")
    assert remembered == note.to_text()


def test_an_act_is_covered_when_it_is_acknowledged(installation: Installation) -> None:
    for _ in range(5):
        add(installation)
        assert_covered(installation)
    assert installation.count(CheckpointRow) == 1, "what nobody anchors is superseded"


def test_the_first_entry_names_the_key_which_only_we_can_read(embedded: Installation) -> None:
    path = embedded.settings.keys / "log.key"
    assert (path.stat().st_mode & 0o777, path.parent.stat().st_mode & 0o777) == (0o600, 0o700)
    first, *_ = embedded.log()
    assert first.action == Action.LOG_BEGUN
    assert fingerprint(embedded.database.sealer.key().public) in (first.body or "")


def test_what_a_crash_left_unsigned_is_signed_at_the_next_start(installation: Installation) -> None:
    """Attack: kill -9 between commit and signature."""
    with installation.database.unsealed() as session:
        add_entries(session, installation, 3)
    assert checkpoint(installation).size < len(installation.log())
    open_database(installation.settings, installation.clock).close()
    assert_covered(installation)


def test_a_crash_between_the_file_and_the_row_is_mended(installation: Installation) -> None:
    before = checkpoint(installation)
    add(installation)
    with installation.database.unsealed() as session:
        session.delete(session.get_one(CheckpointRow, checkpoint(installation).size))
        session.add(CheckpointRow(**before.model_dump()))
    installation.database.seal_all()
    assert_covered(installation)
    add(installation)
    assert_covered(installation)


def test_an_anchored_checkpoint_is_kept(embedded: Installation) -> None:
    size = checkpoint(embedded).size
    with embedded.database.write() as session:
        session.add(AnchorRow(id="a", size=size, kind="tsa", name="x", state="done", asked_us=0))
    add(embedded, 2)
    assert [row.size for row in embedded.rows(CheckpointRow)] == [size, len(embedded.log())]


@pytest.fixture
def closed(embedded: Installation) -> Iterator[Installation]:
    """An installation whose database file can be exchanged, with a person and some acts."""
    embedded.add_person("wang")
    add(embedded, 3)
    yield embedded


def database_files(made: Installation) -> list[Path]:
    return list(made.settings.home.glob("liuhen.db*"))


def backup(made: Installation, to: Path) -> None:
    made.database.close()
    to.mkdir()
    for path in database_files(made):
        shutil.copy(path, to)


def restore(made: Installation, of: Path) -> None:
    made.database.close()
    for path in database_files(made):
        path.unlink()
    for path in of.iterdir():
        shutil.copy(path, made.settings.home)


def test_an_old_backup_is_not_signed_until_somebody_says_why(
    closed: Installation, tmp_path: Path
) -> None:
    """Attack: the database is set back to before an act (evidence.md section 4, row 6)."""
    backup(closed, tmp_path / "backup")
    add(closed, 2)
    restore(closed, tmp_path / "backup")
    with pytest.raises(EvidenceError, match="log_rolled_back"):
        open_database(closed.settings, closed.clock)
    with pytest.raises(EvidenceError, match="log_rolled_back"):
        add(closed)
    with pytest.raises(InputError, match="hold_reason"):
        accept_log(closed.database, closed.clock, actor="wang", reason=" ")
    accept_log(closed.database, closed.clock, actor="wang", reason="磁盘损坏，恢复备份")
    assert_covered(closed)
    add(closed)
    assert_covered(closed)
    (entry,) = closed.log(Action.LOG_ACCEPTED)
    assert "磁盘损坏" in (entry.body or "")
    assert "log_rolled_back" in (entry.body or "")


def test_a_backup_from_before_the_key_changed_is_accepted_with_the_new_key(
    closed: Installation, tmp_path: Path
) -> None:
    backup(closed, tmp_path / "backup")
    rotate_key(closed.database, closed.clock, closed.settings, actor="wang", reason="到期")
    restore(closed, tmp_path / "backup")
    with pytest.raises(EvidenceError, match="log_rolled_back"):
        closed.database.seal_all()
    accept_log(closed.database, closed.clock, actor="wang", reason="恢复备份")
    assert_covered(closed)
    add(closed)
    assert_covered(closed)


@pytest.mark.parametrize("action", ["key_rotated", "log_accepted", "log_begun"])
def test_nobody_else_gets_a_key_named(closed: Installation, tmp_path: Path, action: str) -> None:
    """Attack: somebody with the database appends an entry that names a key of theirs."""
    theirs = create_key(tmp_path / "theirs.key")
    with closed.database.unsealed() as session:
        enter(session, [Act(0, "wang", action, "log", naming(theirs.public))])
    with pytest.raises(EvidenceError, match="log_key_foreign"):
        add(closed)


def test_a_backup_that_grew_past_what_was_signed_is_a_fork(
    closed: Installation, tmp_path: Path
) -> None:
    backup(closed, tmp_path / "backup")
    add(closed, 2)
    with closed.database.write() as session:
        size = checkpoint(closed).size
        session.add(AnchorRow(id="a", size=size, kind="tsa", name="x", state="done", asked_us=0))
    restore(closed, tmp_path / "backup")
    with closed.database.unsealed() as session:
        add_entries(session, closed, 5)
    with pytest.raises(EvidenceError, match="log_forked"):
        open_database(closed.settings, closed.clock)
    open_existing(closed.settings, closed.clock).close()
    accept_log(closed.database, closed.clock, actor="wang", reason="演练")
    assert_covered(closed)


def test_a_log_that_continues_needs_no_acceptance(closed: Installation) -> None:
    with pytest.raises(InputError, match="log_continues"):
        accept_log(closed.database, closed.clock, actor="wang", reason="演练")


ATTACKS: dict[str, tuple[str, str]] = {
    "tail cut": ("DELETE FROM log WHERE seq = (SELECT max(seq) FROM log)", "log_forked"),
    "two cut": ("DELETE FROM log WHERE seq >= (SELECT max(seq) FROM log) - 1", "log_rolled_back"),
    "last entry replaced": (
        "UPDATE log SET leaf_sha256 = 'ab' WHERE seq = (SELECT max(seq) FROM log)",
        "log_forked",
    ),
    "checkpoint of another tree": ("UPDATE checkpoints SET frontier = '[]'", "log_forked"),
    "checkpoint removed, tail cut": (
        "DELETE FROM log WHERE seq = (SELECT max(seq) FROM log); DELETE FROM checkpoints",
        "log_forked",
    ),
}


@pytest.mark.parametrize(("statements", "found"), ATTACKS.values(), ids=ATTACKS)
def test_an_edited_log_is_not_signed(closed: Installation, statements: str, found: str) -> None:
    """Attack: somebody with the database's password edits what was signed."""
    with closed.database.unsealed() as session:
        for statement in statements.split(";"):
            session.connection().execute(text(statement))
    signed = (closed.settings.keys / "last-checkpoint").read_text()
    with pytest.raises(EvidenceError, match=found):
        add(closed)
    assert (closed.settings.keys / "last-checkpoint").read_text() == signed


def test_a_tail_that_was_cut_and_grown_again_is_seen(closed: Installation) -> None:
    """Attack: one entry is taken away before the next act, so that the numbers fit."""
    with closed.database.unsealed() as session:
        session.connection().execute(text(ATTACKS["tail cut"][0]))
        add_entries(session, closed, 1)
    with pytest.raises(EvidenceError, match="log_forked"):
        closed.database.seal_all()


@pytest.mark.parametrize("column", ["actor", "action", "subject", "body", "at_us", "body_sha256"])
def test_an_entry_that_was_changed_before_it_was_signed_is_not_signed(
    closed: Installation, column: str
) -> None:
    with closed.database.unsealed() as session:
        add_entries(session, closed, 1)
    with closed.database.unsealed() as session:
        edit = f"UPDATE log SET {column} = '1' WHERE seq = (SELECT max(seq) FROM log)"
        session.connection().execute(text(edit))
    with pytest.raises(EvidenceError, match="log_entry_altered"):
        closed.database.seal_all()


def test_an_entry_that_went_before_it_was_signed_stops_what_follows(closed: Installation) -> None:
    """Attack: what comes behind the hole would be acknowledged, and covered by nothing."""
    with closed.database.unsealed() as session:
        add_entries(session, closed, 2)
    with closed.database.unsealed() as session:
        edit = "DELETE FROM log WHERE seq = (SELECT max(seq) FROM log) - 1"
        session.connection().execute(text(edit))
    with pytest.raises(EvidenceError, match="log_entry_altered"):
        add(closed)


def lose_memory(keys: Path) -> None:
    (keys / "last-checkpoint").unlink()


def break_memory(keys: Path) -> None:
    (keys / "last-checkpoint").write_text("nothing")


def open_key(keys: Path) -> None:
    (keys / "log.key").chmod(0o640)


def replace_key(keys: Path) -> None:
    (keys / "log.key").unlink()
    create_key(keys / "log.key")


def lose_key(keys: Path) -> None:
    (keys / "log.key").unlink()


def break_key(keys: Path) -> None:
    (keys / "log.key").write_text("no key")


KEYS: dict[str, tuple[Callable[[Path], None], type[Exception], str]] = {
    "memory lost": (lose_memory, EvidenceError, "log_unremembered"),
    "memory broken": (break_memory, EvidenceError, "log_unremembered"),
    "key open to others": (open_key, EvidenceError, "log_key_open"),
    "key of somebody else": (replace_key, EvidenceError, "log_key_foreign"),
    "key lost": (lose_key, WorldError, "log_key_unreadable"),
    "key broken": (break_key, EvidenceError, "log_key_invalid"),
}


@pytest.mark.parametrize(("act", "error", "code"), KEYS.values(), ids=KEYS)
def test_what_is_wrong_with_the_key_stops_signing(
    closed: Installation, act: Callable[[Path], None], error: type[Exception], code: str
) -> None:
    act(closed.settings.keys)
    with pytest.raises(error, match=code):
        add(closed)
    assert len(closed.log()) > checkpoint(closed).size, "the act stays, unsigned"


def test_a_key_is_followed_by_the_one_that_the_log_names(closed: Installation) -> None:
    old = closed.database.sealer.key()
    new = rotate_key(closed.database, closed.clock, closed.settings, actor="wang", reason="到期")
    note = Note.from_text(checkpoint(closed).note)
    origin = Checkpoint.from_text(note.text).origin
    assert holds(note.text, note.signatures, VerifierKey(origin, Kind.NOTE, old.public))
    add(closed)
    assert_covered(closed)
    with closed.database.read() as session:
        keys = keys_of(session)
    assert [key.public for key in keys] == [old.public, new.public]
    assert keys[0].until_us == keys[1].since_us
    assert list(closed.settings.keys.glob("*.next")) == []


def test_a_lost_key_can_be_followed_too(closed: Installation) -> None:
    lose_key(closed.settings.keys)
    rotate_key(closed.database, closed.clock, closed.settings, actor="wang", reason="遗失")
    assert_covered(closed)


def test_a_checkpoint_of_another_installation_is_refused(
    closed: Installation, tmp_path: Path
) -> None:
    """Attack: keys and store of one installation, database of another."""
    with installed(tmp_path / "other", {}) as other:
        add(other)
        foreign = (other.settings.keys / "last-checkpoint").read_bytes()
    (closed.settings.keys / "last-checkpoint").write_bytes(foreign)
    with pytest.raises(EvidenceError, match="log_foreign"):
        add(closed)


WRITER = """
import sys
from pathlib import Path
from ingest.clock import SystemClock
from service.database import Database
from service.evidence.log import MACHINE, Action, append
from service.settings import load
database = Database(load(Path(sys.argv[1]), {}))
while True:
    with database.write() as session:
        append(session, SystemClock(), actor=MACHINE, action=Action.VIEWED, subject="x")
    print("acknowledged", flush=True)
"""


@pytest.mark.parametrize("after", range(1, 6))
def test_a_writer_that_is_killed_loses_nothing_acknowledged(
    embedded: Installation, after: int
) -> None:
    """Attack: kill -9 at any moment of commit and signature."""
    arguments = [sys.executable, "-c", WRITER, str(embedded.settings.home)]
    with subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True) as writer:
        assert writer.stdout is not None
        for _ in range(after):
            writer.stdout.readline()
        writer.send_signal(signal.SIGKILL)
        acknowledged = after + len(writer.stdout.readlines())
    open_database(embedded.settings, SimulatedClock()).close()
    assert len(embedded.log(Action.VIEWED)) >= acknowledged
    assert_covered(embedded)


def test_a_reader_cannot_append(embedded: Installation) -> None:
    """An act that would be lost with the session is a bug."""
    with embedded.database.read() as session, pytest.raises(KeyError):
        append(session, embedded.clock, actor=MACHINE, action=Action.VIEWED, subject="x")


def test_a_log_from_before_goes_on(installation: Installation) -> None:
    """An installation of a version without checkpoints: entries stay, rows are adopted."""
    installation.add_camera()
    shutil.rmtree(installation.settings.keys)
    with installation.database.unsealed() as session:
        for table in ("checkpoints", "log"):
            session.connection().execute(text(f"DELETE FROM {table}"))
        add_entries(session, installation, 3)
    open_database(installation.settings, installation.clock).close()
    actions = [entry.action for entry in installation.log()]
    assert actions == ["viewed", "viewed", "viewed", "log_begun", "rows_adopted"]
    assert '[\\"cameras\\",\\"gate-1\\",' in (installation.log()[-1].body or "")
    assert_covered(installation)
    open_database(installation.settings, installation.clock).close()
    assert len(installation.log()) == len(actions), "once only"
