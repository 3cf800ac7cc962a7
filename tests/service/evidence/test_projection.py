"""Rows replayed from the log, against rows that somebody changed."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.errors import WorldError
from service.evidence.projection import Difference, Projection

Row = tuple[str, str]
KEYS = st.tuples(st.sampled_from(["cases", "reviews"]), st.sampled_from(["1", "2", "17"]))
VALUES = st.dictionaries(
    st.sampled_from(["name", "fine", "box"]),
    st.none() | st.integers(-5, 5) | st.text(max_size=3) | st.lists(st.floats(0, 1), max_size=2),
)
CHANGES = st.lists(st.tuples(KEYS, st.none() | VALUES), max_size=20)


def text(row: Row, values: dict[str, Any] | None) -> str:
    return json.dumps([*row, values])


def replayed(changes: list[tuple[Row, dict[str, Any] | None]]) -> dict[Row, dict[str, Any]]:
    """What the rows are, by the plainest means."""
    rows: dict[Row, dict[str, Any]] = {}
    for row, values in changes:
        if values is None:
            rows.pop(row, None)
        else:
            rows[row] = {**rows.get(row, {}), **values}
    return rows


@given(CHANGES)
def test_what_the_log_tells_is_found_as_told(
    changes: list[tuple[Row, dict[str, Any] | None]],
) -> None:
    """No false alarm: rows that are as every change left them differ in nothing."""
    with Projection() as told:
        for row, values in changes:
            told.tell(text(row, values))
        rows = replayed(changes)
        assert [d for row, found in rows.items() for d in told.compare(*row, found, {})] == []
        assert list(told.unseen()) == []


@given(CHANGES, st.data())
def test_every_tampered_column_is_named(
    changes: list[tuple[Row, dict[str, Any] | None]], data: st.DataObject
) -> None:
    """One column of one row changed behind the log's back: that one is named, and no other."""
    rows = {row: values for row, values in replayed(changes).items() if values}
    if not rows:
        return
    row = data.draw(st.sampled_from(sorted(rows)))
    column = data.draw(st.sampled_from(sorted(rows[row])))
    rows[row] = {**rows[row], column: "tampered"}
    with Projection() as told:
        for change in changes:
            told.tell(text(*change))
        found = [d for each, values in rows.items() for d in told.compare(*each, values, {})]
    assert found == [Difference(*row, column, "changed")]


ROW = ("cases", "17")


@pytest.mark.parametrize(
    ("changes", "found", "said"),
    [
        ([], {"fine": 200}, "row cases/17: unlogged"),
        ([{"fine": 200}, None], {"fine": 200}, "row cases/17: unlogged"),
        ([{"fine": 200}], None, "row cases/17: missing"),
        ([{"fine": 200}, {"fine": 500}], {"fine": 200}, "row cases/17 fine: changed"),
        ([{"fine": 200}], {"fine": 200, "party": "x"}, "row cases/17 party: changed"),
        ([{"fine": 200}], {"fine": 200, "later": 0}, None),
        ([{"fine": 200}, None], None, None),
    ],
)
def test_what_is_said_of_a_row(
    changes: list[dict[str, Any] | None], found: dict[str, Any] | None, said: str | None
) -> None:
    """A row added, removed, rolled back to an older value; and a column of a later version."""
    with Projection() as told:
        for values in changes:
            told.tell(text(ROW, values))
        differences = list(told.compare(*ROW, found, {"later": 0})) if found is not None else []
        differences += told.unseen()
    assert [each.to_text() for each in differences] == ([said] if said else [])


@pytest.mark.parametrize("bad", ['["cases"]', '["cases", 1, {}]', '["cases", "1", []]', "{}", "x"])
def test_what_is_no_row_is_refused(bad: str) -> None:
    """An entry's body that was forged in its form is not taken for a row."""
    with Projection() as told, pytest.raises(ValueError, match="not the text of a row"):
        told.tell(bad)


def test_a_full_disk_is_the_worlds_fault() -> None:
    """The rows of years need room in the folder for temporary files."""
    with pytest.raises(WorldError, match="database"), Projection() as told:
        told._rows.execute("PRAGMA max_page_count = 4")
        for n in range(1000):
            told.tell(text(("events", str(n)), {"score": "x" * 500}))
