"""Review copies on pages: asked for by a click, followed, watched, never taken for originals."""

import json
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Page

from ingest.files import Sha256
from service.copying import CopyWorker
from service.derived import MOST_WAITING, wish_for_clip
from service.evidence.log import Action
from service.review import items_of
from service.tables import Acquisition, Derived, Job
from service.web.routes_copy import offset_us
from tests.ingest.clip import Recipe, encoded, shown
from tests.ingest.foreign import Make, foreign, psnr
from tests.service.web.office import Office, clip_bytes
from tests.service.web.test_browser import _log_in, _served, _time
from tests.window import CHROMIUM, NO_BROWSER, window
from vision.frame import SECOND, Image

HEVC = encoded(Recipe(codec="hevc", count=40, size=(320, 180)))
AVI = Make("avi", "mjpeg", "pcm_s16le", "yuvj420p")


def make_copies(office: Office) -> int:
    """Do what is asked for; how many jobs that were."""
    settings = office.app.state.web.settings.model_copy(update={"reserve_bytes": 0})
    worker = CopyWorker(office.database, office.store, office.clock, settings)
    return sum(iter(worker.step, False))


def copy_id(office: Office, event_id: str) -> str:
    with office.database.read() as session:
        return wish_for_clip(items_of(session, event_id)["clip"], "").id


def the_copy(office: Office, event_id: str) -> Derived | None:
    with office.database.read() as session:
        return session.get(Derived, copy_id(office, event_id))


def test_a_click_makes_a_copy_and_the_page_shows_it(office: Office) -> None:
    """The rule: a copy is called one, and the original stays to be had."""
    office.add_event("hevc", clip=HEVC)
    original = f"/media/{office.sha256('hevc', 'clip')}?event=hevc"
    state = f"/copies/{copy_id(office, 'hevc')}"
    with office.browser("officer") as browser:
        before = browser.get("/events/hevc").text
        assert "多数浏览器无法直接播放" in before
        assert "生成审看副本" in before
        assert f'src="{original}"' in before
        assert browser.get(state).json()["state"] == "none"
        assert browser.post("/events/hevc/copy").headers["Location"] == "/events/hevc"
        assert browser.get(state).json()["words"] == "排队等待生成"
        assert "排队等待生成" in browser.get("/events/hevc").text
        assert make_copies(office) == 1
        after = browser.get("/events/hevc").text
        said = browser.get(state).json()
    assert f'src="{state}/media?of=hevc"' in after
    assert "审看副本，原件未改动" in after
    assert f'action="/media/{office.sha256("hevc", "clip")}"' in after, "a download has a reason"
    assert "生成审看副本" not in after
    assert said["state"] == "ready"
    assert said["manifest"]["derived"]["parent_sha256"] == office.sha256("hevc", "clip")


def test_what_plays_is_shown_as_it_is(office: Office) -> None:
    with office.browser("officer") as browser:
        text = browser.get("/events/event1").text
    assert f'src="/media/{office.sha256("event1", "clip")}?event=event1"' in text
    assert '<div id="unplayable" hidden>' in text


def test_a_copy_comes_in_ranges_and_every_look_is_logged(office: Office) -> None:
    office.add_event("hevc", clip=HEVC)
    with office.browser("officer") as browser:
        browser.post("/events/hevc/copy")
        make_copies(office)
        row = the_copy(office, "hevc")
        assert row is not None
        data = office.store.path(Sha256(row.sha256)).read_bytes()
        address = f"/copies/{row.id}/media?of=hevc"
        whole = browser.get(address)
        part = browser.get(address, headers={"Range": "bytes=100-199"})
        office.forbid_log()
        refused = browser.get(address)
    assert (whole.status_code, whole.content) == (200, data)
    assert (part.status_code, part.content) == (206, data[100:200])
    assert (refused.status_code, data[:16] in refused.content) == (500, False)
    (entry,) = office.log(Action.VIEWED)
    body = json.loads(entry.body or "")
    assert (entry.actor, entry.subject) == ("officer", "hevc")
    assert (body["role"], body["sha256"]) == ("review copy", row.sha256)


def test_a_copy_is_only_shown_as_part_of_what_it_was_made_of(office: Office) -> None:
    """Attacks: looking at footage under the name of another event."""
    office.add_event("hevc", clip=HEVC)
    upload_id = office.add_upload("DSJ-1_20260528093000.mp4", HEVC)
    with office.browser("officer") as browser:
        browser.post("/events/hevc/copy")
        make_copies(office)
        address = f"/copies/{copy_id(office, 'hevc')}/media"
        found = {of: browser.get(f"{address}?of={of}").status_code for of in ("hevc", upload_id)}
        missing = {of: browser.get(f"{address}?of={of}").status_code for of in ("event1", "x")}
    assert set(found.values()) == {200}, "the same bytes are the same original"
    assert set(missing.values()) == {404}


def test_an_exhibit_gets_its_copy_without_a_click(office: Office) -> None:
    for event_id, clip in (("hevc", HEVC), ("plays", clip_bytes(4))):
        office.add_event(event_id, clip=clip)
        office.confirm(event_id)
        office.open_case(event_id)
    assert make_copies(office) == 2
    assert the_copy(office, "hevc") is not None
    assert the_copy(office, "plays") is None


def test_a_recorder_file_is_copied_in_stretches(office: Office) -> None:
    upload_id = office.add_upload("DSJ-1_20260528093000.avi", foreign(AVI))
    copies = f"/uploads/{upload_id}/copies"
    with office.browser("operator") as browser:
        assert browser.get(copies).json() == {"original": None, "copies": []}
        answer = browser.post(copies, data={"start": "00:01", "end": "99:59"})
        assert answer.headers["Location"] == f"/uploads/{upload_id}"
        make_copies(office)
        (told,) = browser.get(copies).json()["copies"]
        assert (told["start_s"], told["end_s"], told["state"]) == (1.0, 2.0, "ready")
        assert browser.get(told["address"]).headers["Content-Type"] == "video/mp4"
        refused = browser.get(f"/uploads/{upload_id}/original")
        assert (refused.status_code, "无法在浏览器中播放" in refused.text) == (400, True)
        assert "upload-player" in browser.get(f"/uploads/{upload_id}").text
    seen = [json.loads(entry.body or "")["role"] for entry in office.log(Action.VIEWED)]
    assert seen == ["review copy"]


def test_an_original_leaves_with_a_reason(office: Office) -> None:
    upload_id = office.add_upload("DSJ-1_20260528093000.avi", foreign(AVI))
    address = f"/uploads/{upload_id}/original"
    with office.browser("officer") as browser:
        assert browser.post(address, data={"reason": " "}).status_code == 400
        assert office.log(Action.DOWNLOADED) == []
        whole = browser.post(address, data={"reason": "办理案件"})
    assert whole.content == foreign(AVI)
    assert whole.headers["Content-Type"] == "application/octet-stream"
    (entry,) = office.log(Action.DOWNLOADED)
    body = json.loads(entry.body or "")
    assert (entry.subject, body["reason"], body["unit"]) == (upload_id, "办理案件", "一中队")


def test_a_recorder_file_that_plays_is_played(office: Office) -> None:
    upload_id = office.add_upload()
    with office.browser("officer") as browser:
        said = browser.get(f"/uploads/{upload_id}/copies").json()
        part = browser.get(said["original"], headers={"Range": "bytes=0-9"})
    assert (part.status_code, part.content) == (206, clip_bytes(1)[:10])
    assert part.headers["Content-Type"] == "video/mp4"


def test_the_index_of_an_original_is_read_once(office: Office) -> None:
    """Attacks: reading up to 64 MiB for each range that a player asks for."""
    upload_id = office.add_upload()
    with office.browser("officer") as browser:
        address = browser.get(f"/uploads/{upload_id}/copies").json()["original"]
        with office.database.read() as session:
            sha256 = session.get_one(Acquisition, upload_id).sha256
        path = office.store.path(Sha256(sha256))
        path.chmod(0o644)
        path.write_bytes(bytes(len(clip_bytes(1))))
        part = browser.get(address, headers={"Range": "bytes=0-9"})
    assert (part.status_code, part.headers["Content-Type"]) == (206, "video/mp4")


REFUSED = {
    "no time": ({"start": "a", "end": "1"}, 400, "时间“a”无效"),
    "nothing": ({"start": "", "end": ""}, 400, "无效"),
    "backwards": ({"start": "0:02", "end": "0:01"}, 400, "起止时间无效"),
    "behind the end": ({"start": "5:00", "end": "6:00"}, 400, "起止时间无效"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_a_stretch_that_is_none_is_refused_in_words(office: Office, case: str) -> None:
    form, status, words = REFUSED[case]
    upload_id = office.add_upload()
    with office.browser("officer") as browser:
        answer = browser.post(f"/uploads/{upload_id}/copies", data=form)
    assert (answer.status_code, words in answer.text) == (status, True)


def test_a_person_who_asks_for_too_much_waits(office: Office) -> None:
    upload_id = office.add_upload("DSJ-1_20260528093000.avi", foreign(AVI))
    with office.browser("officer") as browser:
        forms = [{"start": f"0.{n}", "end": "2"} for n in range(MOST_WAITING + 1)]
        answers = [browser.post(f"/uploads/{upload_id}/copies", data=form) for form in forms]
    assert [answer.status_code for answer in answers] == [303] * MOST_WAITING + [429]


def test_a_broken_original_is_told_on_the_page(office: Office) -> None:
    office.add_event("broken", clip=HEVC[:3000])
    with office.browser("officer") as browser:
        browser.post("/events/broken/copy")
        make_copies(office)
        assert "已损坏或不完整" in browser.get("/events/broken").text
        browser.post("/events/broken/copy")
    with office.database.read() as session:
        assert session.get(Job, f"{copy_id(office, 'broken')}-2") is not None


OFFSETS = {
    "0": 0,
    "75": 75 * SECOND,
    "02:30": 150 * SECOND,
    "1:02:03": 3723 * SECOND,
    "0:00.5": SECOND // 2,
    " 62:03.125 ": 3723 * SECOND + 125_000,
}


@pytest.mark.parametrize("text", OFFSETS)
def test_offsets(text: str) -> None:
    assert offset_us(text) == OFFSETS[text]


def _picture(page: Page, at_s: float) -> Image:
    """What the player shows at a time, `(180, 320, 3)` BGR."""
    values = page.evaluate(
        """async (at) => {
          const video = document.getElementById("clip");
          video.pause();
          await new Promise((done) => {
            video.addEventListener("seeked", done, { once: true });
            video.currentTime = at;
          });
          const canvas = document.createElement("canvas");
          [canvas.width, canvas.height] = [video.videoWidth, video.videoHeight];
          const context = canvas.getContext("2d");
          context.drawImage(video, 0, 0);
          return Array.from(context.getImageData(0, 0, canvas.width, canvas.height).data);
        }""",
        at_s,
    )
    rgba = np.array(values, np.uint8).reshape(180, 320, 4)
    return np.ascontiguousarray(rgba[:, :, 2::-1])


def _wait_for_copy(page: Page) -> None:
    for _ in range(100):
        if (
            page.is_visible("#is-copy")
            and page.evaluate("document.getElementById('clip').readyState") >= 2
        ):
            return
        page.wait_for_timeout(100)
    raise AssertionError(page.inner_text("main"))


@pytest.mark.skipif(CHROMIUM is None, reason=NO_BROWSER)
def test_a_browser_plays_the_copy_of_an_h265_clip(office: Office, tmp_path: Path) -> None:
    """Attacks: pictures that a browser shows at other times than the original has them."""
    office.add_event("hevc", clip=HEVC)
    with _served(office) as address, window() as (page, _):
        _log_in(page, address)
        page.goto(f"{address}/events/hevc")
        assert page.is_visible("#unplayable")
        page.check("[name=genuine]")
        page.click("#copy button")
        page.wait_for_selector("text=排队等待生成")
        make_copies(office)
        _wait_for_copy(page)
        assert page.is_checked("[name=genuine]"), "the half-made decision stays"
        assert not page.is_visible("#unplayable")
        page.reload()
        _wait_for_copy(page)
        page.keyboard.press("m")
        assert _time(page) == pytest.approx(2.0)
        pictures = [image for _, image in shown(HEVC)]
        for number in (0, 10, 25, 39):
            seen = _picture(page, number / 10 + 0.05)
            likeness = [psnr(seen, image) for image in pictures]
            assert int(np.argmax(likeness)) == number
            assert likeness[number] > 30


@pytest.mark.skipif(CHROMIUM is None, reason=NO_BROWSER)
def test_a_browser_plays_a_stretch_of_a_recorder_file(office: Office) -> None:
    upload_id = office.add_upload("DSJ-1_20260528093000.avi", foreign(AVI))
    with _served(office) as address, window() as (page, complaints):
        _log_in(page, address)
        page.goto(f"{address}/uploads/{upload_id}")
        page.fill("[name=start]", "00:01")
        page.fill("[name=end]", "00:02")
        page.click("#copy-form button")
        page.wait_for_selector("text=排队等待生成")
        make_copies(office)
        _wait_for_copy(page)
        assert page.inner_text("#copies button") == "▶ 00:01–00:02"
        pictures = [image for _, image in shown(foreign(AVI))]
        seen = _picture(page, 0.42)
        likeness = [psnr(seen, image) for image in pictures]
        assert int(np.argmax(likeness)) == 25 + 10
        assert complaints == []
