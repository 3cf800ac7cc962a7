"""Vendor checksums: read in every maker's spelling, compared, never believed in place of ours."""

import hashlib
from pathlib import Path

import pytest

from ingest.sums import Algorithm, Sum, compare, is_sum, read_sum

DATA = b"bytes of a recorder"
MD5 = hashlib.md5(DATA).hexdigest()
OTHER = "0" * 32

SPELLINGS: dict[str, tuple[bytes, str | None]] = {
    "alone": (MD5.encode(), MD5),
    "capitals and a line end": (MD5.upper().encode() + b"\r\n", MD5),
    "md5sum": (f"{MD5}  a.mp4\n".encode(), MD5),
    "md5sum, binary": (f"{MD5} *a.mp4\n".encode(), MD5),
    "BSD": (f"MD5 (a.mp4) = {MD5}\n".encode(), MD5),
    "a list": (f"{OTHER}  b.mp4\n{MD5}  a.mp4\n".encode(), MD5),
    "a list without it": (f"{OTHER}  b.mp4\n{MD5}  c.mp4\n".encode(), None),
    "UTF-16 of Windows": (f"{MD5}  a.mp4\r\n".encode("utf-16"), MD5),
    "too long to be one": (MD5.encode() * 2, None),
    "words": (b"nothing to see", None),
    "nothing": (b"", None),
}


@pytest.mark.parametrize(("content", "wanted"), SPELLINGS.values(), ids=SPELLINGS)
def test_every_spelling_is_read(content: bytes, wanted: str | None) -> None:
    assert read_sum(Algorithm.MD5, content, "a.mp4") == wanted


def test_a_chinese_name_is_found_in_a_list() -> None:
    content = f"{OTHER}  甲.mp4\n{MD5}  现场.mp4\n".encode()
    assert read_sum(Algorithm.MD5, content, "现场.mp4") == MD5


def test_each_is_compared_with_the_bytes(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(DATA)
    right = hashlib.sha256(DATA).hexdigest()
    found = compare(path, {Algorithm.MD5: OTHER, Algorithm.SHA256: right})
    assert found == (
        Sum(Algorithm.MD5, OTHER, MD5),
        Sum(Algorithm.SHA256, right, right),
    )
    assert [each.equal for each in found] == [False, True]
    assert compare(path, {}) == ()


def test_a_checksum_has_its_length() -> None:
    assert is_sum(Algorithm.MD5, MD5)
    assert not is_sum(Algorithm.SHA1, MD5)
    assert not is_sum(Algorithm.MD5, MD5.upper())
