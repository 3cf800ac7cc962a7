from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.money import rmb_capitals


@pytest.mark.parametrize(
    ("yuan", "capitals"),
    [
        (0, "零元整"),
        (1, "壹元整"),
        (10, "壹拾元整"),
        (100, "壹佰元整"),
        (102, "壹佰零贰元整"),
        (200, "贰佰元整"),
        (1000, "壹仟元整"),
        (1005, "壹仟零伍元整"),
        (1050, "壹仟零伍拾元整"),
        (3000, "叁仟元整"),
        (10000, "壹万元整"),
        (10001, "壹万零壹元整"),
        (100100, "壹拾万零壹佰元整"),
        (110000, "壹拾壹万元整"),
        (1000000, "壹佰万元整"),
        (10203040, "壹仟零贰拾万叁仟零肆拾元整"),
        (100000000, "壹亿元整"),
        (100000001, "壹亿零壹元整"),
        (100010000, "壹亿零壹万元整"),
        (999999999999, "玖仟玖佰玖拾玖亿玖仟玖佰玖拾玖万玖仟玖佰玖拾玖元整"),
        (Decimal("0.05"), "伍分"),
        (Decimal("0.50"), "伍角整"),
        (Decimal("1.05"), "壹元零伍分"),
        (Decimal("200.50"), "贰佰元伍角整"),
        (Decimal("1409.56"), "壹仟肆佰零玖元伍角陆分"),
        (Decimal("6007.14"), "陆仟零柒元壹角肆分"),
    ],
    ids=str,
)
def test_capitals(yuan: Decimal | int, capitals: str) -> None:
    assert rmb_capitals(yuan) == capitals


@pytest.mark.parametrize("yuan", [-1, Decimal("0.001"), 10**12, Decimal("NaN")], ids=str)
def test_refused(yuan: Decimal | int) -> None:
    with pytest.raises(ValueError, match="金额无法大写"):
        rmb_capitals(yuan)


@given(st.integers(0, 10**8), st.integers(0, 10**8))
def test_different_sums_read_differently(one: int, other: int) -> None:
    assert (one == other) == (rmb_capitals(one) == rmb_capitals(other))
