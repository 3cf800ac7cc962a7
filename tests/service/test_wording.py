from datetime import UTC, datetime

import pytest

from service.documents.wording import BLANK, duration, moment, position, span, yes_no
from vision.frame import SECOND, Instant, later

AT = Instant(int(datetime(2026, 11, 21, 18, 13, 7, tzinfo=UTC).timestamp()) * SECOND)


def test_moment_is_told_in_china_and_not_rounded_up() -> None:
    assert moment(AT) == "2026年11月22日 02时13分07秒"
    assert moment(Instant(AT + 999_999)) == moment(AT)


@pytest.mark.parametrize(
    ("start", "end", "written"),
    [
        (None, None, None),
        (AT, None, f"2026年11月22日 02时13分07秒 至 {BLANK}"),
        (None, AT, f"{BLANK} 至 2026年11月22日 02时13分07秒"),
        (AT, later(AT, 60), "2026年11月22日 02时13分07秒 至 02时14分07秒"),
        (AT, later(AT, 86400), "2026年11月22日 02时13分07秒 至 2026年11月23日 02时13分07秒"),
    ],
)
def test_span(start: Instant | None, end: Instant | None, written: str | None) -> None:
    assert span(start, end) == written


@pytest.mark.parametrize(
    ("seconds", "written"),
    [
        (0, "0秒"),
        (7.5, "7.5秒"),
        (59.96, "1分0秒"),
        (95.4, "1分35.4秒"),
        (3600, "1小时0分0秒"),
    ],
)
def test_duration(seconds: float, written: str) -> None:
    assert duration(seconds) == written


def test_position_is_rounded_down() -> None:
    assert position(3661.9) == "01:01:01"


def test_yes_no() -> None:
    assert [yes_no(answer) for answer in (True, False, None)] == ["是", "否", None]
