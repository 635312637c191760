"""What Alembic runs: the steps over the connection that it is handed; it opens none itself."""

from __future__ import annotations

from alembic import context

from bethna.store.alerts.tables import METADATA

context.configure(connection=context.config.attributes["connection"], target_metadata=METADATA)
with context.begin_transaction():
    context.run_migrations()
