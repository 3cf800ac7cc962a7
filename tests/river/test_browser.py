"""The whole river, seen in a browser: RTSP cameras, a flagged dumping, a case, its documents."""

import os
import secrets
from contextlib import ExitStack
from pathlib import Path

import pytest
from docx import Document
from playwright.sync_api import Page

from ingest.clock import SystemClock
from service.demo import river
from service.demo.digest import Login
from service.settings import load
from service.supervisor import free_socket, serving
from service.times import beijing
from tests.window import CHROMIUM, NO_BROWSER, window
from vision.frame import Instant

pytestmark = [
    pytest.mark.skipif(CHROMIUM is None, reason=NO_BROWSER),
    pytest.mark.timeout(240),
]
PICTURES = os.environ.get("LIUHEN_PICTURES")
"""A folder for screenshots of every page, for a person to look at."""


def picture(page: Page, name: str) -> None:
    if PICTURES:
        page.screenshot(path=f"{PICTURES}/{name}.png", full_page=True)


def words_of(path: Path) -> str:
    """All text of a .docx, tables and headers included."""
    document = Document(str(path))
    parts = [document.element.body, *(section.header._element for section in document.sections)]
    return "".join(node.text or "" for part in parts for node in part.iter() if node.text)


def log_in(page: Page, url: str, who: river.Account) -> None:
    page.goto(url)
    picture(page, "login")
    page.fill("[name=account]", who.id)
    page.fill("[name=password]", who.password)
    page.press("[name=password]", "Enter")
    page.wait_for_url(url + "/")
    picture(page, "queue")


def watch_and_confirm(page: Page, event: str) -> None:
    page.click(f".list a[href*='{event}'] >> nth=0")
    page.wait_for_selector("video")
    for _ in range(100):
        if page.evaluate("document.getElementById('clip').currentTime") > 0.3:
            break
        page.wait_for_timeout(100)
    assert page.evaluate("document.getElementById('clip').videoWidth") == 640
    assert page.evaluate("document.getElementById('clip').currentTime") > 0.3
    picture(page, "event")
    for name in ("genuine", "clear", "complete", "accurate"):
        page.check(f"[name={name}]")
    page.click("#confirm-form button")
    page.wait_for_selector("form[action='/cases']")
    picture(page, "confirmed")


def make_documents(page: Page, folder: Path) -> list[Path]:
    page.click("form[action='/cases'] button")
    page.wait_for_selector("#documents")
    page.fill("[name=name]", "赵<b>某</b>&")
    page.click("form[action^='/cases/'] button.primary")
    for kind in ("evidence_sheet", "penalty_draft"):
        page.click(f"#documents button[value={kind}]")
        page.wait_for_selector("#documents")
    picture(page, "case")
    paths = []
    for form in page.locator("#documents table form").all():
        form.locator("[name=reason]").fill("办理案件")
        with page.expect_download() as waiting:
            form.locator("button").click()
        path = folder / waiting.value.suggested_filename
        waiting.value.save_as(path)
        paths.append(path)
    return paths


def test_from_the_camera_to_the_document(tmp_path: Path) -> None:
    clock = SystemClock()
    login = Login("demo", secrets.token_urlsafe(9))
    os.environ[river.PASSWORD_VARIABLE] = login.password
    settings = load(
        tmp_path / "home",
        {
            "LIUHEN_PRE_ROLL_S": "10",
            "LIUHEN_POST_ROLL_S": "3",
            "LIUHEN_AUTHORITY": "示范街道办事处",
        },
    )
    people = river.accounts()
    listener = free_socket("127.0.0.1", 0)
    url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    with ExitStack() as cameras, serving(settings, listener) as database:
        river.employ(database, clock, people)
        server = cameras.enter_context(river.street(clock, login))
        river.furnish(database, clock, server, login)
        flagged = river.wait_for_dumping(database, clock, server.epoch)
        with window() as (page, complaints):
            log_in(page, url, people[0])
            watch_and_confirm(page, flagged.event.id)
            documents = make_documents(page, tmp_path)
            page.goto(url + "/cameras")
            picture(page, "cameras")
        assert complaints == []
    assert len(documents) == 2
    # Truth and finding may lie on two sides of a full minute.
    minute = f"{beijing(Instant(flagged.event.onset_us)):%Y年%m月%d日 %H时%M分}"
    for path in documents:
        words = words_of(path)
        assert river.CAMERAS["gate"][0] in words
        assert minute in words
        assert "〔待填〕" in words
        assert str(round(flagged.event.score, 2)) not in words
        if "说明单" in path.name:
            assert "SHA-256" in words
        else:
            assert "赵<b>某</b>&" in words
