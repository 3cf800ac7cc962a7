"""Long lists in pages of twenty."""

from dataclasses import dataclass
from typing import Annotated

from fastapi import Query

PAGE_ROWS = 20
"""Rows of a page: two screens of an old office monitor."""

PageNumber = Annotated[int, Query(ge=1, le=1_000_000)]


@dataclass(frozen=True, slots=True)
class Paging:
    """Where in a list of `total` rows page `wanted` (from 1) stands; past the end is the end."""

    total: int
    wanted: int

    @property
    def last(self) -> int:
        """Number of the last page; an empty list has one page."""
        return max(1, -(-self.total // PAGE_ROWS))

    @property
    def number(self) -> int:
        """Number of this page."""
        return min(self.wanted, self.last)

    @property
    def rows(self) -> slice:
        """Which rows of the list stand on this page."""
        first = (self.number - 1) * PAGE_ROWS
        return slice(first, first + PAGE_ROWS)
