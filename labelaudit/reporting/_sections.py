"""What forms of the report that are documents have in common: facts in sentences, and tables of plain cells."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import pandas as pd

    from labelaudit.health import ClassHealth, SliceHealth
    from labelaudit.reporting import Report
    from labelaudit.residual import CheckSummary

__all__ = ["SLICES_SHOWN", "Fact", "Section", "facts", "sections", "slices_left_out"]

SLICES_SHOWN = 10
"""Values of a group that a report shows, those with most expected errors."""

_PAIRS_SHOWN = 10


class Fact(NamedTuple):
    """A sentence about the whole audit.

    Attributes
    ----------
    text : str
        The sentence.
    warns : bool
        Whether it warns.
    figure : (str, str) or None
        Where one number carries it: that number, and what it counts.
    details : str
        What it rests on, for those who ask; may be empty.
    """

    text: str
    warns: bool = False
    figure: tuple[str, str] | None = None
    details: str = ""


class Section(NamedTuple):
    """A table under a title.

    Attributes
    ----------
    title : str
        What it shows; may hold names out of the data, like all but `heads`.
    heads : tuple of str
        Names of the columns.
    rows : sequence of tuple of str
        Cells, as many in each row as there are heads; at least one row.
    is_list : bool
        Whether a row is an item with sentences in its cells, and not a line of numbers to compare with the next.
    note : str
        What is left out, to stand below the table; empty where nothing is.
    """

    title: str
    heads: tuple[str, ...]
    rows: Sequence[tuple[str, ...]]
    is_list: bool = False
    note: str = ""

    @property
    def are_numbers(self) -> tuple[bool, ...]:
        """Whether each column holds numbers, which stand flush right."""
        return tuple(head in _NUMBERS for head in self.heads)


_COUNTED = ("Items", "Suspects", "Share", "Expected errors")
_NUMBERS = frozenset({*_COUNTED, "Ambiguous", "Score"})


def facts(report: Report) -> Iterator[Fact]:
    """Yield what holds for the whole audit, the most important first."""
    health = report.health
    yield Fact(
        f"Items: {health.items:,} ({health.assessed:,} assessed, {health.unlabelled:,} unlabelled, "
        f"{health.not_assessable:,} not assessable), {len(health.classes)} classes"
    )
    expected, rate = f"{health.expected_errors:,.0f}", f"{health.expected_error_rate:.1%}"
    yield Fact(
        f"Expected label errors: {expected} ({rate}); range {health.range_in_words}",
        figure=(expected, f"labels expected to be wrong: {rate}; range {health.range_in_words}"),
    )
    if report.random_check is not None:
        yield Fact(_counted(report.random_check))
    if health.caution:
        yield Fact(health.caution, warns=True)
    if health.expected_precision_line:
        yield Fact(f"{health.expected_precision_line}.", details=health.planting_line)
    precision = f", {health.suspects_in_words}" if health.suspects else ""
    suspects, ambiguous, agreement = f"{health.suspects:,}", f"{health.ambiguous:,}", f"{health.agreement:.1%}"
    yield Fact(f"Suspect labels: {suspects}{precision}", figure=(suspects, f"suspect labels{precision}"))
    yield Fact(f"Ambiguous items: {ambiguous}", figure=(ambiguous, "ambiguous items, on which people might disagree"))
    yield Fact(
        f"The model agrees with the given label on {agreement} of the assessed items",
        figure=(agreement, "of the given labels are the model's first choice"),
    )
    yield from map(Fact, report.audit.provenance.get("notes", ()))


def sections(report: Report) -> Iterator[Section]:
    """Yield the tables that have rows: classes, pairs, groups, and the top of both queues."""
    health = report.health
    found = [
        Section(
            "Classes, most expected errors first",
            ("Class", *_COUNTED, "Ambiguous"),
            [
                (c.name, *_counts(c), f"{c.ambiguous:,}")
                for c in sorted(health.classes, key=lambda c: (-c.expected_errors, c.name))
            ],
        ),
        Section(
            "Most confused pairs",
            ("Given", "Suggested", "Suspects", "Expected errors"),
            [
                (p.given, p.suggested, f"{p.suspects:,}", f"{p.expected_errors:,.1f}")
                for p in health.confused_pairs[:_PAIRS_SHOWN]
            ],
        ),
        *(_group(group, slices) for group, slices in health.groups().items()),
        _queue("Most suspicious labels", report.suspects, "suspicion", health.suspects),
        _queue("Most ambiguous items", report.ambiguous, "ambiguity", health.ambiguous),
    ]
    return (section for section in found if section.rows)


def _counted(check: CheckSummary) -> str:
    left = f". {check.remaining_in_words}" if check.estimate is not None else ""
    return f"Wrong labels by a random check: {check.errors_in_words}{left}"


def _counts(part: ClassHealth | SliceHealth) -> tuple[str, str, str, str]:
    return f"{part.items:,}", f"{part.suspects:,}", part.share_in_words, part.expected_errors_in_words


def _group(group: str, slices: Sequence[SliceHealth]) -> Section:
    rows = [(s.value_in_words, *_counts(s)) for s in slices[:SLICES_SHOWN]]
    return Section(f"By {group}", ("Value", *_COUNTED), rows, note=slices_left_out(slices))


def slices_left_out(slices: Sequence[SliceHealth]) -> str:
    """Return what to say below the slices that a report shows; nothing where it shows all of them."""
    if len(slices) <= SLICES_SHOWN:
        return ""
    return f"Shown are the {SLICES_SHOWN} values with most expected errors; --format json has {len(slices)}."


def _queue(title: str, items: pd.DataFrame, score: str, flagged: int) -> Section:
    columns = {
        "Given": "given_label",
        "Suggested": "suggested_label",
        "Score": score,
        "Item": "preview",
        "Why": "reasons",
    }
    if not items["preview"].ne("").any():  # there is no content beside probabilities alone
        del columns["Item"]
    table = items[list(columns.values())].assign(**{score: items[score].map("{:.2f}".format)})
    rows = [tuple(map(str, row)) for row in table.itertuples()]
    return Section(f"{title}, {len(items):,} of {flagged:,} flagged", ("Id", *columns), rows, is_list=True)
