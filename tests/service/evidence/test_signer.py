"""The signer's process: one at a time, answers what it should, survives being killed."""

import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from sqlmodel import text

from ingest.clock import SystemClock
from ingest.files import sha256_bytes
from service.alarms import Trouble
from service.database import Database, open_database
from service.errors import EvidenceError, InputError, WorldError
from service.evidence.log import MACHINE, Action, append
from service.evidence.signer import Signer, listening
from service.ledger.calls import SOCKET, NoSignerError, ask, in_folder
from service.ledger.checkpoint import Checkpoint
from service.ledger.entry import EXPORTED, Act, enter
from service.ledger.note import Kind, Note, Signature, VerifierKey, holds
from service.tables import Alarm, CheckpointRow
from tests.service.evidence.test_sealer import add, assert_covered, checkpoint
from tests.service.installation import Installation

PROCESS = """
import sys
from pathlib import Path
from service.evidence.signer import run_signer
from service.settings import load
run_signer(load(Path(sys.argv[1]), {}))
"""


@contextmanager
def process(made: Installation) -> Iterator[subprocess.Popen[bytes]]:
    """A signer's process that answers."""
    arguments = [sys.executable, "-c", PROCESS, str(made.settings.home)]
    with subprocess.Popen(arguments, stderr=subprocess.DEVNULL) as started:
        try:
            while True:
                try:
                    ask(made.settings.run, "key")
                    break
                except NoSignerError:
                    assert started.poll() is None
            yield started
        finally:
            started.kill()


@contextmanager
def thread(made: Installation) -> Iterator[None]:
    """A signer in a thread: a process takes long to start."""
    stop = threading.Event()
    database = Database(made.settings, made.clock)
    signer = Signer(database, SystemClock(), made.settings.home)
    with listening(made.settings.run) as listener:
        signer.begin()
        running = threading.Thread(target=signer.run, args=(listener, stop))
        running.start()
        try:
            yield
        finally:
            stop.set()
            # Wakes it: it looks only once a second whether to end.
            with socket.socket(socket.AF_UNIX) as wire, in_folder(made.settings.run) as address:
                wire.connect(address)
            running.join()
            database.close()


def test_a_signer_covers_what_others_commit_and_ends_when_told(embedded: Installation) -> None:
    with process(embedded) as signer:
        add(embedded, 3)
        assert_covered(embedded)
        signer.send_signal(signal.SIGTERM)
        assert signer.wait(10) == 0
    assert not (embedded.settings.run / SOCKET).exists()


def test_a_signer_that_is_killed_is_made_up_for(embedded: Installation) -> None:
    """Attack: kill -9 of the signer; writers sign themselves, the next one takes over."""
    with process(embedded) as signer:
        add(embedded)
        signer.kill()
        signer.wait()
    assert (embedded.settings.run / SOCKET).exists(), "what a kill leaves"
    add(embedded)
    assert_covered(embedded)
    with embedded.database.unsealed() as session:
        append(session, embedded.clock, actor=MACHINE, action=Action.VIEWED, subject="x")
    with thread(embedded):
        assert_covered(embedded)


def test_only_one_signs(embedded: Installation) -> None:
    with (
        thread(embedded),
        pytest.raises(InputError, match="signer_running"),
        listening(embedded.settings.run),
    ):
        pass


def test_many_writers_are_covered(embedded: Installation) -> None:
    with thread(embedded):
        writers = [threading.Thread(target=add, args=(embedded, 5)) for _ in range(4)]
        for writer in writers:
            writer.start()
        for writer in writers:
            writer.join()
    assert len(embedded.log(Action.VIEWED)) == 20
    assert_covered(embedded)


def test_a_refusal_reaches_the_writer_and_is_an_alarm(embedded: Installation) -> None:
    add(embedded, 3)
    with embedded.database.unsealed() as session:
        session.connection().execute(text("DELETE FROM log WHERE seq = 3"))
    with thread(embedded):
        with pytest.raises(EvidenceError, match=r"log_forked|log_rolled_back"):
            add(embedded)
        assert [alarm.key for alarm in embedded.rows(Alarm)] == [Trouble.LOG_REFUSED]


def test_an_entry_changed_long_ago_is_found_at_the_start(embedded: Installation) -> None:
    """A process looks at the whole log before it signs; a writer by itself only at the end."""
    add(embedded, 3)
    with embedded.database.unsealed() as session:
        swap = "UPDATE log SET leaf_sha256 = (SELECT leaf_sha256 FROM log WHERE seq = 2)"
        session.connection().execute(text(swap + " WHERE seq = 1"))
    with thread(embedded), pytest.raises(EvidenceError, match="log_forked"):
        add(embedded)


def test_the_address_may_be_longer_than_a_socket_allows(embedded: Installation) -> None:
    deep = embedded.settings.run / ("x" * 120)
    deep.mkdir()
    with listening(deep), socket.socket(socket.AF_UNIX) as wire, in_folder(deep) as address:
        wire.connect(address)


NOISE = [b"", b"\n", b"cover\n", b"seal\n", b"seal x 4\nabcd", b"seal 1 999999\nx", b"\xff\n"]


@pytest.mark.parametrize("said", [*NOISE, b"cover " + b"9" * 5000, b"delete 3\n"])
def test_who_says_something_else_disturbs_nobody(embedded: Installation, said: bytes) -> None:
    with thread(embedded):
        with socket.socket(socket.AF_UNIX) as wire, in_folder(embedded.settings.run) as address:
            wire.connect(address)
            wire.sendall(said)
        add(embedded)
    assert_covered(embedded)


def exported(made: Installation, manifest_sha256: str, action: str = EXPORTED) -> int:
    """An entry for an export; its number."""
    with made.database.unsealed() as session:
        body = {"manifest_sha256": manifest_sha256}
        seq = enter(session, [Act(0, "wang", action, "case", body)])
    made.database.seal_all()
    return seq


MANIFEST = sha256_bytes(b"{}")
SEAL = f"liuhen-bundle/1\nliuhen/x\n{MANIFEST} 2 manifest.json\n"


@pytest.mark.parametrize("by", ["process", "writer"])
def test_the_seal_of_an_export_is_signed(embedded: Installation, by: str) -> None:
    seq = exported(embedded, MANIFEST)
    if by == "process":
        with thread(embedded):
            line = embedded.database.seal.sign_bundle(seq, SEAL)
    else:
        line = embedded.database.seal.sign_bundle(seq, SEAL)
    origin = Checkpoint.from_text(Note.from_text(checkpoint(embedded).note).text).origin
    key = VerifierKey(origin, Kind.NOTE, embedded.database.sealer.key().public)
    assert holds(SEAL, [Signature.from_line(line.rstrip("\n"))], key)


SEALS = {
    "another manifest": (MANIFEST, EXPORTED, SEAL.replace(MANIFEST, "0" * 64)),
    "two manifests": (MANIFEST, EXPORTED, SEAL + f"{MANIFEST} 2 manifest.json\n"),
    "no manifest": (MANIFEST, EXPORTED, "liuhen-bundle/1\nliuhen/x\n"),
    "another act": (MANIFEST, Action.VIEWED.value, SEAL),
    "a checkpoint": (MANIFEST, EXPORTED, "liuhen/x\n3\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZ=\n"),
}


@pytest.mark.parametrize(("manifest", "action", "seal"), SEALS.values(), ids=SEALS)
def test_nothing_else_is_signed(
    embedded: Installation, manifest: str, action: str, seal: str
) -> None:
    """Attack: whoever reaches the socket lets the log's key sign what they like."""
    seq = exported(embedded, manifest, action)
    with thread(embedded), pytest.raises(EvidenceError, match="not_exported"):
        embedded.database.seal.sign_bundle(seq, seal)


def test_an_unsigned_export_gets_no_seal(embedded: Installation) -> None:
    seq = exported(embedded, MANIFEST)
    with pytest.raises(EvidenceError, match="not_exported"):
        embedded.database.seal.sign_bundle(seq + 1, SEAL)


def test_a_signer_with_its_own_user_keeps_the_key_from_us(embedded: Installation) -> None:
    """The key's folder belongs to another user: with the signer all is well, without it not."""
    if os.geteuid() != 0:
        pytest.skip("needs two users")
    with thread(embedded):
        done = as_nobody(embedded.settings.home)
        assert done.returncode == 0, done.stderr
    assert_covered(embedded)
    done = as_nobody(embedded.settings.home)
    assert "log_key_unreadable" in done.stderr
    assert embedded.rows(CheckpointRow)[-1].size < len(embedded.log())


NOBODY = """
import os, sys
from pathlib import Path
from ingest.clock import SystemClock
from service.database import Database
from service.evidence.log import MACHINE, Action, append
from service.settings import load
os.setgid(65534); os.setuid(65534)
database = Database(load(Path(sys.argv[1]), {}))
with database.write() as session:
    append(session, SystemClock(), actor=MACHINE, action=Action.VIEWED, subject="x")
"""


def as_nobody(home: Path) -> subprocess.CompletedProcess[str]:
    """An act by a user who may write everything but the key's folder."""
    for path in [home, home / "run", *home.glob("liuhen.db*"), home / "run" / SOCKET]:
        if path.exists():
            path.chmod(0o777)
    for folder in home.parents:
        folder.chmod(folder.stat().st_mode | 0o001)
    arguments = [sys.executable, "-c", NOBODY, str(home)]
    return subprocess.run(arguments, capture_output=True, text=True, check=False)


def test_without_signer_and_key_an_act_is_not_acknowledged(embedded: Installation) -> None:
    (embedded.settings.keys / "log.key").rename(embedded.settings.home / "away")
    with pytest.raises(WorldError, match="log_key_unreadable"):
        add(embedded)
    # Cameras must record: it opens all the same, and an alarm tells of it.
    open_database(embedded.settings, embedded.clock).close()
