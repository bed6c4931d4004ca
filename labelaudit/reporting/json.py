"""The report as JSON, for other programs."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from labelaudit.reporting import Report, ReportFormat

if TYPE_CHECKING:
    import pandas as pd

_COLUMNS = ["given_label", "suggested_label", "suspicion", "ambiguity", "kind", "reasons", "preview"]


def _render(report: Report) -> str:
    audit = report.audit
    content: dict[str, Any] = {
        "data": report.name,
        "audit_id": audit.audit_id,
        "fingerprint": audit.fingerprint,
        "provenance": dict(audit.provenance),
        "config": audit.config.as_dict(),
        "health": {
            **report.health.as_dict(),
            "expected_error_rate": report.health.expected_error_rate,
            "caution": report.health.caution,
        },
        "random_check": None if report.random_check is None else report.random_check.as_dict(),
        "suspects": _records(report.suspects),
        "ambiguous": _records(report.ambiguous),
    }
    return json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False)


def _records(items: pd.DataFrame) -> list[dict[str, Any]]:
    table = items[_COLUMNS].astype(object)
    table = table.where(table.notna(), None)
    records: list[dict[str, Any]] = table.rename_axis("id").reset_index().to_dict("records")  # type: ignore[assignment]
    return records


PLUGIN = ReportFormat(name="json", summary="JSON, for other programs", suffix=".json", render=_render)
