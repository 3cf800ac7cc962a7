"""Logging in, staying in, going out."""

from contextlib import ExitStack

import pytest
from starlette.testclient import TestClient

from service.credentials import LOGINS
from service.evidence.log import Action
from service.logins import MAX_FAILURES
from service.web.gate import COOKIE
from tests.service.web.office import PASSWORD, Office


def _try(browser: TestClient, account: str, password: str) -> tuple[int, str]:
    response = browser.post("/login", data={"account": account, "password": password})
    return response.status_code, response.text


def test_right_password_sets_a_strict_cookie(office: Office) -> None:
    with office.browser() as browser:
        form = {"account": "officer", "password": PASSWORD, "next": "/cases"}
        response = browser.post("/login", data=form)
    cookie = response.headers["Set-Cookie"]
    assert response.status_code == 303
    assert response.headers["Location"] == "/cases"
    assert cookie.startswith(f"{COOKIE}=")
    for flag in ("HttpOnly", "SameSite=lax", "Path=/", "Max-Age=28800"):
        assert flag in cookie
    assert "Secure" not in cookie


def test_cookie_is_secure_over_tls(office: Office) -> None:
    with office.browser() as browser:
        response = browser.post(
            "https://testserver/login",
            data={"account": "officer", "password": PASSWORD},
            headers={"Origin": "https://testserver"},
        )
    assert "; Secure" in response.headers["Set-Cookie"]


@pytest.mark.parametrize("account", ["officer", "nobody", "", "<script>", "x" * 64])
def test_wrong_login_says_so_and_is_logged(office: Office, account: str) -> None:
    with office.browser() as browser:
        status, text = _try(browser, account, "wrong")
    assert status == 400
    assert "账号或密码错误" in text
    assert "<script>" not in text
    assert len(office.log(Action.LOGIN_FAILED)) == 1


def test_account_is_locked_after_failures_even_for_the_right_password(office: Office) -> None:
    with office.browser() as browser:
        for _ in range(MAX_FAILURES):
            _try(browser, "officer", "wrong")
        status, text = _try(browser, "officer", PASSWORD)
        assert (status, "失败次数过多" in text) == (429, True)
        office.clock.sleep(301)
        assert _try(browser, "officer", PASSWORD)[0] == 303


def test_who_comes_in_a_flood_hears_so(office: Office) -> None:
    with office.browser() as browser, ExitStack() as stack:
        while LOGINS.acquire(blocking=False):
            stack.callback(LOGINS.release)
        status, text = _try(browser, "officer", PASSWORD)
    assert (status, "请稍后再试" in text) == (503, True)


@pytest.mark.parametrize(
    "elsewhere",
    ["https://evil.example/", "//evil.example", "/\\evil.example", "javascript:1", "/a\r\nb"],
)
def test_login_never_leads_elsewhere(office: Office, elsewhere: str) -> None:
    with office.browser() as browser:
        form = {"account": "officer", "password": PASSWORD, "next": elsewhere}
        assert browser.post("/login", data=form).headers["Location"] == "/"


def test_admin_lands_where_an_admin_may_be(office: Office) -> None:
    with office.browser() as browser:
        form = {"account": "admin", "password": PASSWORD}
        assert browser.post("/login", data=form).headers["Location"] == "/cameras"
        assert '<a href="/cameras">' in browser.get("/").text


def test_session_ends_by_log_out_and_by_time(office: Office) -> None:
    with office.browser("officer") as browser:
        token = browser.cookies[COOKIE]
        browser.post("/logout")
        browser.cookies.set(COOKIE, token)
        assert browser.get("/").status_code == 303
    with office.browser("officer") as browser:
        for _ in range(16):
            assert browser.get("/").status_code == 200
            office.clock.sleep(30 * 60 - 1)
        office.clock.sleep(17)
        assert browser.get("/").status_code == 303, "eight hours are over, busy or not"


def test_session_ends_when_nobody_is_there(office: Office) -> None:
    with office.browser("officer") as browser:
        office.clock.sleep(30 * 60)
        assert browser.get("/").status_code == 303


def test_language_is_a_choice_of_the_browser(office: Office) -> None:
    with office.browser() as browser:
        assert '<html lang="zh-CN">' in browser.get("/login").text
        response = browser.post("/language", data={"language": "en", "back": "/login"})
        assert response.headers["Location"] == "/login"
        assert "Log in" in browser.get("/login").text


@pytest.mark.parametrize(
    ("form", "status"),
    [
        ({"account": "x" * 65, "password": "x"}, 400),
        ({"account": "officer", "password": "x" * 1025}, 400),
        ({"account": "officer", "password": "x" * 70_000}, 413),
    ],
    ids=["account", "password", "body"],
)
def test_nothing_long_is_hashed(office: Office, form: dict[str, str], status: int) -> None:
    with office.browser() as browser:
        assert browser.post("/login", data=form).status_code == status
    assert office.log(Action.LOGIN_FAILED) == []
