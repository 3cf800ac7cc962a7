"""Exporting: everything that belongs to the evidence, logged before it leaves, or nothing."""

import io
import json
import shutil
import subprocess
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text
from sqlmodel import select

from ingest.errors import DiskFull, FootageAltered
from ingest.files import Sha256, sha256_bytes
from ingest.segments import Segments
from service.bundle.export import Desk, Export, export
from service.bundle.order import order, subject_named
from service.bundle.piece import Role
from service.bundle.proofs import signing_key
from service.cases import open_case
from service.cli_export import export_bundle
from service.clips import make_pieces
from service.demo.river import hand_over
from service.drafts import DocumentKind, Office, make_documents
from service.duty import Duty
from service.errors import EvidenceError, InputError, WorldError
from service.events import add_event
from service.evidence.anchors import anchor_now
from service.evidence.keys import rotate_key
from service.evidence.log import Action, append
from service.law import load_catalogue
from service.ledger.keys import grouped
from service.ledger.note import Kind, VerifierKey
from service.promotion import Promoter
from service.registrar import Registrar
from service.retention import RingKeeper
from service.roles import Role as Position
from service.tables import AnchorRow, Case, CheckpointRow, Item, SegmentRow, User
from service.uploads import HandOver, take_in
from service.witness_site import WitnessSite
from tests.service.evidence.authority import certified, open_for_all
from tests.service.evidence.bundles import WITNESS, WITNESS_KEY, cosigned, public
from tests.service.evidence.verifiers import answers, letters, verifier
from tests.service.footage import Camera, Film
from tests.service.installation import Installation, installed, sighting
from vision.frame import later

VERIFY = verifier()


@dataclass(frozen=True)
class Court:
    """An installation with a case that is to be handed over."""

    made: Installation
    case: str
    folder: Path

    def desk(self, **changes: Any) -> Desk:
        made = self.made
        settings = made.settings.model_copy(update=changes)
        return Desk(made.database, made.store, made.clock, settings)

    def export(
        self, subject: str = "", *, by: str = "wang", reason: str = "移送法院", **changes: Any
    ) -> Export:
        with self.made.database.read() as session:
            duty = Duty(session.get_one(User, by), "192.0.2.9", "值班", "")
            wanted = order(session, duty, subject_named(session, subject or self.case), reason)
        return export(self.desk(**changes), wanted)

    def unpacked(self, bundle: Export, name: str = "bundle") -> Path:
        """The bundle as a stranger unpacks it."""
        target = self.folder / f"{name}.zip"
        bundle.write(target)
        with zipfile.ZipFile(target) as archive:
            archive.extractall(self.folder / name)
        (top,) = (self.folder / name).iterdir()
        return top


@pytest.fixture(scope="module")
def founded(migrated: Path, film: Film, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The home of an installation with such a case, to be copied: making it takes seconds."""
    home = tmp_path_factory.mktemp("founded")
    shutil.copy(migrated, home)
    with installed(home, {}) as made:
        _fill(made, film)
    return home


def _fill(made: Installation, film: Film) -> None:
    """20 s of recording in segments, an event cut out of them, a case with its documents."""
    made.add_camera()
    began = made.now()
    Camera(made, film, began).record(0, 20, None)
    made.clock.sleep(30)
    Registrar(made.database, made.clock, made.settings).step()
    found = sighting(later(began, 5))
    segments = Segments(made.settings.segments)
    pieces = make_pieces(
        made.store, segments, found, event_id="event", pre_roll_s=3, post_roll_s=-3
    )
    with made.database.write() as session:
        assert add_event(session, made.clock, found, pieces, event_id="event", model=None)
    officer = made.add_person("wang")
    made.confirm("event", officer)
    office = Office(made.store, made.clock, load_catalogue(), "示范街道办事处")
    with made.database.write() as session:
        case = open_case(session, made.clock, "event", officer=officer, title="涉嫌偷倒")
    with made.database.write() as session:
        for kind in DocumentKind:
            make_documents(session, office, case.id, kind=kind, officer=officer)


@pytest.fixture
def court(founded: Path, tmp_path: Path) -> Iterator[Court]:
    home = shutil.copytree(founded, tmp_path / "home")
    with installed(home, {}) as made:
        made.clock.sleep(60)
        yield Court(made, made.rows(Case)[0].id, tmp_path)


def manifest(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / "manifest.json").read_bytes())
    return found


def listed(folder: Path, role: str) -> list[dict[str, Any]]:
    """The files of one role."""
    return [each for each in manifest(folder)["files"] if each["role"] == role]


def checked(folder: Path) -> list[Any]:
    """The four answers of verify.py, of which the first two hold."""
    found = answers(VERIFY, folder)
    assert letters(found)[:2] == "hh", [answer.problems for answer in found]
    return found


def test_a_case_leaves_with_everything(court: Court) -> None:
    """Rule: originals, clip, stills, documents, clocks, custody, proofs; verify.py accepts it."""
    folder = court.unpacked(court.export())
    assert letters(checked(folder)) == "hhsh", "nobody outside saw the log, and that is said"
    roles = {each["role"] for each in manifest(folder)["files"]}
    assert roles == {
        *(Role.SEGMENT, Role.INDEX, Role.CLIP, Role.MANIFEST, Role.DOCUMENT),
        *("before", "onset", "after", Role.CLOCK, Role.REPORT),
    }
    clip = json.loads((folder / "derived/exhibit-1/manifest.json").read_bytes())
    sources = {f"originals/{each['segment']}.mp4" for each in clip["sources"]}
    assert {each["path"] for each in listed(folder, Role.SEGMENT)} == sources
    assert len(sources) > 1 and manifest(folder)["absent"] == []
    told = (folder / "report.html").read_text(encoding="utf-8")
    assert all(word in told for word in ("移送法院", "wang（姓名）", "涉嫌偷倒", "登记录像分段"))


def test_no_score_stands_in_a_bundle(court: Court) -> None:
    """Rule: what a model thought is in no paper, and in no entry that leaves: only its hash."""
    folder = court.unpacked(court.export())
    for path in folder.rglob("*"):
        if path.is_file():
            assert b"0.87654" not in path.read_bytes(), path
    told = (folder / "log/entries.jsonl").read_text(encoding="utf-8")
    digest = sha256_bytes(b"0.87654")
    assert told.count("score") == told.count(f"sha256:{digest}") == 1


def test_it_is_logged_before_the_first_byte(court: Court) -> None:
    """Attack: an export that nobody hears of (evidence.md section 4, row 18)."""
    bundle = court.export()
    (entry,) = court.made.log(Action.EXPORTED)
    body = json.loads(entry.body or "{}")
    stream = bundle.stream()
    assert (entry.actor, entry.subject, body["reason"]) == ("wang", court.case, "移送法院")
    assert body["manifest_sha256"] == sha256_bytes(bytes(bundle.content["manifest.json"]))
    assert next(stream).startswith(b"PK")


def test_the_stream_is_the_same_bundle(court: Court) -> None:
    """Rule: what a browser gets is what the command writes."""
    bundle = court.export()
    target = court.folder / "streamed.zip"
    target.write_bytes(b"".join(bundle.stream()))
    folder = court.unpacked(bundle)
    with zipfile.ZipFile(target) as archive:
        assert archive.testzip() is None
        assert archive.namelist() == sorted(archive.namelist())
        for path in folder.rglob("*"):
            if path.is_file():
                assert archive.read(str(path.relative_to(folder.parent))) == path.read_bytes()


def test_others_saw_the_log_early_and_late(court: Court, tmp_path: Path) -> None:
    """Rule: the earliest time-stamp over an entry is what proves when it was there."""
    with open_for_all(certified(tmp_path / "tsa")) as tsa:
        asked = {"tsa_url": tsa.url, "tsa_ca_file": str(tsa.ca)}
        anchor_now(court.made.database, court.made.clock, court.desk(**asked).settings)
        folder = court.unpacked(court.export(**asked))
    anchors = checked(folder)[2]
    (early, late) = json.loads((folder / "anchors/anchors.json").read_bytes())["anchors"]
    assert early["proof"] and not late["proof"] and late["checkpoint"] == "log/checkpoint"
    stranger = certified(tmp_path / "other").ca
    lines = [line for line in anchors.cautions if "openssl" in line]
    for command in (line.partition(": ")[2].split() for line in lines):
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
        assert "Verification: OK" in done.stdout + done.stderr
        # A time-stamp of another authority is for that line to see.
        other = [*command[:-1], str(stranger)]
        assert subprocess.run(other, cwd=folder, capture_output=True, check=False).returncode != 0


def test_a_witness_stands_in_the_bundle(court: Court) -> None:
    """Rule: cosignatures of witnesses go along with their keys, old and new ones."""
    key = VerifierKey(WITNESS, Kind.COSIGNATURE, public(WITNESS_KEY))
    site = WitnessSite(url="http://127.0.0.1:9", key=key.to_text())
    with court.made.database.read() as session:
        seen = session.exec(select(CheckpointRow)).all()[-1]
    text = seen.note.partition("\n\n")[0] + "\n"
    row = AnchorRow(
        id="1",
        size=seen.size,
        kind="witness",
        name=WITNESS,
        state="done",
        token=cosigned(text, court.made.now()),
        time_us=court.made.now(),
        asked_us=court.made.now(),
    )
    with court.made.database.write() as session:
        session.add(row)
    unreachable = court.export(witnesses=(site,))
    anchors = checked(court.unpacked(unreachable))[2]
    assert anchors.problems == []
    assert any(f"{WITNESS} 见证前 {seen.size} 条" in note for note in anchors.notes)


def first(court: Court, pattern: str) -> Path:
    return sorted(court.made.settings.segments.rglob(pattern))[0]


def _alter(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.chmod(0o644)
    path.write_bytes(data)


def alter_segment(court: Court) -> None:
    _alter(first(court, "*.mp4"))


def remove_segment(court: Court) -> None:
    first(court, "*.mp4").unlink()


def item(court: Court, role: str) -> Path:
    (found,) = [each for each in court.made.rows(Item) if each.role == role]
    return court.made.store.path(Sha256(found.sha256))


def alter_clip(court: Court) -> None:
    _alter(item(court, "clip"))


def alter_manifest(court: Court) -> None:
    _alter(item(court, "manifest"))


def remove_still(court: Court) -> None:
    item(court, "onset").unlink()


def forget_segment(court: Court) -> None:
    with court.made.database.write() as session:
        session.delete(session.exec(select(SegmentRow)).all()[0])


def put_a_film_that_words_name(court: Court) -> None:
    """Somebody states its digest as a reason, then puts it into the row behind the log's back."""
    made = court.made
    sha256, _ = made.store.add(io.BytesIO(b"another film"))
    with made.database.write() as session:
        body = {"reason": str(sha256)}
        append(
            session,
            made.clock,
            actor="wang",
            action=Action.REASON_STATED,
            subject="wang",
            body=body,
        )
    with made.database.engine.connect() as connection:
        connection.execute(text(f"UPDATE items SET sha256 = '{sha256}' WHERE role = 'clip'"))
        connection.commit()


REFUSALS: dict[str, tuple[Callable[[Court], None], type[Exception]]] = {
    "an altered segment": (alter_segment, FootageAltered),
    "a segment that is gone": (remove_segment, EvidenceError),
    "an altered clip": (alter_clip, FootageAltered),
    "an altered manifest": (alter_manifest, FootageAltered),
    "a still that is gone": (remove_still, EvidenceError),
    "a segment that is still recorded": (forget_segment, WorldError),
    "a film that only somebody's words name": (put_a_film_that_words_name, EvidenceError),
}


@pytest.mark.parametrize("case", REFUSALS)
def test_what_does_not_hold_does_not_leave(court: Court, case: str) -> None:
    """Attack: evidence that changed in store or ring; nothing leaves and nothing is logged."""
    attack, refusal = REFUSALS[case]
    attack(court)
    with pytest.raises(refusal):
        court.export()
    assert court.made.log(Action.EXPORTED) == []


def test_originals_come_from_the_store_when_the_ring_let_go(court: Court) -> None:
    """Rule: a promoted original is as good as the ring's, and its index is in the log too."""
    court.made.clock.sleep(1000)
    Promoter(court.made.database, court.made.store, court.made.clock, court.made.settings).step()
    court.made.pass_days(40)
    RingKeeper(court.made.database, court.made.clock, court.made.settings).step()
    assert list(court.made.settings.segments.glob("*/*/*")) == []
    folder = court.unpacked(court.export())
    checked(folder)
    assert len(listed(folder, Role.SEGMENT)) > 1 and manifest(folder)["absent"] == []
    assert all(each["of"] for each in listed(folder, Role.INDEX))


def test_what_was_destroyed_by_rule_is_named(court: Court) -> None:
    """Rule: a bundle says which originals there are no more, and is verified without them."""
    with court.made.database.write() as session:
        for row in session.exec(select(SegmentRow)):
            row.state = "destroyed"
            session.add(row)
    folder = court.unpacked(court.export())
    checked(folder)
    assert {each["why"] for each in manifest(folder)["absent"]} == {"destroyed"}
    assert listed(folder, Role.SEGMENT) == []
    assert "已按规定销毁" in (folder / "report.html").read_text(encoding="utf-8")


def test_an_event_and_a_recorder_file_leave_too(court: Court, film: Film) -> None:
    """Rule: evidence that is in no case yet can be handed over."""
    checked(court.unpacked(court.export("event"), "event"))
    made = court.made
    given = HandOver(film.path, device_id="DSJ-1")
    row = take_in(made.database, made.store, made.clock, made.settings, given)
    folder = court.unpacked(court.export(row.id), "upload")
    assert letters(checked(folder))[3] == "s", "nobody vouches for the time of the file"
    (original,) = listed(folder, Role.UPLOAD)
    assert (folder / original["path"]).read_bytes() == film.path.read_bytes()


def test_who_may_not_export(court: Court) -> None:
    """Attack: no right, no reason, a closed account, something that is not there."""
    made = court.made
    made.add_person("li", Position.OPERATOR)
    made.add_person("admin", Position.ADMIN)
    with made.database.write() as session:
        user = made.add_person("gone")
        user.active = False
        session.add(user)
    tries = (
        ({"by": "li"}, "no_access"),
        ({"by": "admin"}, "no_access"),
        ({"by": "gone"}, "user_inactive"),
        ({"reason": "  "}, "reason_blank"),
        ({"subject": "nothing"}, "export_subject"),
    )
    for given, code in tries:
        with pytest.raises(InputError) as refused:
            court.export(**given)
        assert refused.value.code == code
    assert made.log(Action.EXPORTED) == []


def test_a_full_disk_leaves_nothing(court: Court, tiny_disk: Path) -> None:
    """Fault: the stick is full, and full to the last byte."""
    target = tiny_disk / "case.zip"
    (tiny_disk / "other").write_bytes(bytes(1_500_000))
    with pytest.raises(DiskFull):
        court.export().write(target)
    assert sorted(path.name for path in tiny_disk.iterdir()) == ["other"]


def test_nothing_is_replaced(court: Court) -> None:
    """Attack: the name of the zip is that of something else."""
    target = court.folder / "case.zip"
    target.write_bytes(b"important")
    with pytest.raises(FileExistsError):
        court.export().write(target)
    assert target.read_bytes() == b"important"


def test_what_changes_under_way_ends_it(court: Court) -> None:
    """Attack: a file is altered between its being hashed and its leaving."""
    bundle = court.export()
    alter_segment(court)
    target = court.folder / "case.zip"
    with pytest.raises(FootageAltered):
        bundle.write(target)
    assert not target.exists() and not list(court.folder.glob(".*.part"))
    with pytest.raises(FootageAltered):
        b"".join(bundle.stream())


def test_after_a_rotation(court: Court) -> None:
    """Rule: the new key signs, and the bundle names both; the paper of before shows the old one."""
    before = court.unpacked(court.export(), "before")
    made = court.made
    key = rotate_key(made.database, made.clock, made.settings, actor="wang", reason="到期")
    after = court.unpacked(court.export(), "after")
    assert letters(answers(VERIFY, after, key.fingerprint))[:2] == "hh"
    named = json.loads((after / "log/keys.json").read_bytes())["log"]
    assert [each["until_us"] is None for each in named] == [False, True]
    old = named[0]["fingerprint"]
    assert letters(answers(VERIFY, before, old))[:2] == "hh"
    assert letters(answers(VERIFY, after, old))[:2] == "ff"


def test_on_every_engine(installation: Installation, film: Film, tmp_path: Path) -> None:
    """Rule: PostgreSQL answers as SQLite does."""
    _fill(installation, film)
    court = Court(installation, installation.rows(Case)[0].id, tmp_path)
    folder = court.unpacked(court.export())
    checked(folder)
    assert len(listed(folder, Role.SEGMENT)) > 1


def test_the_command(court: Court, capsys: pytest.CaptureFixture[str]) -> None:
    """Rule: `liuhen export` says where the zip is and whose key to compare; it replaces nothing."""
    home, target = court.made.settings.home, court.folder / "case.zip"
    export_bundle(court.case, home, target, "移送法院", "wang")
    told = capsys.readouterr().out
    with court.made.database.read() as session:
        assert str(target) in told and grouped(signing_key(session)) in told
    assert zipfile.is_zipfile(target)
    tries = ((target, "export_exists"), (court.folder / "no" / "a.zip", "export_folder"))
    for place, code in tries:
        with pytest.raises(InputError, match=code):
            export_bundle(court.case, home, place, "移送法院", "wang")


def test_the_demo_ends_with_a_bundle(court: Court) -> None:
    """Rule: it waits for the recording to be closed, but not for ever."""
    made = hand_over(court.desk(), court.case, "wang", court.folder)
    assert zipfile.is_zipfile(made)
    forget_segment(court)
    began = court.made.now()
    with pytest.raises(WorldError, match="export_recording"):
        hand_over(court.desk(), court.case, "wang", court.folder)
    assert court.made.now() > later(began, 60)
