"""For migrations: which tables the guests' pages show, so that a change to them is a new version of the content."""

from alembic import op


def pages_show(table: str, *columns: str) -> None:
    """Count the content's version on at each commit that changed the table; with `columns`, an update of others is none.

    The trigger waits for the commit: the version's row is locked for an instant, whatever else a transaction does before it. Saying it
    anew about a table replaces what was said.
    """
    updated = f"UPDATE OF {', '.join(columns)}" if columns else "UPDATE"
    op.execute(f"DROP TRIGGER IF EXISTS content_changed ON {table}")
    op.execute(
        f"CREATE CONSTRAINT TRIGGER content_changed AFTER INSERT OR DELETE OR {updated} ON {table} "
        "DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION content_changed()"
    )
