"""Uploads in a real browser: several files, a broken connection, a reload, a file that waits."""

import os
import random
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from playwright.sync_api import Page, Route
from sqlmodel import select

from ingest.clock import SystemClock
from service.tables import Acquisition, ContentIndex, Quarantined, Transfer
from tests.service.web.office import PASSWORD, Office, clip_bytes
from tests.service.web.tus import digest
from tests.window import CHROMIUM, NO_BROWSER, window
from vision.frame import SECOND

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason=NO_BROWSER)
PICTURES = os.environ.get("LIUHEN_PICTURES")
"""A folder for screenshots, for a person to look at."""
PART = 8 << 20


@contextmanager
def served(office: Office) -> Iterator[str]:
    """The pages and the intake, each in a thread."""
    server = uvicorn.Server(uvicorn.Config(office.app, port=0, log_level="warning"))
    stop = threading.Event()
    intake = office.intake()

    def take_in() -> None:
        while not stop.wait(0.1):
            intake.step()

    threads = [threading.Thread(target=server.run), threading.Thread(target=take_in)]
    for thread in threads:
        thread.start()
    clock = SystemClock()
    while not server.started and threads[0].is_alive():
        clock.sleep(0.02)
    port = server.servers[0].sockets[0].getsockname()[1]
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        stop.set()
        for thread in threads:
            thread.join()


def log_in(page: Page, address: str) -> None:
    page.goto(address)
    page.fill("[name=account]", "officer")
    page.fill("[name=password]", PASSWORD)
    page.press("[name=password]", "Enter")
    page.wait_for_url(address + "/")
    page.click("nav a[href='/uploads']")
    page.wait_for_url(address + "/uploads")


def picture(page: Page, name: str) -> None:
    if PICTURES:
        page.screenshot(path=f"{PICTURES}/{name}.png", full_page=True)


def row(page: Page, name: str) -> str:
    return f"#transfers tr:has(td.name:text-is('{name}'))"


def two_files(page: Page, folder: Path) -> None:
    """A video and something that is none, at once."""
    video, notes = folder / "DSJ-1_20260528093000.mp4", folder / "会议<b>纪要.mp4"
    video.write_bytes(clip_bytes(2))
    notes.write_bytes(b"no video")
    page.fill("#device", "DSJ-1")
    assert page.input_value("#officer") == "officer"
    page.set_input_files("#files", [str(video), str(notes)])
    page.wait_for_selector(f"{row(page, video.name)} >> text=已收入")
    page.wait_for_selector(f"{row(page, notes.name)} >> text=不是视频文件")
    assert digest(clip_bytes(2)) in page.inner_text(row(page, video.name))
    picture(page, "uploads-sent")


def pause_and_reload(page: Page, office: Office, folder: Path) -> None:
    """A long file is paused in the middle; after a reload it goes on where it was."""
    long = folder / "long.mp4"
    content = random.Random(1).randbytes(3 * PART)
    long.write_bytes(content)
    seen: list[str] = []
    page.on(
        "request", lambda each: seen.append(f"{each.method} {each.headers.get('upload-offset')}")
    )
    paused = threading.Event()

    def broken(route: Route) -> None:
        # From the second part on, until the pause button has been pressed.
        if f"PATCH {PART}" in seen and not paused.is_set():
            route.abort()
        else:
            route.continue_()

    page.route("**/transfers/*", broken)
    page.set_input_files("#files", str(long))
    page.wait_for_selector(f"{row(page, 'long.mp4')} >> text=重试")
    page.click(f"{row(page, 'long.mp4')} >> .pause")
    page.wait_for_selector(f"{row(page, 'long.mp4')} >> text=已暂停")
    paused.set()
    page.unroute("**/transfers/*")
    (transfer,) = [t for t in rows(office, Transfer) if t.state == "arriving"]
    assert transfer.offset == PART
    page.reload()
    assert "long.mp4" in page.inner_text("#again")
    picture(page, "uploads-reloaded")
    seen.clear()
    page.set_input_files("#files", str(long))
    page.wait_for_selector(f"{row(page, 'long.mp4')} >> text=待处理", timeout=60_000)
    assert seen[0].startswith("HEAD")
    assert [each for each in seen if each.startswith("PATCH")] == [
        f"PATCH {PART}",
        f"PATCH {2 * PART}",
    ]
    assert digest(content) in page.inner_text(row(page, "long.mp4"))
    assert page.evaluate("localStorage.length") == 0


def two_of_one_name(page: Page, office: Office, folder: Path) -> None:
    """Name, size and time are equal, the content is not: neither goes on in the other's place."""
    contents = [random.Random(seed).randbytes(2 * PART) for seed in (2, 3)]
    paths = [folder / each / "MOV00001.bin" for each in "ab"]
    for path, content in zip(paths, contents, strict=True):
        path.parent.mkdir()
        path.write_bytes(content)
        os.utime(path, (1_000_000_000, 1_000_000_000))
    page.goto(page.url)

    def broken(route: Route) -> None:
        if route.request.headers.get("upload-offset") == str(PART):
            route.abort()
        else:
            route.continue_()

    page.route("**/transfers/*", broken)
    page.set_input_files("#files", str(paths[0]))
    page.wait_for_selector(f"{row(page, paths[0].name)} >> text=重试")
    (key,) = page.evaluate("Object.keys(localStorage)")
    assert ":MOV00001.bin:16777216:1000000000000-" in key
    page.reload()
    page.unroute("**/transfers/*")
    for path, content in (paths[1], contents[1]), (paths[0], contents[0]):
        page.set_input_files("#files", str(path))
        page.wait_for_selector(f"#transfers >> text={digest(content)}", timeout=60_000)
    assert {digest(each) for each in contents} <= {
        each.sha256 for each in rows(office, Quarantined)
    }
    assert page.evaluate("localStorage.length") == 0


def settle(page: Page, address: str) -> None:
    """An officer settles what waits."""
    page.goto(address + "/uploads")
    picture(page, "uploads")
    page.click("#quarantine tr:has-text('会议') a")
    page.wait_for_selector("#settle")
    picture(page, "quarantined")
    page.fill("[name=why]", "误传的文档")
    page.click("button[value=set_aside]")
    page.wait_for_url(address + "/uploads")
    assert "会议" not in page.inner_text("#quarantine")
    page.click("main .list >> nth=-1 >> a.button")
    page.wait_for_selector("#facts")
    assert digest(clip_bytes(2)) in page.inner_text("#facts")
    picture(page, "upload")


def rows(office: Office, table: type[Any]) -> list[Any]:
    with office.database.read() as session:
        return list(session.exec(select(table)))


def test_files_are_handed_over_in_a_browser(office: Office, tmp_path: Path) -> None:
    """Several at once, resumed after a broken connection and a reload; the policy stays strict."""
    with served(office) as address, window() as (page, complaints):
        log_in(page, address)
        two_files(page, tmp_path)
        pause_and_reload(page, office, tmp_path)
        two_of_one_name(page, office, tmp_path)
        settle(page, address)
    # The connection that the test broke is all that the console complains about.
    assert [each for each in complaints if "ERR_FAILED" not in each] == []
    (row,) = rows(office, Acquisition)
    assert (row.device_id, row.officer_id, row.handed_by) == ("DSJ-1", "officer", "officer")
    assert len(rows(office, Quarantined)) == 4


def until(page: Page, holds: str) -> None:
    """Wait for an expression; the page's policy forbids Playwright's own way of waiting."""
    for _ in range(200):
        if page.evaluate(holds):
            return
        page.wait_for_timeout(50)
    pytest.fail(holds)


def test_a_stretch_of_the_content_index_is_a_click_away(office: Office) -> None:
    upload = office.add_upload(content=clip_bytes(12))
    with office.database.write() as session:
        row = session.get_one(Acquisition, upload)
        content = [["person", 0, 2 * SECOND, 1], ["person", 7 * SECOND, 9 * SECOND, 2]]
        session.add(
            ContentIndex(
                sha256=row.sha256,
                model="0" * 64,
                looks=6,
                appearances=content,
                person=True,
                vehicle=False,
                bag=False,
                made_us=1,
            )
        )
    with served(office) as address, window() as (page, errors):
        log_in(page, address)
        page.goto(f"{address}/uploads/{upload}")
        until(page, "document.getElementById('clip').readyState > 1")
        page.click("#content >> text=00:07–00:09 ×2")
        until(page, "document.getElementById('clip').currentTime >= 7")
        picture(page, "upload-content")
        page.goto(f"{address}/uploads")
        page.select_option("[name=has]", "vehicle")
        page.click("#search button")
        page.wait_for_selector("text=没有符合条件的文件")
        assert errors == []
