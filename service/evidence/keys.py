"""What a person does to the signing of the log: change its key, accept a log that was set back."""

from contextlib import suppress

from sqlmodel import Session, select

from ingest.clock import Clock
from ingest.files import fsync_directory
from service.database import Database
from service.errors import EvidenceError, InputError, WorldError
from service.evidence.log import Action, append
from service.ledger.checkpoint import origin_of
from service.ledger.keys import LogKey, create_key, load_key
from service.ledger.note import Kind, VerifierKey
from service.ledger.succession import keys_of, naming
from service.settings import Settings
from service.tables import Installation, User


def rotate_key(
    database: Database, clock: Clock, settings: Settings, *, actor: str, reason: str
) -> LogKey:
    """A new key that signs from now on; the old one signs the entry that names it, and is gone.

    An old key that is lost signs nothing: the new one then signs that entry. Whoever may read the
    key's folder calls this; doing it again after a crash does no harm.

    Raises:
        InputError: no such account, or no reason.
        EvidenceError: the log must not be signed.
        WorldError: the key's folder or the database cannot be written.
    """
    following = settings.keys / "log.key.next"
    with suppress(FileExistsError):
        create_key(following)
    key = load_key(following)
    with database.unsealed() as session:
        _check(session.get(User, actor), actor, reason)
        before = keys_of(session)[-1].fingerprint
        append(
            session,
            clock,
            actor=actor,
            action=Action.KEY_ROTATED,
            subject="log",
            body={**naming(key.public), "old": before, "reason": reason.strip()},
        )
    with suppress(WorldError):
        database.seal_all()
    following.replace(settings.keys / "log.key")
    fsync_directory(settings.keys)
    database.seal_all()
    return key


def accept_log(database: Database, clock: Clock, *, actor: str, reason: str) -> int:
    """Let a log be signed that does not continue what was signed last; how many entries it has.

    Raises:
        InputError: no such account, no reason, or the log continues it.
        EvidenceError: somebody else appended at the same moment; ask again.
        WorldError: the key or the database cannot be used.
    """
    try:
        database.sealer.check()
        database.sealer.seal()
    except EvidenceError as error:
        why = str(error)
    else:
        raise InputError("log_continues")
    try:
        note = database.sealer.remembered()
    except EvidenceError:
        note = None
    with database.unsealed() as session:
        _check(session.get(User, actor), actor, reason)
        append(
            session,
            clock,
            actor=actor,
            action=Action.LOG_ACCEPTED,
            subject="log",
            body={
                **naming(database.sealer.key().public),
                "reason": reason.strip(),
                "found": why,
                "last": note.to_text() if note else "",
            },
        )
    return database.sealer.accept()


def log_key(session: Session) -> VerifierKey:
    """The public key that signs the log now, with the log's name."""
    origin = origin_of(session.exec(select(Installation.id)).one())
    return VerifierKey(origin, Kind.NOTE, keys_of(session)[-1].public)


def _check(user: User | None, actor: str, reason: str) -> None:
    """See that a person with an account says why.

    Raises:
        InputError: there is no such account, or nothing was said.
    """
    if user is None:
        raise InputError("no_user", user=actor)
    if not user.active:
        raise InputError("user_inactive", user=actor)
    if not reason.strip():
        raise InputError("hold_reason")
