"""Columns of Arrow tables: the label is replaced, two columns are put beside it, the rest are passed through."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from labelaudit.corrected import Correction, Layout, Spelling, free_name
from labelaudit.errors import DataError, LabelsError, UsageError

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["corrected_table", "with_features"]


def corrected_table(
    table: pa.Table, corrections: Mapping[int, Correction], layout: Layout
) -> tuple[pa.Table, dict[str, str]]:
    """Return the table with decided labels and two columns behind them, and the names of the two by what they are."""
    import pyarrow as pa

    label = layout.options.label
    if label is None:
        raise UsageError("The audit does not name the label column.", "Audit again with --label.")
    if len(table) != len(layout.labels):
        raise DataError(f"The data has {len(table)} rows, not {len(layout.labels)}.", "Audit the data again.")
    column = table.column(label)
    values, verdicts = column.to_pylist(), [""] * len(table)
    spelling = Spelling(layout.classes)
    for given, value in zip(layout.labels, values, strict=True):
        spelling.learn(given, value)
    for row, correction in corrections.items():
        verdicts[row - 1] = str(correction.opinion.verdict)
        if correction.is_changed and not correction.is_excluded and correction.label is not None:
            values[row - 1] = spelling.of(correction.label)
    place = table.column_names.index(label)
    names = {what: free_name(f"{label}_{what}", table.column_names) for what in ("before", "verdict")}
    try:
        new = pa.array(values, type=column.type)
    except pa.ArrowException as error:
        raise LabelsError(
            f"The column {label!r} ({column.type}) cannot hold the decided labels: {error}.", "Store labels as strings."
        ) from error
    beside = table.schema.field(place)
    result = (
        table.set_column(place, beside, new)
        .add_column(place + 1, beside.with_name(names["before"]), column)
        .add_column(place + 2, names["verdict"], pa.array(verdicts, type=pa.string()))
    )
    left_out = {row for row, correction in corrections.items() if correction.is_excluded}
    if left_out:
        result = result.filter(pa.array([row not in left_out for row in range(1, len(table) + 1)]))
    return result, names


def with_features(features: Any, label: str, names: Mapping[str, str]) -> Any:
    """Return Hugging Face's description of the columns with the two new ones, behind the label."""
    if not isinstance(features, dict) or label not in features:
        return features
    described: dict[str, Any] = {}
    for name, feature in features.items():
        described[name] = feature
        if name == label:
            described[names["before"]] = json.loads(json.dumps(feature))
            described[names["verdict"]] = {"dtype": "string", "_type": "Value"}
    return described
