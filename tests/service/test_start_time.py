"""When an uploaded recording began: the rules of docs/design/time.md, one row for each."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from ingest.files import Sha256
from ingest.media import Media
from service.arrivals import Arrival, Channel, Kept, times_of
from service.start_time import Confidence, Start, as_local, start_of, time_in_name, time_in_text
from service.times import BEIJING, beijing, instant
from vision.frame import Instant, later

AT = instant(datetime(2026, 5, 1, 9, 30, tzinfo=BEIJING))
NOW = later(AT, 86_400)
H = 3600.0
NEAR, FAR = later(AT, 200), later(AT, 1000)
OLD = instant(datetime(2000, 1, 1, 0, 5, tzinfo=UTC))
AHEAD = later(NOW, 3 * H)

RULES = {
    "name and container agree": ({"name": AT, "container": NEAR}, AT, "name", "high"),
    "name and container's local reading agree": (
        {"name": AT, "container": later(AT, 8 * H), "container_local": AT},
        AT,
        "name",
        "high",
    ),
    "name and modification agree": ({"name": AT, "modified": NEAR}, AT, "name", "high"),
    "name and log agree": ({"name": AT, "sidecar": NEAR, "modified": NOW}, AT, "name", "high"),
    "a name alone": ({"name": AT}, AT, "name", "medium"),
    "a name and a copy's modification": ({"name": AT, "modified": NOW}, AT, "name", "medium"),
    "name and container differ": (
        {"name": AT, "container": FAR, "container_local": later(FAR, -8 * H)},
        AT,
        "name",
        "low",
    ),
    "name and log differ": ({"name": AT, "sidecar": FAR}, AT, "name", "low"),
    "container, in UTC, and modification": (
        {"container": AT, "container_local": later(AT, -8 * H), "modified": NEAR},
        AT,
        "container",
        "medium",
    ),
    "container, in local time, and modification": (
        {"container": later(AT, 8 * H), "container_local": AT, "modified": NEAR},
        AT,
        "container_local",
        "medium",
    ),
    "container alone": (
        {"container": AT, "container_local": later(AT, -8 * H)},
        AT,
        "container",
        "low",
    ),
    "container, and a copy's modification": (
        {"container": AT, "container_local": later(AT, -8 * H), "modified": NOW},
        AT,
        "container",
        "low",
    ),
    "log and modification": ({"sidecar": AT, "modified": NEAR}, AT, "sidecar", "medium"),
    "log alone": ({"sidecar": AT}, AT, "sidecar", "low"),
    "modification alone": ({"modified": AT}, AT, "modified", "low"),
    "a clock that was never set": ({"name": OLD, "container": OLD}, None, "none", "none"),
    "a clock that is ahead": ({"name": AHEAD, "modified": AHEAD}, None, "none", "none"),
    "a name ahead, a container that can be": (
        {"name": AHEAD, "container": AT, "modified": AT},
        AT,
        "container",
        "medium",
    ),
    "local time that says UTC, just recorded": (
        {"container": later(NOW, 8 * H - 60), "container_local": later(NOW, -60)},
        later(NOW, -60),
        "container_local",
        "low",
    ),
    "nothing": ({}, None, "none", "none"),
}


@pytest.mark.parametrize(("times", "at", "source", "confidence"), RULES.values(), ids=RULES)
def test_which_time_is_believed(
    times: dict[str, Instant], at: Instant | None, source: str, confidence: str
) -> None:
    assert start_of(times, NOW) == Start(at, source, Confidence(confidence))


@pytest.mark.parametrize("shift_s", [0, 1, 86_400 * 365, -86_400 * 900])
def test_the_judgement_does_not_depend_on_the_day(shift_s: float) -> None:
    for times, at, source, confidence in RULES.values():
        if source == "none":
            continue
        moved = {each: later(when, shift_s) for each, when in times.items()}
        wanted = None if at is None else later(at, shift_s)
        found = start_of(moved, later(NOW, shift_s))
        assert found == Start(wanted, source, Confidence(confidence))


def _utc(year: int, month: int = 1, day: int = 1) -> Instant:
    return instant(datetime(year, month, day, 12, tzinfo=UTC))


NO_DATES = {
    "the last day that there is": _utc(9999, 12, 31),
    "the first day that there is": _utc(1),
    "after all years": Instant(10**19),
    "before all years": Instant(-(10**19)),
}


@pytest.mark.parametrize("at", NO_DATES.values(), ids=NO_DATES)
@pytest.mark.parametrize("field", ["named", "sidecar", "modified", "container"])
def test_what_no_page_can_show_is_no_time(field: str, at: Instant) -> None:
    """A stranger's file holds any number; whoever shows it later must not fail."""
    media = Media("mov", "h264", 160, 96, 10.0, 3.0, at if field == "container" else None, True)
    kept = Kept("a.mp4", Sha256("0" * 64), 1)
    said = {} if field == "container" else {field: at}
    arrival = Arrival(id="a", kept=kept, channel=Channel.FOLDER, **said)
    assert times_of(arrival, media) == {}


def test_times_that_a_page_can_show_are_kept() -> None:
    """Also those that cannot be true: they tell of a clock that was never set."""
    for at in (_utc(1904), _utc(1970), _utc(5138)):
        media = Media("mov", "h264", 160, 96, 10.0, 0.0, at, True)
        arrival = Arrival(
            id="a", kept=Kept("a.mp4", Sha256("0" * 64), 1), channel=Channel.FOLDER, modified=at
        )
        times = times_of(arrival, media)
        assert times.keys() == {"container", "container_local", "modified"}
        for each in times.values():
            assert beijing(each).year == beijing(at).year


TEXTS = {
    "$GPRMC 2026-05-01 09:30:00 N39": AT,
    "date=2026/05/01,09:30:00": AT,
    "20260501 093000": AT,
    "2026.05.01  09:30:00": AT,
    "no time": None,
    "2026-13-01 09:30:00": None,
    "": None,
}


@pytest.mark.parametrize(("text", "at"), TEXTS.items(), ids=TEXTS)
def test_the_first_time_of_a_log(text: str, at: Instant | None) -> None:
    assert time_in_text(text) == at


def test_local_means_the_zone_that_was_set() -> None:
    berlin = ZoneInfo("Europe/Berlin")
    winter = time_in_name("20260115_120000.mp4", berlin)
    assert winter == instant(datetime(2026, 1, 15, 11, 0, tzinfo=UTC))
    assert as_local(instant(datetime(2026, 1, 15, 12, 0, tzinfo=UTC)), berlin) == winter
