"""What each role may do: one table, and nothing else that knows a role (岗位)."""

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType

from service.errors import InputError
from service.tables import User
from service.times import beijing
from vision.frame import Instant


class Role(StrEnum):
    """What a person is in the brigade; the catalogue has the words, `role.<key>`."""

    OPERATOR = "operator"
    """坐席员: sees what was found and hands files over; decides nothing, takes nothing out."""
    OFFICER = "officer"
    """执法队员: decides, keeps cases and drafts documents; has a 执法证."""
    LEADER = "leader"
    """中队长: an officer who also agrees to deletions."""
    REVIEWER = "reviewer"
    """法制审核员: reads every case, handles none (行政处罚法 58)."""
    DIRECTOR = "director"
    """分管领导: reads everything, exports, agrees to deletions."""
    ADMIN = "admin"
    """技术管理员: keeps accounts, sees whether cameras and disks are well, and no content."""
    SUPERVISOR = "supervisor"
    """监督: reads everything and the log, changes nothing."""


class Permission(StrEnum):
    """One thing that a route or a command may ask for."""

    SEE_FOOTAGE = "see_footage"
    """The queue, events, clips, stills, recorder files."""
    UPLOAD = "upload"
    """Hand recorder files over."""
    DECIDE = "decide"
    """Confirm or reject an event, settle a file that waits; needs a valid 执法证 as well."""
    CASE_SEE = "case_see"
    """Cases of one's unit: exhibits, party, documents."""
    CASE_EDIT = "case_edit"
    """Open and change cases; needs a valid 执法证 as well."""
    DOCUMENT_MAKE = "document_make"
    """Draft documents; needs a valid 执法证 as well."""
    DOWNLOAD = "download"
    """Take a document of a case out of the system."""
    EXPORT = "export"
    """Take evidence out of the system, in a bundle."""
    HOLD = "hold"
    """Forbid to destroy, and let go."""
    DELETE_REQUEST = "delete_request"
    """Ask for a deletion: the first of two persons."""
    DELETE_APPROVE = "delete_approve"
    """Agree to a deletion that another person asked for."""
    EVERY_UNIT = "every_unit"
    """Cases of all units, not only of one's own."""
    LOG_READ = "log_read"
    """Read the log."""
    ACCOUNT_MANAGE = "account_manage"
    """Accounts of people, and tokens of programs."""


_READS = frozenset({Permission.SEE_FOOTAGE, Permission.CASE_SEE, Permission.DOWNLOAD})
_HANDLES = _READS | {
    Permission.UPLOAD,
    Permission.DECIDE,
    Permission.CASE_EDIT,
    Permission.DOCUMENT_MAKE,
    Permission.EXPORT,
    Permission.HOLD,
    Permission.DELETE_REQUEST,
}

PERMISSIONS: Mapping[Role, frozenset[Permission]] = MappingProxyType(
    {
        Role.OPERATOR: frozenset({Permission.SEE_FOOTAGE, Permission.UPLOAD}),
        Role.OFFICER: _HANDLES,
        Role.LEADER: _HANDLES | {Permission.DELETE_APPROVE},
        Role.REVIEWER: _READS | {Permission.EVERY_UNIT, Permission.HOLD},
        Role.DIRECTOR: _READS
        | {
            Permission.EVERY_UNIT,
            Permission.EXPORT,
            Permission.HOLD,
            Permission.DELETE_APPROVE,
        },
        Role.ADMIN: frozenset({Permission.ACCOUNT_MANAGE}),
        Role.SUPERVISOR: _READS | {Permission.EVERY_UNIT, Permission.LOG_READ},
    }
)
"""Who may do what; whatever does not stand here is refused (公共安全视频图像信息系统管理条例 16:
授权管理、访问控制). A role that signs nothing has no 执法证 and so decides nothing."""


def may(user: User, permission: Permission) -> bool:
    """Whether this person's role has a permission."""
    return permission in PERMISSIONS[Role(user.role)]


def require(user: User, permission: Permission) -> None:
    """Refuse whoever lacks a permission.

    Raises:
        InputError: `no_access`.
    """
    if not may(user, permission):
        raise InputError("no_access")


def is_officer(user: User) -> bool:
    """Whether this is somebody with a 执法证, valid or not: who may have recorded a file."""
    return may(user, Permission.DECIDE) and bool(user.badge_no)


def _expired(user: User, at: Instant) -> bool:
    """Whether the 执法证 is out of date; one whose last day nobody entered is."""
    return (user.badge_until or "") < beijing(at).date().isoformat()


def may_decide(user: User, at: Instant) -> bool:
    """Whether this person can do a legal act at a moment (行政处罚法 42)."""
    return is_officer(user) and not _expired(user, at)


def require_officer(user: User, permission: Permission, at: Instant) -> None:
    """Refuse a legal act to whoever is no officer with a valid 执法证.

    Raises:
        InputError: `not_an_officer`, or `badge_expired` with the last day.
    """
    if not (may(user, permission) and is_officer(user)):
        raise InputError("not_an_officer")
    if _expired(user, at):
        raise InputError("badge_expired", until=user.badge_until or "-")


def shares_unit(user: User, other: User) -> bool:
    """Whether this person sees the cases of another: of one unit, or of all."""
    return may(user, Permission.EVERY_UNIT) or user.unit == other.unit
