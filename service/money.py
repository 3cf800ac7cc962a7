"""Sums of money as Chinese legal documents write them."""

from decimal import Decimal

_DIGITS = "零壹贰叁肆伍陆柒捌玖"
_UNITS = ("", "拾", "佰", "仟")
_GROUPS = ("", "万", "亿")

LARGEST = Decimal(10) ** 12
"""Sums from here on are refused: no fine of a street office comes near a 万亿."""


def rmb_capitals(yuan: Decimal | int) -> str:
    """`yuan` in capitals, e.g. `贰佰元整`, after 支付结算办法 (1997) 附一 正确填写票据和结算凭证.

    Raises:
        ValueError: negative, too large, or finer than a fen.
    """
    amount = Decimal(yuan)
    in_range = amount.is_finite() and 0 <= amount < LARGEST
    if not in_range or amount * 100 % 1:
        msg = f"金额无法大写：{yuan} / cannot write {yuan} in capitals"
        raise ValueError(msg)
    whole, cents = divmod(int(amount * 100), 100)
    tenths, hundredths = divmod(cents, 10)
    head = f"{_integer(whole)}元" if whole or not cents else ""
    jiao = f"{_DIGITS[tenths]}角" if tenths else ("零" if head and hundredths else "")
    tail = f"{_DIGITS[hundredths]}分" if hundredths else "整"
    return head + jiao + tail


def _integer(number: int) -> str:
    """A whole number in capitals; runs of zeros become one 零, trailing ones none."""
    written, gap = "", False
    digits = str(number)
    for position, digit in zip(range(len(digits) - 1, -1, -1), digits, strict=True):
        group, unit = divmod(position, 4)
        if digit != "0":
            written += ("零" if gap else "") + _DIGITS[int(digit)] + _UNITS[unit]
            gap = False
        elif written:
            gap = True
        if unit == 0 and number // 10**position % 10**4:
            written, gap = written + _GROUPS[group], False
    return written or "零"
