"""Uploads to a real server that is killed again and again: what was acknowledged is there."""

import http.client
import random
import shutil
from pathlib import Path

import pytest

from ingest.files import sha256_bytes
from service.receipt import CHECKPOINT_BYTES
from service.stations import add_station
from service.tables import Acquisition, Quarantined
from service.transfers import part_path
from service.web.routes_transfer import BLOCK_BYTES
from tests.service.installation import Installation, installed
from tests.service.web.pages_process import PagesProcess, pages_process

PART = 512 * 1024
SIZE = 5 << 20
KILLS = 5
pytestmark = pytest.mark.timeout(120)


def headers(token: str, offset: int = 0) -> dict[str, str]:
    return {
        "Authorization": f"Bearer {token}",
        "Tus-Resumable": "1.0.0",
        "Content-Type": "application/offset+octet-stream",
        "Upload-Offset": str(offset),
    }


def begin(made: Installation, process: PagesProcess, length: int) -> tuple[str, str]:
    """A docking station's token and the address of its new transfer."""
    with made.database.write() as session:
        token = add_station(session, made.clock, "dock-1", "值班室")
    wish = {**headers(token), "Upload-Length": str(length)}
    return token, process.ask("POST", "/transfers", wish)["location"]


def standing(process: PagesProcess, token: str, address: str) -> int:
    return int(process.ask("HEAD", address, headers(token))["upload-offset"])


@pytest.fixture
def home(migrated: Path, tmp_path: Path) -> Path:
    home = tmp_path / "home"
    home.mkdir()
    shutil.copy(migrated, home)
    return home


def test_killed_in_mid_upload_again_and_again(home: Path) -> None:
    """U1, U2, U3 and the first failure of tuspyserver: at whatever byte the server dies, the upload
    resumes where it was acknowledged and arrives bit for bit; then the intake dies, too.
    """
    dice = random.Random(20261123)
    content = dice.randbytes(SIZE)
    with installed(home, {}) as made, pages_process(home) as process:
        token, address = begin(made, process, SIZE)
        acknowledged = 0
        deadly = set(dice.sample(range(SIZE // PART), KILLS))
        while acknowledged < SIZE:
            part = content[acknowledged : acknowledged + PART]
            if acknowledged // PART in deadly:
                deadly.discard(acknowledged // PART)
                after, wait_s = dice.randint(1, len(part)), dice.uniform(0, 0.05)
                send = headers(token, acknowledged)
                process.send_and_kill(address, send, part, after=after, wait_s=wait_s)
                process.start()
                found = standing(process, token, address)
                assert found in {acknowledged, acknowledged + len(part)}
                acknowledged = found
                continue
            answer = process.ask("PATCH", address, headers(token, acknowledged), part)
            assert answer["status"] == "204"
            acknowledged = int(answer["upload-offset"])
        # Acknowledged to the last byte; now it dies before anybody takes it in.
        process.kill()
        assert process.kills == KILLS + 1
        transfer_id = address.rpartition("/")[2]
        assert part_path(made.settings, transfer_id).read_bytes() == content
        assert made.count(Acquisition) == made.count(Quarantined) == 0
        made.intake().step()
        (row,) = made.rows(Quarantined)
        assert (row.id, row.sha256) == (transfer_id, sha256_bytes(content))
        assert made.store.path(row.sha256).read_bytes() == content


def test_killed_inside_one_long_part(home: Path) -> None:
    """A client may send everything in one part: it resumes at the last checkpoint, not at zero."""
    content = random.Random(5).randbytes(CHECKPOINT_BYTES * 2)
    with installed(home, {}) as made, pages_process(home) as process:
        token, address = begin(made, process, len(content))
        after = CHECKPOINT_BYTES + CHECKPOINT_BYTES // 2
        send = headers(token)
        process.send_and_kill(address, send, content, after=after, wait_s=1.0)
        process.start()
        found = standing(process, token, address)
        assert CHECKPOINT_BYTES <= found < CHECKPOINT_BYTES + 2 * BLOCK_BYTES
        answer = process.ask("PATCH", address, headers(token, found), content[found:])
        assert answer["status"] == "204"
        assert part_path(made.settings, address.rpartition("/")[2]).read_bytes() == content


def test_a_client_that_goes_away_keeps_what_came(home: Path) -> None:
    """The connection breaks, not the server: what came is acknowledged without being asked for."""
    content = random.Random(6).randbytes(PART)
    with installed(home, {}) as made, pages_process(home) as process:
        token, address = begin(made, process, len(content))
        broken = http.client.HTTPConnection("127.0.0.1", process.port)
        broken.putrequest("PATCH", address)
        for name, value in headers(token).items():
            broken.putheader(name, value)
        broken.putheader("Content-Length", str(len(content)))
        broken.endheaders()
        broken.send(content[: PART // 2])
        process.clock.sleep(0.3)
        broken.close()
        for _ in range(100):
            if standing(process, token, address) == PART // 2:
                break
            process.clock.sleep(0.05)
        assert standing(process, token, address) == PART // 2
        answer = process.ask("PATCH", address, headers(token, PART // 2), content[PART // 2 :])
        assert answer["status"] == "204"
        assert made.count(Acquisition) == 0
