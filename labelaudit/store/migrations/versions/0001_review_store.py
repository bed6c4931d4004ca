"""The review store."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

# SQLite makes a column the row number only if it is called INTEGER.
_SEQ = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    _make_log()
    _make_items()
    _make_slices()
    _make_opinions()
    _make_actions()
    _make_team()
    _make_claims()
    op.execute("INSERT INTO head (id, seq, hash, at) VALUES (1, 0, '" + "0" * 64 + "', 0)")
    _forbid_changes(op.get_bind().dialect.name)


def _make_log() -> None:
    op.create_table(
        "events",
        sa.Column("seq", _SEQ, autoincrement=False, nullable=False),
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("person", sa.Text(), nullable=False),
        sa.Column("client", sa.Text(), nullable=False),
        sa.Column("action", sa.String(length=16), nullable=False),
        sa.Column("audit_id", sa.Text(), nullable=False),
        sa.Column("item_id", sa.Text(), nullable=True),
        sa.Column("content_hash", sa.Text(), nullable=True),
        sa.Column("before", sa.Text(), nullable=True),
        sa.Column("after", sa.Text(), nullable=True),
        sa.Column("active_ms", sa.Integer(), nullable=True),
        sa.Column("target", sa.String(length=64), nullable=True),
        sa.Column("bulk", sa.String(length=64), nullable=True),
        sa.Column("previous_hash", sa.String(length=64), nullable=False),
        sa.Column("hash", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("seq"),
        sa.UniqueConstraint("id"),
    )
    op.create_index("events_by_item", "events", ["item_id", "seq"], unique=False)
    op.create_index("events_by_person", "events", ["person", "seq"], unique=False)
    op.create_table(
        "head",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("hash", sa.String(length=64), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )


def _make_items() -> None:
    op.create_table(
        "items",
        sa.Column("item_id", sa.Text(), nullable=False),
        sa.Column("row", sa.BigInteger(), nullable=False),
        sa.Column("content_hash", sa.Text(), nullable=False),
        sa.Column("given_label", sa.Text(), nullable=True),
        sa.Column("suggested_label", sa.Text(), nullable=True),
        sa.Column("suggested_probability", sa.Float(), nullable=True),
        sa.Column("suspicion", sa.Float(), nullable=True),
        sa.Column("ambiguity", sa.Float(), nullable=True),
        sa.Column("is_suspect", sa.Boolean(), nullable=False),
        sa.Column("is_ambiguous", sa.Boolean(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=True),
        sa.Column("suspicion_rank", sa.BigInteger(), nullable=False),
        sa.Column("ambiguity_rank", sa.BigInteger(), nullable=False),
        sa.Column("chance_rank", sa.BigInteger(), nullable=False),
        sa.Column("needed", sa.Integer(), server_default="1", nullable=False),
        sa.Column("given_opinions", sa.Integer(), server_default="0", nullable=False),
        sa.Column("status", sa.String(length=16), server_default="open", nullable=False),
        sa.Column("verdict", sa.String(length=16), nullable=True),
        sa.Column("label", sa.Text(), nullable=True),
        sa.Column("version", sa.BigInteger(), server_default="0", nullable=False),
        sa.PrimaryKeyConstraint("item_id"),
    )
    op.create_index("items_ambiguous", "items", ["status", "is_ambiguous", "ambiguity_rank"], unique=False)
    op.create_index("items_by_ambiguity", "items", ["status", "ambiguity_rank"], unique=False)
    op.create_index("items_by_chance", "items", ["status", "chance_rank"], unique=False)
    op.create_index("items_by_suspicion", "items", ["status", "suspicion_rank"], unique=False)
    op.create_index("items_in_order_of_ambiguity", "items", ["ambiguity_rank"], unique=False)
    op.create_index("items_in_order_of_chance", "items", ["chance_rank"], unique=False)
    op.create_index("items_in_order_of_suspicion", "items", ["suspicion_rank"], unique=False)
    op.create_index(
        "items_pairs", "items", ["status", "given_label", "suggested_label", "suspicion_rank"], unique=False
    )
    op.create_index("items_suspects", "items", ["status", "is_suspect", "suspicion_rank"], unique=False)


def _make_slices() -> None:
    op.create_table(
        "item_groups",
        sa.Column("item_id", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["item_id"],
            ["items.item_id"],
        ),
        sa.PrimaryKeyConstraint("name", "value", "item_id"),
    )


def _make_opinions() -> None:
    op.create_table(
        "opinions",
        sa.Column("item_id", sa.Text(), nullable=False),
        sa.Column("slot", sa.Text(), nullable=False),
        sa.Column("person", sa.Text(), nullable=False),
        sa.Column("verdict", sa.String(length=16), nullable=False),
        sa.Column("labels", sa.Text(), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("given_label", sa.Text(), nullable=True),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.Column("event_id", sa.String(length=64), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("item_id", "slot"),
    )
    op.create_index("opinions_by_slot", "opinions", ["slot", "verdict"], unique=False)


def _make_actions() -> None:
    op.create_table(
        "actions",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("person", sa.Text(), nullable=False),
        sa.Column("item_id", sa.Text(), nullable=False),
        sa.Column("slot", sa.Text(), nullable=False),
        sa.Column("bulk", sa.String(length=64), nullable=False),
        sa.Column("active_ms", sa.Integer(), nullable=False),
        sa.Column("blind", sa.Boolean(), nullable=False),
        sa.Column("accepted", sa.Boolean(), nullable=True),
        sa.Column("undone", sa.BigInteger(), nullable=True),
        sa.Column("undone_by", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("actions_by_bulk", "actions", ["bulk"], unique=False)
    op.create_index("actions_by_item", "actions", ["item_id", "slot", "seq"], unique=False)
    op.create_index("actions_by_person", "actions", ["person", "undone", "seq"], unique=False)
    op.create_index("actions_undone", "actions", ["undone_by", "undone"], unique=False)


def _make_team() -> None:
    op.create_table(
        "people",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("role", sa.String(length=16), nullable=False),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("name"),
    )
    op.create_table(
        "assignments",
        sa.Column("person", sa.Text(), nullable=False),
        sa.Column("field", sa.Text(), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("person", "field", "value"),
    )
    op.create_table(
        "settings",
        sa.Column("key", sa.String(length=32), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("key"),
    )


def _make_claims() -> None:
    op.create_table(
        "claims",
        sa.Column("item_id", sa.Text(), nullable=False),
        sa.Column("client", sa.Text(), nullable=False),
        sa.Column("person", sa.Text(), nullable=False),
        sa.Column("expires", sa.BigInteger(), nullable=False),
        sa.Column("blind", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("item_id", "client"),
    )
    op.create_index("claims_by_client", "claims", ["client"], unique=False)


def _forbid_changes(dialect: str) -> None:
    """Make the database itself refuse to change or delete events, so that only somebody who means to can."""
    if dialect == "sqlite":
        for change in ("UPDATE", "DELETE"):
            op.execute(
                f"CREATE TRIGGER events_no_{change.lower()} BEFORE {change} ON events "
                "BEGIN SELECT RAISE(ABORT, 'events are append-only'); END"
            )
        return
    op.execute(
        "CREATE FUNCTION events_are_append_only() RETURNS trigger LANGUAGE plpgsql AS "
        "$$ BEGIN RAISE EXCEPTION 'events are append-only'; END $$"
    )
    op.execute(
        "CREATE TRIGGER events_no_change BEFORE UPDATE OR DELETE ON events "
        "FOR EACH ROW EXECUTE FUNCTION events_are_append_only()"
    )
