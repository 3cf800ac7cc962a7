"""Schemathesis over the OpenAPI description of the pages: is anything answered with 5xx?

    python -m benchmarks.described [--examples 50] [--json FILE]

As officer, technical administrator and supervisor, over a small brigade that has a case, uploads
and findings. Logging in and changing a password are left out: each try is hashed.
"""

import argparse
import json
import logging
import warnings
from collections import Counter
from pathlib import Path
from tempfile import TemporaryDirectory

import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis import Case

from benchmarks.machine import machine
from service.web.gate import COOKIE
from tests.service.web.office import ORIGIN, Office, found, office_at

ROLES = ("officer", "admin", "supervisor")
LEFT_OUT = {"/login", "/logout", "/account/password"}


def probe(office: Office, role: str, examples: int) -> Counter[int]:
    """How often each status was answered.

    Raises:
        AssertionError: a request was answered with 5xx.
    """
    statuses: Counter[int] = Counter()
    schema = schemathesis.openapi.from_dict(office.app.openapi())
    schema.app = office.app
    cookies = {COOKIE: office.session(role)}
    for each in schema.get_all_operations():
        operation = each.ok()
        if operation.path in LEFT_OUT:
            continue

        @settings(
            max_examples=examples,
            deadline=None,
            database=None,
            suppress_health_check=list(HealthCheck),
        )
        @given(operation.as_strategy())
        def ask(case: Case) -> None:
            answer = case.call(cookies=cookies, headers=ORIGIN)
            statuses[answer.status_code] += 1
            assert answer.status_code < 500, case.as_curl_command()

        ask()
    return statuses


def main() -> None:
    """Print how often each status came, by role."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--examples", type=int, default=50)
    parser.add_argument("--json", type=Path)
    asked = parser.parse_args()
    logging.disable()
    warnings.simplefilter("ignore")
    counted: dict[str, object] = {}
    for role in ROLES:
        with TemporaryDirectory() as folder:
            home = Path(folder) / "home"
            found(home)
            with office_at(home) as office:
                office.confirm("event1")
                office.open_case("event1")
                office.add_upload()
                statuses = probe(office, role, asked.examples)
        counted[role] = {
            "requests": statuses.total(),
            "statuses": {str(status): number for status, number in sorted(statuses.items())},
        }
    told = {"machine": machine(), "examples": asked.examples, **counted}
    print(json.dumps(told, indent=2))
    if asked.json:
        asked.json.write_text(json.dumps(told, indent=2) + "\n")


if __name__ == "__main__":
    main()
