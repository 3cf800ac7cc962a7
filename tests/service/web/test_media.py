"""Footage: in ranges, and never without an entry in the log first."""

import json

import pytest

from service.alarms import Trouble, open_alarms
from service.evidence.log import Action
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


@pytest.mark.parametrize("path", ["/media/{clip}?event=event1", "/documents/{document}/file"])
def test_no_byte_leaves_when_the_log_cannot_be_written(office: Office, path: str) -> None:
    office.add_event("exhibit")
    office.confirm("exhibit")
    document = office.add_document(office.open_case("exhibit"))
    address = path.format(clip=office.sha256("event1", "clip"), document=document)
    with office.browser("officer") as browser:
        office.forbid_log()
        response = browser.get(address)
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


def test_document_goes_out_under_its_chinese_name_and_is_logged(office: Office) -> None:
    office.add_event("exhibit")
    office.confirm("exhibit")
    document = office.add_document(office.open_case("exhibit"))
    with office.browser("officer") as browser:
        response = browser.get(f"/documents/{document}/file")
    disposition = response.headers["Content-Disposition"]
    assert disposition.startswith("attachment; filename*=utf-8''%E8%A7%86")
    (entry,) = office.log(Action.DOWNLOADED)
    assert (entry.actor, entry.subject) == ("officer", document)
