"""Accounts: units, badges that expire, idle sessions with a reason, tokens for programs."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    """Apply this step; browsers that are logged in have to do so again."""
    # Without a copy of the table, which SQLite would not let go: sessions and cases refer to it.
    with op.batch_alter_table("users", schema=None, recreate="never") as batch_op:
        batch_op.add_column(sa.Column("unit", sa.String(), nullable=True))
        batch_op.add_column(sa.Column("badge_until", sa.String(), nullable=True))
        batch_op.add_column(
            sa.Column("must_change", sa.Boolean(), server_default=sa.false(), nullable=False)
        )
    with op.batch_alter_table("loginsession", schema=None, recreate="never") as batch_op:
        batch_op.add_column(
            sa.Column("seen_us", sa.BigInteger(), server_default="0", nullable=False)
        )
        batch_op.add_column(sa.Column("reason", sa.String(), nullable=True))
    op.create_table(
        "tokens",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("purpose", sa.String(), nullable=False),
        sa.Column("scopes", sa.JSON(), nullable=False),
        sa.Column("token_sha256", sa.String(), nullable=False),
        sa.Column("added_by", sa.String(), nullable=False),
        sa.Column("added_us", sa.BigInteger(), nullable=False),
        sa.Column("expires_us", sa.BigInteger(), nullable=False),
        sa.Column("revoked_us", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("token_sha256"),
    )
