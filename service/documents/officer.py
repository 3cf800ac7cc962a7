"""A person who signs for the authority, as documents name him."""

from collections.abc import Sequence
from dataclasses import dataclass

from service.documents.wording import BLANK


@dataclass(frozen=True, slots=True)
class Officer:
    """A name and the number of the 行政执法证 (行政处罚法 42: two of them, both qualified)."""

    name: str
    badge_no: str | None = None


def officers(people: Sequence[Officer], *, at_least: int = 2) -> str:
    """`张三（执法证号 …）、李四（…）`; a blank for each that the law wants and nobody has named."""
    named = [f"{each.name}（执法证号 {each.badge_no or BLANK}）" for each in people]
    missing = [f"{BLANK}（执法证号 {BLANK}）"] * (at_least - len(named))
    return "、".join(named + missing)
