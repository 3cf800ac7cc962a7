"""Tokens of programs: what each opens, until when, and who used it."""

import json

import pytest

from service.errors import InputError
from service.evidence.log import MACHINE, Action
from service.tables import Token
from service.tokens import MAX_DAYS, NewToken, Scope, add_token, revoke_token, tokens, use_token
from tests.service.installation import Installation

READ = frozenset({Scope.READ_EVENTS})
HERE = "192.0.2.9"


def made(office: Installation, new: NewToken | None = None) -> str:
    with office.database.write() as session:
        token = new or NewToken("screen", "指挥中心大屏", READ, 30)
        return add_token(session, office.clock, token)


def opens(office: Installation, text: str, scope: Scope = Scope.READ_EVENTS) -> bool:
    return use_token(office.database, office.clock, text, scope, HERE) is not None


REFUSED = {
    "no id": (NewToken("", "x", READ, 1), "token_id"),
    "an id that looks like an actor": (NewToken("a:b", "x", READ, 1), "token_id"),
    "no purpose": (NewToken("a", "  ", READ, 1), "token_purpose"),
    "nothing to open": (NewToken("a", "x", frozenset(), 1), "token_scopes"),
    "no day": (NewToken("a", "x", READ, 0), "token_days"),
    "for ever": (NewToken("a", "x", READ, MAX_DAYS + 1), "token_days"),
    "taken": (NewToken("screen", "x", READ, 1), "token_exists"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_a_token_is_refused(embedded: Installation, case: str) -> None:
    made(embedded)
    new, code = REFUSED[case]
    with pytest.raises(InputError) as caught:
        made(embedded, new)
    assert caught.value.code == code
    assert embedded.count(Token) == 1


def test_only_a_hash_is_kept(embedded: Installation) -> None:
    text = made(embedded)
    embedded.database.close()
    for path in embedded.settings.home.rglob("*"):
        assert not path.is_file() or text.encode() not in path.read_bytes()


def test_a_token_opens_its_scopes_and_nothing_else(installation: Installation) -> None:
    text = made(installation)
    assert {scope for scope in Scope if opens(installation, text, scope)} == READ
    assert not opens(installation, text + "x")
    assert not opens(installation, "")


def test_a_token_ends_with_its_last_day(embedded: Installation) -> None:
    text = made(embedded)
    embedded.clock.sleep(30 * 86_400 - 1)
    assert opens(embedded, text)
    embedded.clock.sleep(1)
    assert not opens(embedded, text)


def test_a_revoked_token_opens_nothing(embedded: Installation) -> None:
    text = made(embedded)
    with embedded.database.write() as session:
        revoke_token(session, embedded.clock, "screen", actor="admin")
    assert not opens(embedded, text)
    for token_id in ("screen", "other"):
        with pytest.raises(InputError, match="no_token"), embedded.database.write() as session:
            revoke_token(session, embedded.clock, token_id)
    with embedded.database.read() as session:
        (row,) = tokens(session)
    assert row.revoked_us is not None
    (added,), (revoked,) = embedded.log(Action.TOKEN_ADDED), embedded.log(Action.TOKEN_REVOKED)
    assert (added.actor, revoked.actor) == (MACHINE, "admin")


def test_a_use_is_logged_once_in_ten_minutes_for_each_place(embedded: Installation) -> None:
    """Attacks: a use without a trace; metrics that fill the log four times a minute."""
    both = frozenset({Scope.READ_EVENTS, Scope.METRICS})
    text = made(embedded, NewToken("screen", "x", both, 30))

    def use(scope: Scope, address: str) -> None:
        assert use_token(embedded.database, embedded.clock, text, scope, address)

    for _ in range(40):
        use(Scope.METRICS, HERE)
        embedded.clock.sleep(14)
    use(Scope.READ_EVENTS, HERE)
    use(Scope.METRICS, "192.0.2.90")
    embedded.clock.sleep(600)
    use(Scope.METRICS, HERE)
    uses = embedded.log(Action.TOKEN_USED)
    assert [(entry.actor, entry.subject) for entry in uses] == [("token:screen", "screen")] * 4
    told = [json.loads(entry.body or "") for entry in uses]
    assert [(body["scope"], body["address"]) for body in told] == [
        ("metrics", HERE),
        ("read_events", HERE),
        ("metrics", "192.0.2.90"),
        ("metrics", HERE),
    ]
