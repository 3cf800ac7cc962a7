"""verify.html in a browser: it opens from a file and comes to the same answers as verify.py."""

import base64
import hashlib
import random
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page

from tests.service.evidence.bundles import KEY, OTHER_KEY, PRODUCT, bundle, lay, public, sha256
from tests.service.evidence.tampering import UNTOUCHED, mutation, tampered
from tests.service.evidence.verifiers import PageVerifier, answers, letters, verifier
from tests.window import CHROMIUM, NO_BROWSER, window

MUTATIONS = 40
"""The whole count, 1,000, is in benchmarks/evidence/bundles.py."""


@pytest.fixture(scope="module")
def opened() -> Iterator[tuple[Page, list[str]]]:
    if CHROMIUM is None:
        pytest.skip(NO_BROWSER)
    with window() as (page, complaints):
        yield page, complaints


def test_the_same_answers_in_every_cell(opened: tuple[Page, list[str]]) -> None:
    """Invariant: the tamper matrix looks the same to both verifiers."""
    page = PageVerifier(opened[0], bundle())
    found = {name: page.letters(files) for name, (files, _) in tampered().items()}
    assert found == {name: expected for name, (_, expected) in tampered().items()}
    assert page.letters(bundle(), sha256(public(KEY))) == UNTOUCHED
    assert page.letters(bundle(), sha256(public(OTHER_KEY))) == "ffsh"
    assert opened[1] == []


def test_the_same_answers_to_chance(opened: tuple[Page, list[str]], tmp_path: Path) -> None:
    """Attack: one verifier is wrong. Two that share no code agree on bundles mutated by chance."""
    page, module = PageVerifier(opened[0], bundle()), verifier()
    for seed in range(MUTATIONS):
        files = mutation(random.Random(f"ci {seed}"), bundle())
        folder = lay(files, tmp_path / str(seed))
        assert page.letters(files) == letters(answers(module, folder)), seed


def test_a_clerk_opens_it(opened: tuple[Page, list[str]], tmp_path: Path) -> None:
    """Rule: it opens from file:// without a network, shows four answers and compares the key."""
    page, complaints = opened
    folder = lay(bundle(), tmp_path / "unpacked" / "liuhen-case0001")
    (folder.parent / "beside.txt").write_text("not of the bundle", encoding="utf-8")
    page.goto((folder / "verify.html").as_uri())
    page.set_input_files("#pick", str(folder.parent))
    page.wait_for_selector("#answers section")
    assert page.locator("#answers section").count() == 4
    assert page.inner_text("#title") == "涉嫌随意倾倒垃圾"
    assert "1 files outside" in page.inner_text("#outside")
    assert "Provided that the key" in page.inner_text("#verdict")
    assert page.locator("#custody tr").count() == 6
    for key, sign in ((KEY, "✓"), (OTHER_KEY, "✗")):
        page.fill("#key", sha256(public(key)))
        page.press("#key", "Enter")
        page.locator("#same", has_text=sign).wait_for()
    assert complaints == []


def test_the_policy_names_what_stands_in_the_page() -> None:
    """Rule: no script or style but the page's own; after a change of them its hashes follow."""
    text = (PRODUCT / "verify.html").read_text(encoding="utf-8")
    for tag in ("script", "style"):
        (content,) = re.findall(f"<{tag}>(.*?)</{tag}>", text, re.DOTALL)
        digest = base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()
        assert f"{tag}-src 'sha256-{digest}'" in text
    assert "://" not in text
