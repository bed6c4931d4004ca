"""Slices stand in the items themselves, and one index for each order carries all that filters ask for."""

import sqlalchemy as sa
from alembic import op

from labelaudit.store.queue import slice_token

revision = "0002"
down_revision = "0001"

_FILTERED = ["is_suspect", "is_ambiguous", "given_label", "suggested_label", "kind", "verdict", "slices"]


def upgrade() -> None:
    op.add_column("items", sa.Column("slices", sa.Text(), server_default="", nullable=False))
    _move_slices()
    op.drop_table("item_groups")
    _replace_indexes()


def _move_slices() -> None:
    connection = op.get_bind()
    tokens: dict[str, list[str]] = {}
    for item_id, name, value in connection.execute(sa.text("SELECT item_id, name, value FROM item_groups")):
        tokens.setdefault(item_id, []).append(slice_token(name, value))
    rows = [{"of_item": item_id, "to_slices": " ".join(found)} for item_id, found in tokens.items()]
    if rows:
        connection.execute(sa.text("UPDATE items SET slices = :to_slices WHERE item_id = :of_item"), rows)


def _replace_indexes() -> None:
    for name in (
        "items_ambiguous",
        "items_by_ambiguity",
        "items_by_chance",
        "items_by_suspicion",
        "items_in_order_of_ambiguity",
        "items_in_order_of_chance",
        "items_in_order_of_suspicion",
        "items_pairs",
        "items_suspects",
    ):
        op.drop_index(name, table_name="items")
    op.create_index("items_by_suspicion", "items", ["status", "suspicion_rank", *_FILTERED, "suspicion"])
    op.create_index("items_by_ambiguity", "items", ["status", "ambiguity_rank", *_FILTERED])
    op.create_index("items_by_chance", "items", ["status", "chance_rank", *_FILTERED])
