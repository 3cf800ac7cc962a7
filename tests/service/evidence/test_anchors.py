"""Anchors outside: time-stamps of a real authority, alarms, and days without a network."""

import base64
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ingest.clock import SystemClock
from service.alarms import Trouble, open_alarms
from service.database import Database
from service.errors import EvidenceError, InputError, WorldError
from service.evidence.anchors import (
    UNSIGNED_S,
    Anchorer,
    Answer,
    TimeStamps,
    anchor_now,
    configured,
    latest,
)
from service.evidence.standing import log_standing
from service.evidence.timestamp import Authority, authority
from service.settings import load
from service.tables import AnchorRow, CheckpointRow
from tests.service.evidence.authority import Tsa, certified, open_for_all
from tests.service.evidence.test_sealer import add, checkpoint
from tests.service.installation import Installation, add_entries
from vision.frame import Instant

NOTE = "liuhen/x\n3\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n\n— liuhen/x AAAAAAA=\n"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Tsa:
    """An authority; keys take long to make."""
    return certified(tmp_path_factory.mktemp("tsa") / "one")


@pytest.fixture
def tsa(made: Tsa) -> Iterator[Tsa]:
    """It, at an address, and as it was."""
    with open_for_all(Tsa(made.folder)) as running:
        yield running


def test_a_time_stamp_is_what_openssl_accepts(tsa: Tsa, tmp_path: Path) -> None:
    """The line that the bundle prints for strangers holds."""
    stamp = authority(tsa.url, tsa.ca).stamp(NOTE)
    assert abs(stamp.at - SystemClock().now()) < 60_000_000
    (tmp_path / "checkpoint").write_text(NOTE)
    (tmp_path / "one.tsr").write_bytes(stamp.response)
    line = ["openssl", "ts", "-verify", "-data", "checkpoint", "-in", "one.tsr"]
    done = subprocess.run(
        [*line, "-CAfile", str(tsa.ca)], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert "Verification: OK" in done.stdout + done.stderr


def another_time(old: bytes) -> Callable[[bytes], bytes]:
    """Answers with one of another request."""
    return lambda _answer: old


def test_an_old_answer_is_refused(tsa: Tsa) -> None:
    """Attack: a token that was made before is replayed, so that its time is too early."""
    old = authority(tsa.url, tsa.ca).stamp(NOTE).response
    tsa.change = another_time(old)
    with pytest.raises(EvidenceError, match=r"tsa_foreign.*nonce"):
        authority(tsa.url, tsa.ca).stamp(NOTE)
    with pytest.raises(EvidenceError, match=r"tsa_foreign.*imprint"):
        authority(tsa.url, tsa.ca).stamp(NOTE.replace("\n3\n", "\n4\n"))


def test_another_authority_is_refused(tsa: Tsa, tmp_path: Path) -> None:
    """Attack: whoever sits in the network stamps with a key of their own."""
    other = certified(tmp_path / "two")
    with pytest.raises(EvidenceError, match="tsa_foreign"):
        authority(tsa.url, other.ca).stamp(NOTE)
    assert Authority(tsa.url).stamp(NOTE).response, "without certificates nobody can tell"


CHANGES: dict[str, Callable[[bytes], bytes]] = {
    "nothing": lambda _: b"",
    "noise": lambda _: b"\x30\x03\x02\x01\x00" * 3,
    "cut": lambda answer: answer[:-20],
    "signature changed": lambda answer: answer[:-3] + bytes([answer[-3] ^ 1]) + answer[-2:],
    "refusal": lambda _: bytes.fromhex("30053003020102"),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_a_broken_answer_is_refused(tsa: Tsa, change: Callable[[bytes], bytes]) -> None:
    tsa.change = change
    with pytest.raises((WorldError, EvidenceError), match="tsa"):
        authority(tsa.url, tsa.ca).stamp(NOTE)


def test_an_authority_that_fails_is_the_worlds_fault(tsa: Tsa) -> None:
    tsa.status = 503
    with pytest.raises(WorldError, match="tsa"):
        authority(tsa.url, tsa.ca).stamp(NOTE)
    with pytest.raises(WorldError, match="tsa"):
        authority("http://127.0.0.1:1/", None).stamp(NOTE)


def test_settings_that_cannot_be_used_are_refused(tmp_path: Path) -> None:
    for url in ("file:///etc/passwd", "ftp://example.org/", "example.org"):
        with pytest.raises(InputError, match="tsa_address"):
            authority(url, None)
    (tmp_path / "empty.pem").write_text("")
    for name in ("none.pem", "empty.pem"):
        with pytest.raises(InputError, match="tsa_certificates"):
            authority("https://example.org/", tmp_path / name)


class Fake:
    """An anchor that answers when it is told to."""

    kind, name = "tsa", "fake"

    def __init__(self) -> None:
        self.error: Exception | None = None
        self.shown: list[int] = []
        self.meanwhile: Callable[[], None] = lambda: None

    def show(self, database: Database, checkpoint: CheckpointRow) -> Answer:
        self.meanwhile()
        self.shown.append(checkpoint.size)
        if self.error is not None:
            raise self.error
        return Answer("token", Instant(1))


def anchorer(made: Installation, *anchors: Fake) -> Anchorer:
    return Anchorer(made.database, made.clock, made.settings, anchors)


def troubles(made: Installation) -> set[str]:
    with made.database.read() as session:
        return {alarm.key for alarm in open_alarms(session)}


def test_the_newest_checkpoint_is_shown_every_hour(installation: Installation) -> None:
    fake = Fake()
    asking = anchorer(installation, fake)
    for _ in range(3):
        asking.step()
    first = checkpoint(installation).size
    assert fake.shown == [first], "once: nothing is new"
    add(installation, 2)
    asking.step()
    installation.clock.sleep(3601)
    asking.step()
    assert fake.shown == [first, checkpoint(installation).size]
    assert {row.state for row in installation.rows(AnchorRow)} == {"done"}
    assert len(installation.rows(CheckpointRow)) == 2, "both stay"


def test_offline_only_the_newest_waits_and_late_is_an_alarm(embedded: Installation) -> None:
    """The network is away for two days."""
    fake = Fake()
    fake.error = WorldError("tsa", url="x", detail="no route")
    asking = anchorer(embedded, fake)
    for _ in range(48):
        add(embedded)
        asking.step()
        embedded.clock.sleep(3601)
    (row,) = embedded.rows(AnchorRow)
    assert (row.state, row.size, row.attempts) == ("waiting", checkpoint(embedded).size, 48)
    assert Trouble.ANCHOR_LATE in troubles(embedded)
    fake.error = None
    asking.step()
    assert [row.state for row in embedded.rows(AnchorRow)] == ["done"]
    assert troubles(embedded) == set()


@pytest.mark.parametrize("error", [None, WorldError("tsa", url="x", detail="no route")])
def test_others_write_while_an_anchor_is_asked(
    installation: Installation, error: WorldError | None
) -> None:
    """A slow network is no reader: one keeps every writer out where SQLite has no WAL."""
    fake = Fake()
    fake.error, fake.meanwhile = error, lambda: add(installation)
    anchorer(installation, fake).step()
    (row,) = installation.rows(AnchorRow)
    assert (row.state, row.attempts) == (("done", 0) if error is None else ("waiting", 1))


def test_an_answer_to_what_waits_no_more_is_left_alone(embedded: Installation) -> None:
    """An export lets a later checkpoint wait while an earlier one is shown."""
    fake, other = Fake(), Fake()
    asking = anchorer(embedded, fake)

    def export() -> None:
        add(embedded)
        anchorer(embedded, other).queue()

    fake.meanwhile = export
    asking.step()
    (row,) = embedded.rows(AnchorRow)
    assert (row.state, row.size) == ("waiting", checkpoint(embedded).size)
    fake.meanwhile = lambda: None
    asking.step()
    (row,) = embedded.rows(AnchorRow)
    assert (row.state, row.size, fake.shown[-1]) == ("done", checkpoint(embedded).size, row.size)


def test_a_failure_waits_longer_each_time(embedded: Installation) -> None:
    fake = Fake()
    fake.error = WorldError("tsa", url="x", detail="no route")
    asking = anchorer(embedded, fake)
    for _ in range(360):
        asking.step()
        embedded.clock.sleep(10)
    assert 6 < len(fake.shown) < 12, "30 s, 60 s, ... 15 min in an hour"


def test_entries_that_nobody_signs_are_an_alarm(embedded: Installation) -> None:
    asking = anchorer(embedded)
    with embedded.database.unsealed() as session:
        add_entries(session, embedded, 2)
    asking.step()
    assert troubles(embedded) == set(), "it takes a moment"
    embedded.clock.sleep(UNSIGNED_S + 1)
    asking.step()
    assert troubles(embedded) == {Trouble.LOG_UNSIGNED}
    embedded.database.seal_all()
    asking.step()
    assert troubles(embedded) == set()


def test_an_export_is_anchored_at_once(embedded: Installation, tsa: Tsa) -> None:
    settings = embedded.settings.model_copy(update={"tsa_url": tsa.url, "tsa_ca_file": str(tsa.ca)})
    anchor_now(embedded.database, embedded.clock, settings)
    with embedded.database.read() as session:
        row = latest(session, "tsa", tsa.url)
    assert row is not None
    assert row.size == checkpoint(embedded).size
    assert base64.b64decode(row.token)[:1] == b"\x30"
    (anchor,) = configured(settings)
    assert isinstance(anchor, TimeStamps)


def test_pages_and_metrics_say_how_the_log_stands(embedded: Installation, tsa: Tsa) -> None:
    settings = embedded.settings.model_copy(update={"tsa_url": tsa.url})
    with embedded.database.read() as session:
        before = log_standing(session, settings)
    assert (before.entries, before.signed) == (1, 1)
    assert [(each.kind, each.size, each.at) for each in before.anchors] == [("tsa", 0, None)]
    anchor_now(embedded.database, embedded.clock, settings)
    tsa.status = 503
    add(embedded)
    anchor_now(embedded.database, embedded.clock, settings)
    with embedded.database.read() as session:
        (anchor,) = log_standing(session, settings).anchors
    assert (anchor.size, anchor.waiting) == (1, embedded.now())
    assert anchor.at is not None
    assert "503" in anchor.error


def test_without_anchors_nothing_is_asked(embedded: Installation) -> None:
    assert configured(embedded.settings) == []
    anchor_now(embedded.database, embedded.clock, embedded.settings)
    assert embedded.rows(AnchorRow) == []


BAD_WITNESSES = {
    "no key": {"url": "https://example.org", "key": "x"},
    "key of a log": {
        "url": "https://example.org",
        "key": "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
    },
    "password in the address": {"url": "https://a:b@example.org", "key": "x"},
    "no address": {"url": "file:///x", "key": "x"},
}


@pytest.mark.parametrize("site", BAD_WITNESSES.values(), ids=BAD_WITNESSES)
def test_a_witness_that_cannot_be_is_refused(tmp_path: Path, site: dict[str, str]) -> None:
    lines = [f'{name} = "{value}"' for name, value in site.items()]
    (tmp_path / "liuhen.toml").write_text("\n".join(["[[witnesses]]", *lines]))
    with pytest.raises(InputError, match="settings_value"):
        load(tmp_path, {})
