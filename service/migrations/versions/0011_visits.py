"""Visits: when the actor came, was in reach of the place, and had let go; when it was cleared."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"


def upgrade() -> None:
    """Apply this step."""
    for name in ("arrived_us", "contact_us", "released_us", "cleared_us"):
        op.add_column("events", sa.Column(name, sa.BigInteger(), nullable=True))
