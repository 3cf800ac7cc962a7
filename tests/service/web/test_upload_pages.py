"""The pages of uploads: what was handed over, and how an officer settles what waits."""

import re

import pytest
from sqlmodel import select

from service.alarms import open_alarms
from service.tables import Acquisition, ContentIndex, Quarantined
from service.web.paging import PAGE_ROWS
from tests.ingest.clip import Recipe, encoded
from tests.service.web.office import Office, clip_bytes
from tests.service.web.tus import TUS, Tus


def undated(office: Office) -> str:
    """A video without a time that can be true."""
    return office.add_quarantined("clip.mp4", clip_bytes(1))


def test_the_list_has_pages_and_names_copies(office: Office) -> None:
    """Newest first, a page at a time; the same bytes are told as such."""
    for n in range(PAGE_ROWS + 1):
        office.clock.sleep(1)
        office.add_upload(f"DSJ-{n}_20260528093000.mp4")
    with office.browser("officer") as browser:
        first, second = (browser.get(f"/uploads?page={n}").text for n in (1, 2))
        assert f"DSJ-{PAGE_ROWS}_" in first
        assert "DSJ-0_" not in first
        assert "DSJ-0_" in second
        assert f"相同内容共交接 {PAGE_ROWS + 1} 次" in first
        with office.database.read() as session:
            row = session.exec(select(Acquisition)).first()
        assert row is not None
        page = browser.get(f"/uploads/{row.id}").text
    assert row.sha256 in page
    assert "可信度中" in page


def test_a_file_is_found_by_what_it_shows(office: Office) -> None:
    shown, other = office.add_upload("DSJ-1_20260528093000.mp4"), _another(office)
    with office.database.write() as session:
        row = session.get_one(Acquisition, shown)
        content = [
            ["person", 8_000_000, 67_000_000, 3],
            ["person", 3_720_000_000, 3_724_000_000, 1],
        ]
        session.add(
            ContentIndex(
                sha256=row.sha256, model="0" * 64, looks=900, appearances=content,
                person=True, vehicle=False, bag=False, made_us=1,
            )
        )  # fmt: skip
    with office.browser("officer") as browser:
        page = browser.get(f"/uploads/{shown}").text
        assert "尚未建立索引" in browser.get(f"/uploads/{other}").text
        found = {has: browser.get(f"/uploads?has={has}") for has in ("", "person", "vehicle")}
        assert browser.get("/uploads?has=face").status_code == 400
    assert 'data-at="8.0" data-until="67.0">00:08–01:07 ×3<' in page
    assert 'data-until="3724.0">1:02:00–1:02:04<' in page
    names = {has: re.findall(r"(\w+_20260528093000)", answer.text) for has, answer in found.items()}
    assert len(names.pop("")) == 2
    assert names == {"person": ["1_20260528093000"], "vehicle": []}


def _another(office: Office) -> str:
    return office.add_upload("DSJ-2_20260528093000.mp4", clip_bytes(2))


@pytest.mark.parametrize("language", ["zh", "en"])
def test_every_fact_has_words(office: Office, language: str) -> None:
    """In both languages, for whatever state a file is in."""
    ids = [office.add_quarantined(), undated(office), office.add_quarantined("空.mp4", b"")]
    with office.browser("officer") as browser:
        browser.post("/language", data={"language": language})
        for each in ids:
            assert browser.get(f"/quarantine/{each}").status_code == 200
        assert browser.get("/uploads").status_code == 200


def test_an_officer_takes_a_file_in_from_the_page(office: Office) -> None:
    """Beijing time as the field has it; wrong words bring the form back with what was typed."""
    waiting = undated(office)
    form = {
        "settlement": "taken",
        "device": "DSJ-5",
        "officer": "officer",
        "started": "2026-05-28T09:30:05",
        "why": "核对屏幕时间",
    }
    with office.browser("officer") as browser:
        for field, value, words in (
            ("why", " ", "请填写理由"),
            ("started", "gestern", "请填写录像开始时间"),
            ("officer", "admin", "admin"),
        ):
            answer = browser.post(f"/quarantine/{waiting}", data=form | {field: value})
            assert answer.status_code == 400
            assert words in answer.text
            assert "DSJ-5" in answer.text
        assert browser.post(f"/quarantine/{waiting}", data=form).status_code == 303
        answer = browser.post(f"/quarantine/{waiting}", data=form)
        assert "已由他人处理" in answer.text
        page = browser.get(f"/uploads/{waiting}").text
    assert "2026-05-28 09:30:05+08:00" in page
    assert "核对屏幕时间" in page


IMPOSSIBLE = ["0001-01-01T00:00", "9999-12-31T23:59:59", "2009-12-31T00:00", "2031-01-01T00:00"]


@pytest.mark.parametrize("settlement", ["taken", "set_aside"])
@pytest.mark.parametrize("started", IMPOSSIBLE)
def test_a_start_that_cannot_be_is_refused_in_words(
    office: Office, started: str, settlement: str
) -> None:
    """Whoever states it is told; nothing is entered that no page can show."""
    waiting = undated(office)
    form = {"settlement": settlement, "started": started, "why": "x"}
    with office.browser("officer") as browser:
        answer = browser.post(f"/quarantine/{waiting}", data=form)
        assert answer.status_code == 400
        assert "录像开始时间不可能" in answer.text
        assert browser.get("/uploads").status_code == 200
    with office.database.read() as session:
        assert session.get_one(Quarantined, waiting).settled_us is None


CREATED = ["9999-12-31T23:59:59.000000Z", "0001-01-01T00:00:00.000000Z", "9999-01-01T00:00:00Z"]
MODIFIED = ["99999999999999", "253402300799000", "9" * 18, "0", "-1", "gestern"]


@pytest.mark.parametrize("name", ["clip.mp4", "DSJ-1_20260528093000.mp4"])
def test_times_that_nobody_can_mean_harm_no_page(office: Office, name: str) -> None:
    """A container of the year 9999, a browser of the year 5138: taken in or waiting, and shown."""
    with office.browser("officer") as browser:
        tus = Tus(browser)
        contents = [encoded(Recipe(container="mkv", created=created)) for created in CREATED]
        ids = [tus.upload(content, filename=name) for content in contents]
        ids += [tus.upload(clip_bytes(1), filename=name, modified=each) for each in MODIFIED]
        assert office.intake().step() == len(ids)
        assert office.intake().step() == 0
        assert browser.get("/uploads").status_code == 200
        for each in ids:
            told = browser.get(f"/transfers/{each}", headers=TUS).json()
            assert browser.get(told["page"]).status_code == 200
    with office.database.read() as session:
        assert open_alarms(session) == []


def test_a_button_that_is_not_there_does_nothing(office: Office) -> None:
    waiting = undated(office)
    with office.browser("officer") as browser:
        form = {"settlement": "deleted", "why": "x"}
        assert browser.post(f"/quarantine/{waiting}", data=form).status_code == 400
    with office.database.read() as session:
        assert session.get_one(Quarantined, waiting).settled_us is None


def test_an_operator_sees_what_waits_and_cannot_settle_it(office: Office) -> None:
    waiting = undated(office)
    with office.browser("operator") as browser:
        page = browser.get(f"/quarantine/{waiting}").text
        assert "只有持执法证的队员可以处理" in page
        assert '<form method="post" action="/quarantine' not in page
        form = {"settlement": "set_aside", "why": "x"}
        assert browser.post(f"/quarantine/{waiting}", data=form).status_code == 403
