"""Alembic runs this around the migrations; `Database.migrate` hands it the connection."""

from alembic import context
from sqlmodel import SQLModel

import service.tables  # noqa: F401  fills SQLModel.metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=SQLModel.metadata,
    # SQLite cannot ALTER a column: Alembic copies the table instead.
    render_as_batch=True,
)
with context.begin_transaction():
    context.run_migrations()
