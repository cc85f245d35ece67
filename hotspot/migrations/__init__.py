"""Alembic migrations of the one schema. They run at start, in one transaction; a released one is never changed."""
