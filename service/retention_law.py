"""How long what is kept must be kept: a dated catalogue, of which the longest rule wins.

The catalogue is `service/data/retention.toml`. Settings may ask for more, never for less.
"""

import tomllib
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from functools import cache
from importlib import resources
from typing import Annotated, Literal

from pydantic import ConfigDict, Field, TypeAdapter, ValidationError

from service.law import LawInvalid

# A misspelt key would silently turn a confirmed entry into an unconfirmed one, or worse.
_STRICT = ConfigDict(extra="forbid")


class Scope(StrEnum):
    """What a rule is about; the catalogue file says more of each."""

    RING = "ring"
    UPLOAD = "upload"
    CONFIRMED = "confirmed"
    FILE_ORDINARY = "file_ordinary"
    FILE_SUMMARY = "file_summary"
    UNACTIONED = "unactioned"
    ACCESS_LOG = "access_log"


_DOUBT = {
    "V": "",
    "V-sec": "〔据转引，原文待核〕",
    "A": "〔期限系本系统按该条推定〕",
}
"""What is said of a rule beside its name, by its mark."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KeepRule:
    """One rule that something must be kept.

    Attributes:
        least_days: days for which nothing of its scope may be destroyed by choice.
        valid_from, valid_to: first and last day in force; None for without end.
        confirmed_by: the 法制员 who said that it applies here, and when.
        mark: how the entry is known. `V`: the text itself was read at `source`; `V-sec`: somebody
            else reports it; `A`: our conclusion from the named act; `U`: not verified.
    """

    __pydantic_config__ = _STRICT

    id: str
    scope: Scope
    act: str
    article: str
    text: str
    least_days: Annotated[int, Field(ge=1)]
    valid_from: date
    valid_to: date | None = None
    source: str
    confirmed_by: str | None = None
    mark: Literal["V", "V-sec", "A", "U"]

    def in_force(self, on: date) -> bool:
        """Whether it applied on that day (Asia/Shanghai)."""
        return self.valid_from <= on and (self.valid_to is None or on <= self.valid_to)

    @property
    def cited(self) -> str:
        """The rule in a record; one that nobody confirmed says so, and hearsay is no act."""
        if self.mark == "U":
            return "本单位设定的期限〔依据未核实〕"
        told = f"{self.act}{self.article}{_DOUBT[self.mark]}"
        return told if self.confirmed_by else f"{told}〔待法制员确认〕"


@dataclass(frozen=True, slots=True)
class KeepRules:
    """Every rule of a catalogue file."""

    __pydantic_config__ = _STRICT

    rule: tuple[KeepRule, ...]

    def longest(self, on: date, scope: Scope = Scope.RING) -> KeepRule | None:
        """The rule in force on that day that asks for the most days; None when none is."""
        fitting = [rule for rule in self.rule if rule.scope is scope and rule.in_force(on)]
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
        LawInvalid: no TOML; a missing, unknown or impossible value; an unknown scope or mark.
    """
    try:
        return _RULES.validate_python(tomllib.loads(text))
    except (tomllib.TOMLDecodeError, ValidationError) as error:
        raise LawInvalid("law_catalogue", detail=str(error)) from error
