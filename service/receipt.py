"""One part of an upload as it arrives: bytes first, then the offset, then the client is told."""

import base64
import binascii
import hashlib
import re
from dataclasses import dataclass
from typing import Self

from ingest.clock import Clock
from ingest.part import Part
from service.database import Database
from service.errors import InputError
from service.settings import Settings
from service.tables import Transfer
from service.transfers import State, Uploader, advance, check_room, find, part_path

CHECKPOINT_BYTES = 16 << 20
"""Between two acknowledgements inside a part: what a kill may cost, against two fsyncs each."""
ALGORITHMS = ("sha256", "sha1")
"""Of parts (tus checksum extension); sha1 is the one that every server must know."""
_SPELLING = re.compile(r"(\S+) (\S+)")


@dataclass(frozen=True, slots=True)
class Checksum:
    """What a part's bytes must hash to."""

    algorithm: str
    digest: bytes


def read_checksum(header: str | None) -> Checksum | None:
    """The header `Upload-Checksum`; None when there is none.

    Raises:
        InputError: it is no checksum, or of a kind that is not offered.
    """
    if header is None:
        return None
    found = _SPELLING.fullmatch(header.strip())
    if found is None or found[1] not in ALGORITHMS:
        raise InputError("bad_request", detail="Upload-Checksum")
    try:
        digest = base64.b64decode(found[2], validate=True)
    except binascii.Error as error:
        raise InputError("bad_request", detail="Upload-Checksum") from error
    return Checksum(found[1], digest)


@dataclass(frozen=True, slots=True)
class Offered:
    """A part that a client wants to send: `size` is None when it does not say how long it is."""

    offset: int
    size: int | None
    checksum: Checksum | None


class Receipt:
    """The bytes of one part, for the time of one request.

    Bytes whose checksum or length is judged at the end are acknowledged there or not at all; others
    every `CHECKPOINT_BYTES`.
    """

    def __init__(
        self,
        database: Database,
        clock: Clock,
        settings: Settings,
        transfer: Transfer,
        part: Part,
        offered: Offered,
    ) -> None:
        self._database = database
        self._clock = clock
        self._settings = settings
        self._id = transfer.id
        self._part = part
        self._length = transfer.length
        self._committed = self._end = transfer.offset
        self._in_doubt = False
        self._in_steps = offered.checksum is None and offered.size is not None
        self._checksum = offered.checksum
        self._running = (
            hashlib.new(offered.checksum.algorithm, usedforsecurity=False)
            if offered.checksum
            else None
        )

    @classmethod
    def open(
        cls,
        database: Database,
        clock: Clock,
        settings: Settings,
        uploader: Uploader,
        transfer_id: str,
        offered: Offered,
    ) -> Self:
        """Become the only writer of a transfer's part file, cut to what was acknowledged.

        Raises:
            InputError: no such transfer, not its offset, or longer than what is missing.
            PartBusy: another client writes it.
            WorldError: the disk has no room for the rest.
        """
        with database.read() as session:
            find(session, uploader, transfer_id)
        part = Part(part_path(settings, transfer_id))
        try:
            # Under the lock: whoever wrote before us has told the row how far it came.
            with database.read() as session:
                transfer = find(session, uploader, transfer_id)
            _check_arriving(transfer)
            check_offer(transfer, offered)
            check_room(settings, transfer.file_name, transfer.length - transfer.offset)
            part.resume(transfer.offset)
        except BaseException:
            part.close()
            raise
        return cls(database, clock, settings, transfer, part, offered)

    def write(self, data: bytes) -> None:
        """Keep a block.

        Raises:
            InputError: more came than the file has; nothing of this part is kept that was not
                acknowledged.
            DiskFull: it does not fit.
        """
        if self._end + len(data) > self._length:
            raise InputError("transfer_overrun")
        if self._running is not None:
            self._running.update(data)
        self._part.write(data)
        self._end += len(data)
        if self._in_steps and self._end - self._committed >= CHECKPOINT_BYTES:
            self._commit()

    def finish(self) -> int:
        """Acknowledge the whole part; the new offset.

        Raises:
            InputError: its checksum is another; nothing of it is kept.
        """
        wanted = self._checksum.digest if self._checksum else None
        if self._running is not None and self._running.digest() != wanted:
            raise InputError("checksum_differs")
        self._commit()
        return self._committed

    def interrupted(self) -> None:
        """The client is gone: what came of the part counts, if that can be judged without it."""
        if self._in_steps:
            self._commit()

    def _commit(self) -> None:
        if self._end == self._committed:
            return
        self._part.sync()
        self._in_doubt = True
        with self._database.write() as session:
            advance(session, self._clock, self._settings, self._id, self._end)
        self._committed, self._in_doubt = self._end, False

    def close(self) -> None:
        """Take away what was not acknowledged, and let others write."""
        try:
            # A commit that failed may have been made all the same: the row decides next time.
            if not self._in_doubt:
                self._part.resume(self._committed)
        finally:
            self._part.close()


def _check_arriving(transfer: Transfer) -> None:
    """See that a transfer was not finished since the last look: its file may be an object by now.

    Raises:
        InputError: it was.
    """
    if transfer.state != State.ARRIVING.value:
        raise InputError("wrong_offset")


def check_offer(transfer: Transfer, offered: Offered) -> None:
    """See that a part begins where the transfer stands and does not go beyond its end.

    Raises:
        InputError: it does not.
    """
    if offered.offset != transfer.offset:
        raise InputError("wrong_offset")
    if transfer.offset + (offered.size or 0) > transfer.length:
        raise InputError("transfer_overrun")
