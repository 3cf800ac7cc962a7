"""The mark of the log on paper (检查点): a QR code of the signed checkpoint, and the fingerprint.

Paper that left the house says what the log was then: later nobody can show another past under the
same key, nor another key.
"""

import io
from dataclasses import dataclass

import segno

from service.documents.template import Code
from service.documents.wording import BLANK
from service.ledger.checkpoint import Checkpoint
from service.ledger.keys import Fingerprint, grouped
from service.ledger.note import Note

_SCALE = 4
"""Dots of the picture for a module of the code: sharp at 300 dpi and 35 mm."""


@dataclass(frozen=True, slots=True)
class CheckpointMark:
    """A signed checkpoint, and the fingerprint of the key that signed it."""

    note: str
    fingerprint: Fingerprint

    @property
    def text(self) -> str:
        """What people can read of it."""
        checkpoint = Checkpoint.from_text(Note.from_text(self.note).text)
        return f"{checkpoint.origin}　共 {checkpoint.size} 条　根 {checkpoint.root.hex()}"

    @property
    def code(self) -> Code:
        """The whole note as a QR code."""
        out = io.BytesIO()
        segno.make(self.note, error="m", micro=False, encoding="utf-8").save(
            out, kind="png", scale=_SCALE
        )
        return Code(out.getvalue())


def mark_words(mark: CheckpointMark | None) -> dict[str, object]:
    """What a template may use of it."""
    if mark is None:
        return {"text": None, "fingerprint": None, "code": BLANK}
    return {"text": mark.text, "fingerprint": grouped(mark.fingerprint), "code": mark.code}
