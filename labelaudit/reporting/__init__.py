"""A health report in several forms: one plugin a form, all from the same numbers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from labelaudit.health import Health
from labelaudit.registry import Registry

if TYPE_CHECKING:
    import pandas as pd

    from labelaudit.audit_folder import Audit
    from labelaudit.residual import CheckSummary

__all__ = ["REPORT_FORMATS", "Report", "ReportFormat", "make_report"]


@dataclass(frozen=True, eq=False, kw_only=True)
class Report:
    """What every form of the report shows.

    Attributes
    ----------
    name : str
        Name of the data set.
    audit : Audit
        The audit it is about.
    health : Health
        Its numbers.
    suspects, ambiguous : DataFrame
        Top of the two queues, rows of :attr:`labelaudit.audit_folder.Audit.items`.
    random_check : CheckSummary, optional
        What a random check of the audit has shown; None if none was drawn.
    """

    name: str
    audit: Audit
    health: Health
    suspects: pd.DataFrame
    ambiguous: pd.DataFrame
    random_check: CheckSummary | None = None


@dataclass(frozen=True, kw_only=True)
class ReportFormat:
    """A form of the report.

    Attributes
    ----------
    name : str
        Name for ``--format``.
    summary : str
        What it is for, in a few words.
    suffix : str
        Ending of files in this form; empty if no ending stands for it.
    render : callable
        Takes a :class:`Report` and returns its text.
    """

    name: str
    summary: str
    suffix: str
    render: Callable[[Report], str]


REPORT_FORMATS: Registry[ReportFormat] = Registry("report format", "labelaudit.reporting", ReportFormat)


def make_report(audit: Audit, *, top: int = 10, random_check: CheckSummary | None = None) -> Report:
    """Collect what a report shows.

    Parameters
    ----------
    audit : Audit
        The audit.
    top : int
        How many items of each queue to show.
    random_check : CheckSummary, optional
        What a random check of the audit has shown (:func:`labelaudit.loop.check_standing`).

    Returns
    -------
    Report
    """
    items = audit.items
    suspects = items[items["is_suspect"]].sort_values("rank").head(top)
    ambiguous = items[items["is_ambiguous"]].sort_values("ambiguity_rank").head(top)
    source = audit.origin.path if audit.origin else (audit.path or "arrays")
    return Report(
        name=source,
        audit=audit,
        health=Health.from_dict(audit.health),
        suspects=suspects,
        ambiguous=ambiguous,
        random_check=random_check,
    )
