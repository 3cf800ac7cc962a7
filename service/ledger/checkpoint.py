"""A checkpoint: how large the log is and the root of its tree, as C2SP tlog-checkpoint writes it.

Text and values only; who signs and who keeps is for others.
"""

import base64
import binascii
import re
from dataclasses import dataclass

from service.ledger.merkle import Hash

_SIZE = re.compile(r"0|[1-9][0-9]{0,18}")
_HASH_SIZE = 32


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """What is signed of the log at one moment.

    Attributes:
        origin: which log, `liuhen/<installation>`.
        size: entries it covers, from the first one.
        root: root of the tree over them.
    """

    origin: str
    size: int
    root: Hash

    def to_text(self) -> str:
        """The three lines that are signed."""
        return f"{self.origin}\n{self.size}\n{base64.b64encode(self.root).decode()}\n"

    @classmethod
    def from_text(cls, text: str) -> "Checkpoint":
        """The checkpoint of a note's text; lines of extensions after the third are left alone.

        Raises:
            ValueError: it is none.
        """
        lines = text.split("\n")
        if len(lines) < 4 or not lines[0] or not _SIZE.fullmatch(lines[1]):
            raise ValueError("not a checkpoint")
        try:
            root = base64.b64decode(lines[2], validate=True)
        except binascii.Error as error:
            raise ValueError("not a checkpoint") from error
        if len(root) != _HASH_SIZE:
            raise ValueError("not a checkpoint")
        return cls(lines[0], int(lines[1]), Hash(root))


def origin_of(installation: str) -> str:
    """The name under which an installation's log signs."""
    return f"liuhen/{installation}"
