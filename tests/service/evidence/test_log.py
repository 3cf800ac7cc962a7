"""The log: whatever is changed in it afterwards is found."""

import hashlib
import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlmodel import text

from ingest.files import sha256_bytes
from service.evidence.log import MACHINE, Action, append
from service.ledger.entry import canonical, leaf_hash
from service.tables import LogEntry
from tests.service.installation import Fault, Installation, add_entries, faults
from vision.frame import Instant

GOLDEN = LogEntry(
    seq=3,
    at_us=1_780_000_000_000_000,
    actor="zhang",
    action="viewed",
    subject="事件-1",
    body=None,
    body_sha256="e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    leaf_sha256="",
)
GOLDEN_LEAF = (
    '{"action":"viewed","actor":"zhang","at_us":1780000000000000,"body_sha256":'
    '"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",'
    '"seq":3,"subject":"事件-1"}'
)


def test_a_leaf_is_hashed_as_rfc_6962_says() -> None:
    assert leaf_hash(GOLDEN) == hashlib.sha256(b"\0" + GOLDEN_LEAF.encode()).digest()
    # Frozen: a program of another day or hand must come to the same.
    assert (
        leaf_hash(GOLDEN).hex()
        == "110119453f2743a267849b3c794e956690a5ef3628809a5e56c46b542f4e2741"
    )


SPELLINGS = {
    "keys in order": ({"b": 1, "a": 2}, '{"a":2,"b":1}'),
    "no escapes for Chinese": ({"地点": "和平路"}, '{"地点":"和平路"}'),
    "quotes and control characters": ({"a": '"\\\n\x01'}, '{"a":"\\"\\\\\\n\\u0001"}'),
    "lists keep their order": ({"a": ["z", "b"]}, '{"a":["z","b"]}'),
    "negative integer": ({"a": -1}, '{"a":-1}'),
}


@pytest.mark.parametrize(("value", "spelling"), SPELLINGS.values(), ids=SPELLINGS)
def test_canonical_json_has_one_spelling(value: dict[str, object], spelling: str) -> None:
    assert canonical(value).decode() == spelling


@given(st.dictionaries(st.text(), st.integers() | st.text() | st.lists(st.text())))
def test_canonical_json_keeps_the_value_and_forgets_the_order(value: dict[str, Any]) -> None:
    assert json.loads(canonical(value)) == value
    assert canonical(dict(reversed(value.items()))) == canonical(value)


def test_equal_bodies_have_different_hashes(installation: Installation) -> None:
    for _ in range(2):
        with installation.database.write() as session:
            append(
                session,
                installation.clock,
                actor=MACHINE,
                action=Action.REVIEWED,
                subject="event",
                body={"decision": "confirmed"},
            )
    first, second = installation.log(Action.REVIEWED)
    assert first.body_sha256 != second.body_sha256, "a short body must not be guessable"


def test_entries_are_numbered_from_zero_without_a_hole(installation: Installation) -> None:
    written(installation, 3)
    entries = written(installation, 2)
    assert [entry.seq for entry in entries] == [0, 1, 2, 3, 4, 5]
    assert faults(entries) == []


def written(installation: Installation, number: int) -> list[LogEntry]:
    """The log with `number` entries more."""
    with installation.database.write() as session:
        add_entries(session, installation, number)
    return installation.log()


def change(n: int, field: str, value: Any) -> Callable[[list[LogEntry]], list[LogEntry]]:
    """An edit of one field of entry `n`."""

    def apply(entries: list[LogEntry]) -> list[LogEntry]:
        setattr(entries[n], field, value)
        return entries

    return apply


def rehash_body(entries: list[LogEntry]) -> list[LogEntry]:
    """A body and its hash replaced together."""
    entries[2].body = "{}"
    entries[2].body_sha256 = sha256_bytes(b"{}")
    return entries


TAMPERINGS = {
    "nothing": (lambda e: e, []),
    "body changed": (change(2, "body", "{}"), [Fault(2, "body")]),
    "body emptied": (change(2, "body", ""), [Fault(2, "body")]),
    "body erased for privacy": (change(2, "body", None), []),
    "body and its hash changed": (rehash_body, [Fault(2, "leaf")]),
    "hash of the body changed": (
        change(1, "body_sha256", "0" * 64),
        [Fault(1, "body"), Fault(1, "leaf")],
    ),
    "actor changed": (change(0, "actor", "wang"), [Fault(0, "leaf")]),
    "action changed": (change(0, "action", "linked"), [Fault(0, "leaf")]),
    "subject changed": (change(0, "subject", "event-9"), [Fault(0, "leaf")]),
    "back-dated": (change(3, "at_us", Instant(0)), [Fault(3, "leaf")]),
    "leaf changed": (change(4, "leaf_sha256", "f" * 64), [Fault(4, "leaf")]),
    "first removed": (lambda e: e[1:], [Fault(0, "missing")]),
    "one in the middle removed": (lambda e: [*e[:2], *e[3:]], [Fault(2, "missing")]),
    "order swapped": (lambda e: [e[1], e[0], *e[2:]], [Fault(0, "missing")]),
    "one doubled": (lambda e: [*e[:2], *e[1:]], [Fault(2, "missing")]),
    "one renumbered": (change(4, "seq", 7), [Fault(4, "missing")]),
}


@pytest.mark.parametrize(("tamper", "found"), TAMPERINGS.values(), ids=TAMPERINGS)
def test_tampering_is_found(
    embedded: Installation,
    tamper: Callable[[list[LogEntry]], list[LogEntry]],
    found: list[Fault],
) -> None:
    assert faults(tamper(written(embedded, 4))) == found


FIELDS = ("seq", "at_us", "actor", "action", "subject", "body", "body_sha256", "leaf_sha256")


@given(data=st.data())
def test_any_edit_of_one_character_is_found(data: st.DataObject) -> None:
    body = canonical({"decision": "confirmed", "note": "看清楚了", "salt": "5" * 32})
    entry = LogEntry(
        seq=0,
        at_us=1_780_000_000_000_000,
        actor="zhang",
        action="reviewed",
        subject="event-1",
        body=body.decode(),
        body_sha256=sha256_bytes(body),
        leaf_sha256="",
    )
    entry.leaf_sha256 = leaf_hash(entry).hex()
    assert faults([entry]) == []
    field = data.draw(st.sampled_from(FIELDS))
    old = getattr(entry, field)
    written = str(old)
    place = data.draw(st.integers(0, len(written) - 1))
    letters = (
        st.characters(codec="utf-8") if isinstance(old, str) else st.sampled_from("0123456789")
    )
    letter = data.draw(letters.filter(lambda c: c != written[place]))
    edited = written[:place] + letter + written[place + 1 :]
    setattr(entry, field, type(old)(edited))
    assert faults([entry]) != []


def test_a_log_with_a_hole_still_takes_entries(installation: Installation) -> None:
    """A tampered log is reported; it does not stop the recording of what happens next."""
    written(installation, 4)
    with installation.database.write() as session:
        session.connection().execute(text("DELETE FROM log WHERE seq = 1"))
    entries = written(installation, 1)
    assert [entry.seq for entry in entries] == [0, 2, 3, 4, 5]
    assert faults(entries) == [Fault(1, "missing")]
