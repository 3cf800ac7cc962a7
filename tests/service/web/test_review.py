"""The way of an event through the pages: queue, decision, case."""

import html

import pytest

from service.alarms import Trouble, open_alarms, raise_alarm
from service.cases import case_of, cases
from service.evidence.log import Action
from tests.service.web.office import Office

CONFIRMED = {
    "decision": "confirmed",
    "genuine": "true",
    "clear": "true",
    "complete": "true",
    "accurate": "true",
}
SCRIPT = '<script>alert("x")</script>'


def test_queue_says_what_and_why_in_words(office: Office) -> None:
    office.add_event("event2", certain=False)
    with office.browser("operator") as browser:
        text = browser.get("/").text
    for words in ("偷倒垃圾", "和平路 12 号东侧", "05-29 04:25:40", "人员", "留置 10 秒"):
        assert words in text
    assert ("明确" in text, "存疑" in text) == (True, True)
    assert "0.87" not in text


def test_event_page_has_the_facts(office: Office) -> None:
    with office.browser("officer") as browser:
        text = browser.get("/events/event1").text
    sha256 = office.sha256("event1", "clip")
    for words in ("2026-05-29 04:25:40+08:00", sha256[:16] + "…", sha256, "120 毫秒", "线索"):
        assert words in text
    assert "05-29 04:25:41 – 05-29 04:25:42" in text
    assert 'data-moment="2.0"' in text
    assert "0.87" not in text
    assert 'name="genuine" value="true" >' in text


WRONG: dict[str, tuple[dict[str, str], str]] = {
    "no boxes": ({"decision": "confirmed"}, "四项须全部确认"),
    "three boxes": (CONFIRMED | {"accurate": "false"}, "四项须全部确认"),
    "one box": ({"decision": "confirmed", "genuine": "true"}, "四项须全部确认"),
    "no reason": ({"decision": "rejected"}, "请选择"),
    "unknown reason": ({"decision": "rejected", "reason": "because"}, "请选择"),
    "other without a note": ({"decision": "rejected", "reason": "other"}, "说明"),
    "no decision": ({}, "请求无效"),
}


@pytest.mark.parametrize("case", WRONG)
def test_wrong_decision_is_said_beside_the_form_and_changes_nothing(
    office: Office, case: str
) -> None:
    form, words = WRONG[case]
    with office.browser("officer") as browser:
        response = browser.post("/events/event1", data=form | {"note": ""})
    assert (response.status_code, words in response.text) == (400, True)
    assert office.state("event1") == "pending"
    assert office.log(Action.REVIEWED) == []


def test_what_was_typed_stays_after_a_wrong_decision(office: Office) -> None:
    with office.browser("officer") as browser:
        form = {"decision": "confirmed", "clear": "true", "note": SCRIPT}
        text = browser.post("/events/event1", data=form).text
    assert 'name="clear" value="true" checked' in text
    assert 'name="genuine" value="true" >' in text
    assert f'value="{html.escape(SCRIPT, quote=False).replace(chr(34), "&#34;")}"' in text
    assert SCRIPT not in text


def test_who_came_and_left_is_shown_in_the_order_of_time(office: Office) -> None:
    seen = {"leaving": 5.0, "person_leaving": 3.0, "vehicle_leaving": 8.0, "person_arriving": -2.0}
    office.add_event("event9", seen_s=seen)
    with office.browser("officer") as browser:
        text = browser.get("/events/event9").text
        assert 'id="visit"' not in browser.get("/events/event1").text
    shown = text[text.index('id="visit"') :]
    words = ["特写：人员到场", "特写：人员离开", "离开时", "特写：车辆离开"]
    places = [shown.index(f"<figcaption>{each}") for each in words]
    assert places == sorted(places)


def test_second_decision_is_409(office: Office) -> None:
    with office.browser("officer") as browser:
        assert browser.post("/events/event1", data=CONFIRMED).status_code == 303
        for form in (CONFIRMED, {"decision": "rejected", "reason": "light"}):
            response = browser.post("/events/event1", data=form)
            assert (response.status_code, "已有决定" in response.text) == (409, True)
    assert office.state("event1") == "confirmed"


def _alter(office: Office, event_id: str, role: str) -> str:
    sha256 = office.sha256(event_id, role)
    path = office.store.path(sha256)
    path.chmod(0o600)
    path.write_bytes(path.read_bytes()[:-1] + b"?")
    return sha256


def _alarms(office: Office) -> list[tuple[str, str]]:
    with office.database.read() as session:
        return [(alarm.key, alarm.subject) for alarm in open_alarms(session)]


@pytest.mark.parametrize("role", ["clip", "manifest", "before", "onset", "after"])
def test_altered_footage_is_not_confirmed(office: Office, role: str) -> None:
    sha256 = _alter(office, "event1", role)
    with office.browser("officer") as browser:
        response = browser.post("/events/event1", data=CONFIRMED)
    assert (response.status_code, "校验值不一致" in response.text) == (500, True)
    assert office.state("event1") == "pending"
    assert office.log(Action.REVIEWED) == []
    assert _alarms(office) == [(Trouble.EVIDENCE_BROKEN, sha256)]


def test_lost_footage_is_not_confirmed(office: Office) -> None:
    sha256 = office.sha256("event1", "clip")
    office.store.path(sha256).unlink()
    with office.browser("officer") as browser:
        assert browser.post("/events/event1", data=CONFIRMED).status_code == 500
    assert office.state("event1") == "pending"
    assert _alarms(office) == [(Trouble.EVIDENCE_BROKEN, sha256)]


@pytest.mark.parametrize("kind", ["evidence_sheet", "penalty_draft"])
def test_no_document_on_altered_footage(office: Office, kind: str) -> None:
    office.confirm("event1")
    case_id = office.open_case("event1")
    sha256 = _alter(office, "event1", "clip")
    with office.browser("officer") as browser:
        response = browser.post(f"/cases/{case_id}/documents", data={"kind": kind})
    assert (response.status_code, "校验值不一致" in response.text) == (500, True)
    assert office.log(Action.DOCUMENT_MADE) == []
    assert _alarms(office) == [(Trouble.EVIDENCE_BROKEN, sha256)]


def test_operator_decides_nothing(office: Office) -> None:
    with office.browser("operator") as browser:
        assert "confirm-form" not in browser.get("/events/event1").text
        assert browser.post("/events/event1", data=CONFIRMED).status_code == 403
    assert office.state("event1") == "pending"


def test_rejection_leads_to_the_next_event_and_then_to_the_queue(office: Office) -> None:
    office.add_event("event2", certain=False)
    form = {"decision": "rejected", "reason": "light", "note": ""}
    with office.browser("officer") as browser:
        response = browser.post("/events/event1", data=form)
        assert response.headers["Location"] == "/events/event2?after=rejected"
        assert "上一事件已驳回" in browser.get(response.headers["Location"]).text
        assert browser.post("/events/event2", data=form).headers["Location"] == "/"
        decided = browser.get("/decided").text
    assert decided.count("已驳回") == 2


def test_confirmed_event_becomes_a_case_and_a_second_one_joins_it(office: Office) -> None:
    office.add_event("event2")
    with office.browser("officer") as browser:
        browser.post("/events/event1", data=CONFIRMED)
        page = browser.get("/events/event1").text
        assert "涉嫌随意倾倒垃圾（和平路 12 号东侧）" in page
        opened = browser.post("/cases", data={"event_id": "event1", "title": "涉嫌倾倒"})
        case_id = opened.headers["Location"].removeprefix("/cases/")
        browser.post("/events/event2", data=CONFIRMED)
        assert case_id in browser.get("/events/event2").text
        form = {"event_id": "event2", "case_id": case_id}
        assert browser.post("/exhibits", data=form).status_code == 303
        assert browser.post("/exhibits", data=form).status_code == 409
        text = browser.get(f"/cases/{case_id}").text
    assert ("证据 1" in text, "证据 2" in text) == (True, True)


def test_case_needs_a_confirmed_event_and_a_title(office: Office) -> None:
    with office.browser("officer") as browser:
        form = {"event_id": "event1", "title": "涉嫌倾倒"}
        assert browser.post("/cases", data=form).status_code == 400
        office.confirm("event1")
        assert browser.post("/cases", data=form | {"title": " "}).status_code == 400
    with office.database.read() as session:
        assert cases(session, office.user("officer")) == []


def test_party_is_kept_and_shown_literally(office: Office) -> None:
    office.confirm("event1")
    case_id = office.open_case("event1")
    form = {"name": SCRIPT, "phone": " 138 ", "fine_yuan": "200", "provision_id": "swl-111-1-1"}
    with office.browser("officer") as browser:
        before = browser.get(f"/cases/{case_id}").text
        assert browser.post(f"/cases/{case_id}", data=form).status_code == 303
        after = browser.get(f"/cases/{case_id}").text
        listed = browser.get("/cases").text
    assert 'type="radio"' in before
    assert "checked" not in before
    assert 'value="swl-111-1-1" checked' in after
    assert (SCRIPT in after, SCRIPT in listed) == (False, False)
    assert html.escape(SCRIPT, quote=False).replace('"', "&#34;") in listed
    with office.database.read() as session:
        case = case_of(session, case_id)
    assert (case.party_name, case.party_phone, case.fine_yuan) == (SCRIPT, "138", 200)
    assert case.party_address is None


@pytest.mark.parametrize(
    ("form", "words"),
    [
        ({"fine_yuan": "0"}, "正整数"),
        ({"fine_yuan": "-5"}, "正整数"),
        ({"fine_yuan": "1.5"}, "正整数"),
        ({"fine_yuan": "二百"}, "正整数"),
        ({"fine_yuan": "²"}, "正整数"),
        ({"provision_id": "made-up"}, "没有该条款"),
        ({"provision_id": "swl-49-2"}, "没有该条款"),
        ({"provision_id": "sc101-36-2"}, "没有该条款"),
    ],
    ids=str,
)
def test_wrong_party_form_changes_nothing(office: Office, form: dict[str, str], words: str) -> None:
    office.confirm("event1")
    case_id = office.open_case("event1")
    with office.browser("officer") as browser:
        response = browser.post(f"/cases/{case_id}", data=form | {"name": "张三"})
    assert (response.status_code, words in response.text) == (400, True)
    assert 'value="张三"' in response.text
    with office.database.read() as session:
        assert case_of(session, case_id).party_name is None


def test_cameras_show_gaps_with_causes_and_no_address(office: Office) -> None:
    with office.browser("admin") as browser:
        text = browser.get("/cameras").text
    for words in ("gate-1", "05-29 04:18:20 – 05-29 04:19:20 连接中断", "尚无录像"):
        assert words in text
    assert "192.0.2.7" not in text


@pytest.mark.parametrize("path", ["/", "/decided", "/events/event1", "/cases", "/cameras"])
def test_alarms_stand_on_every_page(office: Office, path: str) -> None:
    with office.database.write() as session:
        raise_alarm(session, office.clock, Trouble.CAMERA_DOWN, "gate-1", cause="silent")
    with office.browser("officer") as browser:
        assert "摄像头“gate-1”断线：已连接但无数据" in browser.get(path).text


def test_long_queues_come_in_pages(office: Office) -> None:
    for number in range(20):
        office.add_event(f"more{number}")
    with office.browser("officer") as browser:
        first, second, beyond = (browser.get(f"/?page={n}").text for n in (1, 2, 9))
        assert browser.get("/?page=0").status_code == 400
    assert [text.count('class="thumb"') for text in (first, second, beyond)] == [20, 1, 1]
    assert "共 21 条 · 第 1/2 页" in first
