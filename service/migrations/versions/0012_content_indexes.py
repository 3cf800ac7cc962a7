"""Content indexes of recorder files: people, vehicles and bags by time."""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    """Apply this step."""
    op.create_table(
        "content_indexes",
        sa.Column("sha256", sa.String(), nullable=False),
        sa.Column("model", sa.String(), nullable=False),
        sa.Column("looks", sa.Integer(), nullable=False),
        sa.Column("appearances", sa.JSON(), nullable=False),
        sa.Column("person", sa.Boolean(), nullable=False),
        sa.Column("vehicle", sa.Boolean(), nullable=False),
        sa.Column("bag", sa.Boolean(), nullable=False),
        sa.Column("made_us", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("sha256"),
    )
