"""Settings of a day are in the log: a start with others is an entry, and no password is in it."""

import json

from service.evidence.log import Action
from service.settings import Settings
from service.settings_log import log_settings
from tests.service.installation import Installation


def started(made: Installation, settings: Settings) -> list[dict[str, list[str]]]:
    """What the log says of settings after a start with these."""
    with made.database.write() as session:
        log_settings(session, made.clock, settings)
    return [json.loads(entry.body or "") for entry in made.log(Action.SETTINGS_CHANGED)]


def test_a_start_with_other_settings_is_an_entry(embedded: Installation) -> None:
    settings = embedded.settings
    (first,) = started(embedded, settings)
    assert "ring_days = 30" in first["settings"]
    assert started(embedded, settings) == [first], "nothing changed, nothing logged"
    _, second = started(embedded, settings.model_copy(update={"ring_days": 60}))
    assert (second["added"], second["removed"]) == (["ring_days = 60"], ["ring_days = 30"])


def test_a_password_of_the_database_is_not_logged(embedded: Installation) -> None:
    """Attack: who reads the log reads the password of what it stands in."""
    address = "postgresql+psycopg://liuhen:canary@db/liuhen"
    changed = embedded.settings.model_copy(update={"database_url": address})
    (body,) = started(embedded, changed)
    assert "canary" not in json.dumps(body)
    assert [each for each in body["settings"] if each.startswith("database_url = sha256:")]
