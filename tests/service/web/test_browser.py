"""One officer's way in a real browser: log in, watch, confirm, open a case."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import uvicorn
from playwright.sync_api import Page

from ingest.clock import SystemClock
from service.evidence.log import Action
from tests.service.web.office import PASSWORD, Office
from tests.window import CHROMIUM, NO_BROWSER, window

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason=NO_BROWSER)


@contextmanager
def _served(office: Office) -> Iterator[str]:
    """The address of the office's pages while they are served from a thread."""
    server = uvicorn.Server(uvicorn.Config(office.app, port=0, log_level="warning"))
    thread = threading.Thread(target=server.run)
    thread.start()
    clock = SystemClock()
    while not server.started and thread.is_alive():
        clock.sleep(0.02)
    port = server.servers[0].sockets[0].getsockname()[1]
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        thread.join()


def _log_in(page: Page, address: str) -> None:
    page.goto(address)
    page.fill("[name=account]", "officer")
    page.fill("[name=password]", PASSWORD)
    page.press("[name=password]", "Enter")
    page.wait_for_url(address + "/")


def _time(page: Page) -> float:
    return float(page.evaluate("document.getElementById('clip').currentTime"))


def _watch(page: Page) -> None:
    # Our policy forbids the eval that wait_for_function needs.
    seen = [_time(page)]
    while seen[-1] < 0.4:
        assert len(seen) < 100, f"the clip does not play: {seen}"
        page.wait_for_timeout(100)
        seen.append(_time(page))
    assert page.evaluate("document.getElementById('clip').videoWidth") == 320
    page.keyboard.press("m")
    assert _time(page) == pytest.approx(2.0)
    page.keyboard.press(".")
    assert _time(page) == pytest.approx(2.04)
    page.keyboard.press(",")
    page.keyboard.press(",")
    assert _time(page) == pytest.approx(1.96)
    page.keyboard.press("l")
    page.keyboard.press("l")
    assert page.inner_text("#speed") == "4×"
    page.keyboard.press("k")


def _compare(page: Page) -> None:
    slider = page.locator("#slider")
    seen = []
    for _ in range(3):
        seen.append(slider.input_value())
        page.keyboard.press("b")
    assert seen == ["50", "0", "100"]


def _confirm(page: Page) -> None:
    page.keyboard.press("1")
    assert page.evaluate("document.activeElement.name") == "genuine"
    for name in ("genuine", "clear", "complete", "accurate"):
        assert not page.is_checked(f"[name={name}]")
        page.focus(f"[name={name}]")
        page.keyboard.press("Space")
        assert page.is_checked(f"[name={name}]")
    page.fill("#confirm-form [name=note]", "jklmnb1x?")
    page.click("#confirm-form button")


def test_an_officer_watches_confirms_and_opens_a_case(office: Office) -> None:
    with _served(office) as address, window() as (page, complaints):
        _log_in(page, address)
        page.click("text=审核 >> nth=-1")
        page.wait_for_url(address + "/events/event1")
        _watch(page)
        _compare(page)
        page.keyboard.press("?")
        assert page.is_visible("#keys")
        page.keyboard.press("Escape")
        _confirm(page)
        page.wait_for_selector("text=已确认")
        page.click("form[action='/cases'] button")
        page.wait_for_url(address + "/cases/*")
        assert "涉嫌随意倾倒垃圾" in page.inner_text("h1")
        assert complaints == []
    assert "event1" in [entry.subject for entry in office.log(Action.VIEWED)]
