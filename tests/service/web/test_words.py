"""Every sentence that a page can ask for is in the catalogue, in both languages."""

import re
from importlib.resources import files

import pytest

from service.arrivals import Channel
from service.case_end import Procedure
from service.drafts import DocumentKind
from service.evidence.log import Action
from service.law import Role as LawRole
from service.quarantine import Settlement
from service.review import Rejection
from service.roles import Role
from service.start_time import (
    CONTAINER,
    CONTAINER_LOCAL,
    MODIFIED,
    NAME,
    NOWHERE,
    SIDECAR,
    STATED,
    Confidence,
)
from service.stills import STILLS
from service.subject import SubjectKind
from service.texts import catalogue
from service.tokens import Scope
from service.web.bindings import EVENT_KEYS
from service.web.failures import _STATUS
from vision.appearance import Group
from vision.candidate import Kind

_WEB = files("service.web")
_TEMPLATES = [file for file in (_WEB / "templates").iterdir() if file.name.endswith(".html")]
_SCRIPTS = [file for file in (_WEB / "static").iterdir() if file.name.endswith(".js")]

# Keys that a template puts together: the section, and every name that can follow.
_COMPOSED = {
    "role.": [role.value for role in Role],
    "role_may.": [role.value for role in Role],
    "action.": [action.value for action in Action],
    "standing.": ["tsa", "witness"],
    "standing.signer_": ["child", "apart"],
    "scope.": [scope.value for scope in Scope],
    "take_out.": ["case", "party", "review", "superior"],
    "kind.": [kind.value for kind in Kind],
    "allegation.": [kind.value for kind in Kind],
    "content.": [group.value for group in Group],
    "actor.": ["person", "vehicle", "unknown"],
    "cause.": ["silent", "disconnected", "stopped"],
    "rejection.": [reason.value for reason in Rejection],
    "quality.": ["genuine", "clear", "complete", "accurate"],
    "document.": [kind.value for kind in DocumentKind],
    "law_role.": [role.value for role in LawRole],
    "key.": [binding.action for binding in EVENT_KEYS],
    "queue.empty_": ["pending", "decided"],
    "channel.": [channel.value for channel in Channel],
    "confidence.": [level.value for level in Confidence],
    "settlement.": [each.value for each in Settlement],
    "time_source.": [NAME, CONTAINER, CONTAINER_LOCAL, SIDECAR, MODIFIED, STATED, NOWHERE],
    "error.": ["recycled", "destroyed"],
    "subject.": [kind.value for kind in SubjectKind],
    "obstacle.": ["held", "case", "open", "undecided"],
    "procedure.": [procedure.value for procedure in Procedure],
    "still.": [*STILLS],
    "part.": [
        *("clip", "manifest", *STILLS),
        *("original", "companion", "document", "copy"),
    ],
    "deletion.tab_": ["asked", "recycled", "due", "destroyed"],
    "deletion.part_": ["there", "gone", "shared"],
    "deletion.state_": ["asked", "refused", "recycled", "recovered", "garbage", "destroyed"],
    "waits.": ["not_media", "empty_file", "broken_media", "no_time", "no_device", "no_officer"],
}


def _keys() -> tuple[set[str], set[str]]:
    text = "".join(file.read_text(encoding="utf-8") for file in _TEMPLATES)
    found = re.findall(r"\bt\('([a-z_.]+)'( ~)?", text)
    return {key for key, more in found if not more}, {key for key, more in found if more}


def test_keys_of_templates_are_in_the_catalogue() -> None:
    plain, composed = _keys()
    assert len(plain) > 80
    assert composed == set(_COMPOSED)
    known = catalogue()
    assert [key for key in sorted(plain) if key not in known] == []
    asked = [section + name for section, names in _COMPOSED.items() for name in names]
    assert [key for key in asked if key not in known] == []


def test_every_refusal_has_its_words() -> None:
    codes = {f"error.{code}" for code in _STATUS}
    titles = {f"failure.{status}" for status in {*_STATUS.values(), 400, 500, 503}}
    assert sorted((codes | titles) - catalogue().keys()) == []


def test_every_sentence_has_both_languages_and_the_same_blanks() -> None:
    for key, words in catalogue().items():
        assert set(words) == {"zh", "en"}, key
        blanks = {language: set(re.findall(r"\{\w+\}", words[language])) for language in words}
        assert blanks["zh"] == blanks["en"], key


@pytest.mark.parametrize("file", _TEMPLATES, ids=lambda file: file.name)
def test_templates_hold_nothing_that_the_policy_forbids(file: object) -> None:
    text = (_WEB / "templates" / getattr(file, "name", "")).read_text(encoding="utf-8")
    assert re.findall(r"<style|\sstyle=|\son[a-z]+=|javascript:|https?://|\|\s*safe", text) == []
    assert re.findall(r"<script(?![^>]*\ssrc=)", text) == []


def test_scripts_are_small_and_fetch_nothing_from_elsewhere() -> None:
    assert len(_SCRIPTS) >= 4
    for file in _SCRIPTS:
        text = file.read_text(encoding="utf-8")
        assert len(text.splitlines()) < 200
        assert re.findall(r"https?://|eval\(|innerHTML|new Function", text) == []
