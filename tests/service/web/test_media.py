"""Footage: in ranges, and never without an entry in the log first."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from ingest.errors import FootageAltered
from service.alarms import Trouble, open_alarms
from service.bundle.export import Export
from service.bundle.piece import Piece, measure
from service.evidence.log import Action
from service.tables import LogEntry
from service.web.routes_export import streamed
from tests.service.web.office import Office, clip_bytes

CLIP = clip_bytes(4)


def _address(office: Office, role: str = "clip") -> str:
    return f"/media/{office.sha256('event1', role)}?event=event1"


def test_whole_and_in_ranges(office: Office) -> None:
    address = _address(office)
    with office.browser("officer") as browser:
        whole = browser.get(address)
        part = browser.get(address, headers={"Range": "bytes=100-199"})
        beyond = browser.get(address, headers={"Range": "bytes=99999999-"})
    assert (whole.status_code, whole.content) == (200, CLIP)
    assert whole.headers["Content-Type"] == "video/mp4"
    assert (part.status_code, part.content) == (206, CLIP[100:200])
    assert part.headers["Content-Range"] == f"bytes 100-199/{len(CLIP)}"
    assert beyond.status_code == 416


# Ranges of one browser in order, and how many looks they are.
LOOKS: dict[str, tuple[list[str | None], int]] = {
    "whole": ([None], 1),
    "playback with seeks": (["bytes=0-", "bytes=5000-", "bytes=200-300"], 1),
    "played twice": (["bytes=0-", "bytes=5000-", "bytes=0-"], 2),
    "everything but the first byte": (["bytes=1-"], 1),
    "a list of ranges": (["bytes=5-10,0-"], 1),
    "an other unit": (["pages=1-2"], 1),
}


@pytest.mark.parametrize("case", LOOKS)
def test_every_playback_is_one_entry(office: Office, case: str) -> None:
    ranges, looks = LOOKS[case]
    with office.browser("officer") as browser:
        for asked in ranges:
            browser.get(_address(office), headers={"Range": asked} if asked else {})
    entries = office.log(Action.VIEWED)
    assert len(entries) == looks
    assert {(e.actor, e.subject) for e in entries} == {("officer", "event1")}
    body = json.loads(entries[0].body or "")
    assert (body["role"], body["sha256"]) == ("clip", office.sha256("event1", "clip"))


def test_a_seek_long_after_is_a_new_look(office: Office) -> None:
    with office.browser("officer") as browser:
        for pause in (0, 60, 601):
            office.clock.sleep(pause)
            browser.get(_address(office), headers={"Range": "bytes=9-"})
    assert len(office.log(Action.VIEWED)) == 2


def test_everybody_has_entries_of_their_own(office: Office) -> None:
    for person in ("officer", "operator"):
        with office.browser(person) as browser:
            browser.get(_address(office, "onset"))
    assert [entry.actor for entry in office.log(Action.VIEWED)] == ["officer", "operator"]


def test_list_is_one_entry_for_all_its_thumbnails(office: Office) -> None:
    office.add_event("event2")
    with office.browser("officer") as browser:
        browser.get("/")
        browser.get(_address(office, "onset"))
    (entry,) = office.log(Action.VIEWED)
    assert entry.subject == "queue"
    assert json.loads(entry.body or "")["sha256"] == [office.sha256("event1", "onset")]


TAKEN = {
    "clip that is looked at": ("GET", "/media/{clip}?event=event1"),
    "clip that is taken out": ("POST", "/media/{clip}"),
    "document": ("POST", "/documents/{document}/file"),
}


@pytest.mark.parametrize("case", TAKEN)
def test_no_byte_leaves_when_the_log_cannot_be_written(office: Office, case: str) -> None:
    """Attacks: row 18 of the list in the handbook: an entry that fails after the bytes."""
    method, path = TAKEN[case]
    form = {"event": "event1", "reason": "办理案件"} if method == "POST" else None
    office.add_event("exhibit")
    office.confirm("exhibit")
    document = office.add_document(office.open_case("exhibit"))
    address = path.format(clip=office.sha256("event1", "clip"), document=document)
    with office.browser("officer") as browser:
        office.forbid_log()
        response = browser.request(method, address, data=form)
    assert response.status_code == 500
    assert CLIP[:16] not in response.content
    assert b"PK a document" not in response.content


def test_missing_object_is_an_alarm_on_every_page(office: Office) -> None:
    address = _address(office)
    sha256 = office.sha256("event1", "clip")
    office.store.path(sha256).unlink()
    with office.browser("officer") as browser:
        response = browser.get(address)
        assert (response.status_code, "证据完整性" in response.text) == (500, True)
        assert f"证据校验失败：{sha256}" in browser.get("/cameras").text
        assert browser.get("/readyz").status_code == 503
    with office.database.read() as session:
        (alarm,) = open_alarms(session)
    assert (alarm.key, alarm.subject) == (Trouble.EVIDENCE_BROKEN, sha256)


def test_a_bundle_that_breaks_off_is_an_alarm(office: Office, tmp_path: Path) -> None:
    """Attacks: a file that changes between its hashing and its leaving."""
    file = tmp_path / "clip.mp4"
    file.write_bytes(CLIP)
    whole = measure(Piece("derived/clip.mp4", "clip", file, None))
    file.write_bytes(CLIP[:-1] + b"x")
    made = Export("bundle", datetime(2026, 11, 23, tzinfo=UTC), {whole.piece.path: whole})
    with pytest.raises(FootageAltered):
        b"".join(streamed(office.app.state.web, made))
    with office.database.read() as session:
        assert [alarm.key for alarm in open_alarms(session)] == [Trouble.EVIDENCE_BROKEN]


def test_document_goes_out_under_its_chinese_name_and_is_logged(office: Office) -> None:
    office.add_event("exhibit")
    office.confirm("exhibit")
    document = office.add_document(office.open_case("exhibit"))
    with office.browser("officer") as browser:
        address = f"/documents/{document}/file"
        assert browser.post(address).status_code == 400, "without a reason it stays"
        response = browser.post(address, data={"reason": "行政复议"})
    disposition = response.headers["Content-Disposition"]
    assert disposition.startswith("attachment; filename*=utf-8''%E8%A7%86")
    (entry,) = office.log(Action.DOWNLOADED)
    assert (entry.actor, entry.subject) == ("officer", document)
    assert json.loads(entry.body or "")["reason"] == "行政复议"


def _body(entry: LogEntry) -> dict[str, Any]:
    body: dict[str, Any] = json.loads(entry.body or "")
    return body


def test_a_look_says_who_of_which_unit_from_where_and_why(office: Office) -> None:
    """公共安全视频图像信息系统管理条例 16: 事由、单位、姓名."""
    with office.browser("officer") as browser:
        browser.get(_address(office))
    (entry,) = office.log(Action.VIEWED)
    told = {name: _body(entry)[name] for name in ("name", "unit", "address", "reason")}
    assert told == {
        "name": "李队员",
        "unit": "一中队",
        "address": "testclient",
        "reason": "值班审核",
    }


def test_another_reason_is_another_look(office: Office) -> None:
    with office.browser("officer") as browser:
        for reason in ("复核投诉", "复核投诉", "上级检查"):
            browser.post("/account/reason", data={"reason": reason})
            browser.get(_address(office, "onset"))
    assert [_body(entry)["reason"] for entry in office.log(Action.VIEWED)] == [
        "复核投诉",
        "上级检查",
    ]
    assert len(office.log(Action.REASON_STATED)) == 3


@pytest.mark.parametrize("reason", ["", "  ", "字" * 201], ids=["none", "blank", "long"])
def test_a_reason_is_a_sentence(office: Office, reason: str) -> None:
    with office.browser("officer") as browser:
        assert browser.post("/account/reason", data={"reason": reason}).status_code == 400
    assert office.log(Action.REASON_STATED) == []


def test_a_playback_ends_with_what_was_played(office: Office) -> None:
    with office.browser("officer") as browser:
        browser.get(_address(office))
        browser.get(_address(office, "onset"))
        said = {"of": "event1", "ranges": "0.000-3.250,7.000-9.100"}
        assert browser.post("/views", data=said).status_code == 204
    look = office.log(Action.VIEWED)[0]
    (entry,) = office.log(Action.VIEW_ENDED)
    body = _body(entry)
    assert (entry.actor, entry.subject) == ("officer", "event1")
    assert (body["viewed"], body["ranges"]) == (look.seq, ["0.000-3.250", "7.000-9.100"])
    assert body["sha256"] == office.sha256("event1", "clip")


NO_ENDS = {
    "nobody looked": ("event2", "0.000-1.000", 404),
    "no ranges": ("event1", "", 400),
    "words": ("event1", "all of it", 400),
    "a list that never ends": ("event1", ",".join(["0.000-1.000"] * 101), 400),
}


@pytest.mark.parametrize("case", NO_ENDS)
def test_no_end_is_made_up(office: Office, case: str) -> None:
    """Attacks: an entry for a look that never was, or with anything in it."""
    subject, ranges, status = NO_ENDS[case]
    office.add_event("event2")
    with office.browser("operator") as browser:
        browser.get(f"/media/{office.sha256('event2', 'clip')}?event=event2")
    with office.browser("officer") as browser:
        browser.get(_address(office))
        answer = browser.post("/views", data={"of": subject, "ranges": ranges})
    assert answer.status_code == status
    assert office.log(Action.VIEW_ENDED) == []
