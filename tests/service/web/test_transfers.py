"""Uploads over tus 1.0.0: what was acknowledged is kept; what is wrong is refused, leaving nothing.

The invariants U1 to U8 stand in docs/design/storage.md, "Uploads".
"""

import os
import random
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import anyio
import pytest
from sqlmodel import Session, select
from starlette.requests import Request

from ingest.part import Part
from service.arrivals import Channel
from service.database import Database
from service.errors import InputError, WorldError
from service.evidence.log import Action
from service.receipt import CHECKPOINT_BYTES, Offered, Receipt
from service.settings import Settings
from service.stations import add_station, revoke_station
from service.tables import Acquisition, LoginSession, Quarantined, Transfer
from service.transfers import Uploader, part_path
from service.web.app import create_app
from service.web.routes_transfer import BLOCK_BYTES, pour
from tests.service.web.office import ORIGIN, Office, TestClient, clip_bytes
from tests.service.web.tus import TUS, Tus, checksum, digest

NOISE = random.Random(7).randbytes(3 << 20)
KIB = 1024


def limited(office: Office, **changes: object) -> Office:
    """The same office with other settings."""
    settings = office.app.state.web.settings.model_copy(update=changes)
    app = create_app(settings, office.database, office.store, office.clock)
    return Office(app, office.database, office.store, office.clock)


@pytest.fixture
def tus(office: Office) -> Iterator[Tus]:
    """An officer who uploads."""
    with office.browser("officer") as browser:
        yield Tus(browser)


def settings_of(office: Office) -> Settings:
    settings: Settings = office.app.state.web.settings
    return settings


def part_of(office: Office, address: str) -> Path:
    return part_path(settings_of(office), address.rpartition("/")[2])


def transfer(office: Office, address: str) -> Transfer | None:
    with office.database.read() as session:
        return session.get(Transfer, address.rpartition("/")[2])


def test_what_is_offered(tus: Tus) -> None:
    """tus 1.0.0, OPTIONS."""
    answer = tus.ask("OPTIONS", "/transfers", {})
    assert answer.status_code == 204
    assert answer.headers["Tus-Version"] == answer.headers["Tus-Resumable"] == "1.0.0"
    assert answer.headers["Tus-Extension"] == "creation,checksum,expiration,termination"
    assert answer.headers["Tus-Checksum-Algorithm"] == "sha256,sha1"
    assert int(answer.headers["Tus-Max-Size"]) == 16 << 30


def test_a_file_in_parts_arrives_bit_for_bit(office: Office, tus: Tus) -> None:
    """U1: from the first part to the acquisition, with what the client said of it."""
    content = clip_bytes(2)
    facts = {"filename": "DSJ-1_20260528093000.mp4", "device": "DSJ-1", "officer": "officer"}
    address = tus.begin(len(content), **facts, modified="1780000000000", sha256=digest(content))
    for start in range(0, len(content), 1000):
        block = content[start : start + 1000]
        answer = tus.send(address, start, block, **checksum(block, "sha1"))
        assert answer.status_code == 204
        assert int(answer.headers["Upload-Offset"]) == start + len(block)
    assert office.intake().step() == 1
    with office.database.read() as session:
        row = session.exec(select(Acquisition)).one()
    assert row.id == address.rpartition("/")[2]
    assert (row.sha256, row.size) == (digest(content), len(content))
    assert office.store.path(row.sha256).read_bytes() == content
    assert (row.device_id, row.officer_id) == ("DSJ-1", "officer")
    assert (row.channel, row.handed_by, row.time_source) == ("page", "officer", "name")
    assert [each["equal"] for each in row.sums] == [True]
    (entry,) = office.log(Action.ACQUIRED)
    assert entry.actor == "officer", "who logged in handed it over"
    assert not part_of(office, address).exists()
    told = tus.ask("GET", address, {}).json()
    assert (told["state"], told["sha256"]) == ("taken", row.sha256)
    assert told["page"] == f"/uploads/{row.id}"


def test_the_store_adopts_the_file_without_copying_it(office: Office, tus: Tus) -> None:
    """Four gigabytes are not written twice: the object is the very file that arrived."""
    address = "/transfers/" + tus.upload(clip_bytes(1), filename="a_20260528093000.mp4")
    inode = part_of(office, address).stat().st_ino
    office.intake().step()
    path = office.store.path(office.store.adopt(_copy(office, clip_bytes(1)))[0])
    assert (path.stat().st_ino, path.stat().st_mode & 0o777) == (inode, 0o444)


def _copy(office: Office, content: bytes) -> Path:
    path = settings_of(office).parts / "copy"
    path.write_bytes(content)
    return path


# The four ways in which tuspyserver 4.4.3 loses or spoils bytes.


def test_bytes_behind_the_acknowledged_offset_are_cut_off_on_resume(
    office: Office, tus: Tus
) -> None:
    """Failure 1: killed in mid-part, bytes lie on the disk that the offset does not know; a server
    that appends makes a file that is too long (U3).
    """
    address = tus.begin(len(NOISE))
    assert tus.send(address, 0, NOISE[:KIB]).status_code == 204
    with part_of(office, address).open("ab") as stream:
        stream.write(b"torn" * 5000)
    assert tus.offset(address) == KIB
    assert tus.send(address, KIB, NOISE[KIB:]).status_code == 204
    assert part_of(office, address).read_bytes() == NOISE


@pytest.mark.parametrize("declared", [True, False], ids=["declared", "chunked"])
def test_a_part_that_is_too_long_is_refused_and_leaves_nothing(
    office: Office, tus: Tus, declared: bool
) -> None:
    """Failure 2: an over-long part is answered 400, but its bytes stay (U4)."""
    address = tus.begin(len(NOISE))
    assert tus.send(address, 0, NOISE[:KIB]).status_code == 204
    long = NOISE[KIB:] + b"more"
    content = long if declared else iter([long[: 2 << 20], long[2 << 20 :]])
    answer = tus.send(address, KIB, content)
    assert (answer.status_code, answer.json()["error"]) == (413, "transfer_overrun")
    assert tus.offset(address) == part_of(office, address).stat().st_size == KIB
    assert tus.send(address, KIB, NOISE[KIB:]).status_code == 204
    assert part_of(office, address).read_bytes() == NOISE


@pytest.mark.parametrize("algorithm", ["sha1", "sha256"])
def test_a_part_with_a_wrong_checksum_is_not_kept(office: Office, tus: Tus, algorithm: str) -> None:
    """Failure 3: `Upload-Checksum` is ignored (U4; tus checksum extension: 460)."""
    address = tus.begin(len(NOISE))
    headers = checksum(NOISE, algorithm)
    answer = tus.send(address, 0, NOISE[:-1] + b"\0", **headers)
    assert answer.status_code == 460
    assert "校验值不一致" in answer.json()["message"]
    assert tus.offset(address) == part_of(office, address).stat().st_size == 0
    assert tus.send(address, 0, NOISE, **headers).status_code == 204


def test_a_file_over_the_limit_is_refused_before_it_begins(office: Office) -> None:
    """Failure 4: `max_size` is not enforced at creation."""
    small = limited(office, upload_max_bytes=1 << 20)
    with small.browser("officer") as browser:
        tus = Tus(browser)
        assert tus.create((1 << 20) + 1, {"filename": "a.mp4"}).status_code == 413
        assert tus.create(1 << 20).status_code == 201
    with office.database.read() as session:
        assert len(session.exec(select(Transfer)).all()) == 1


def test_a_transfer_without_a_name_can_be_asked_for(tus: Tus) -> None:
    """tuspyserver answers 400 to HEAD then."""
    answer = tus.ask("HEAD", tus.begin(10), {})
    assert (answer.status_code, answer.headers["Upload-Length"]) == (200, "10")
    assert answer.headers["Cache-Control"] == "no-store"


class Noted(Part):
    """A part file that notes when it was made durable."""

    def __init__(self, path: Path, notes: list[str]) -> None:
        super().__init__(path)
        self.notes = notes

    def sync(self) -> int:
        self.notes.append("durable")
        return super().sync()


def test_bytes_are_durable_before_their_offset_is(office: Office, tus: Tus) -> None:
    """U2: fsync, then the row; a power cut between them costs nothing that was acknowledged."""
    address = tus.begin(2 * CHECKPOINT_BYTES + 5)
    row = transfer(office, address)
    assert row is not None
    notes: list[str] = []
    part = Noted(part_of(office, address), notes)
    part.resume(0)
    web = office.app.state.web
    receipt = Receipt(
        web.database, web.clock, web.settings, row, part, Offered(0, row.length, None)
    )
    for _ in range(2 * CHECKPOINT_BYTES // BLOCK_BYTES):
        receipt.write(bytes(BLOCK_BYTES))
        now = transfer(office, address)
        assert now is not None
        if not notes or notes[-1] != f"row {now.offset}":
            notes.append(f"row {now.offset}")
    receipt.write(b"12345")
    assert receipt.finish() == 2 * CHECKPOINT_BYTES + 5
    receipt.close()
    first, second = f"row {CHECKPOINT_BYTES}", f"row {2 * CHECKPOINT_BYTES}"
    assert notes == ["row 0", "durable", first, "durable", second, "durable"]


@pytest.mark.parametrize("offset", [0, KIB - 1, KIB + 1, 1 << 40])
def test_a_wrong_offset_is_a_conflict(office: Office, tus: Tus, offset: int) -> None:
    """tus core: 409, and nothing changes."""
    address = tus.begin(len(NOISE))
    tus.send(address, 0, NOISE[:KIB])
    assert tus.send(address, offset, b"x").status_code == 409
    assert tus.offset(address) == KIB


def test_two_clients_on_one_upload(office: Office, tus: Tus) -> None:
    """U5: who comes second is told so and changes nothing; a dead holder holds nothing."""
    address = tus.begin(len(NOISE))
    with Part(part_of(office, address)) as held:
        held.resume(0)
        held.write(NOISE[:100])
        answer = tus.send(address, 0, NOISE)
        assert answer.status_code == 423
        assert tus.ask("DELETE", address, {}).status_code == 423
        assert part_of(office, address).stat().st_size == 100
    assert tus.send(address, 0, NOISE).status_code == 204


BAD_HEADERS = {
    "no version": ({"Tus-Resumable": ""}, 412),
    "other version": ({"Tus-Resumable": "0.2.2"}, 412),
    "other type": ({"Content-Type": "application/octet-stream"}, 415),
    "no offset": ({"Upload-Offset": ""}, 400),
    "negative offset": ({"Upload-Offset": "-1"}, 400),
    "an offset in other digits": ({"Upload-Offset": "1e3"}, 400),
    "unknown checksum": ({"Upload-Checksum": "crc32 AAAA"}, 400),
    "broken checksum": ({"Upload-Checksum": "sha1 !!!"}, 400),
}


@pytest.mark.parametrize(("headers", "status"), BAD_HEADERS.values(), ids=BAD_HEADERS)
def test_a_part_with_wrong_headers_is_refused(
    office: Office, tus: Tus, headers: dict[str, str], status: int
) -> None:
    """tus core and checksum; nothing of the body is kept."""
    address = tus.begin(10)
    answer = tus.send(address, 0, b"0123456789", **headers)
    assert answer.status_code == status
    if status == 412:
        assert answer.headers["Tus-Version"] == "1.0.0"
    assert tus.offset(address) == 0


BAD_WISHES = {
    "no length": {"Upload-Length": ""},
    "negative": {"Upload-Length": "-5"},
    "endless": {"Upload-Length": "9" * 40},
    "metadata that is none": {"Upload-Length": "5", "Upload-Metadata": "filename ???"},
    "metadata without end": {"Upload-Length": "5", "Upload-Metadata": "a " + "QUFB" * 4000},
    "a checksum that is none": {"Upload-Length": "5", "Upload-Metadata": "md5 QUFB"},
    "an officer who is none": {"Upload-Length": "5", "Upload-Metadata": "officer YWRtaW4="},
}


@pytest.mark.parametrize("headers", BAD_WISHES.values(), ids=BAD_WISHES)
def test_a_wish_that_cannot_be_is_refused(
    office: Office, tus: Tus, headers: dict[str, str]
) -> None:
    answer = tus.ask("POST", "/transfers", headers)
    assert answer.status_code == 400
    assert answer.json()["message"]
    with office.database.read() as session:
        assert session.exec(select(Transfer)).all() == []


def test_the_disk_is_not_promised_twice(office: Office) -> None:
    """507 at creation and at each part, before the reserve is touched; what is there stays."""
    stat = os.statvfs(settings_of(office).home)
    # Large shares, for other programs use this disk while we look.
    free = stat.f_bavail * stat.f_frsize
    endless = {"upload_max_bytes": free, "upload_quota_bytes": free * 9}
    with limited(office, reserve_bytes=free // 2, **endless).browser("officer") as browser:
        tus = Tus(browser)
        address = tus.begin(free // 3)
        answer = tus.create(free // 3)
    assert (answer.status_code, answer.json()["error"]) == (507, "no_space")
    with limited(office, reserve_bytes=free * 2).browser("officer") as browser:
        tus = Tus(browser)
        assert tus.send(address, 0, b"x").status_code == 507
        assert tus.offset(address) == 0


def test_a_client_that_falls_silent_does_not_lock_itself_out(office: Office, tus: Tus) -> None:
    """Its connection is given up; what came counts, and the upload can be resumed (U5)."""
    address = tus.begin(len(NOISE))
    web = office.app.state.web
    offered = Offered(0, len(NOISE), None)
    who = Uploader(Channel.PAGE, "officer")
    receipt = Receipt.open(
        web.database, web.clock, web.settings, who, address.rpartition("/")[2], offered
    )
    messages = [{"type": "http.request", "body": NOISE[:KIB], "more_body": True}]

    async def receive() -> dict[str, object]:
        if not messages:
            await anyio.sleep_forever()
        return messages.pop()

    request = Request({"type": "http", "method": "PATCH", "headers": []}, receive)
    with pytest.raises(InputError, match="transfer_silent"):
        anyio.run(pour, request, receipt, 0.05)
    receipt.close()
    assert tus.offset(address) == KIB
    assert tus.send(address, KIB, NOISE[KIB:]).status_code == 204


class Severed(Database):
    """A database whose answer to a commit is lost, after it was made or before."""

    def __init__(self, settings: Settings, *, made: bool) -> None:
        super().__init__(settings)
        self.made = made

    @contextmanager
    def write(self) -> Iterator[Session]:
        with super().write() as session:
            yield session
            if not self.made:
                raise WorldError("database", detail="server closed the connection")
        raise WorldError("database", detail="server closed the connection")


@pytest.mark.parametrize(("made", "offset"), [(True, 1000), (False, 0)])
def test_a_commit_in_doubt_cuts_off_nothing(
    office: Office, tus: Tus, made: bool, offset: int
) -> None:
    """U1: the commit was made and its answer lost: the row has the bytes, so the file must; if it
    was not made, the next part finds the row where it was.
    """
    address = tus.begin(3000)
    severed = Severed(settings_of(office), made=made)
    who = Uploader(Channel.PAGE, "officer")
    offered = Offered(0, 1000, None)
    receipt = Receipt.open(
        severed, office.clock, settings_of(office), who, address.rpartition("/")[2], offered
    )
    receipt.write(NOISE[:1000])
    with pytest.raises(WorldError, match="database"):
        receipt.finish()
    receipt.close()
    severed.close()
    assert tus.offset(address) == offset
    assert part_of(office, address).stat().st_size == 1000
    assert tus.send(address, offset, NOISE[offset:3000]).status_code == 204
    assert part_of(office, address).read_bytes() == NOISE[:3000]


def test_unfinished_uploads_of_one_person_are_bounded(office: Office) -> None:
    """The quota is of promises, each person's own, and free again when one is finished or ended."""
    small = limited(office, upload_quota_bytes=100)
    with small.browser("officer") as browser, small.browser("operator") as other:
        tus = Tus(browser)
        first = tus.begin(60)
        assert tus.create(41).status_code == 413
        assert Tus(other).create(41).status_code == 201
        assert tus.send(first, 0, bytes(60)).status_code == 204
        second = tus.begin(100)
        assert tus.ask("DELETE", second, {}).status_code == 204
        assert tus.create(100).status_code == 201


def test_an_upload_that_is_ended_is_gone(office: Office, tus: Tus) -> None:
    """tus termination; but a file that was received is ours to keep (U6)."""
    address = tus.begin(len(NOISE))
    tus.send(address, 0, NOISE[:KIB])
    assert tus.ask("DELETE", address, {}).status_code == 204
    assert tus.ask("HEAD", address, {}).status_code == 404
    assert not part_of(office, address).exists()
    done = "/transfers/" + tus.upload(clip_bytes(1), filename="a.mp4")
    assert tus.ask("DELETE", done, {}).status_code == 403
    assert tus.offset(done) == len(clip_bytes(1))
    assert office.intake().step() == 1


def test_unfinished_uploads_expire_and_received_ones_do_not(office: Office, tus: Tus) -> None:
    """tus expiration: seven days after the last part; U6."""
    old = tus.begin(len(NOISE))
    tus.send(old, 0, NOISE[:KIB])
    assert "GMT" in tus.ask("HEAD", old, {}).headers["Upload-Expires"]
    done = "/transfers/" + tus.upload(clip_bytes(1), filename="a_20260528093000.mp4")
    stray = settings_of(office).parts / f"{'0' * 32}.part"
    stray.write_bytes(b"x")
    office.clock.sleep(6.9 * 86_400)
    fresh = tus_again(office).begin(10)
    intake = office.intake()
    assert intake.step() == 1
    assert part_of(office, old).exists()
    assert not stray.exists()
    office.clock.sleep(0.2 * 86_400)
    assert intake.step() == 0
    assert transfer(office, old) is None
    assert not part_of(office, old).exists()
    assert transfer(office, fresh) is not None
    with office.database.read() as session:
        assert session.get(Acquisition, done.rpartition("/")[2]) is not None


def tus_again(office: Office) -> Tus:
    """Logged in anew: a session lasts a duty, not a week."""
    with office.browser("officer") as browser:
        return Tus(browser)


NAMES: dict[str, tuple[bytes, str]] = {
    "parent folders": (b"../../../etc/passwd", "passwd"),
    "a drive": (rb"C:\video\a.mp4", "a.mp4"),
    "a NUL": (b"a\0b.mp4", "a\N{REPLACEMENT CHARACTER}b.mp4"),
    "right to left": (
        "\N{RIGHT-TO-LEFT OVERRIDE}4pm.exe".encode(),
        "\N{RIGHT-TO-LEFT OVERRIDE}4pm.exe",
    ),
    "longer than any file name": (b"x" * 300 + b".mp4", "x" * 300 + ".mp4"),
    "GB 18030": ("现场录像.mp4".encode("gb18030"), "现场录像.mp4"),
    "markup": (b"<script>alert(1)</script>.mp4", "script>.mp4"),
    "nothing": (b"", "unnamed"),
    "only dots": (b"..", "unnamed"),
}


@pytest.mark.parametrize(("raw", "kept"), NAMES.values(), ids=NAMES)
def test_a_name_is_only_a_name(office: Office, tus: Tus, raw: bytes, kept: str) -> None:
    """No name reaches a path: files on the disk are named by id and hash."""
    content = clip_bytes(1)
    address = "/transfers/" + tus.upload(content, filename=raw, device="D")
    home = settings_of(office).home
    before = {path.name for path in home.rglob("*") if path.is_file()}
    office.intake().step()
    with office.database.read() as session:
        row = session.exec(select(Quarantined)).one()
    assert (row.file_name, row.reason) == (kept, "no_time")
    after = {path.name for path in home.rglob("*") if path.is_file()}
    assert after - before == {digest(content)}
    page = tus.http.get(f"/quarantine/{address.rpartition('/')[2]}")
    assert (page.status_code, "<script>alert" in page.text) == (200, False)


def test_an_empty_file_and_one_that_is_no_video_wait_for_a_person(office: Office, tus: Tus) -> None:
    """Refused with a sentence, and kept: nothing that was acknowledged is deleted (U6)."""
    address = tus.begin(0, filename="空.mp4")
    other = "/transfers/" + tus.upload("会议纪要".encode() * 99, filename="笔记.mp4")
    assert tus.ask("GET", other, {}).json()["state"] == "received"
    assert office.intake().step() == 2
    for each, words in ((address, "空文件"), (other, "不是视频文件")):
        told = tus.ask("GET", each, {}).json()
        assert told["state"] == "quarantined"
        assert words in told["notes"][0]
        assert office.store.check(told["sha256"]) == int(told["length"])
    assert len(office.log(Action.QUARANTINED)) == 2


def test_a_checksum_that_differs_is_said(office: Office, tus: Tus) -> None:
    """Recorded, logged and shown; the file is kept as it came."""
    content = clip_bytes(1)
    facts = {"filename": "a_20260528093000.mp4", "md5": "0" * 32}
    address = "/transfers/" + tus.upload(content, **facts)
    office.intake().step()
    told = tus.ask("GET", address, {}).json()
    assert told["state"] == "taken"
    assert "md5" in told["notes"][0]
    assert '"sums_differ":["md5"]' in (office.log(Action.ACQUIRED)[0].body or "")
    assert "随附校验值不一致" in tus.http.get("/uploads").text


def test_an_upload_is_its_uploaders_alone(office: Office, tus: Tus) -> None:
    """Somebody else's is as if it were not there."""
    address = tus.begin(10)
    with office.browser("operator") as browser:
        other = Tus(browser)
        assert other.ask("HEAD", address, {}).status_code == 404
        assert other.send(address, 0, bytes(10)).status_code == 404
        assert other.ask("DELETE", address, {}).status_code == 404
        assert other.ask("GET", address, {}).status_code == 404
    assert tus.offset(address) == 0


def station(office: Office) -> str:
    with office.database.write() as session:
        return add_station(session, office.clock, "dock-1", "一楼值班室")


def test_a_station_uploads_with_its_token_and_can_do_nothing_else(office: Office) -> None:
    """The token's scope; only its hash is kept; revoking it is at once and logged."""
    token = station(office)
    content = clip_bytes(1)
    with TestClient(office.app, follow_redirects=False) as browser:
        tus = Tus(browser, {"Authorization": f"Bearer {token}"})
        name = "DSJ-9_20260528093000.mp4"
        address = "/transfers/" + tus.upload(content, filename=name, officer="津A-0001")
        assert office.intake().step() == 1
        for path in ("/uploads", "/", "/cameras", f"/uploads/{address[-32:]}", "/transfersx"):
            assert browser.get(path, headers=tus.headers).status_code == 303, path
        with office.database.read() as session:
            row = session.exec(select(Acquisition)).one()
        assert (row.channel, row.handed_by, row.officer_id) == ("station", "dock-1", "officer")
        assert office.log(Action.ACQUIRED)[0].actor == "station:dock-1"
        with office.database.write() as session:
            revoke_station(session, office.clock, "dock-1")
        assert tus.create(5).status_code == 401
    assert len(office.log(Action.STATION_ADDED)) == len(office.log(Action.STATION_REVOKED)) == 1
    home = settings_of(office).home
    assert [p for p in home.rglob("*") if p.is_file() and token.encode() in p.read_bytes()] == []


def test_an_officer_whom_a_station_cannot_name_is_found_by_a_person(office: Office) -> None:
    """A machine cannot mend it, so its file is not refused: it waits."""
    token = station(office)
    with TestClient(office.app) as browser:
        tus = Tus(browser, {"Authorization": f"Bearer {token}"})
        tus.upload(clip_bytes(1), filename="a_20260528093000.mp4", officer="nobody")
    office.intake().step()
    with office.database.read() as session:
        assert session.exec(select(Quarantined)).one().reason == "no_officer"


STRANGERS = {
    "nobody": {},
    "a made-up token": {"Authorization": "Bearer lh_nothing"},
    "an empty token": {"Authorization": "Bearer "},
    "an other scheme": {"Authorization": "Basic b2ZmaWNlcjp4"},
}


@pytest.mark.parametrize("headers", STRANGERS.values(), ids=STRANGERS)
def test_nobody_is_asked_before_a_byte_of_the_body_is_read(
    office: Office, tus: Tus, headers: dict[str, str]
) -> None:
    """tuspyserver wrote a stranger's bytes and answered 401 then."""
    address = tus.begin(len(NOISE))
    read = []

    messages: list[dict[str, object]] = []

    async def receive() -> dict[str, object]:
        read.append(1)
        return {"type": "http.request", "body": NOISE, "more_body": False}

    async def send(message: dict[str, object]) -> None:
        messages.append(message)

    every = {
        **ORIGIN,
        **TUS,
        "host": "testserver",
        "Upload-Offset": "0",
        "Content-Type": "application/offset+octet-stream",
        **headers,
    }
    scope = {
        "type": "http",
        "method": "PATCH",
        "path": address,
        "raw_path": address.encode(),
        "query_string": b"",
        "headers": [(k.lower().encode(), v.encode()) for k, v in every.items()],
        "client": ("192.0.2.1", 1),
        "server": ("testserver", 80),
        "scheme": "http",
    }
    anyio.run(office.app, scope, receive, send)
    assert messages[0]["status"] == 401
    assert read == []
    assert tus.offset(address) == 0
    assert not part_of(office, address).exists()


def test_a_token_does_not_open_the_origin_check_for_a_cookie(office: Office) -> None:
    """Whoever comes with a token counts for what the token says, whatever cookie comes along."""
    with office.browser("officer") as browser:
        del browser.headers["Origin"]
        assert Tus(browser).create(5).status_code == 403
        assert Tus(browser, {"Authorization": "Bearer x"}).create(5).status_code == 401
        wrong = {"Authorization": "Bearer x"}
        assert browser.post("/logout", headers=wrong).status_code == 403
    with office.database.read() as session:
        assert len(session.exec(select(LoginSession)).all()) == 1


def test_only_parts_of_uploads_may_be_long(office: Office, tus: Tus) -> None:
    """The limit of bodies stays where it was for everything else."""
    big = bytes(70_000)
    address = tus.begin(len(big))
    for path in ("/login", "/cases", "/transfers/x"):
        form = {"Content-Type": "application/x-www-form-urlencoded"}
        assert tus.http.post(path, content=big, headers=form).status_code in {412, 413}, path
    assert tus.http.post("/login", data={"account": "x" * 70_000}).status_code == 413
    assert tus.send(address, 0, big).status_code == 204


def test_a_method_that_the_network_forbids_comes_as_post(office: Office, tus: Tus) -> None:
    """tus core, X-HTTP-Method-Override."""
    address = tus.begin(5)
    headers = {
        "X-HTTP-Method-Override": "PATCH",
        "Content-Type": "application/offset+octet-stream",
        "Upload-Offset": "0",
    }
    assert tus.ask("POST", address, headers, b"12345").status_code == 204
    assert tus.offset(address) == 5
    assert tus.ask("POST", address, {}).status_code == 400


def test_what_was_acknowledged_and_is_gone_is_an_alarm(office: Office, tus: Tus) -> None:
    """Evidence does not hold: said, never papered over."""
    address = tus.begin(len(NOISE))
    tus.send(address, 0, NOISE[:KIB])
    os.truncate(part_of(office, address), KIB - 1)
    answer = tus.send(address, KIB, NOISE[KIB:])
    assert (answer.status_code, answer.json()["error"]) == (500, "footage_altered")


def test_a_lost_answer_to_the_last_part_can_be_asked_for_again(office: Office, tus: Tus) -> None:
    """The client sends nothing more and is told that it is done, also after the file was taken."""
    content = clip_bytes(1)
    address = "/transfers/" + tus.upload(content, filename="a_20260528093000.mp4")
    office.intake().step()
    assert tus.send(address, len(content), b"").status_code == 204
    assert tus.send(address, len(content), b"x").status_code == 413


def test_a_disk_that_fills_up_in_mid_upload(office: Office, tiny_disk: Path) -> None:
    """507, what was acknowledged stays, the rest gives its space back; then it goes on (U4).

    The store is on an other disk: the file is copied there, for no link reaches it.
    """
    parts = settings_of(office).parts
    parts.rmdir()
    parts.symlink_to(tiny_disk)
    filler = tiny_disk / "filler"
    content = NOISE[: 1 << 20]
    with limited(office, reserve_bytes=0).browser("officer") as browser:
        tus = Tus(browser)
        address = tus.begin(len(content), filename="a.mp4")
        half = len(content) // 2
        assert tus.send(address, 0, content[:half]).status_code == 204

        def body() -> Iterator[bytes]:
            yield content[half : half + KIB]
            free = os.statvfs(tiny_disk)
            filler.write_bytes(bytes(free.f_bavail * free.f_frsize))
            yield content[half + KIB :]

        answer = tus.send(address, half, body())
        assert (answer.status_code, answer.json()["error"]) == (507, "disk_full")
        assert tus.offset(address) == part_of(office, address).stat().st_size == half
        filler.unlink()
        assert tus.send(address, half, content[half:]).status_code == 204
    assert office.intake().step() == 1
    with office.database.read() as session:
        row = session.exec(select(Quarantined)).one()
    assert office.store.path(row.sha256).read_bytes() == content
    assert list(tiny_disk.iterdir()) == []
