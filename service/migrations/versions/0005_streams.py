"""Two streams for a camera, how they come, and whether sound is recorded."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Apply this step; cameras that exist go on as they were."""
    # Without a copy of the table, which SQLite would not let go: zones refer to it. So the
    # defaults stay in the database.
    with op.batch_alter_table("cameras", schema=None, recreate="never") as batch_op:
        batch_op.add_column(sa.Column("sub_url", sa.String(), nullable=True))
        batch_op.add_column(
            sa.Column("transport", sa.String(), server_default="tcp", nullable=False)
        )
        batch_op.add_column(
            sa.Column("audio", sa.Boolean(), server_default=sa.false(), nullable=False)
        )
