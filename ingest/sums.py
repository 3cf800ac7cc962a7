"""Checksums that come with a file, from a recorder's maker or a docking station, beside ours."""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

_BLOCK = 1 << 20
"""Bytes per read: large enough that the system calls do not count."""
MAX_SUM_FILE_BYTES = 1 << 20
"""A checksum file lists names; whatever is longer is something else."""


class Algorithm(StrEnum):
    """What makers use; only SHA-256 is ours, the others are compared and no more."""

    MD5 = "md5"
    SHA1 = "sha1"
    SHA256 = "sha256"


_DIGITS = {Algorithm.MD5: 32, Algorithm.SHA1: 40, Algorithm.SHA256: 64}
SUM_SUFFIXES = {f".{each.value}": each for each in Algorithm}
"""Suffixes of checksum files."""


@dataclass(frozen=True, slots=True)
class Sum:
    """A vendor checksum: `given` came with the file, `found` is that of the bytes we keep."""

    algorithm: Algorithm
    given: str
    found: str

    @property
    def equal(self) -> bool:
        """Whether the bytes are those for which it was made."""
        return self.given == self.found


def is_sum(algorithm: Algorithm, text: str) -> bool:
    """Whether a text is a lower-case checksum of that kind."""
    return re.fullmatch(rf"[0-9a-f]{{{_DIGITS[algorithm]}}}", text) is not None


def read_sum(algorithm: Algorithm, content: bytes, name: str) -> str | None:
    """The checksum that a checksum file holds for the file `name`, in any maker's spelling.

    A file that lists several is searched for the line with the name; one that holds only one
    checksum is about the file beside it. None when there is none for it.
    """
    text = content.decode(
        "utf-16" if content[:2] in {b"\xff\xfe", b"\xfe\xff"} else "latin-1", "replace"
    )
    pattern = re.compile(rf"(?<![0-9A-Za-z])[0-9A-Fa-f]{{{_DIGITS[algorithm]}}}(?![0-9A-Za-z])")
    found = [
        (line, each.group().lower())
        for line in text.splitlines()
        for each in pattern.finditer(line)
    ]
    # Names outside ASCII are read as they are spelt in the file: as bytes.
    spelt = name.encode("utf-8", "surrogateescape").decode("latin-1")
    named = [each for line, each in found if name in line or spelt in line]
    values = set(named or [each for _, each in found])
    return values.pop() if len(values) == 1 else None


def compare(path: Path, given: Mapping[Algorithm, str]) -> tuple[Sum, ...]:
    """Each checksum that was given beside that of the file; one reading for all of them."""
    if not given:
        return ()
    # Against damage on the way, not against forgery: MD5 and SHA-1 are good enough for that.
    running = {each: hashlib.new(each.value, usedforsecurity=False) for each in given}
    with path.open("rb") as stream:
        while block := stream.read(_BLOCK):
            for each in running.values():
                each.update(block)
    return tuple(Sum(each, given[each], running[each].hexdigest()) for each in given)
