"""Who may ask for what: a table of every route, and a check that it is every route."""

from typing import NamedTuple

import pytest
from fastapi.routing import iter_route_contexts
from starlette.testclient import TestClient

from tests.service.web.office import Office

LOGIN = 303


class Row(NamedTuple):
    """A request and its status for anonymous, operator, officer and admin.

    `path` is the route's own; its blanks and the form are filled from the office.
    """

    method: str
    path: str
    statuses: tuple[int, int, int, int]
    form: dict[str, str] | None = None


CONTENT = (LOGIN, 200, 200, 403)
DECIDES = (LOGIN, 403, 303, 403)

TABLE = [
    Row("GET", "/login", (200, 200, 200, 200)),
    Row("POST", "/login", (400, 400, 400, 400), {"account": "nobody", "password": "wrong"}),
    Row("POST", "/logout", (LOGIN, 303, 303, 303)),
    Row("POST", "/language", (303, 303, 303, 303), {"language": "en"}),
    Row("GET", "/healthz", (200, 200, 200, 200)),
    Row("GET", "/readyz", (200, 200, 200, 200)),
    Row("GET", "/metrics", (LOGIN, 200, 200, 200)),
    Row("GET", "/openapi.json", (LOGIN, 200, 200, 200)),
    Row("GET", "/static/{digest}/{name}", (200, 200, 200, 200)),
    Row("GET", "/", CONTENT),
    Row("GET", "/decided", CONTENT),
    Row("GET", "/events/{event_id}", CONTENT),
    Row(
        "POST",
        "/events/{event_id}",
        DECIDES,
        {"decision": "rejected", "reason": "light"},
    ),
    Row("GET", "/media/{sha256}", CONTENT),
    Row("GET", "/cases", CONTENT),
    Row("GET", "/cases/{case_id}", CONTENT),
    Row("POST", "/cases", DECIDES, {"event_id": "confirmed", "title": "涉嫌倾倒"}),
    Row("POST", "/cases/{case_id}", DECIDES, {"name": "张三"}),
    Row("POST", "/exhibits", DECIDES, {"event_id": "confirmed", "case_id": "{case_id}"}),
    Row(
        "POST",
        "/cases/{case_id}/documents",
        (LOGIN, 400, 400, 403),
        {"kind": "no such document"},
    ),
    Row("GET", "/documents/{document_id}/file", CONTENT),
    Row("GET", "/cameras", (LOGIN, 200, 200, 200)),
    Row("GET", "/cameras/{camera_id}", (LOGIN, 200, 200, 200)),
    Row("GET", "/uploads", CONTENT),
    Row("GET", "/uploads/{upload_id}", CONTENT),
    Row("GET", "/uploads/{upload_id}/original", CONTENT),
    Row("GET", "/uploads/{upload_id}/copies", CONTENT),
    Row(
        "POST",
        "/uploads/{upload_id}/copies",
        (LOGIN, 303, 303, 403),
        {"start": "00:00", "end": "00:01"},
    ),
    Row("POST", "/events/{event_id}/copy", (LOGIN, 303, 303, 403)),
    Row("GET", "/copies/{copy_id}", CONTENT),
    Row("GET", "/copies/{copy_id}/media", (LOGIN, 400, 400, 403)),
    Row("GET", "/quarantine/{quarantined_id}", CONTENT),
    Row(
        "POST",
        "/quarantine/{quarantined_id}",
        DECIDES,
        {"settlement": "set_aside", "why": "测试文件"},
    ),
    Row("OPTIONS", "/transfers", (401, 204, 204, 403)),
    # Without their headers: past the gate and the role they are refused as no tus.
    Row("POST", "/transfers", (401, 412, 412, 412)),
    Row("PATCH", "/transfers/{transfer_id}", (401, 412, 412, 412)),
    Row("DELETE", "/transfers/{transfer_id}", (401, 412, 412, 412)),
    Row("POST", "/transfers/{transfer_id}", (401, 412, 412, 412)),
    Row("GET", "/transfers/{transfer_id}", (401, 404, 404, 403)),
    Row("GET", "/no/such/page", (LOGIN, 404, 404, 404)),
]
PEOPLE = (None, "operator", "officer", "admin")


def _fill(office: Office) -> dict[str, str]:
    for event_id in ("confirmed", "exhibit"):
        office.add_event(event_id)
        office.confirm(event_id)
    case_id = office.open_case("exhibit")
    assets = office.app.state.web.assets
    return {
        "event_id": "event1",
        "camera_id": "gate-1",
        "case_id": case_id,
        "document_id": office.add_document(case_id),
        "sha256": office.sha256("event1", "clip") + "?event=event1",
        "digest": assets.digest,
        "name": "style.css",
        "upload_id": office.add_upload(),
        "quarantined_id": office.add_quarantined(),
        "transfer_id": "0" * 32,
        "copy_id": "0" * 64,
    }


def _ask(browser: TestClient, row: Row, blanks: dict[str, str]) -> int:
    form = {name: value.format_map(blanks) for name, value in (row.form or {}).items()}
    path = row.path.format_map(blanks)
    status: int = browser.request(row.method, path, data=form or None).status_code
    return status


@pytest.mark.parametrize("who", range(4), ids=lambda n: PEOPLE[n] or "anonymous")
@pytest.mark.parametrize("row", TABLE, ids=lambda row: f"{row.method} {row.path}")
def test_every_route_for_every_role(office: Office, row: Row, who: int) -> None:
    blanks = _fill(office)
    with office.browser(PEOPLE[who]) as browser:
        assert _ask(browser, row, blanks) == row.statuses[who]


def test_table_has_every_route(office: Office) -> None:
    known = {(row.method, row.path) for row in TABLE}
    routes = {
        (method, route.path)
        for route in iter_route_contexts(office.app.routes)
        for method in (route.methods or set()) - {"HEAD"}
    }
    assert routes == known - {("GET", "/no/such/page")}


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
