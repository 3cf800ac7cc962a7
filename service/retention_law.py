"""How long recording must be kept by law: a dated catalogue, of which the longest rule wins.

The catalogue is `service/data/retention.toml`. Settings may ask for more, never for less.
"""

import tomllib
from dataclasses import dataclass
from datetime import date
from functools import cache
from importlib import resources
from typing import Annotated, Literal

from pydantic import ConfigDict, Field, TypeAdapter, ValidationError

from service.law import LawInvalid

# A misspelt key would silently turn a confirmed entry into an unconfirmed one, or worse.
_STRICT = ConfigDict(extra="forbid")


@dataclass(frozen=True, slots=True, kw_only=True)
class KeepRule:
    """One rule of law that recording must be kept.

    Attributes:
        least_days: days for which no recording may be destroyed by choice.
        valid_from, valid_to: first and last day in force; None for without end.
        confirmed_by: the 法制员 who said that it applies here, and when.
        mark: how the entry is known: `V` is that the text itself was read at `source`.
    """

    __pydantic_config__ = _STRICT

    id: str
    act: str
    article: str
    text: str
    least_days: Annotated[int, Field(ge=1)]
    valid_from: date
    valid_to: date | None = None
    source: str
    confirmed_by: str | None = None
    mark: Literal["V"]

    def in_force(self, on: date) -> bool:
        """Whether it applied on that day (Asia/Shanghai)."""
        return self.valid_from <= on and (self.valid_to is None or on <= self.valid_to)

    @property
    def cited(self) -> str:
        """The rule in a destruction record; one that nobody confirmed says so."""
        told = f"{self.act}{self.article}"
        return told if self.confirmed_by else f"{told}〔待法制员确认〕"


@dataclass(frozen=True, slots=True)
class KeepRules:
    """Every rule of a catalogue file."""

    __pydantic_config__ = _STRICT

    rule: tuple[KeepRule, ...]

    def longest(self, on: date) -> KeepRule | None:
        """The rule in force on that day that asks for the most days; None when none is."""
        fitting = [rule for rule in self.rule if rule.in_force(on)]
        return max(fitting, key=lambda rule: rule.least_days, default=None)


_RULES = TypeAdapter(KeepRules)


@cache
def load_rules() -> KeepRules:
    """The catalogue that ships with the program.

    Raises:
        LawInvalid: it is broken.
    """
    file = resources.files("service") / "data" / "retention.toml"
    return parse_rules(file.read_text(encoding="utf-8"))


def parse_rules(text: str) -> KeepRules:
    """The catalogue in a TOML text.

    Raises:
        LawInvalid: no TOML; a missing, unknown or impossible value; a mark other than V.
    """
    try:
        return _RULES.validate_python(tomllib.loads(text))
    except (tomllib.TOMLDecodeError, ValidationError) as error:
        raise LawInvalid("law_catalogue", detail=str(error)) from error
