"""The witness (见证方): co-signs checkpoints of logs that only ever grew (C2SP tlog-witness).

It runs on another machine and needs nothing but a folder: its key, and the latest checkpoint of
each log that it signed, which is on the disk before the answer leaves.
"""

import base64
import binascii
import hashlib
import io
import logging
import os
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from ingest.clock import Clock
from ingest.files import fsync_directory, write_temporary
from ingest.lock import Lock
from service.errors import EvidenceError, InputError, WorldError
from service.ledger.checkpoint import Checkpoint
from service.ledger.keys import LogKey, create_key, load_key
from service.ledger.merkle import EMPTY, Hash, verify_consistency
from service.ledger.note import Kind, Note, VerifierKey, cosign, holds
from vision.frame import SECOND

MOST_PROOF = 63
"""Lines of a proof: no tree is higher (tlog-witness, add-checkpoint)."""
_LARGEST = 1 << 16
"""Bytes of a request: a proof and a note have under ten thousand."""
_PATIENCE_S = 20
"""Longest wait for a request that was begun."""

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Shown:
    """A checkpoint that a log shows, with the proof that it continues one of `old` entries."""

    old: int
    proof: tuple[Hash, ...]
    note: Note
    checkpoint: Checkpoint


@dataclass(frozen=True, slots=True)
class Verdict:
    """What is answered; 200 alone means that the checkpoint is signed."""

    status: int
    text: str = ""


SIGNED = Verdict(200)


def read(body: bytes) -> Shown:
    """A request.

    Raises:
        ValueError: it is none.
    """
    head, gap, whole = body.decode().partition("\n\n")
    first, *proof = head.split("\n")
    word, _, old = first.partition(" ")
    if not gap or word != "old" or len(proof) > MOST_PROOF or str(int(old)) != old or int(old) < 0:
        raise ValueError("not a request")
    try:
        hashes = tuple(Hash(base64.b64decode(line, validate=True)) for line in proof)
    except binascii.Error as error:
        raise ValueError("not a request") from error
    if any(len(each) != len(EMPTY) for each in hashes):
        raise ValueError("not a request")
    note = Note.from_text(whole)
    return Shown(int(old), hashes, note, Checkpoint.from_text(note.text))


def judge(shown: Shown, keys: Sequence[VerifierKey], known: Checkpoint | None) -> Verdict:
    """Whether a checkpoint continues the `known` one of its log, in the specification's words."""
    new, size = shown.checkpoint, known.size if known is not None else 0
    trusted = [key for key in keys if key.name == new.origin]
    if not trusted:
        return Verdict(404)
    if not any(holds(shown.note.text, shown.note.signatures, key) for key in trusted):
        return Verdict(403)
    if shown.old > new.size:
        return Verdict(400)
    if shown.old != size or (known is not None and size == new.size and known.root != new.root):
        return Verdict(409, f"{size}\n")
    before = known.root if known is not None else EMPTY
    if not verify_consistency(size, new.size, shown.proof, before, new.root):
        return Verdict(422)
    return SIGNED


class WitnessFolder:
    """What a witness keeps: its key and the latest checkpoints.

    Raises:
        InputError: a witness runs on this folder already.
        WorldError: it cannot be used.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self._lock = Lock(folder / "lock")
            if not (folder / "witness.key").exists():
                create_key(folder / "witness.key")
        except OSError as error:
            detail = os.strerror(error.errno or 0)
            raise WorldError("witness_state", path=str(folder), detail=detail) from error
        if not self._lock.take():
            self.close()
            raise InputError("already_running", path=str(folder))
        self.key: LogKey = load_key(folder / "witness.key")

    def close(self) -> None:
        """Let another witness run on it."""
        self._lock.__exit__(None, None, None)

    def known(self, origin: str) -> Checkpoint | None:
        """The latest checkpoint of a log; None of one that is new.

        Raises:
            EvidenceError: what is kept is none: nothing is signed before a person has looked.
        """
        try:
            text = self._path(origin).read_text(encoding="utf-8")
            return Checkpoint.from_text(text)
        except FileNotFoundError:
            return None
        except ValueError as error:
            raise EvidenceError("log_unremembered", path=str(self._path(origin))) from error

    def keep(self, checkpoint: Checkpoint) -> None:
        """Keep a log's latest checkpoint, durably."""
        text = io.BytesIO(checkpoint.to_text().encode())
        temporary, _, _ = write_temporary(self._folder, text)
        temporary.replace(self._path(checkpoint.origin))
        fsync_directory(self._folder)

    def _path(self, origin: str) -> Path:
        return self._folder / f"{hashlib.sha256(origin.encode()).hexdigest()}.checkpoint"


class WitnessServer(ThreadingHTTPServer):
    """Answers `POST /add-checkpoint` at `address`."""

    daemon_threads = True

    def __init__(
        self,
        address: tuple[str, int],
        folder: WitnessFolder,
        name: str,
        logs: Sequence[VerifierKey],
        clock: Clock,
    ) -> None:
        super().__init__(address, _Handler)
        self._folder = folder
        self._name = name
        self._logs = logs
        self._clock = clock
        self._one = threading.Lock()

    def server_close(self) -> None:
        """Stop listening, and give the folder back."""
        super().server_close()
        self._folder.close()

    @property
    def key(self) -> VerifierKey:
        """What its cosignatures are checked with."""
        return VerifierKey(self._name, Kind.COSIGNATURE, self._folder.key.public)

    def add(self, body: bytes) -> Verdict:
        """Judge a request; if all is well, keep the checkpoint and sign it."""
        try:
            shown = read(body)
        except ValueError:
            return Verdict(400)
        # Compared and kept by one at a time, or a slow one could take the log back.
        with self._one:
            origin = shown.checkpoint.origin
            verdict = judge(shown, self._logs, self._folder.known(origin))
            if verdict is SIGNED:
                self._folder.keep(shown.checkpoint)
        if verdict is not SIGNED:
            log.warning("%s %d: %d", origin, shown.checkpoint.size, verdict.status)
            return verdict
        seconds = self._clock.now() // SECOND
        line = cosign(shown.note.text, self._name, self._folder.key.private, seconds)
        return Verdict(200, line.to_line())


class _Handler(BaseHTTPRequestHandler):
    server: WitnessServer
    timeout = _PATIENCE_S
    protocol_version = "HTTP/1.1"
    server_version = "liuhen-witness"

    def do_POST(self) -> None:
        """Answer a request of tlog-witness."""
        length = self.headers.get("Content-Length", "")
        if self.path != "/add-checkpoint" or not length.isdecimal() or int(length) > _LARGEST:
            self.close_connection = True
            self._say(Verdict(404 if self.path != "/add-checkpoint" else 413))
            return
        try:
            self._say(self.server.add(self.rfile.read(int(length))))
        except Exception:
            log.exception("a request failed")
            self._say(Verdict(500))

    def _say(self, verdict: Verdict) -> None:
        kind = "text/x.tlog.size" if verdict.status == 409 else "text/plain; charset=utf-8"
        data = verdict.text.encode()
        self.send_response(verdict.status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing: what is refused is logged where it is judged."""
