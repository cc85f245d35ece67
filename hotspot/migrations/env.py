"""Alembic's entry: use the connection the program already has; never open one from a file."""

from alembic import context

from hotspot.migrations.models import metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata, compare_type=True)
context.run_migrations()
