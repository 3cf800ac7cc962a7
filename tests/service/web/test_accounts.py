"""Accounts on pages: one's own, those of others, tokens, and the log of it all."""

import json
import re

import pytest
from starlette.testclient import TestClient

from service.evidence.log import Action
from service.logbook import Search, lines
from service.logins import MAX_FAILURES
from service.people import Facts, NewUser, add_user
from service.roles import Role
from service.tables import User
from service.tokens import NewToken, Scope, add_token
from tests.service.web.office import PASSWORD, Office

NEW = "河边的第三棵柳树下有一只猫"
WANG = {
    "id": "wang",
    "name": "王队员",
    "role": "officer",
    "unit": "一中队",
    "badge_no": "津A-0009",
    "badge_until": "2099-12-31",
}


def log_in(browser: TestClient, account: str, password: str) -> str:
    """Where a login leads; empty when it is refused."""
    form = {"account": account, "password": password}
    return browser.post("/login", data=form).headers.get("Location", "")


def first_password(page: str) -> str:
    found = re.search(r'id="first-password">([^<]+)<', page)
    assert found is not None
    return found[1]


def test_from_a_new_account_to_the_first_look(office: Office) -> None:
    """The rule: nobody works with a password that somebody else knows."""
    with office.browser("admin") as browser:
        first = first_password(browser.post("/people", data=WANG).text)
        assert first not in browser.get("/people").text, "shown once"
    with office.browser() as browser:
        assert log_in(browser, "wang", first) == "/"
        assert browser.get("/").headers["Location"] == "/account"
        assert "由他人设置" in browser.get("/account").text
        form = {"old": first, "new": NEW, "again": NEW}
        assert browser.post("/account/password", data=form).headers["Location"] == "/login"
        assert browser.get("/").headers["Location"].startswith("/login")
        assert log_in(browser, "wang", first) == ""
        assert log_in(browser, "wang", NEW) == "/"
        assert "王队员" in browser.get("/").text
    assert [entry.actor for entry in office.log(Action.USER_ADDED)] == ["admin"]
    assert [entry.actor for entry in office.log(Action.PASSWORD_CHANGED)] == ["wang"]


BAD = {
    "an id that is none": ({"id": "王"}, "无效"),
    "taken": ({"id": "officer"}, "已存在"),
    "no name": ({"name": " "}, "必须填写姓名"),
    "no badge": ({"badge_no": ""}, "必须填写执法证号"),
    "no last day": ({"badge_until": ""}, "必须填写执法证有效期"),
    "a day that is none": ({"badge_until": "2027-02-30"}, "badge_until"),
    "a role that is none": ({"role": "emperor"}, "role"),
}


@pytest.mark.parametrize("case", BAD)
def test_what_was_wrong_is_said_beside_the_form(office: Office, case: str) -> None:
    changed, words = BAD[case]
    with office.browser("admin") as browser:
        answer = browser.post("/people", data={**WANG, **changed})
    assert (answer.status_code, words in answer.text) == (400, True)
    assert "first-password" not in answer.text
    assert office.log(Action.USER_ADDED) == []


def test_changed_closed_reset_and_opened_again(office: Office) -> None:
    officer = {"name": "李队长", "role": "leader", "unit": "二中队"}
    badge = {"badge_no": "津A-0001", "badge_until": "2030-01-31"}
    with office.browser("officer") as inside, office.browser("admin") as browser:
        browser.post("/people/officer", data=officer | badge)
        assert "李队长 · 中队长" in inside.get("/").text, "at once, in a session that is open"
        browser.post("/people/officer/close")
        assert inside.get("/").status_code == 303
        assert log_in(inside, "officer", PASSWORD) == ""
        browser.post("/people/officer/reopen")
        told = first_password(browser.post("/people/officer/password").text)
        assert log_in(inside, "officer", PASSWORD) == ""
        assert log_in(inside, "officer", told) == "/"
    user = office.user("officer")
    assert (user.role, user.unit, user.badge_until) == ("leader", "二中队", "2030-01-31")
    for action in (
        Action.USER_CHANGED,
        Action.USER_CLOSED,
        Action.USER_REOPENED,
        Action.PASSWORD_RESET,
    ):
        assert [entry.actor for entry in office.log(action)] == ["admin"]


@pytest.mark.parametrize("act", ["close", "password"])
def test_an_administrator_stays(office: Office, act: str) -> None:
    with office.browser("admin") as browser:
        assert browser.post(f"/people/admin/{act}").status_code == 403
        assert browser.post("/people/nobody/close").status_code == 404
    assert office.user("admin").active


def test_a_badge_that_ran_out_is_shown_and_decides_nothing(office: Office) -> None:
    """行政处罚法 42; the form is not even offered."""
    with office.database.write() as session:
        session.get_one(User, "officer").badge_until = "2026-05-27"
    with office.browser("officer") as browser:
        assert "confirm-form" not in browser.get("/events/event1").text
        form = {"decision": "rejected", "reason": "light"}
        answer = browser.post("/events/event1", data=form)
        assert (answer.status_code, "2026-05-27" in answer.text) == (403, True)
    assert office.state("event1") == "pending"
    with office.browser("admin") as browser:
        assert browser.get("/people").text.count("执法证过期") == 1


WRONG = {
    "typed differently": ({"old": PASSWORD, "new": NEW, "again": NEW + "x"}, "不一致"),
    "wrong": ({"old": "wrong", "new": NEW, "again": NEW}, "原密码错误"),
    "weak": ({"old": PASSWORD, "new": "1" * 12, "again": "1" * 12}, "太容易猜到"),
}


@pytest.mark.parametrize("case", WRONG)
def test_a_password_that_stays_is_told_why(office: Office, case: str) -> None:
    form, words = WRONG[case]
    with office.browser("officer") as browser:
        answer = browser.post("/account/password", data=form)
        assert (answer.status_code, words in answer.text) == (400, True)
        assert browser.get("/").status_code == 200
    for typed in form.values():
        assert typed not in answer.text


def test_a_reason_is_asked_at_the_login_and_stands_on_every_page(office: Office) -> None:
    with office.browser() as browser:
        assert 'name="reason" value="值班审核"' in browser.get("/login").text
        form = {"account": "officer", "password": PASSWORD, "reason": "复核 3 号点位投诉"}
        browser.post("/login", data=form)
        assert "事由：复核 3 号点位投诉" in browser.get("/").text
        assert browser.post("/login", data=form | {"reason": " "}).status_code == 400
    with office.browser("admin") as browser:
        assert "事由" not in browser.get("/cameras").text, "who sees nothing needs none"


def test_the_login_is_locked_for_an_address_too(office: Office) -> None:
    """Row 17 of the handbook's list, from the browser's side."""
    with office.browser() as browser:
        for _ in range(MAX_FAILURES):
            assert log_in(browser, "officer", "wrong") == ""
        form = {"account": "officer", "password": PASSWORD}
        assert browser.post("/login", data=form).status_code == 429
    with office.browser("supervisor") as browser:
        text = browser.get("/log", params={"action": "login_locked"}).text
    assert "testclient" in text


SEARCHES = {
    "everything": ({}, {"值班审核", "event1", "李队员"}, set()),
    "a person": ({"actor": "operator"}, {"王坐席"}, {"李队员"}),
    "an act": ({"action": "viewed"}, {"查看"}, {"logged_in"}),
    "an object": ({"subject": "vent1"}, {"event1"}, {">queue<"}),
    "a reason": ({"reason": "上级检查"}, {"上级检查"}, {"李队员"}),
    "a day to come": ({"since": "2027-01-01"}, {"没有符合条件的记录"}, {"event1"}),
    "a day that was": ({"until": "2026-01-01"}, {"没有符合条件的记录"}, {"event1"}),
    "that day": ({"since": "2026-05-29", "until": "2026-05-29"}, {"event1"}, set()),
    "no wildcard": ({"subject": "%"}, {"没有符合条件的记录"}, {"event1"}),
}


def _look_around(office: Office) -> None:
    with office.browser("officer") as browser:
        browser.get("/")
        browser.get(f"/media/{office.sha256('event1', 'clip')}?event=event1")
    with office.browser("operator") as browser:
        browser.post("/account/reason", data={"reason": "上级检查"})
        browser.get(f"/media/{office.sha256('event1', 'clip')}?event=event1")


def _lines(text: str) -> str:
    """The part of the page that holds the entries, or says that there are none."""
    return text[text.index("</form>", text.index('id="search"')) :]


@pytest.mark.parametrize("case", SEARCHES)
def test_the_log_is_searched(office: Office, case: str) -> None:
    asked, there, not_there = SEARCHES[case]
    _look_around(office)
    with office.browser("supervisor") as browser:
        # The entry of this very look is the latest; it names what was asked for.
        text = _lines(browser.get("/log", params=asked).text)
    for words in there:
        assert words in text
    for words in not_there - {">queue<"}:
        assert words not in text


def test_reading_the_log_is_logged_before_it_is_read(office: Office) -> None:
    with office.browser("supervisor") as browser:
        browser.get("/log", params={"actor": "officer", "page": "2"})
        office.forbid_log()
        refused = browser.get("/log")
    assert refused.status_code == 500
    (entry,) = office.log(Action.LOG_READ)
    body = json.loads(entry.body or "")
    assert (entry.actor, entry.subject) == ("supervisor", "log")
    assert (body["actor"], body["page"], body["name"]) == ("officer", 2, "孙监督")


def test_what_stands_in_the_log_is_text(office: Office) -> None:
    """Attacks: a reason that is markup, read by whoever supervises."""
    with office.browser("officer") as browser:
        browser.post("/account/reason", data={"reason": "<script>alert(1)</script>"})
    with office.browser("supervisor") as browser:
        text = browser.get("/log").text
    assert "&lt;script&gt;alert(1)" in text
    assert "<script>alert" not in text


def test_an_erased_body_is_said_to_be_erased(office: Office) -> None:
    with office.browser("officer") as browser:
        browser.get("/")
    with office.database.write() as session:
        session.connection().exec_driver_sql("UPDATE log SET body = NULL")
    with office.browser("supervisor") as browser:
        assert "内容已按期清除" in browser.get("/log").text


def test_tokens_are_listed_and_never_shown(office: Office) -> None:
    every = NewToken("screen", "指挥中心大屏", frozenset(Scope), 30)
    with office.database.write() as session:
        text = add_token(session, office.clock, every)
    with office.browser("admin") as browser:
        page = browser.get("/tokens").text
    assert ("指挥中心大屏" in page, text in page) == (True, False)


def test_events_for_other_systems(office: Office) -> None:
    """Facts without pictures, scores or persons, and where the last answer ended."""
    new = NewToken("screen", "x", frozenset({Scope.READ_EVENTS}), 30)
    with office.database.write() as session:
        text = add_token(session, office.clock, new)
    office.clock.sleep(60)
    office.add_event("event2")
    headers = {"Authorization": f"Bearer {text}"}
    with office.browser() as browser:
        first, second = browser.get("/api/events", headers=headers).json()
        after = {"after_us": first["found_us"]}
        assert browser.get("/api/events", headers=headers, params=after).json() == [second]
        assert browser.get("/api/events", headers=headers, params={"limit": "0"}).status_code == 400
    assert (first["id"], first["place"], first["state"]) == (
        "event1",
        "和平路 12 号东侧",
        "pending",
    )
    assert first["onset"].endswith("+08:00")
    assert set(first) == {"id", "camera", "place", "kind", "state", "onset", "found_us"}


def test_a_program_hands_a_file_over(office: Office) -> None:
    """With the scope for it; its uploads are its own and nobody else's."""
    new = NewToken("sync", "x", frozenset({Scope.UPLOAD}), 30)
    with office.database.write() as session:
        text = add_token(session, office.clock, new)
    headers = {"Tus-Resumable": "1.0.0", "Authorization": f"Bearer {text}"}
    with office.browser() as browser:
        begun = browser.post("/transfers", headers={**headers, "Upload-Length": "5"})
        assert begun.status_code == 201
        address = begun.headers["Location"]
        assert browser.head(address, headers=headers).status_code == 200
    with office.browser("officer") as browser:
        assert browser.get(address).status_code == 404


def test_a_full_disk_logs_nobody_out(office: Office) -> None:
    """Attacks: a session that cannot be written any more, and is gone with that."""
    with office.browser("officer") as browser:
        office.clock.sleep(120)
        with office.database.write() as session:
            session.connection().exec_driver_sql(
                # As the driver reports a full disk: an operational error.
                "CREATE TRIGGER full BEFORE UPDATE ON loginsession BEGIN SELECT full_disk(); END"
            )
        assert browser.get("/cameras").status_code == 200


def test_the_log_names_who_acted_and_not_whom_it_is_about(office: Office) -> None:
    """Attacks: an account that was made on the server, listed as if the person had made it."""
    with office.database.write() as session:
        facts = Facts("王坐席二", Role.OPERATOR, "一中队")
        add_user(session, office.clock, NewUser("wang2", facts, NEW))
    with office.database.read() as session:
        (line,) = lines(session, Search(subject="wang2"), slice(0, 1))
    assert (line.name, line.unit) == ("", "")
    assert dict(line.details)["name"] == "王坐席二"
