"""What protects every answer: headers, the origin check, failures without details."""

import logging

import pytest
from fastapi import Request
from starlette.testclient import TestClient

from ingest.errors import DiskFull, FootageAltered
from service.alarms import Trouble, raise_alarm
from service.errors import EvidenceError, WorldError
from tests.service.web.office import PASSWORD, Office

CSP = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
    "media-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; "
    "frame-ancestors 'none'"
)
BROKEN = {
    "unexpected": ZeroDivisionError("password=hunter2"),
    "evidence": EvidenceError("object_missing", sha256="abc"),
    "world": WorldError("database", detail="locked"),
    "footage": FootageAltered(path="abc"),
    "disk": DiskFull(path="abc"),
}


def _break(office: Office) -> None:
    """Routes that fail, as a bug would."""

    def fail(request: Request, how: str) -> None:
        raise BROKEN[how]

    office.app.add_api_route("/fail/{how}", fail)


def _paths(office: Office) -> list[str]:
    return [
        "/login",
        "/healthz",
        "/readyz",
        "/",
        "/cases",
        "/no/such/page",
        "/events/event1",
        f"/media/{office.sha256('event1', 'clip')}?event=event1",
        f"/static/{office.app.state.web.assets.digest}/event.js",
        "/fail/unexpected",
        "/fail/evidence",
        "/fail/world",
    ]


@pytest.mark.parametrize("who", [None, "officer", "admin"])
def test_strict_headers_on_every_answer(office: Office, who: str | None) -> None:
    _break(office)
    with office.browser(who) as browser:
        for path in _paths(office):
            headers = browser.get(path).headers
            assert headers["Content-Security-Policy"] == CSP, path
            assert headers["X-Content-Type-Options"] == "nosniff"
            assert headers["Referrer-Policy"] == "same-origin"
            assert "camera=()" in headers["Permissions-Policy"]
            is_static = path.startswith("/static/")
            assert ("immutable" in headers["Cache-Control"]) == is_static
            assert ("no-store" in headers["Cache-Control"]) != is_static


def test_static_files_have_their_types_and_old_addresses_are_gone(office: Office) -> None:
    assets = office.app.state.web.assets
    expected = {"event.js": "text/javascript", "style.css": "text/css", "icon.svg": "image/svg"}
    with office.browser() as browser:
        for name, media_type in expected.items():
            assert browser.get(assets.url(name)).headers["Content-Type"].startswith(media_type)
        assert browser.get("/static/0000000000000000/event.js").status_code == 404
        assert browser.get(f"/static/{assets.digest}/..%2Fapp.py").status_code == 404


ORIGINS = {
    "ours": ({"Origin": "http://testserver"}, 303),
    "ours behind a TLS proxy": ({"Origin": "https://testserver"}, 303),
    "fetch metadata says ours": ({"Sec-Fetch-Site": "same-origin"}, 303),
    "an other site": ({"Origin": "https://evil.example"}, 403),
    "an other port": ({"Origin": "http://testserver:8080"}, 403),
    "a name that begins alike": ({"Origin": "http://testserver.evil.example"}, 403),
    "an opaque origin": ({"Origin": "null"}, 403),
    "fetch metadata says other": ({"Sec-Fetch-Site": "same-site"}, 403),
    "neither header": ({}, 403),
}


@pytest.mark.parametrize("case", ORIGINS)
def test_forms_of_other_sites_are_refused(office: Office, case: str) -> None:
    headers, status = ORIGINS[case]
    with TestClient(office.app, follow_redirects=False) as browser:
        form = {"account": "officer", "password": PASSWORD}
        response = browser.post("/login", data=form, headers=headers)
    assert response.status_code == status
    assert ("Set-Cookie" in response.headers) == (status == 303)


def test_a_forged_decision_changes_nothing(office: Office) -> None:
    with office.browser("officer") as browser:
        form = {"decision": "rejected", "reason": "light"}
        forged = {"Origin": "https://evil.example"}
        assert browser.post("/events/event1", data=form, headers=forged).status_code == 403
    assert office.state("event1") == "pending"


def test_unexpected_failure_tells_a_number_and_the_log_the_rest(
    office: Office, caplog: pytest.LogCaptureFixture
) -> None:
    _break(office)
    with office.browser("officer") as browser, caplog.at_level(logging.ERROR):
        response = browser.get("/fail/unexpected")
    (record,) = [r for r in caplog.records if r.name == "service.web.failures"]
    assert record.args is not None
    number = record.args[0] if isinstance(record.args, tuple) else ""
    assert response.status_code == 500
    assert str(number) in response.text
    assert record.exc_info is not None
    for secret in ("hunter2", "ZeroDivision", "Traceback"):
        assert secret not in response.text


@pytest.mark.parametrize(
    ("how", "status", "words"),
    [
        ("evidence", 500, "证据完整性受到影响"),
        ("world", 503, "数据库写入失败"),
        ("footage", 500, "证据完整性受到影响"),
        ("disk", 503, "磁盘已满"),
    ],
)
def test_known_failures_are_said_plainly(office: Office, how: str, status: int, words: str) -> None:
    _break(office)
    with office.browser("officer") as browser:
        response = browser.get(f"/fail/{how}")
    assert (response.status_code, words in response.text) == (status, True)


def test_readiness_tells_kinds_of_trouble_and_nothing_else(office: Office) -> None:
    with office.browser() as browser:
        assert browser.get("/readyz").json() == {"ready": True, "alarms": []}
        with office.database.write() as session:
            raise_alarm(session, office.clock, Trouble.CAMERA_DOWN, "gate-1", cause="silent")
            raise_alarm(session, office.clock, Trouble.DISK_FULL, "/srv/liuhen")
        response = browser.get("/readyz")
    assert response.status_code == 503
    assert response.json() == {"ready": False, "alarms": ["camera_down", "disk_full"]}


@pytest.mark.parametrize("address", ["127.0.0.1", "::1"])
def test_metrics_for_the_machine_itself(office: Office, address: str) -> None:
    with TestClient(office.app, client=(address, 50000)) as browser:
        text = browser.get("/metrics").text
    assert "liuhen_queue_items 1.0" in text
    assert "liuhen_jobs_waiting 0.0" in text
    assert 'liuhen_alarm{key="camera_down"} 0.0' in text
    assert "liuhen_build_info{version=" in text
