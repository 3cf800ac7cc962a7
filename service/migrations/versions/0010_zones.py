"""Zones: the weekly hours in which each applies."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    """Apply this step."""
    with op.batch_alter_table("zones", schema=None) as batch_op:
        batch_op.add_column(sa.Column("hours", sa.JSON(), nullable=False, server_default="[]"))
        batch_op.add_column(
            sa.Column("time_zone", sa.String(), nullable=False, server_default="Asia/Shanghai")
        )
    # Only for the rows that were there: PostgreSQL cannot compare a default of this type.
    with op.batch_alter_table("zones", schema=None) as batch_op:
        batch_op.alter_column("hours", existing_type=sa.JSON(), server_default=None)
