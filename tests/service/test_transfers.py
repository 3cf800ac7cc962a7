"""Transfers as rows, on every engine: offsets grow, sums of promises are right, old ones go."""

import pytest

from service.arrivals import Channel
from service.errors import InputError
from service.tables import Transfer
from service.transfers import (
    State,
    Uploader,
    Wanted,
    advance,
    begin,
    find,
    part_path,
    received,
    sweep,
)
from tests.service.installation import Installation

LI = Uploader(Channel.PAGE, "li")
DOCK = Uploader(Channel.STATION, "li")


def test_from_the_first_byte_to_the_last(installation: Installation) -> None:
    """U1, U6: the last offset makes it received in the same transaction; others' are not found."""
    made = installation
    with made.database.write() as session:
        row = begin(session, made.clock, made.settings, LI, Wanted(10, {"filename": "a.mp4"}))
    with made.database.read() as session:
        assert find(session, LI, row.id).offset == 0
        for stranger in (DOCK, Uploader(Channel.PAGE, "wang")):
            with pytest.raises(InputError, match="no_transfer"):
                find(session, stranger, row.id)
        assert received(session) == []
    for offset in (4, 10):
        with made.database.write() as session:
            advance(session, made.clock, made.settings, row.id, offset)
    with made.database.read() as session:
        assert [(each.id, each.state) for each in received(session)] == [
            (row.id, State.RECEIVED.value)
        ]


def test_promises_are_summed(installation: Installation) -> None:
    """A large sum is a number on every engine."""
    made = installation
    settings = made.settings.model_copy(update={"upload_quota_bytes": 100})
    for _ in range(3):
        with made.database.write() as session:
            begin(session, made.clock, settings, LI, Wanted(30, {}))
    with pytest.raises(InputError, match="upload_quota"), made.database.write() as session:
        begin(session, made.clock, settings, LI, Wanted(11, {}))
    with made.database.write() as session:
        begin(session, made.clock, settings, DOCK, Wanted(100, {}))


def test_old_ones_go_with_their_bytes(installation: Installation) -> None:
    made = installation
    with made.database.write() as session:
        old = begin(session, made.clock, made.settings, LI, Wanted(10, {}))
        kept = begin(session, made.clock, made.settings, LI, Wanted(0, {}))
    for row in (old, kept):
        part_path(made.settings, row.id).touch()
    made.clock.sleep(7.1 * 86_400)
    sweep(made.database, made.clock, made.settings)
    assert [row.id for row in made.rows(Transfer)] == [kept.id]
    assert [path.stem for path in made.settings.parts.iterdir()] == [kept.id]
