"""Who signs for a process: the signer, where one runs; else the process itself, under its lock."""

import base64
from pathlib import Path

from service.ledger.calls import NoSignerError, ask
from service.ledger.sealer import Sealer


class Seal:
    """What a writer waits for after its commit."""

    def __init__(self, run: Path, sealer: Sealer) -> None:
        self._run = run
        self._sealer = sealer

    def cover(self, seq: int) -> None:
        """Return once a signed checkpoint covers entry `seq`, which is committed.

        Raises:
            EvidenceError: the signer refuses; the entry stays unsigned.
            WorldError: nobody could sign; the next start does.
        """
        try:
            ask(self._run, f"cover {seq}")
        except NoSignerError:
            self._sealer.seal()

    def public_key(self) -> bytes:
        """The key that signs now, made if the log has none yet: 32 raw bytes.

        Raises:
            EvidenceError, WorldError: there is none, and none can be made.
        """
        try:
            return base64.b64decode(ask(self._run, "key"))
        except NoSignerError:
            return self._sealer.ensure_key().public

    def sign_bundle(self, seq: int, text: str) -> str:
        """The log's signature line under `text`, the seal of the bundle that entry `seq` names.

        Raises:
            EvidenceError: the entry does not name the manifest of the text.
            WorldError: nobody could sign.
        """
        raw = text.encode()
        try:
            return ask(self._run, f"seal {seq} {len(raw)}", raw) + "\n"
        except NoSignerError:
            return self._sealer.sign_bundle(seq, text)
