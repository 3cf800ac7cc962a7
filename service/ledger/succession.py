"""Which keys signed the log, one after the other: the log itself names them."""

import base64
import json
from dataclasses import dataclass

from sqlmodel import Session, col, select

from service.ledger.entry import KEY_ROTATED, LOG_ACCEPTED, LOG_BEGUN, Body
from service.ledger.keys import Fingerprint, fingerprint
from service.tables import LogEntry

NAMING = frozenset({LOG_BEGUN, KEY_ROTATED, LOG_ACCEPTED})
"""Actions of entries that name a key. An accepted log names the one that signs it: it may be from
before that was made."""


@dataclass(frozen=True, slots=True)
class NamedKey:
    """A key that the log names.

    Attributes:
        public: 32 raw bytes.
        since_us: when it was named.
        until_us: when the next one was; None for the one that signs now.
    """

    public: bytes
    since_us: int
    until_us: int | None

    @property
    def fingerprint(self) -> Fingerprint:
        """What people compare."""
        return fingerprint(self.public)


def naming(public: bytes) -> Body:
    """How an entry names a key."""
    text = base64.b64encode(public).decode()
    return {"fingerprint": fingerprint(public), "public_key": text}


def named_key(body: str | None) -> bytes:
    """The key that the body of such an entry names; empty when it names none."""
    try:
        return base64.b64decode(json.loads(body or "{}")["public_key"])
    except (ValueError, KeyError, TypeError):
        return b""


def keys_of(session: Session) -> list[NamedKey]:
    """Every key that the log names, the first one first; one that is named again goes on."""
    rows = session.exec(
        select(LogEntry.at_us, LogEntry.body)
        .where(col(LogEntry.action).in_(NAMING))
        .order_by(col(LogEntry.seq))
    )
    named = [(at_us, public) for at_us, body in rows if (public := named_key(body))]
    changes = [each for n, each in enumerate(named) if n == 0 or each[1] != named[n - 1][1]]
    ends = [at_us for at_us, _ in changes[1:]]
    return (
        [
            NamedKey(public, since, until)
            for (since, public), until in zip(changes, [*ends, None], strict=True)
        ]
        if changes
        else []
    )
