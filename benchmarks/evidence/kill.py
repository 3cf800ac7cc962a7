"""Killed while it takes files in, cuts clips, keeps originals, exports and destroys.

    python -m benchmarks.evidence.kill [--kills 1000] [--seed 1] [--folder DIR] [--json FILE]

A process does one of these over and over and says what it has acknowledged; it is killed with
SIGKILL after a random time. After every kill the installation is opened as a start opens it, and
must hold:

- nothing acknowledged is lost: rows, objects, bundles, and what was destroyed stays destroyed;
- no row without its file, no file altered, the log valid and signed, the rows as the log tells
  (`verify`, whole), nothing damaged (`fsck`, presence);
- a bundle under its final name is whole, and the last one satisfies its own verify.py.
"""

import argparse
import io
import json
import os
import random
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import zipfile
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from uuid import uuid4

from sqlmodel import Session

from benchmarks.machine import machine
from ingest.clock import SystemClock
from ingest.errors import NotMedia
from ingest.files import Sha256
from ingest.fsck import Depth, Severity
from ingest.segments import Segments
from service.arrivals import Arrival, Channel, Found, Kept, enter
from service.bundle.export import Desk, export
from service.bundle.order import Order
from service.cases import open_case
from service.claim import claim
from service.clips import make_pieces
from service.database import Database
from service.deletion import RECYCLE_S, Wish, approve, ask
from service.events import add_event
from service.evidence.verify import verify
from service.fsck import Checker
from service.promotion import Promoter, originals_of
from service.recycle import Recycler
from service.registrar import Registrar
from service.roles import Role
from service.settings import load
from service.start_time import start_of
from service.subject import Subject, SubjectKind, parts_of
from service.tables import Deletion, Event, Quarantined, User
from tests.service.footage import Camera, shoot
from tests.service.installation import Installation, installed, sighting
from vision.frame import Instant, later

EACH_HOME = 25
"""Kills of one home: checking it hashes everything in it."""
LONGEST_S = {"ingest": 0.2, "clip": 1.0, "promote": 1.2, "export": 1.2, "delete": 0.6}
"""Longest wait before a kill: one or two of whatever is done."""
PATIENCE_S = 60.0
"""A process that acknowledges nothing for so long is a fault of the benchmark."""
CLOCK = SystemClock()

Say = Callable[[str], None]


def _person(session: Session, name: str) -> User:
    return session.get_one(User, name)


def _add_clip(made: Installation, event_id: str) -> None:
    """An event with its clip, stills and manifest, as a look-back enters it."""
    began = Instant(1_780_000_000_000_000)
    found = sighting(later(began, 10))
    segments = Segments(made.settings.segments)
    pieces = make_pieces(
        made.store, segments, found, event_id=event_id, pre_roll_s=3, post_roll_s=2
    )
    with made.database.write() as session:
        claim(session, made.store, [piece.sha256 for piece in pieces])
        assert add_event(session, made.clock, found, pieces, event_id=event_id, model=None)


def _ingest(made: Installation, say: Say) -> None:
    """Files that no one can read: kept and entered, and no video has to be probed."""
    name = uuid4().hex
    kept = Kept(f"{name}.mp4", *made.store.add(io.BytesIO(name.encode() * 2000)))
    arrival = Arrival(id=name, kept=kept, channel=Channel.COMMAND)
    found = Found(None, NotMedia(name=kept.file_name), {}, start_of({}, made.now()), ())
    with made.database.write() as session:
        claim(session, made.store, [kept.sha256])
        enter(session, made.clock, arrival, found)
    say(name)


def _clip(made: Installation, say: Say) -> None:
    name = uuid4().hex
    _add_clip(made, name)
    say(name)


def _promote(made: Installation, say: Say) -> None:
    """A clip becomes an exhibit, and its recording an original of the store."""
    name = uuid4().hex
    _add_clip(made, name)
    with made.database.read() as session:
        officer = _person(session, "wang")
    made.confirm(name, officer)
    with made.database.write() as session:
        open_case(session, made.clock, name, officer=officer, title="偷倒")
    made.clock.sleep(1000)
    promoter = Promoter(made.database, made.store, made.clock, made.settings)
    while promoter.step():
        pass
    with made.database.read() as session:
        if originals_of(session, name):
            say(name)


def _export(made: Installation, say: Say) -> None:
    subject = Subject(SubjectKind.EVENT, "kept")
    order = Order(subject, "wang", {"name": "wang", "unit": "", "address": "-", "reason": "核查"})
    desk = Desk(made.database, made.store, made.clock, made.settings)
    name = f"{uuid4().hex}.zip"
    export(desk, order).write(made.settings.home / "out" / name)
    say(name)


def _delete(made: Installation, say: Say) -> None:
    """An event that two persons destroy; another one has the same pictures and keeps them."""
    name = uuid4().hex
    made.add_event(name)
    with made.database.read() as session:
        officer, director = _person(session, "wang"), _person(session, "jing")
    made.confirm(name, officer)
    wish = Wish((Subject(SubjectKind.EVENT, name),), "核查")
    with made.database.write() as session:
        batch = ask(session, made.clock, made.settings, wish, by=officer)
        approve(session, made.clock, batch, by=director)
    made.clock.sleep(RECYCLE_S)
    Recycler(made.database, made.store, made.clock, made.settings).step()
    say(name)


WORK: dict[str, Callable[[Installation, Say], None]] = {
    "ingest": _ingest,
    "clip": _clip,
    "promote": _promote,
    "export": _export,
    "delete": _delete,
}


def prepare(home: Path) -> None:
    """An installation with recording, people and one event to export."""
    home.mkdir()
    database = Database(load(home, {}))
    database.migrate()
    database.close()
    with installed(home, {}) as made:
        made.add_camera()
        made.add_person("wang")
        made.add_person("jing", Role.DIRECTOR)
        with tempfile.TemporaryDirectory() as folder:
            Camera(made, shoot(Path(folder)), made.now()).record(0, 21)
        made.clock.sleep(100)
        Registrar(made.database, made.clock, made.settings).step()
        _add_clip(made, "kept")
        made.add_event("twin")
    (home / "out").mkdir()


def _tell(pipe: int, name: str) -> None:
    os.write(pipe, f"{name}\n".encode())


@contextmanager
def child(work: Callable[[Say], None]) -> Iterator[tuple[int, int]]:
    """A process that works until it is killed: its id, and where it says what is acknowledged."""
    told, tells = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(told)
        code = 1
        try:
            work(partial(_tell, tells))
            code = 0
        finally:
            os._exit(code)
    os.close(tells)
    try:
        yield pid, told
    finally:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        os.close(told)


def _forever(home: Path, kind: str, say: Say) -> None:
    with installed(home, {}) as made:
        say("begun")
        while True:
            WORK[kind](made, say)


def killed(home: Path, kind: str, wait_s: float) -> list[str]:
    """What a process had acknowledged when it was killed."""
    with child(lambda say: _forever(home, kind, say)) as (pid, told):
        ready, _, _ = select.select([told], [], [], PATIENCE_S)
        if not ready:
            raise TimeoutError(kind)
        CLOCK.sleep(wait_s)
        os.kill(pid, signal.SIGKILL)
        said = b""
        while block := os.read(told, 1 << 16):
            said += block
    lines = said.decode().splitlines()
    if lines[:1] != ["begun"]:
        raise RuntimeError(f"{kind} ended by itself")
    return lines[1:]


@dataclass
class Acknowledged:
    """What was said to be done on one home."""

    of: dict[str, list[str]]

    def lost(self, made: Installation) -> Iterator[str]:
        """What of it is not so any more."""
        with made.database.read() as session:
            for name in self.of.get("ingest", []):
                if session.get(Quarantined, name) is None:
                    yield f"ingest {name}: no row"
            for kind in ("clip", "promote"):
                for name in self.of.get(kind, []):
                    if session.get(Event, name) is None:
                        yield f"{kind} {name}: no row"
            for name in self.of.get("promote", []):
                if not originals_of(session, name):
                    yield f"promote {name}: no originals"
            for name in self.of.get("delete", []):
                yield from _not_destroyed(session, made, name)
        for name in self.of.get("export", []):
            if not (made.settings.home / "out" / name).is_file():
                yield f"export {name}: no file"


def _not_destroyed(session: Session, made: Installation, name: str) -> Iterator[str]:
    rows = [row for row in made.rows(Deletion) if row.subject == name]
    if [row.state for row in rows] != ["destroyed"]:
        yield f"delete {name}: {[row.state for row in rows]}"
    clip = f"clip of {name}".encode()
    for part in parts_of(session, Subject(SubjectKind.EVENT, name)):
        if part.role == "clip" and part.size == len(clip) and _there(made, part.sha256):
            yield f"delete {name}: its clip is there"


def _there(made: Installation, sha256: Sha256) -> bool:
    try:
        made.store.path(sha256)
    except KeyError:
        return False
    return True


def check(home: Path, said: Acknowledged, report: Path) -> None:
    """Open the home as a start does and write to `report` what does not hold."""
    with installed(home, {}) as made:
        Recycler(made.database, made.store, made.clock, made.settings).finish()
        found = [*verify(made.database, made.store).faults, *said.lost(made)]
        look = Checker(made.settings, made.database, made.clock, Depth.PRESENCE).run()
        found += [f"{each.code} {each.path}" for each in look.findings if _is_damage(each.severity)]
    for path in (home / "out").glob("*.zip"):
        with zipfile.ZipFile(path) as bundle:
            if bundle.testzip() is not None:
                found.append(f"{path.name}: broken")
    report.write_text(json.dumps(found))


def _is_damage(severity: Severity) -> bool:
    return severity is Severity.DAMAGE


def verified(bundle: Path, folder: Path) -> bool:
    """Whether a bundle satisfies the verify.py in it."""
    with zipfile.ZipFile(bundle) as file:
        file.extractall(folder)
    (top,) = folder.iterdir()
    command = [sys.executable, "-I", "verify.py"]
    return subprocess.run(command, cwd=top, capture_output=True, check=False).returncode == 0


def in_child(work: Callable[[], None]) -> None:
    """Do something in a process of its own: this one stays without threads and connections."""
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            work()
            code = 0
        finally:
            os._exit(code)
    if os.waitpid(pid, 0)[1] != 0:
        raise RuntimeError("a step of the benchmark failed")


def run(kills: int, seed: int, folder: Path) -> dict[str, object]:
    """Kill so many times; what was acknowledged and what does not hold."""
    dice, faults = random.Random(seed), list[str]()
    done, acknowledged = Counter[str](), Counter[str]()
    template, report = folder / "template", folder / "report.json"
    in_child(lambda: prepare(template))
    kinds = list(WORK)
    home, said, last = template, Acknowledged({}), None
    for number in range(kills):
        if number % EACH_HOME == 0:
            if home != template:
                shutil.rmtree(home)
            home, said = folder / f"home-{number}", Acknowledged({})
            shutil.copytree(template, home)
        kind = kinds[number % len(kinds)]
        names = killed(home, kind, dice.uniform(0, LONGEST_S[kind]))
        said.of.setdefault(kind, []).extend(names)
        done[kind] += 1
        acknowledged[kind] += len(names)
        in_child(partial(check, home, said, report))
        faults += [f"kill {number}, {kind}: {each}" for each in json.loads(report.read_text())]
        if kind == "export" and names:
            last = folder / "last.zip"
            shutil.copy(home / "out" / names[-1], last)
    whole = verified(last, folder / "bundle") if last is not None else None
    return {
        "kills": dict(done),
        "acknowledged": dict(acknowledged),
        "faults": faults,
        "last_bundle_verified": whole,
    }


def main() -> int:
    """The command line; 1 when anything does not hold."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--json", type=Path)
    asked = parser.parse_args()
    began_us = CLOCK.monotonic_us()
    with tempfile.TemporaryDirectory(dir=asked.folder) as folder:
        found = run(asked.kills, asked.seed, Path(folder))
    seconds = round((CLOCK.monotonic_us() - began_us) / 1_000_000, 1)
    command = f"python -m benchmarks.evidence.kill --kills {asked.kills} --seed {asked.seed}"
    told = {"machine": machine(), "command": command, "seconds": seconds, **found}
    text = json.dumps(told, indent=1, ensure_ascii=False)
    if asked.json:
        asked.json.write_text(text + "\n", encoding="utf-8")
    sys.stdout.write(text + "\n")
    return 1 if found["faults"] or found["last_bundle_verified"] is False else 0


if __name__ == "__main__":
    sys.exit(main())
