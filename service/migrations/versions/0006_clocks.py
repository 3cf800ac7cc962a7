"""Clocks: the camera's against ours, ours against the world, and every step of it."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Apply this step."""
    with op.batch_alter_table("segments", schema=None) as batch_op:
        batch_op.add_column(sa.Column("camera_offset_us", sa.BigInteger(), nullable=True))
        batch_op.add_column(sa.Column("clock_synchronised", sa.Boolean(), nullable=True))
        batch_op.add_column(sa.Column("clock_error_us", sa.BigInteger(), nullable=True))
        batch_op.add_column(sa.Column("codec", sa.String(), nullable=True))
        batch_op.add_column(sa.Column("audio", sa.String(), nullable=True))

    op.create_table(
        "clock_steps",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("camera_id", sa.String(), nullable=False),
        sa.Column("at_us", sa.BigInteger(), nullable=False),
        sa.Column("step_us", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    with op.batch_alter_table("clock_steps", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_clock_steps_camera_id"), ["camera_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_clock_steps_at_us"), ["at_us"], unique=False)

    with op.batch_alter_table("log", schema=None) as batch_op:
        batch_op.create_index("ix_log_at_us", ["at_us"], unique=False)
