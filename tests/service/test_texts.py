"""The catalogue has every sentence that the code says, in both languages, with the same blanks."""

import ast
from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path
from string import Formatter

import pytest

import service
from ingest import errors as ingest_errors
from models import errors as model_errors
from service.alarms import BLOCKING, Trouble
from service.camera import cause_of
from service.drafts import DocumentKind
from service.review import Rejection
from service.texts import catalogue, say, say_both
from vision.candidate import Kind
from vision.sighting import Actor, ReasonKey

SOURCES = [
    path
    for package in ("service", "ingest", "models")
    for path in sorted((Path(service.__file__).parents[1] / package).rglob("*.py"))
]
SAYS = {"say", "say_both"}
RAISED = {"InputError", "WorldError", "EvidenceError"}


def calls() -> Iterator[tuple[Path, ast.Call, str]]:
    """Every call of a plain name or attribute: where, the call, and what is called."""
    for path in SOURCES:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and node.args:
                name = getattr(node.func, "id", getattr(node.func, "attr", ""))
                yield path, node, name


def said(names: set[str], prefix: str = "") -> dict[str, tuple[str, set[str] | None]]:
    """Keys that stand in the code as plain text: where, and the blanks that are filled.

    None for blanks where the call unpacks a dictionary.
    """
    found = {}
    for path, call, name in calls():
        key = call.args[0]
        if name in names and isinstance(key, ast.Constant) and isinstance(key.value, str):
            words = [word.arg for word in call.keywords]
            filled = None if None in words else {word for word in words if word}
            found[prefix + key.value] = (f"{path.name}:{call.lineno}", filled)
    return found


SAID = said(SAYS)
CODES = said(RAISED, "error.")


def blanks(sentence: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(sentence) if name is not None}


def test_the_scan_sees_the_code() -> None:
    assert {"document.penalty_draft", "paper.exhibit"} <= set(SAID)
    assert {"error.no_space", "error.mixed_up_store", "error.not_confirmed"} <= set(CODES)
    assert len(CODES) > 30


def test_a_sentence_stands_in_both_languages_with_the_same_blanks() -> None:
    for key, words in catalogue().items():
        assert set(words) == {"zh", "en"}, key
        assert all(text.strip() for text in words.values()), key
        assert blanks(words["zh"]) == blanks(words["en"]), key
        assert "" not in blanks(words["zh"]), f"{key}: a blank needs a name"


def test_what_the_code_says_is_in_the_catalogue_and_its_blanks_are_filled() -> None:
    for key, (where, filled) in (SAID | CODES).items():
        assert key in catalogue(), where
        if filled is not None:
            assert blanks(catalogue()[key]["zh"]) <= filled, where


def ingest_codes() -> set[str]:
    """Codes of all errors that ingest and models name."""
    return {
        kind.code
        for module in (ingest_errors, model_errors)
        for kind in vars(module).values()
        if isinstance(kind, type) and issubclass(kind, Exception) and "code" in vars(kind)
    } - {"ingest"}


def test_what_ingest_and_models_raise_has_words() -> None:
    assert {f"error.{code}" for code in ingest_codes()} <= set(catalogue())


NAMED: dict[str, type[StrEnum]] = {
    "alarm": Trouble,
    "rejection": Rejection,
    "reason": ReasonKey,
    "kind": Kind,
    "allegation": Kind,
    "actor": Actor,
    "document": DocumentKind,
}


@pytest.mark.parametrize("section", NAMED)
def test_whatever_has_a_name_has_words(section: str) -> None:
    assert {f"{section}.{each.value}" for each in NAMED[section]} <= set(catalogue())


def test_every_end_of_a_run_has_words() -> None:
    errors = [
        ingest_errors.CameraUnreachable(),
        ingest_errors.CameraRefused(),
        ingest_errors.CameraSilent(),
        ingest_errors.DiskFull(),
        ingest_errors.DiskFailed(),
        ingest_errors.DiskFailed(),
    ]
    ends = {cause_of(error, ran=ran) for error in errors for ran in (True, False)}
    ends |= {"full", "stopped", "crashed"}
    ends |= {
        call.args[0].value
        for path, call, name in calls()
        if name == "stop" and path.name == "recorder.py" and isinstance(call.args[0], ast.Constant)
    }
    assert {f"cause.{end}" for end in ends} <= set(catalogue())


def test_a_blank_that_is_not_filled_is_a_bug() -> None:
    with pytest.raises(KeyError):
        say("error.no_event")
    with pytest.raises(KeyError):
        say("no such sentence")


def test_a_fact_is_not_a_format() -> None:
    """Braces in a name that somebody chose fill nothing."""
    assert "{event.__class__}" in say("error.no_event", event="{event.__class__}")


def test_a_terminal_gets_both_languages() -> None:
    both = say_both("error.no_event", event="x")
    assert both == f"{say('error.no_event', event='x')} / {say('error.no_event', 'en', event='x')}"


def test_blocking_trouble_is_told_too() -> None:
    assert {f"alarm.{trouble.value}" for trouble in BLOCKING} <= set(catalogue())
