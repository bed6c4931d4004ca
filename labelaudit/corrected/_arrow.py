"""Columns of Arrow tables: the label is replaced, two columns are put beside it, the rest are passed through."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from labelaudit.corrected import Correction, Layout, Spelling, free_name, label_name
from labelaudit.errors import DataError, LabelsError

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["LabelColumns", "with_described_features", "with_features"]


@dataclass(frozen=True, eq=False)
class LabelColumns:
    """The label column as decided, the one before, and the verdicts, for all rows.

    They are put into a table part by part: beside them there may be columns of images, larger than memory.

    Attributes
    ----------
    names : mapping of str to str
        Names of the two new columns, by ``before`` and ``verdict``.
    columns : mapping of str to (n,) pyarrow.ChunkedArray
        The three columns by name.
    kept : (n,) pyarrow.BooleanArray
        False for excluded items.
    """

    label: str
    names: Mapping[str, str]
    columns: Mapping[str, pa.ChunkedArray]
    kept: pa.BooleanArray

    @classmethod
    def decided(
        cls, before: pa.ChunkedArray, taken: list[str], corrections: Mapping[int, Correction], layout: Layout
    ) -> LabelColumns:
        """Apply `corrections` to the labels `before`; `taken` are the names of all columns."""
        import pyarrow as pa

        label = label_name(layout)
        if len(before) != len(layout.labels):
            raise DataError(f"The data has {len(before)} rows, not {len(layout.labels)}.", "Audit the data again.")
        values, verdicts = before.to_pylist(), [""] * len(before)
        spelling = Spelling(layout.classes)
        for given, value in zip(layout.labels, values, strict=True):
            spelling.learn(given, value)
        for row, correction in corrections.items():
            verdicts[row - 1] = str(correction.opinion.verdict)
            if correction.is_changed and not correction.is_excluded and correction.label is not None:
                values[row - 1] = spelling.of(correction.label)
        try:
            new = pa.chunked_array([pa.array(values, type=before.type)])
        except pa.ArrowException as error:
            raise LabelsError(
                f"The column {label!r} ({before.type}) cannot hold the decided labels: {error}.",
                "Store labels as strings.",
            ) from error
        names = {what: free_name(f"{label}_{what}", taken) for what in ("before", "verdict")}
        left_out = {row for row, correction in corrections.items() if correction.is_excluded}
        return cls(
            label=label,
            names=names,
            columns={
                label: new,
                names["before"]: before,
                names["verdict"]: pa.chunked_array([pa.array(verdicts, type=pa.string())]),
            },
            kept=pa.array([row not in left_out for row in range(1, len(before) + 1)], type=pa.bool_()),
        )

    def put_into(self, part: pa.Table, start: int) -> pa.Table:
        """Return rows of the source, the first of which is `start`, with these columns and without excluded items."""
        import pyarrow as pa

        n = len(part)
        new = {name: column.slice(start, n) for name, column in self.columns.items()}
        place = part.column_names.index(self.label)
        beside = part.schema.field(place).with_type(new[self.label].type)  # shards may differ in width
        before, verdict = self.names["before"], self.names["verdict"]
        result = (
            part.set_column(place, beside, new[self.label])
            .add_column(place + 1, beside.with_name(before), new[before])
            .add_column(place + 2, pa.field(verdict, pa.string()), new[verdict])
        )
        kept = self.kept.slice(start, n)
        return result if kept.true_count == n else result.filter(kept)


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


def with_described_features(metadata: Mapping[bytes, bytes] | None, columns: LabelColumns) -> dict[bytes, bytes]:
    """Return the metadata of a schema in which Hugging Face's description, if there is one, names the new columns."""
    described = dict(metadata or {})
    if b"huggingface" in described:
        content = json.loads(described[b"huggingface"])
        info = content.get("info", {})
        info["features"] = with_features(info.get("features"), columns.label, columns.names)
        described[b"huggingface"] = json.dumps(content).encode()
    return described
