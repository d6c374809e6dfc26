"""alembic's environment: migrate the engine that the server opened."""

from __future__ import annotations

from alembic import context

from afanasy.store import schema

with context.config.attributes["engine"].connect() as connection:
    context.configure(
        connection=connection,
        target_metadata=schema.metadata,
        render_as_batch=True,  # SQLite cannot alter tables in place
        transactional_ddl=True,
    )
    with context.begin_transaction():
        context.run_migrations()
    connection.commit()
