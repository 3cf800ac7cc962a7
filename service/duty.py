"""A person at work in one browser: what the log says beside everything that they look at."""

from dataclasses import dataclass

from service.errors import InputError
from service.tables import User

MAX_REASON = 200
"""Characters of a reason: one sentence, and perhaps a case number."""


@dataclass(frozen=True, slots=True)
class Duty:
    """A duty session (值班).

    Attributes:
        address: where the request came from, an IP address.
        reason: the standing reason (事由) for whatever is looked at.
        token_sha256: names the login session.
    """

    user: User
    address: str
    reason: str
    token_sha256: str

    def told(self, reason: str | None = None) -> dict[str, str]:
        """Who, of which unit, from where and why, for the body of an entry.

        These are the facts of 公共安全视频图像信息系统管理条例 16; `reason` stands in for the
        standing one where an act asks for one of its own.
        """
        return {
            "name": self.user.name,
            "unit": self.user.unit or "",
            "address": self.address,
            "reason": self.reason if reason is None else reason,
        }


def stated(reason: str) -> str:
    """A reason as it is kept.

    Raises:
        InputError: it is blank or too long.
    """
    told = " ".join(reason.split())
    if not told:
        raise InputError("reason_blank")
    if len(told) > MAX_REASON:
        raise InputError("reason_long", most=MAX_REASON)
    return told
