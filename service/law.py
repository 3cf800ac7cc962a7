"""The dated catalogue of law that documents quote: what was in force on the day of the act.

The catalogue is `service/data/law.toml`. It never chooses: it lists every candidate, an officer
chooses, and what the brigade's 法制员 has not confirmed says so wherever it is printed.
"""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from importlib import resources
from typing import Annotated, Any

from pydantic import ConfigDict, Field, TypeAdapter, ValidationError

from service.errors import InputError
from vision.candidate import Kind

# A misspelt key would silently turn a confirmed entry into an unconfirmed one, or worse.
_STRICT = ConfigDict(extra="forbid")


class LawInvalid(InputError):
    """The catalogue is not what it must be; the message names the entry."""


class Rank(StrEnum):
    """How high a provision stands; a lower one must not contradict a higher one."""

    LAW = "法律"
    STATE_COUNCIL = "行政法规"
    LOCAL_STATUTE = "地方性法规"
    MINISTRY_RULE = "部门规章"
    LOCAL_RULE = "地方政府规章"


class Role(StrEnum):
    """What a provision does to a case: forbids the act, sets the penalty, or allows the act."""

    PROHIBITION = "prohibition"
    PENALTY = "penalty"
    EXEMPTION = "exemption"


class Mark(StrEnum):
    """How the entry is known. There is no mark for hearsay: such an entry cannot be loaded."""

    READ = "V"
    READ_SECOND_HAND = "V-sec"


class Topic(StrEnum):
    """What a standing paragraph of a document is about."""

    REMEDY_ON_THE_SPOT = "remedy-on-the-spot"
    REMEDY_GENERAL = "remedy-general"
    PAYMENT_AT_BANK = "payment-at-bank"
    PAYMENT_ON_THE_SPOT = "payment-on-the-spot"
    LATE_PAYMENT = "late-payment"


@dataclass(frozen=True, slots=True, kw_only=True)
class Provision:
    """One provision, as an officer may choose it.

    Attributes:
        article: None where no source read so far gives its number.
        text: the conduct, in the words of `source`; a summary of it where `mark` is V-sec.
        penalty_text: the consequence; None for a provision without one, or of unknown amount.
        valid_from: first day; None when it was in force before anything this catalogue covers.
        valid_to: last day; None while in force.
        confirmed_by: the 法制员 who read the official text, and when; None prints a notice.
    """

    __pydantic_config__ = _STRICT

    id: str
    kinds: tuple[Kind, ...]
    role: Role
    act: str
    article: str | None = None
    text: str
    penalty_text: str | None = None
    valid_from: date | None = None
    valid_to: date | None = None
    rank: Rank
    source: str
    confirmed_by: str | None = None
    mark: Mark

    def in_force(self, on: date) -> bool:
        """Whether it applied on that day (Asia/Shanghai)."""
        return _in_force(self.valid_from, self.valid_to, on)


@dataclass(frozen=True, slots=True, kw_only=True)
class Paragraph:
    """A standing paragraph of a document, e.g. how to appeal; `basis` names its articles.

    `text` may hold 〔行政复议机关〕, 〔人民法院〕 and 〔收款银行〕, which the document fills in.
    """

    __pydantic_config__ = _STRICT

    topic: Topic
    text: str
    basis: str
    valid_from: date | None = None
    valid_to: date | None = None
    source: str
    confirmed_by: str | None = None
    mark: Mark

    def in_force(self, on: date) -> bool:
        """Whether it applied on that day (Asia/Shanghai)."""
        return _in_force(self.valid_from, self.valid_to, on)


@dataclass(frozen=True, slots=True)
class Catalogue:
    """Every entry of one catalogue file, in its order."""

    __pydantic_config__ = _STRICT

    provision: Annotated[tuple[Provision, ...], Field(min_length=1)]
    paragraph: tuple[Paragraph, ...] = ()

    def provisions(self, kind: Kind, act_date: date) -> tuple[Provision, ...]:
        """All candidates for `kind` in force on the day of the act, highest rank first.

        行政处罚法 37: the law of the day of the act applies, unless the law of the day of the
        decision is lighter. So ask again with the day of the decision and show both; which is
        lighter a person says.
        """
        order = list(Rank)
        fitting = [p for p in self.provision if kind in p.kinds and p.in_force(act_date)]
        return tuple(sorted(fitting, key=lambda p: order.index(p.rank)))

    def paragraph_on(self, topic: Topic, on: date) -> Paragraph:
        """The paragraph in force on that day.

        Raises:
            LawInvalid: the catalogue has none, or several.
        """
        fitting = [p for p in self.paragraph if p.topic is topic and p.in_force(on)]
        if len(fitting) != 1:
            raise LawInvalid("law_paragraph", topic=topic, day=str(on), found=len(fitting))
        return fitting[0]


_CATALOGUE = TypeAdapter(Catalogue)


def load_catalogue() -> Catalogue:
    """The catalogue that ships with the program.

    Raises:
        LawInvalid: it is broken.
    """
    file = resources.files("service") / "data" / "law.toml"
    return parse_catalogue(file.read_text(encoding="utf-8"))


def parse_catalogue(text: str) -> Catalogue:
    """The catalogue in a TOML text.

    Raises:
        LawInvalid: no TOML; a missing, unknown or impossible value (a mark other than V and
            V-sec among them); two provisions of one id.
    """
    try:
        catalogue = _CATALOGUE.validate_python(tomllib.loads(text))
    except tomllib.TOMLDecodeError as e:
        raise LawInvalid("law_catalogue", detail=str(e)) from e
    except ValidationError as e:
        wrong = "; ".join(_described(error) for error in e.errors())
        raise LawInvalid("law_catalogue", detail=wrong) from e
    ids = [provision.id for provision in catalogue.provision]
    if len(set(ids)) != len(ids):
        raise LawInvalid("law_catalogue", detail=f"an id is repeated: {sorted(ids)}")
    return catalogue


def _described(error: Mapping[str, Any]) -> str:
    return ".".join(str(part) for part in error["loc"]) + ": " + str(error["msg"])


def _in_force(first: date | None, last: date | None, on: date) -> bool:
    return (first is None or first <= on) and (last is None or on <= last)
