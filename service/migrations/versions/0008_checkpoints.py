"""Checkpoints of the log, their anchors, and recording that is told to the log in batches."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    """Apply this step."""
    op.create_table(
        "checkpoints",
        sa.Column("size", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("root_sha256", sa.String(), nullable=False),
        sa.Column("note", sa.String(), nullable=False),
        sa.Column("key_fingerprint", sa.String(), nullable=False),
        sa.Column("at_us", sa.BigInteger(), nullable=False),
        sa.Column("frontier", sa.JSON(), nullable=False),
        sa.Column("tip_sha256", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("size"),
    )
    op.create_table(
        "anchors",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("token", sa.String(), nullable=False),
        sa.Column("time_us", sa.BigInteger(), nullable=True),
        sa.Column("asked_us", sa.BigInteger(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("error", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("size", "kind", "name"),
    )
    with op.batch_alter_table("anchors", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_anchors_size"), ["size"], unique=False)
        batch_op.create_index(batch_op.f("ix_anchors_state"), ["state"], unique=False)
    for table in ("segments", "gaps", "clock_steps"):
        with op.batch_alter_table(table, schema=None) as batch_op:
            logged: sa.Column[bool] = sa.Column(
                "logged", sa.Boolean(), server_default=sa.false(), nullable=False
            )
            batch_op.add_column(logged)
        # They were entered together with their entries.
        op.execute(f"UPDATE {table} SET logged = true")  # noqa: S608  names from above
    op.create_index(
        "ix_segments_unlogged",
        "segments",
        ["camera_id"],
        sqlite_where=sa.text("logged IS 0"),
        postgresql_where=sa.text("logged IS false"),
    )
