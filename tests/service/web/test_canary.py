"""What is secret is in no page, log, error or file: passwords that were typed, right and wrong."""

import io
import logging
from pathlib import Path
from zipfile import ZipFile

import pytest
from fastapi import Request

from service.tokens import NewToken, Scope, add_token
from tests.service.web.office import PASSWORD, Office

OLD, NEW = "c4nary of the old mine", "c4nary of the new mine"
WRONG = "c4nary that was mistyped"
CANARY = "c4nary"


def _typed_everywhere(office: Office) -> list[str]:
    """The pages that answer every way of typing a password, from the first login to a failure."""
    told = []
    with office.browser() as browser:

        def post(path: str, **form: str) -> None:
            answer = browser.post(path, data=form)
            told.append(f"{answer.headers} {answer.text}")

        def log_in(account: str, password: str) -> None:
            post("/login", account=account, password=password)

        log_in("officer", PASSWORD)
        post("/account/password", old=PASSWORD, new=OLD, again=OLD)
        log_in("officer", WRONG)
        # In the wrong field it comes back into that field, as any account does, and goes nowhere.
        browser.post("/login", data={"account": WRONG, "password": "officer"})
        log_in("officer" + "\0", WRONG)
        log_in("officer", WRONG * 60)
        log_in("officer", OLD)
        post("/account/password", old=WRONG, new=NEW, again=NEW)
        post("/account/password", old=OLD, new=NEW, again=WRONG)
        post("/account/password", old=OLD, new=CANARY, again=CANARY)
        post("/account/password", old=OLD, new=NEW, again=NEW)
        log_in("officer", NEW)
        assert CANARY.encode() not in _bundle(office)
        told += [browser.get(path).text for path in ("/", "/account")]
        office.forbid_log()
        log_in("officer", NEW)
    return told


def _bundle(office: Office) -> bytes:
    """Everything that leaves in a bundle of a case, unpacked."""
    office.add_event("exhibit")
    office.confirm("exhibit")
    case_id = office.open_case("exhibit")
    with office.browser("leader") as browser:
        zipped = browser.post(f"/cases/{case_id}/export", data={"reason": "办理案件"}).content
    with ZipFile(io.BytesIO(zipped)) as bundle:
        return b"".join(bundle.read(name) for name in bundle.namelist())


def _holders(home: Path) -> list[Path]:
    """The files that hold one: database, journal, objects, keys."""
    files = [path for path in home.rglob("*") if path.is_file()]
    assert len(files) > 5
    return [path for path in files if CANARY.encode() in path.read_bytes()]


def test_a_password_is_in_no_page_log_or_file(
    office: Office, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    """Row 15 of the handbook's list: type it everywhere, also where it fails, then look for it."""
    home = office.app.state.web.settings.home
    with caplog.at_level(logging.DEBUG):
        told = _typed_everywhere(office)
    assert any("失败" in page or "错误" in page for page in told)
    assert [page for page in told if CANARY in page] == []
    assert CANARY not in caplog.text
    assert CANARY not in "".join(capfd.readouterr())
    with office.browser("supervisor") as browser:
        for number in (1, 2):
            assert CANARY not in browser.get("/log", params={"page": number}).text
    office.database.close()
    assert _holders(home) == []


def test_a_token_that_fails_is_in_no_log(office: Office, caplog: pytest.LogCaptureFixture) -> None:
    """Attacks: a program's token in the traceback of a request that it made."""

    def fail(request: Request) -> None:
        raise ZeroDivisionError(request.url.path)

    office.app.add_api_route("/api/events/fail", fail)
    new = NewToken("screen", "x", frozenset({Scope.READ_EVENTS}), 1)
    with office.database.write() as session:
        text = add_token(session, office.clock, new)
    headers = {"Authorization": f"Bearer {text}"}
    with office.browser() as browser, caplog.at_level(logging.DEBUG):
        assert browser.get("/api/events/fail", headers=headers).status_code == 500
        assert browser.get("/api/events", headers={"Authorization": f"Bearer {text}x"}).status_code
    assert text not in caplog.text
    office.database.close()
    home = office.app.state.web.settings.home
    files = [path for path in home.rglob("*") if path.is_file()]
    assert [path for path in files if text.encode() in path.read_bytes()] == []
