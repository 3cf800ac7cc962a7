"""verify.py of a bundle: whatever was done to it is seen by the answer that should see it.

Both verifiers and 1,000 untouched bundles are in benchmarks/evidence/bundles.py.
"""

import ast
import os
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.service.evidence.bundles import (
    BEGAN_US,
    CASE,
    KEY,
    OTHER_KEY,
    PRODUCT,
    Entry,
    Files,
    Story,
    bundle,
    checkpoint,
    cosigned,
    lay,
    path,
    proof,
    public,
    sealed,
    sha256,
    tree,
)
from tests.service.evidence.tampering import INSIDE, OUTSIDE, UNTOUCHED, flip
from tests.service.evidence.verifiers import answers, letters, verifier

VERIFY = verifier()


@cache
def whole() -> Files:
    return bundle()


def said(files: Files, folder: Path, key: str = "") -> str:
    """The letters of the four answers about these files."""
    return letters(answers(VERIFY, lay(files, folder), key))


@pytest.mark.parametrize("case", OUTSIDE)
def test_a_finished_bundle_that_somebody_changed(case: str, tmp_path: Path) -> None:
    """Attack: everything that can be done to a bundle without the log's key."""
    change, expected = OUTSIDE[case]
    assert said(change(whole()), tmp_path) == expected


@pytest.mark.parametrize("case", INSIDE)
def test_a_bundle_that_was_made_wrong(case: str, tmp_path: Path) -> None:
    """Attack: a thief who has the log's key, a forger who has another, a log that was edited."""
    story, expected = INSIDE[case]
    assert said(bundle(story), tmp_path) == expected


@pytest.mark.parametrize("file", sorted(bundle()))
def test_whichever_byte_of_whichever_file(file: str, tmp_path: Path) -> None:
    """Invariant: the first answer fails for a byte that was flipped, cut off or added anywhere."""
    data = whole()[file]
    changed = [flip(data, at) for at in {0, len(data) // 2, len(data) - 1}]
    folder = lay(whole(), tmp_path)
    for each in (*changed, data[:-1], data + b"\n", b""):
        (folder / file).write_bytes(each)
        assert letters(answers(VERIFY, folder))[0] == "f", each
    (folder / file).unlink()
    assert letters(answers(VERIFY, folder))[0] == "f"


def test_a_back_dated_entry_is_told_by_the_time_stamp(tmp_path: Path) -> None:
    """Attack: the log's key is stolen, and an entry is made that claims to be 200 days old."""
    folder = lay(bundle(INSIDE["a back-dated entry"][0]), tmp_path)
    anchors = answers(VERIFY, folder)[2]
    told = [line for line in anchors.cautions if "originals/gate" in line]
    assert len(told) == 2 and all(
        "自称 2026-05-29" in line and "2026-12-16" in line for line in told
    )


@pytest.mark.parametrize(("key", "expected"), [(KEY, UNTOUCHED), (OTHER_KEY, "ffsh")])
def test_the_key_on_the_paper(key: Ed25519PrivateKey, expected: str, tmp_path: Path) -> None:
    """Attack: a whole bundle made with a key of one's own; only the paper's fingerprint tells."""
    assert said(whole(), tmp_path, sha256(public(key))) == expected


def run(folder: Path, *arguments: str, python: str = sys.executable) -> tuple[int, str]:
    """verify.py as a stranger runs it."""
    done = subprocess.run(
        [python, "-I", "verify.py", *arguments],
        cwd=folder,
        capture_output=True,
        check=False,
        env={"PYTHONIOENCODING": "ascii"},
    )
    assert b"Traceback" not in done.stderr
    return done.returncode, done.stdout.decode() + done.stderr.decode()


def test_a_stranger_runs_it(tmp_path: Path) -> None:
    """The exit status is 0, 1 or 2 as promised, on a terminal that knows no Chinese as well."""
    folder = lay(whole(), tmp_path)
    fingerprint = sha256(public(KEY))
    grouped = " ".join(fingerprint[at : at + 4] for at in range(0, 64, 4))
    code, text = run(folder)
    assert code == 0 and grouped in text and "Provided that the key" in text
    code, text = run(folder, "--key", grouped.upper())
    assert code == 0 and "Provided that the key" not in text
    assert run(folder, "--key", sha256(public(OTHER_KEY)))[0] == 1
    assert run(folder, "--key", "92ac")[0] == 2
    assert run(folder, "no such folder")[0] == 2
    assert run(folder, str(folder / "log"))[0] == 1


def test_a_missing_anchor_is_no_error(tmp_path: Path) -> None:
    """Rule: a missing anchor and a poor clock are said, and the exit status stays 0."""
    folder = lay(bundle(INSIDE["no anchor at all"][0]), tmp_path)
    assert run(folder)[0] == 0


def test_it_is_written_for_python_3_8() -> None:
    """Rule: a clerk's machine may have an old Python and nothing else."""
    source = (PRODUCT / "verify.py").read_text(encoding="utf-8")
    parsed = ast.parse(source, feature_version=(3, 8))
    imported = {
        name.name
        for node in ast.walk(parsed)
        if isinstance(node, ast.Import)
        for name in node.names
    }
    assert imported <= sys.stdlib_module_names
    assert not any(isinstance(node, ast.ImportFrom) for node in ast.walk(parsed))


def test_what_is_no_plain_file(tmp_path: Path) -> None:
    """Attack: links, pipes, names that are no text, a folder where a file should be."""
    folder = lay(whole(), tmp_path)
    film = folder / "originals/DSJ-1.mp4"
    film.rename(tmp_path.parent / "outside.mp4")
    film.symlink_to(tmp_path.parent / "outside.mp4")
    os.mkfifo(folder / "derived/pipe")
    (folder / "loop").symlink_to(folder)
    (folder / os.fsdecode(b"\xd6\xd0.txt")).write_bytes(b"gb18030")
    (folder / "\x1b[2J\u202e.txt").write_bytes(b"acts on a terminal")
    code, text = run(folder)
    assert code == 1
    assert all(name in text for name in ("DSJ-1.mp4", "derived/pipe", "loop", "udcd6", "u202e"))
    assert "\x1b" not in text


def test_an_unreadable_bundle_is_told_without_a_traceback(tmp_path: Path) -> None:
    """Attack: an empty folder, or every file replaced by noise or a million brackets."""
    empty = lay({"verify.py": whole()["verify.py"]}, tmp_path / "empty")
    assert run(empty)[0] == 1
    for name, noise in (
        ("bytes", b"\xff\n\n"),
        ("deep", b"[" * 1_000_000),
        ("digits", b"9" * 9_999),
    ):
        files = dict.fromkeys(whole(), noise) | {"verify.py": whole()["verify.py"]}
        assert run(lay(files, tmp_path / name))[0] == 1


SIZES = st.integers(1, 40)


@settings(max_examples=60, deadline=None)
@given(size=SIZES, data=st.data())
def test_proofs_of_the_tree(size: int, data: st.DataObject) -> None:
    """Property: proofs by RFC 6962's own definition hold, for no other leaf, root or size."""
    leaves = [bytes([n]) for n in range(size)]
    at, old = data.draw(st.integers(0, size - 1)), data.draw(st.integers(1, size))
    leaf = VERIFY.hashlib.sha256(b"\0" + leaves[at]).digest()
    told = path(at, leaves)
    assert VERIFY.is_included(leaf, at, size, told, tree(leaves))
    assert not VERIFY.is_included(leaf, at, size, told, tree(leaves[:-1]))
    assert not VERIFY.is_included(leaf, at, size, [*told, leaf], tree(leaves))
    assert not VERIFY.is_included(leaf[::-1], at, size, told, tree(leaves))
    grown = proof(old, leaves)
    assert VERIFY.is_consistent(old, size, grown, tree(leaves[:old]), tree(leaves))
    assert not VERIFY.is_consistent(old, size, grown, leaf[::-1], tree(leaves))
    assert not VERIFY.is_consistent(old, size, [*grown, leaf], tree(leaves[:old]), tree(leaves))


@settings(max_examples=30, deadline=None)
@given(seed=st.binary(min_size=32, max_size=32), message=st.binary(max_size=300))
def test_signatures_as_another_program_makes_them(seed: bytes, message: bytes) -> None:
    """Property: Ed25519 agrees with OpenSSL's, and sees a bit flipped anywhere."""
    key = Ed25519PrivateKey.from_private_bytes(seed)
    signature = key.sign(message)
    assert VERIFY.ed25519_holds(public(key), message, signature)
    assert not VERIFY.ed25519_holds(public(key), message + b"\0", signature)
    assert not VERIFY.ed25519_holds(public(key), message, flip(signature, seed[0] % 64))
    assert not VERIFY.ed25519_holds(flip(public(key), seed[1] % 31), message, signature)


def test_signatures_with_a_second_spelling() -> None:
    """Attack: RFC 8032 section 5.1.7 refuses s above the group's order, and points above p."""
    signature = KEY.sign(b"text")
    s = int.from_bytes(signature[32:], "little") + VERIFY.ORDER
    again = signature[:32] + s.to_bytes(32, "little")
    assert not VERIFY.ed25519_holds(public(KEY), b"text", again)
    assert VERIFY.point_of((VERIFY.P + 1).to_bytes(32, "little")) is None
    assert not VERIFY.ed25519_holds(public(KEY), b"text", signature[:63])


def test_a_bundle_of_another_story_is_no_false_alarm(tmp_path: Path) -> None:
    """Rule: no alarm about what nobody touched, however it was anchored."""
    for anchored in ((), ((1, 1), (16, 2), (37, 9)), ((36, 5),)):
        story = Story(anchored=anchored)
        assert said(bundle(story), tmp_path / str(len(anchored))) == UNTOUCHED


def test_the_vectors_of_the_document() -> None:
    """Rule: what docs/design/evidence.md gives to whoever writes a third verifier is so."""
    document = (Path(__file__).parents[3] / "docs/design/evidence.md").read_text(encoding="utf-8")
    body = {"manifest_sha256": sha256(b"{}"), "reason": "移送法院"}
    leaf, text = Entry("exported", CASE, BEGAN_US, body, "zhang").texts(0)
    note = checkpoint([leaf.encode()], KEY).decode()
    seal = sealed({"manifest.json": b"{}"}, KEY)["seal"].decode()
    line = cosigned(note.partition("\n\n")[0] + "\n", BEGAN_US)
    told = [leaf, text, sha256(public(KEY)), tree([leaf.encode()]).hex(), line]
    for each in "\n".join([*told, note, seal]).splitlines():
        assert each in document
