"""Everything that the OpenAPI description allows, and more: nothing is answered with 5xx."""

from collections import Counter
from dataclasses import dataclass
from dataclasses import field as dataclass_field
from typing import Any
from urllib.parse import quote

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from starlette.testclient import TestClient

from service.web.gate import COOKIE
from tests.service.web.office import PEOPLE, Office
from tests.service.web.tus import TUS

EACH = 8
"""Requests of each route: ten seconds of a CI core. They are the same ones in each run."""
ODD = st.sampled_from(
    ["", " ", "\0", "../../etc/passwd", "%00", "' OR 1=1 --", "{t}", "字" * 300, "-1", "1e999"]
)
TEXT = st.one_of(ODD, st.text(st.characters(codec="utf-8"), max_size=40))
NUMBER = st.one_of(st.integers(-(2**70), 2**70), st.integers(-2, 300)).map(str)
DAY = st.dates().map(str)


def known(office: Office) -> dict[str, list[str]]:
    """Names that lead somewhere, by the name of the field that takes them."""
    for event_id in ("first", "second"):
        office.add_event(event_id)
        office.confirm(event_id)
    case_id = office.open_case("first")
    events = ["event1", "first", "second", "queue"]
    return {
        "event_id": events,
        "event": events,
        "of": events,
        "case_id": [case_id],
        "document_id": [office.add_document(case_id)],
        "sha256": [office.sha256("event1", role) for role in ("clip", "onset", "manifest")],
        "upload_id": [office.add_upload()],
        "quarantined_id": [office.add_quarantined()],
        "camera_id": ["gate-1"],
        "user_id": ["operator", "neighbour"],
        "role": [role.value for _, role in PEOPLE.values()],
        "decision": ["confirmed", "rejected"],
        "settlement": ["taken", "set_aside"],
        "reason": ["light", "other", "办理案件"],
        "kind": ["evidence_sheet", "penalty_draft"],
        "ranges": ["0.000-1.000"],
    }


def value(name: str, schema: dict[str, Any], names: dict[str, list[str]]) -> st.SearchStrategy[str]:
    """What a field is given: often what fits, often not."""
    found = [TEXT]
    if name in names:
        found += [st.sampled_from(names[name])] * 12
    kinds = {schema.get("type")} | {each.get("type") for each in schema.get("anyOf", ())}
    if kinds & {"integer", "number"}:
        found += [NUMBER] * 6
    if kinds & {"boolean"}:
        found.append(st.sampled_from(["true", "false", "on"]))
    if "until" in name or "since" in name or name in {"started", "start", "end"}:
        found += [DAY] * 6
    return st.one_of(found)


def fields(operation: dict[str, Any], described: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """The fields of an operation's form, by name."""
    content = operation.get("requestBody", {}).get("content", {})
    schema = next(iter(content.values()), {}).get("schema", {})
    for part in schema.get("$ref", "#").split("/")[1:]:
        described = described[part]
        schema = described
    found: dict[str, dict[str, Any]] = schema.get("properties", {})
    return found


@dataclass
class Prober:
    """Asks for one operation of the description in ever other ways, and counts the answers."""

    office: Office
    browser: TestClient
    described: dict[str, Any]
    names: dict[str, list[str]]
    statuses: Counter[int] = dataclass_field(default_factory=Counter)
    reached: set[str] = dataclass_field(default_factory=set)

    def ask(self, method: str, path: str, operation: dict[str, Any], data: st.DataObject) -> None:
        address, query = path, {}
        for parameter in operation.get("parameters", ()):
            name = parameter["name"]
            drawn = data.draw(value(name, parameter.get("schema", {}), self.names))
            if parameter["in"] == "path":
                address = address.replace(f"{{{name}}}", quote(drawn, safe="") or "-")
            elif data.draw(st.integers(0, 3)):
                query[name] = drawn
        form = {
            name: data.draw(value(name, schema, self.names))
            for name, schema in fields(operation, self.described).items()
            if data.draw(st.integers(0, 9))
        }
        who = data.draw(st.sampled_from(["officer", "admin", "supervisor"]))
        # Anew for each: one of the requests is to log out.
        self.browser.cookies.set(COOKIE, self.office.session(who))
        answer = self.browser.request(method, address, params=query, data=form, headers=TUS)
        assert answer.status_code < 500, f"{who}: {method} {address} {query} {form}"
        self.statuses[answer.status_code] += 1
        if answer.status_code < 400:
            self.reached.add(f"{method} {path}")


def probe(prober: Prober, method: str, path: str, operation: dict[str, Any]) -> None:
    @settings(
        max_examples=EACH,
        deadline=None,
        derandomize=True,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(st.data())
    def ask(data: st.DataObject) -> None:
        prober.ask(method, path, operation, data)

    ask()


def test_nothing_that_is_described_fails(office: Office) -> None:
    """Attacks: a field, in any route, for any role, that nobody thought would be so."""
    described = office.app.openapi()
    operations = [
        (method.upper(), path, operation)
        for path, methods in described["paths"].items()
        for method, operation in methods.items()
        # Every try is hashed, which takes a good part of a second; `test_login.py` attacks it.
        if path not in {"/login", "/account/password"}
    ]
    with office.browser() as browser:
        prober = Prober(office, browser, described, known(office))
        for each in operations:
            probe(prober, *each)
    assert {200, 303, 400, 403, 404} <= set(prober.statuses)
    assert len(prober.reached) > len(operations) / 2, sorted(prober.reached)
