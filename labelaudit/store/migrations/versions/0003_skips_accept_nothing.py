"""A skip neither takes a suggestion nor turns it down: what skips had counted as is forgotten."""

from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    # A quotation mark inside a note is written with a backslash, so no note reads like this.
    skips = """SELECT id FROM events WHERE action = 'decide' AND "after" LIKE '%"verdict":"skip"%'"""
    op.execute(f"UPDATE actions SET accepted = NULL WHERE id IN ({skips})")  # noqa: S608 -- no value in it
