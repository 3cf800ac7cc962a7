"""Alarms that evidence does not hold: which look can say that one is over.

`liuhen verify` answers for objects and the log, `liuhen fsck` for what this names.
"""

from dataclasses import dataclass
from pathlib import PurePath

from ingest.fsck import RULES, Code, Depth, Finding
from ingest.ring import is_id


@dataclass(frozen=True, slots=True)
class Concern:
    """What an alarm is about: a path as in `Finding`, and the depth at which fsck sees it.

    `code` is None where another part noticed that something is wrong, and not what.
    """

    path: str
    depth: Depth
    code: Code | None = None


def subject_of(finding: Finding) -> str:
    """The subject of a finding's alarm."""
    return f"{finding.code.value}: {finding.path}"


def concern(subject: str) -> Concern | None:
    """What fsck must look at to end an alarm; None when it is not fsck's to end."""
    code, found, path = subject.partition(": ")
    if found and code in list(Code):
        return Concern(path, RULES[Code(code)].depth, Code(code))
    if found and code == "fsck":
        return Concern("", Depth.HASHES)
    if subject.endswith(".bad"):
        return Concern(f"spool/{subject}", Depth.PRESENCE)
    # The registrar and look-backs name a segment that they could not read.
    name = str(PurePath(subject).with_suffix(""))
    return Concern(name, Depth.HASHES) if is_id(name) else None
