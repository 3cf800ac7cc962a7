"""Who may ask for what: every route for every role, token and unit, and that it is every route."""

from dataclasses import dataclass, field
from pathlib import Path

import pytest
from fastapi.routing import iter_route_contexts
from starlette.testclient import TestClient

import service
from service.roles import PERMISSIONS, Permission, Role
from service.tables import User
from service.tokens import NewToken, Scope, add_token
from tests.service.web.office import PEOPLE, Office
from tests.service.web.tus import TUS

SERVICE = Path(service.__file__).parent
LOGIN = 303
REASON = {"reason": "办理案件"}


@dataclass(frozen=True)
class Row:
    """A request, and what becomes of it.

    `path` is the route's own; its blanks and the form are filled from the office. Whoever lacks
    `permission` gets 403, everybody else who is logged in `status`, who is not `nobody`. Where the
    object is a case, `of_unit` says that people of other units get 403 too. Tokens of `scope` open
    it, to `by_token`. The rows are asked in this order, so that one may undo another.
    """

    method: str
    path: str
    status: int = 200
    permission: Permission | None = None
    form: dict[str, str] = field(default_factory=dict)
    nobody: int = LOGIN
    of_unit: bool = False
    scope: Scope | None = None
    by_token: int = 200

    query: str = ""

    @property
    def name(self) -> str:
        """As answers are told apart."""
        return f"{self.method} {self.path}"

    def expected(self, role: Role) -> int:
        """The status for a person."""
        allowed = self.permission is None or self.permission in PERMISSIONS[role]
        return self.status if allowed else 403


SEE, CASE, EDIT = Permission.SEE_FOOTAGE, Permission.CASE_SEE, Permission.CASE_EDIT
REJECTED = {"decision": "rejected", "reason": "light"}
DRAFT = {"kind": "penalty_draft"}
SECOND = {"event_id": "second", "case_id": "{case_id}"}
SET_ASIDE = {"settlement": "set_aside", "why": "测试文件"}
MAKE, DECIDE = Permission.DOCUMENT_MAKE, Permission.DECIDE
KEEP = Permission.ACCOUNT_MANAGE
HOLD, ASK = Permission.HOLD, Permission.DELETE_REQUEST
TAKE = Permission.DOWNLOAD
UPLOAD, UPLOADS = Permission.UPLOAD, Scope.UPLOAD

TABLE = [
    Row("GET", "/login", nobody=200),
    Row("POST", "/login", 400, form={"account": "nobody", "password": "wrong"}, nobody=400),
    Row("POST", "/language", 303, form={"language": "en"}, nobody=303),
    Row("GET", "/healthz", nobody=200),
    Row("GET", "/readyz", nobody=200),
    Row("GET", "/metrics", scope=Scope.METRICS),
    Row("GET", "/openapi.json"),
    Row("GET", "/static/{digest}/{name}", nobody=200),
    Row("GET", "/api/events", 403, nobody=401, scope=Scope.READ_EVENTS),
    Row("GET", "/account"),
    Row("POST", "/account/reason", 303, form=REASON),
    Row("POST", "/account/password", 400, form={"old": "x", "new": "y", "again": "z"}),
    Row("GET", "/people", permission=KEEP),
    Row("POST", "/people", 400, KEEP, {"id": "李", "name": "甲", "role": "admin"}),
    Row("GET", "/people/{user_id}", permission=KEEP),
    Row("POST", "/people/{user_id}", 303, KEEP, {"name": "冯坐席", "role": "operator"}),
    Row("POST", "/people/{user_id}/close", 303, KEEP),
    Row("POST", "/people/{user_id}/reopen", 303, KEEP),
    Row("POST", "/people/{user_id}/password", 200, KEEP),
    Row("GET", "/tokens", permission=KEEP),
    Row("GET", "/log", permission=Permission.LOG_READ),
    Row("GET", "/", permission=SEE),
    Row("GET", "/decided", permission=SEE),
    Row("GET", "/events/{event_id}", permission=SEE),
    Row(
        "POST",
        "/events/{event_id}",
        303,
        Permission.DECIDE,
        {"decision": "rejected", "reason": "light"},
    ),
    Row("GET", "/media/{sha256}", permission=SEE, query="?event=event1"),
    Row("POST", "/media/{sha256}", 200, TAKE, {"event": "event1", **REASON}),
    Row("POST", "/views", 204, SEE, {"of": "event1", "ranges": "0.000-1.000"}),
    Row("GET", "/cases", permission=CASE),
    Row("GET", "/cases/{case_id}", permission=CASE, of_unit=True),
    Row("POST", "/cases", 303, EDIT, {"event_id": "first", "title": "涉嫌倾倒"}),
    Row("POST", "/cases/{case_id}", 303, EDIT, {"name": "张三"}, of_unit=True),
    Row("POST", "/exhibits", 303, EDIT, SECOND, of_unit=True),
    Row(
        "POST",
        "/cases/{case_id}/documents",
        303,
        Permission.DOCUMENT_MAKE,
        {"kind": "evidence_sheet"},
        of_unit=True,
    ),
    Row("POST", "/documents/{document_id}/file", 200, TAKE, REASON, of_unit=True),
    Row("POST", "/cases/{case_id}/export", 200, Permission.EXPORT, REASON, of_unit=True),
    Row("GET", "/cameras"),
    Row("GET", "/cameras/{camera_id}"),
    Row("GET", "/uploads", permission=SEE),
    Row("GET", "/uploads/{upload_id}", permission=SEE),
    Row("GET", "/uploads/{upload_id}/original", permission=SEE),
    Row("POST", "/uploads/{upload_id}/original", 200, TAKE, REASON),
    Row("GET", "/uploads/{upload_id}/copies", permission=SEE),
    Row("POST", "/uploads/{upload_id}/copies", 303, SEE, {"start": "00:00", "end": "00:01"}),
    Row("POST", "/events/{event_id}/copy", 303, SEE),
    Row("GET", "/copies/{copy_id}", permission=SEE),
    Row("GET", "/copies/{copy_id}/media", 404, SEE, query="?of=event1"),
    Row("GET", "/quarantine/{quarantined_id}", permission=SEE),
    Row(
        "POST",
        "/quarantine/{quarantined_id}",
        303,
        Permission.DECIDE,
        {"settlement": "set_aside", "why": "测试"},
    ),
    Row("OPTIONS", "/transfers", 204, UPLOAD, nobody=401, scope=UPLOADS, by_token=204),
    Row("GET", "/transfers/{transfer_id}", 404, UPLOAD, nobody=401, scope=UPLOADS, by_token=404),
    *(
        # Past the gate and the role, they lack what tus wants of them.
        Row(method, path, status, UPLOAD, nobody=401, scope=UPLOADS, by_token=status)
        for method, path, status in (
            ("POST", "/transfers", 400),
            ("PATCH", "/transfers/{transfer_id}", 415),
            ("DELETE", "/transfers/{transfer_id}", 404),
            ("POST", "/transfers/{transfer_id}", 400),
        )
    ),
    Row("GET", "/deletions", permission=CASE),
    Row("POST", "/deletions", 303, ASK, {"subject": "event:event1", **REASON}),
    Row("POST", "/deletions/{batch}", 404, Permission.DELETE_APPROVE, {"decision": "approve"}),
    Row("POST", "/deletions/{deletion_id}/recover", 404, HOLD, {"why": "误删"}),
    Row("GET", "/kept/{kind}/{subject_id}", permission=CASE, of_unit=True),
    Row("POST", "/kept/{kind}/{subject_id}/hold", 303, HOLD, REASON, of_unit=True),
    Row("POST", "/holds/{hold_id}/release", 404, HOLD, REASON),
    Row("POST", "/cases/{case_id}/end", 303, EDIT, {"procedure": "summary"}, of_unit=True),
    Row("POST", "/cases/{case_id}/reopen", 303, EDIT, {"why": "补充证据"}, of_unit=True),
    Row("GET", "/no/such/page", 404),
    Row("POST", "/logout", 303),
]


def _fill(office: Office) -> dict[str, str]:
    """What stands in the blanks: one of everything, the case opened in the first unit."""
    for event_id in ("first", "second", "exhibit"):
        office.add_event(event_id)
        office.confirm(event_id)
    case_id = office.open_case("exhibit")
    assets = office.app.state.web.assets
    return {
        "event_id": "event1",
        "camera_id": "gate-1",
        "case_id": case_id,
        "document_id": office.add_document(case_id),
        "sha256": office.sha256("event1", "clip"),
        "digest": assets.digest,
        "name": "style.css",
        "upload_id": office.add_upload(),
        "quarantined_id": office.add_quarantined(),
        "transfer_id": "0" * 32,
        "copy_id": "0" * 64,
        "user_id": "operator",
        "batch": "0" * 12,
        "deletion_id": "0" * 12,
        "hold_id": "0" * 12,
        "kind": "case",
        "subject_id": case_id,
    }


def _ask(browser: TestClient, row: Row, blanks: dict[str, str], headers: dict[str, str]) -> int:
    form = {name: value.format_map(blanks) for name, value in row.form.items()}
    path = row.path.format_map(blanks) + row.query
    answer = browser.request(row.method, path, data=form or None, headers=TUS | headers)
    return answer.status_code


def _ask_all(
    office: Office, who: str | None, rows: list[Row], token: str | None = None
) -> dict[str, int]:
    """What each row's request is answered, one after the other, by name of the row."""
    blanks = _fill(office)
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    with office.browser(who) as browser:
        return {row.name: _ask(browser, row, blanks, headers) for row in rows}


@pytest.mark.parametrize("who", PEOPLE)
def test_every_route_for_every_role(office: Office, who: str) -> None:
    """Row 16 of the handbook's list: a role opens what its permissions name, and nothing else."""
    _, role = PEOPLE[who]
    wanted = {row.name: row.expected(role) for row in TABLE}
    assert _ask_all(office, who, TABLE) == wanted


def test_every_route_for_nobody(office: Office) -> None:
    assert _ask_all(office, None, TABLE) == {row.name: row.nobody for row in TABLE}


def test_every_route_for_whoever_must_change_the_password_first(office: Office) -> None:
    """Attacks: working on with a password that somebody else knows."""
    with office.database.write() as session:
        session.get_one(User, "officer").must_change = True
    closed = [row for row in TABLE if row.nobody in {LOGIN, 401} and row.method != "POST"]
    answers = _ask_all(office, "officer", closed)
    assert answers.pop("GET /account") == 200
    assert set(answers.values()) == {LOGIN}


@pytest.mark.parametrize("row", [row for row in TABLE if row.of_unit], ids=lambda row: row.name)
def test_an_officer_of_an_other_unit_is_kept_out_of_a_case(office: Office, row: Row) -> None:
    """Row 16, a foreign object: the same route and role, another unit's case."""
    blanks = _fill(office)
    with office.browser("neighbour") as browser:
        assert _ask(browser, row, blanks, {}) == 403
        assert blanks["case_id"] not in browser.get("/cases").text


@pytest.mark.parametrize("scope", Scope)
def test_every_route_for_a_token_of_every_scope(office: Office, scope: Scope) -> None:
    """A token opens the routes of its scope; with it, a cookie counts for nothing."""
    with office.database.write() as session:
        text = add_token(session, office.clock, NewToken("t", "测试", frozenset({scope}), 1))
    rows = [row for row in TABLE if row.scope is not None]
    wanted = {row.name: row.by_token if row.scope is scope else 401 for row in rows}
    assert _ask_all(office, "officer", rows, text) == wanted


def test_a_token_opens_nothing_else(office: Office) -> None:
    every = NewToken("t", "测试", frozenset(Scope), 1)
    with office.database.write() as session:
        text = add_token(session, office.clock, every)
    others = [row for row in TABLE if row.scope is None and row.nobody == LOGIN]
    assert set(_ask_all(office, None, others, text).values()) == {LOGIN}


def test_table_has_every_route(office: Office) -> None:
    routes = {
        (method, route.path)
        for route in iter_route_contexts(office.app.routes)
        for method in (route.methods or set()) - {"HEAD"}
    }
    assert {(row.method, row.path) for row in TABLE} - routes == {("GET", "/no/such/page")}
    assert routes - {(row.method, row.path) for row in TABLE} == set()


def test_every_permission_is_asked_for() -> None:
    """Attacks: a permission that nothing asks for, which guards nothing."""
    sources = [path for path in SERVICE.rglob("*.py") if path.name != "roles.py"]
    text = "".join(path.read_text(encoding="utf-8") for path in sources)
    unasked = {each for each in Permission if f"Permission.{each.name}" not in text}
    # Of a case's unit `roles.py` asks itself.
    assert unasked == {Permission.EVERY_UNIT}


def test_anonymous_is_sent_to_the_login_and_back(office: Office) -> None:
    with office.browser() as browser:
        response = browser.get("/events/event1")
        assert response.headers["Location"] == "/login?next=/events/event1"
        assert response.content == b""


@pytest.mark.parametrize("path", ["/media/{}?event=event1", "/events/{}", "/cases/{}"])
@pytest.mark.parametrize("name", ["0" * 64, "..%2F..%2Fliuhen.db", "%00", "' OR 1=1 --"])
def test_what_is_not_there_is_404(office: Office, path: str, name: str) -> None:
    with office.browser("officer") as browser:
        assert browser.get(path.format(name)).status_code == 404


def test_a_piece_is_only_shown_as_part_of_its_own_event(office: Office) -> None:
    office.add_event("other")
    sha256 = office.sha256("event1", "clip")
    with office.browser("officer") as browser:
        assert browser.get(f"/media/{sha256}?event=none").status_code == 404
        assert browser.get(f"/media/{sha256}").status_code == 400


@pytest.mark.parametrize(
    ("who", "sees"),
    [("officer", True), ("supervisor", True), ("neighbour", False), ("operator", False)],
)
def test_an_event_names_its_case_to_whoever_may_see_that(
    office: Office, who: str, sees: bool
) -> None:
    """Attacks: the title of another unit's case, which may name a party, beside its exhibit."""
    office.confirm("event1")
    case_id = office.open_case("event1", "涉嫌偷倒某某")
    with office.browser(who) as browser:
        page = browser.get("/events/event1").text
    assert ("涉嫌偷倒某某" in page, case_id in page) == (sees, True)


@pytest.mark.parametrize("host", ["testserver/login?", "x/static/", "testserver/healthz#"])
def test_a_made_up_host_opens_nothing(office: Office, host: str) -> None:
    with office.browser() as browser:
        response = browser.get("/events/event1", headers={"Host": host})
    assert (response.status_code, response.content) == (LOGIN, b"")


def test_a_wrong_method_is_told_the_right_one(office: Office) -> None:
    with office.browser("officer") as browser:
        response = browser.delete("/cases")
    assert response.status_code == 405
    assert "GET" in response.headers["Allow"]
