"""An order (导出申请): who wants which evidence to leave the system, and why."""

from dataclasses import dataclass

from sqlmodel import Session

from service.cases import case_for
from service.duty import Duty, stated
from service.errors import InputError
from service.roles import Permission, require
from service.subject import Subject, SubjectKind, check_subject, is_there


@dataclass(frozen=True, slots=True)
class Order:
    """What is to leave.

    Attributes:
        actor: the account's id.
        told: name, unit, address and reason, as `Duty.told` gives them.
    """

    subject: Subject
    actor: str
    told: dict[str, str]


def order(session: Session, duty: Duty, subject: Subject, reason: str) -> Order:
    """An order of a person who may give it.

    Raises:
        InputError: the account is closed or its role lacks the permission, there is no such
            subject, it is another unit's case, or the reason is blank or too long.
    """
    require(duty.user, Permission.EXPORT)
    if not duty.user.active:
        raise InputError("user_inactive", user=duty.user.id)
    check_subject(session, subject)
    if subject.kind is SubjectKind.CASE:
        case_for(session, subject.id, duty.user)
    return Order(subject, duty.user.id, duty.told(stated(reason)))


def subject_named(session: Session, subject_id: str) -> Subject:
    """The case, event or recorder file of this id; their ids are made by chance and never meet.

    Raises:
        InputError: there is none.
    """
    for kind in SubjectKind:
        if is_there(session, Subject(kind, subject_id)):
            return Subject(kind, subject_id)
    raise InputError("export_subject", id=subject_id)
