"""The witness: signs what only grew, remembers it, and refuses everything else."""

import base64
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from ingest.clock import SystemClock
from service.cli_witness import witness as command
from service.errors import EvidenceError, InputError, WorldError
from service.evidence.keys import log_key
from service.evidence.witness import Verdict, WitnessFolder, WitnessServer, judge, read
from service.evidence.witness_client import cosigned
from service.ledger.checkpoint import Checkpoint
from service.ledger.merkle import Tree, leaf
from service.ledger.note import Kind, Note, VerifierKey, public_bytes, sign
from service.witness_site import WitnessSite
from tests.service.evidence.test_sealer import add, checkpoint
from tests.service.installation import Installation

KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
LOG = VerifierKey("liuhen/1", Kind.NOTE, public_bytes(KEY))
TREE = Tree([leaf(bytes([n])) for n in range(40)])
FORK = Tree([leaf(bytes([n % 39])) for n in range(40)])


def point(size: int, tree: Tree = TREE, origin: str = LOG.name) -> Checkpoint:
    return Checkpoint(origin, size, tree.root(size))


def note(size: int, tree: Tree = TREE, origin: str = LOG.name) -> Note:
    text = point(size, tree, origin).to_text()
    return Note(text, (sign(text, origin, KEY),))


@contextmanager
def witness(folder: Path) -> Iterator[WitnessSite]:
    """A witness at an address, which trusts `LOG`."""
    server = WitnessServer(("127.0.0.1", 0), WitnessFolder(folder), "w", [LOG], SystemClock())
    running = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    running.start()
    try:
        url = f"http://127.0.0.1:{server.server_port}"
        yield WitnessSite(url=url, key=server.key.to_text())
    finally:
        server.shutdown()
        server.server_close()
        running.join()


def test_a_log_that_grows_is_signed(tmp_path: Path) -> None:
    with witness(tmp_path) as site:
        known = 0
        for size in (0, 1, 7, 8, 40, 40):
            signed = cosigned(site, note(size), TREE, size, known)
            assert abs(signed.at - SystemClock().now()) < 60_000_000
            known = size


def test_it_remembers_what_it_signed(tmp_path: Path) -> None:
    """Whoever asks with a wrong size is told the right one; a restart forgets nothing."""
    with witness(tmp_path) as site:
        cosigned(site, note(7), TREE, 7, 0)
    with witness(tmp_path) as site:
        cosigned(site, note(8), TREE, 8, 0)
        with pytest.raises(EvidenceError, match=r"witness_ahead.*size=8"):
            cosigned(site, note(7), TREE, 7, 7)


def test_a_fork_is_not_signed(tmp_path: Path) -> None:
    """Attack: the log shows the witness another past than before."""
    with witness(tmp_path) as site:
        cosigned(site, note(40), TREE, 40, 0)
        with pytest.raises(WorldError, match="size 40"):
            cosigned(site, note(40, FORK), FORK, 40, 40)
    with witness(tmp_path / "other") as site:
        cosigned(site, note(39), TREE, 39, 0)
        fork = Tree([leaf(b"x"), *(leaf(bytes([n])) for n in range(1, 40))])
        with pytest.raises(EvidenceError, match="witness_forked"):
            cosigned(site, note(40, fork), fork, 40, 39)


def test_the_witness_of_the_settings_must_have_signed(tmp_path: Path) -> None:
    """Attack: somebody else answers at its address."""
    other = VerifierKey("w", Kind.COSIGNATURE, LOG.public).to_text()
    with witness(tmp_path) as site, pytest.raises(EvidenceError, match="witness_foreign"):
        cosigned(WitnessSite(url=site.url, key=other), note(3), TREE, 3, 0)


def test_a_witness_out_of_reach_is_the_worlds_fault() -> None:
    key = VerifierKey("w", Kind.COSIGNATURE, LOG.public).to_text()
    for url in ("http://127.0.0.1:1", "http://127.0.0.1:1/below"):
        with pytest.raises(WorldError, match="witness"):
            cosigned(WitnessSite(url=url, key=key), note(3), TREE, 3, 0)


def request(old: int, shown: Note, tree: Tree = TREE, size: int = 8) -> bytes:
    proof = [f"{line}\n" for line in map(base64_of, tree.consistency_proof(old, size))]
    return (f"old {old}\n{''.join(proof)}\n" + shown.to_text()).encode()


def base64_of(data: bytes) -> str:
    return base64.b64encode(data).decode()


STRANGER = Ed25519PrivateKey.from_private_bytes(bytes(32))
UNSIGNED = Note(point(8).to_text(), (sign(point(8).to_text(), LOG.name, STRANGER),))
JUDGED: dict[str, tuple[bytes, Checkpoint | None, Verdict]] = {
    "first": (request(0, note(8)), None, Verdict(200)),
    "grown": (request(3, note(8)), point(3), Verdict(200)),
    "the same again": (request(8, note(8)), point(8), Verdict(200)),
    "another log": (request(0, note(8, origin="liuhen/2")), None, Verdict(404)),
    "another key": (request(0, UNSIGNED), None, Verdict(403)),
    "smaller than before": (request(8, note(7)), point(8), Verdict(400)),
    "behind": (request(3, note(8)), point(5), Verdict(409, "5\n")),
    "unknown past": (request(3, note(8)), None, Verdict(409, "0\n")),
    "same size, other root": (
        request(8, note(8)),
        point(8, FORK.__class__([leaf(b"x")] * 8)),
        Verdict(409, "8\n"),
    ),
    "proof of another tree": (
        request(3, note(8), Tree([leaf(b"x")] * 8)),
        point(3),
        Verdict(422),
    ),
}


@pytest.mark.parametrize(("body", "known", "verdict"), JUDGED.values(), ids=JUDGED)
def test_a_checkpoint_is_judged_as_the_specification_says(
    body: bytes, known: Checkpoint | None, verdict: Verdict
) -> None:
    assert judge(read(body), [LOG], known) == verdict


NO_REQUESTS = {
    "nothing": b"",
    "no old size": request(0, note(8)).replace(b"old 0", b"new 0"),
    "leading zero": request(0, note(8)).replace(b"old 0", b"old 00"),
    "negative": request(0, note(8)).replace(b"old 0", b"old -1"),
    "no number": request(0, note(8)).replace(b"old 0", b"old x"),
    "short hash": request(0, note(8)).replace(b"old 0\n", b"old 0\nAAAA\n"),
    "not base64": request(0, note(8)).replace(b"old 0\n", b"old 0\n!\n"),
    "too long a proof": b"old 0\n" + b"AAAA\n" * 64 + b"\n" + note(8).to_text().encode(),
    "no note": b"old 0\n\n",
    "not UTF-8": b"\xff\n\n",
}


@pytest.mark.parametrize("body", NO_REQUESTS.values(), ids=NO_REQUESTS)
def test_what_is_no_request_is_refused(body: bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        read(body)


def test_one_witness_runs_on_a_folder(tmp_path: Path) -> None:
    with witness(tmp_path), pytest.raises(InputError, match="already_running"):
        WitnessFolder(tmp_path)


def test_what_is_kept_and_damaged_is_not_overwritten(tmp_path: Path) -> None:
    with witness(tmp_path) as site:
        cosigned(site, note(7), TREE, 7, 0)
        (kept,) = tmp_path.glob("*.checkpoint")
        kept.write_text("nothing")
        with pytest.raises(WorldError, match="500"):
            cosigned(site, note(8), TREE, 8, 7)


def test_an_installation_and_a_witness_of_two_processes(
    embedded: Installation, tmp_path: Path
) -> None:
    """The command, started as its user would, signs this log; set back, it does not."""
    with embedded.database.read() as session:
        log = log_key(session).to_text()
    liuhen = Path(sys.executable).with_name("liuhen")
    options = ["--folder", tmp_path / "w", "--name", "district", "--log", log, "--port", "0"]
    with subprocess.Popen(
        [liuhen, "witness", *map(str, options)],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "COLUMNS": "300"},
    ) as running:
        assert running.stdout is not None
        words = running.stdout.readline().split()
        url = next(word.strip("，,;") for word in words if word.startswith("http"))
        key = next(word for word in words if word.startswith("district+"))
        site = WitnessSite(url=url.split("，")[0], key=key)
        add(embedded, 3)
        row = checkpoint(embedded)
        leaves = [bytes.fromhex(entry.leaf_sha256) for entry in embedded.log()]
        tree = Tree(leaves)  # type: ignore[arg-type]
        assert cosigned(site, Note.from_text(row.note), tree, row.size, 0).line
        running.send_signal(signal.SIGTERM)
        assert running.wait(10) == 0


@pytest.mark.parametrize(
    ("name", "log", "code"),
    [
        ("w", "x", "witness_key"),
        ("w", VerifierKey("w", Kind.COSIGNATURE, LOG.public).to_text(), "witness_key"),
        ("w w", LOG.to_text(), "witness_name"),
    ],
)
def test_the_command_refuses_what_cannot_be(tmp_path: Path, name: str, log: str, code: str) -> None:
    with pytest.raises(InputError, match=code):
        command(tmp_path, name, [log])
