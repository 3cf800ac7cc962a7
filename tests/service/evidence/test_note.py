"""Signed notes and checkpoints: the specifications' vectors, and every byte counts."""

import base64

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from service.ledger.checkpoint import Checkpoint
from service.ledger.merkle import EMPTY
from service.ledger.note import (
    Kind,
    Note,
    Signature,
    VerifierKey,
    cosign,
    holds,
    public_bytes,
    sign,
    time_of,
)

PETER = VerifierKey.from_text("PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW")
PETERS_NOTE = """\
If you think cryptography is the answer to your problem,
then you don't know what your problem is.

— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInN\
IuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=
"""
"""Key and note of golang.org/x/mod/sumdb/note, from which signed-note was made."""

KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
LOG = VerifierKey("liuhen/1", Kind.NOTE, public_bytes(KEY))
WITNESS = VerifierKey("district", Kind.COSIGNATURE, public_bytes(KEY))
CHECKPOINT = Checkpoint("liuhen/1", 20_852_163, EMPTY)
SIGNED = Note(CHECKPOINT.to_text(), (sign(CHECKPOINT.to_text(), "liuhen/1", KEY),))


def test_the_note_of_the_reference_implementation_holds() -> None:
    note = Note.from_text(PETERS_NOTE)
    assert holds(note.text, note.signatures, PETER)
    assert note.to_text() == PETERS_NOTE


def test_a_verifier_key_is_written_as_it_is_read() -> None:
    for key in (PETER, LOG, WITNESS):
        assert VerifierKey.from_text(key.to_text()) == key


def test_a_checkpoint_is_three_lines() -> None:
    text = CHECKPOINT.to_text()
    assert text == "liuhen/1\n20852163\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n"
    assert Checkpoint.from_text(text) == CHECKPOINT
    assert Checkpoint.from_text(text + "an extension\n") == CHECKPOINT


NO_CHECKPOINTS = {
    "no root": "liuhen/1\n3\n",
    "no origin": "\n3\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n",
    "leading zero": "liuhen/1\n03\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n",
    "negative size": "liuhen/1\n-3\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n",
    "Arabic digits": "liuhen/1\n٣\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n",
    "short root": "liuhen/1\n3\n47DEQpg=\n",
    "not base64": "liuhen/1\n3\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuF!=\n",
}


@pytest.mark.parametrize("text", NO_CHECKPOINTS.values(), ids=NO_CHECKPOINTS)
def test_what_is_no_checkpoint_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="not a checkpoint"):
        Checkpoint.from_text(text)


NO_NOTES = {
    "no signature": "text\n",
    "no empty line": "text\n— a AAAAAAA=\n",
    "no dash": "text\n\n- a AAAAAAA=\n",
    "key id only": "text\n\n— a AAAAAA==\n",
    "name with plus": "text\n\n— a+b AAAAAAA=\n",
    "control character": "te\x00xt\n\n— a AAAAAAA=\n",
    "torn line": "text\n\n— a AAAAAAA=",
    "too many": "text\n\n" + "— a AAAAAAA=\n" * 101,
}


@pytest.mark.parametrize("text", NO_NOTES.values(), ids=NO_NOTES)
def test_what_is_no_note_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        Note.from_text(text)


@pytest.mark.parametrize(
    "text", ["a+00000000+AQ==", "a+b", "", LOG.to_text().replace("+", "+0", 1)]
)
def test_what_is_no_verifier_key_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        VerifierKey.from_text(text)


@given(st.integers(0, len(SIGNED.to_text()) - 1), st.integers(1, 127))
def test_no_byte_of_a_signed_checkpoint_can_be_changed(at: int, change: int) -> None:
    """Attack: a checkpoint with one byte changed is still taken for the log's."""
    raw = bytearray(SIGNED.to_text().encode())
    raw[at] ^= change
    try:
        note = Note.from_text(raw.decode())
    except (ValueError, UnicodeDecodeError):
        return
    assert note == SIGNED or not holds(note.text, note.signatures, LOG)


def test_a_cosignature_says_when_and_only_as_such() -> None:
    """Attack: a witness's signature passes for the log's, or one time for another."""
    text = CHECKPOINT.to_text()
    line = cosign(text, "district", KEY, 1_780_000_000)
    assert time_of(text, [line], WITNESS) == 1_780_000_000
    as_log = VerifierKey("district", Kind.NOTE, public_bytes(KEY))
    assert not holds(text, [line], as_log)
    assert time_of(text, [line], as_log) is None
    later = Signature(line.name, line.key_id, bytes([1, *line.signed[1:]]))
    assert time_of(text, [later], WITNESS) is None
    other = Checkpoint("liuhen/1", 1, EMPTY).to_text()
    assert time_of(other, [line], WITNESS) is None
    assert len(base64.b64decode(line.to_line().split(" ")[2])) == 4 + 8 + 64
