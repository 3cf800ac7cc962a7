"""Watch folders of docking stations: where they are and how to read their files' names.

A watch folder is a mount of this machine, like the home folder itself, so it is a setting and not
a row: whoever may mount it writes `liuhen.toml`. What a file's name was read as stands in the
file's own row.
"""

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Self
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import BaseModel, ConfigDict, Field, model_validator

from service.start_time import time_in_name
from service.times import instant
from vision.frame import Instant

_GROUPS = frozenset({"device", "officer", "ts"})
_ANY_DAY = datetime(2026, 11, 23, 14, 5, 9, tzinfo=UTC)
"""To try a time format with; every part of it differs from its default."""


@dataclass(frozen=True, slots=True)
class NamedFacts:
    """What a file's name says; None where it says nothing."""

    device_id: str | None
    officer: str | None
    """An account or an enforcement card's number."""
    at: Instant | None


class Source(BaseModel):
    """A watch folder (投放目录), one `[[sources]]` of `liuhen.toml`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,64}$")]
    folder: Path
    """Watched with everything below it, but for its `done` folder."""
    pattern: str = ""
    """Regular expression with the groups `device`, `officer`, `ts`, searched in the file's path
    below the folder; empty takes 14 digits of the name as the time."""
    time_format: str = "%Y%m%d%H%M%S"
    """How the group `ts` is written, as `datetime.strptime` wants it."""
    time_zone: str = "Asia/Shanghai"
    """Zone of the times in names and side files."""
    stable_s: Annotated[float, Field(ge=0, le=3600)] = 10.0
    """A file whose size and modification time stay for so long is complete."""
    needs_device: bool = False
    """A file without a device waits for a person."""
    needs_officer: bool = False
    """A file without an officer waits for a person."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        try:
            groups = set(re.compile(self.pattern).groupindex)
            _ = self.zone
            datetime.strptime(_ANY_DAY.strftime(self.time_format), self.time_format)  # noqa: DTZ007
        except (re.error, ZoneInfoNotFoundError, ValueError) as error:
            raise ValueError(f"{self.name}: {error}") from error
        if not groups <= _GROUPS:
            raise ValueError(f"{self.name}: {', '.join(sorted(groups - _GROUPS))}")
        if not self.folder.is_absolute():
            raise ValueError(f"{self.name}: {self.folder}")
        return self

    @property
    def zone(self) -> ZoneInfo:
        """The zone of local times."""
        return ZoneInfo(self.time_zone)

    @property
    def done(self) -> Path:
        """Where files go that are kept."""
        return self.folder / "done"

    def read_name(self, name: str) -> NamedFacts:
        """What the path `name` below the folder says."""
        found = re.search(self.pattern, name) if self.pattern else None
        if found is None:
            return NamedFacts(None, None, time_in_name(name.rpartition("/")[2], self.zone))
        groups = found.groupdict()
        at = self._time(groups["ts"]) if groups.get("ts") else None
        return NamedFacts(groups.get("device") or None, groups.get("officer") or None, at)

    def _time(self, text: str) -> Instant | None:
        try:
            at = datetime.strptime(text, self.time_format)  # noqa: DTZ007  local, zone below
        except ValueError:
            return None
        return instant(at if at.tzinfo else at.replace(tzinfo=self.zone))
