"""How healthy the labels are: the numbers that every report and page shows, computed in one place."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from labelaudit.cautions import OF_CHANCE, caution, knows_nothing
from labelaudit.errors import AuditFolderError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pandas as pd

__all__ = ["ClassHealth", "ConfusedPair", "ExpectedPrecision", "Health", "SliceHealth", "measure"]

_PAIRS_KEPT = 50
_SLICES_KEPT = 50
_LEAST_SPOKEN = 100
_DEPTHS = (10, 100, 500, 1000, 5000, 10_000)


@dataclass(frozen=True, kw_only=True)
class _Part:
    """A part of the items.

    Attributes
    ----------
    items, suspects : int
        Items in it, and flagged ones.
    expected_errors : float
        Expected number of wrong labels among those that could be assessed.
    assessed : int or None
        How many could be assessed; None in an audit that was made before this was counted.
    """

    items: int
    suspects: int
    expected_errors: float
    assessed: int | None = None

    @property
    def share(self) -> float | None:
        """Share of suspects, 0..1; None where nothing could be assessed: that is not the same as no suspects."""
        return None if not self.items or self.assessed == 0 else self.suspects / self.items

    @property
    def share_in_words(self) -> str:
        """The share for people, such as ``"4.5%"`` or ``"not assessable"``."""
        if self.share is None:
            return "not assessable" if self.items else "–"
        return f"{self.share:.1%}"

    @property
    def expected_errors_in_words(self) -> str:
        """The expected errors for people; a dash where nothing could be assessed."""
        return "–" if self.share is None else f"{self.expected_errors:,.1f}"


@dataclass(frozen=True, kw_only=True)
class ClassHealth(_Part):
    """One class, by given label."""

    name: str
    ambiguous: int


@dataclass(frozen=True, kw_only=True)
class ConfusedPair:
    """Suspects given one class for which another is suggested."""

    given: str
    suggested: str
    suspects: int
    expected_errors: float


@dataclass(frozen=True, kw_only=True)
class SliceHealth(_Part):
    """The items that share a value in a group column."""

    group: str
    value: str

    @property
    def value_in_words(self) -> str:
        """The value for people, who do not see one that is empty."""
        return self.value if self.value.strip() else "(empty)"


@dataclass(frozen=True, kw_only=True)
class ExpectedPrecision:
    """Expected share of wrong labels, 0..1, among the first `depth` items of the queue of suspects."""

    depth: int
    precision: float


@dataclass(frozen=True, kw_only=True)
class Health:
    """Numbers of a whole audit.

    Attributes
    ----------
    items, assessed, unlabelled, not_assessable : int
        All items, and how many could be assessed or why not.
    suspects, ambiguous : int
        Flagged items in each queue.
    suspect_errors : float
        Expected number of wrong labels among the flagged suspects.
    expected_errors : float
        Expected number of wrong labels among the assessed items.
    expected_errors_range : (float, float)
        Low and high end.
    range_kind : str
        What kind of range that is.
    expected_precision : tuple
        At some depths of the queue; empty where suspicion is not calibrated, or the model knows nothing of the labels.
    planted : str
        Which errors were planted to calibrate suspicion, in words; empty where none were.
    agreement : float
        Share of assessed items whose given label is the model's most probable class, 0..1.
    chance_agreement : float
        What that share would be if labels and choices had nothing to do with each other, 0..1.
    association : float or None
        By how many standard deviations the probabilities of the given labels are higher than chance has them; None
        where that was not measured.
    classes, confused_pairs, slices : tuple
        By class (in class order), by pair and by slice (most expected errors first).
    """

    items: int
    assessed: int
    unlabelled: int
    not_assessable: int
    suspects: int
    ambiguous: int
    suspect_errors: float
    expected_errors: float
    expected_errors_range: tuple[float, float]
    range_kind: str
    agreement: float
    classes: tuple[ClassHealth, ...]
    confused_pairs: tuple[ConfusedPair, ...] = ()
    slices: tuple[SliceHealth, ...] = field(default=())
    expected_precision: tuple[ExpectedPrecision, ...] = ()
    planted: str = ""
    chance_agreement: float = 0.0
    association: float | None = None

    @property
    def expected_error_rate(self) -> float:
        """Expected share of wrong labels among the assessed items, 0..1."""
        return self.expected_errors / max(self.assessed, 1)

    @property
    def suspects_in_words(self) -> str:
        """How many of the flagged labels are expected to be wrong: the precision of the flags."""
        share, wrong = self.suspect_errors / self.suspects if self.suspects else 0.0, f"{self.suspect_errors:,.0f}"
        return f"of which about {wrong} ({share:.0%}) {'is' if wrong == '1' else 'are'} expected to be wrong"

    @property
    def range_in_words(self) -> str:
        """The range of the expected errors with its kind, such as ``"17 to 208 (calibrated by planted errors)"``."""
        low, high = self.expected_errors_range
        return f"{low:,.0f} to {high:,.0f} ({self.range_kind})"

    @property
    def caution(self) -> str:
        """What to beware of before trusting the suspects, in sentences; empty where nothing speaks against them."""
        return caution(self)

    @property
    def expected_precision_line(self) -> str:
        """What to expect of the queue, as a sentence; empty where suspicion is not calibrated."""
        shown = [part for part in self.expected_precision if part.depth >= _LEAST_SPOKEN]
        shown = (shown or list(self.expected_precision))[:3]
        if not shown:
            return ""
        parts = ", ".join(f"of the first {part.depth:,} about {part.depth * part.precision:,.0f}" for part in shown)
        return f"O{parts[1:]} are expected to be wrong"

    @property
    def planting_line(self) -> str:
        """On what the calibrated numbers rest, as sentences; empty where suspicion is not calibrated."""
        if not self.planted:
            return ""
        return (
            f"How the counts were made: labelaudit planted {self.planted}, and looked where they come in the queue."
            " As far as the wrong labels of your data are of another kind, there are more or fewer."
        )

    def groups(self) -> dict[str, tuple[SliceHealth, ...]]:
        """Return the slices of each group column, most expected errors first."""
        names = dict.fromkeys(part.group for part in self.slices)
        return {name: tuple(part for part in self.slices if part.group == name) for name in names}

    def as_dict(self) -> dict[str, Any]:
        """Return the numbers as plain dicts and lists, for JSON."""
        return asdict(self)

    @classmethod
    def from_dict(cls, numbers: Mapping[str, Any]) -> Health:
        """Make the health from what :meth:`as_dict` gave, also after a journey through JSON.

        Raises
        ------
        AuditFolderError
            If numbers are missing, or there are others.
        """
        plain: dict[str, Any] = dict(numbers)
        try:
            plain["expected_errors_range"] = tuple(plain["expected_errors_range"])
            for name, kind in _PARTS.items():
                plain[name] = tuple(kind(**part) for part in plain.get(name, ()))
            return cls(**plain)
        except (KeyError, TypeError) as error:
            raise AuditFolderError(
                f"The health numbers of the audit are damaged ({type(error).__name__}: {error}).",
                "Restore the audit from a copy, or audit again.",
            ) from error


_PARTS: dict[str, type] = {
    "classes": ClassHealth,
    "confused_pairs": ConfusedPair,
    "slices": SliceHealth,
    "expected_precision": ExpectedPrecision,
}


def measure(
    items: pd.DataFrame,
    classes: Sequence[str],
    *,
    agreement: float,
    expected_errors_range: tuple[float, float],
    range_kind: str,
    planted: str = "",
    chance_agreement: float = 0.0,
    association: float | None = None,
) -> Health:
    """Measure the health of an audit's items.

    Parameters
    ----------
    items : DataFrame
        As :attr:`labelaudit.audit_folder.Audit.items`.
    classes : sequence of str
        All class names, also of classes without items.
    agreement : float
        Share of assessed items whose given label is the most probable class.
    expected_errors_range, range_kind
        Range of the expected errors and its kind, from the ranking.
    planted : str
        Which errors were planted to calibrate suspicion, in words; empty where none were.
    chance_agreement, association
        As :class:`Health` describes them.

    Returns
    -------
    Health
    """
    assessed = items["status"] == "assessed"
    unlabelled = items["status"] == "unlabelled"
    return Health(
        items=len(items),
        assessed=int(assessed.sum()),
        unlabelled=int(unlabelled.sum()),
        not_assessable=int((~assessed & ~unlabelled).sum()),
        suspects=int(items["is_suspect"].sum()),
        ambiguous=int(items["is_ambiguous"].sum()),
        suspect_errors=float(items.loc[items["is_suspect"], "suspicion"].sum()),
        expected_errors=float(items["suspicion"].sum()),
        expected_errors_range=expected_errors_range,
        range_kind=OF_CHANCE if knows_nothing(association) else range_kind,
        agreement=agreement,
        chance_agreement=chance_agreement,
        association=association,
        classes=_by_class(items, classes),
        confused_pairs=_by_pair(items),
        slices=_by_slice(items),
        expected_precision=_by_depth(items[assessed]) if planted and not knows_nothing(association) else (),
        planted=planted,
    )


def _by_depth(assessed: pd.DataFrame) -> tuple[ExpectedPrecision, ...]:
    queue = assessed.sort_values("rank")["suspicion"]
    return tuple(
        ExpectedPrecision(depth=depth, precision=float(queue.head(depth).mean()))
        for depth in _DEPTHS
        if depth <= len(queue) / 2
    )


def _by_class(items: pd.DataFrame, classes: Sequence[str]) -> tuple[ClassHealth, ...]:
    table = _sums(items, ["given_label"], ambiguous=("is_ambiguous", "sum")).reindex(list(classes), fill_value=0)
    return tuple(
        ClassHealth(**_part(row), name=str(row["given_label"]), ambiguous=int(row["ambiguous"]))
        for row in table.rename_axis("given_label").reset_index().to_dict("records")
    )


def _by_pair(items: pd.DataFrame) -> tuple[ConfusedPair, ...]:
    table = _worst(_sums(items[items["is_suspect"]], ["given_label", "suggested_label"]), _PAIRS_KEPT)
    return tuple(
        ConfusedPair(**_counts(row), given=row["given_label"], suggested=row["suggested_label"])
        for row in table.reset_index().to_dict("records")
    )


def _by_slice(items: pd.DataFrame) -> tuple[SliceHealth, ...]:
    found: list[SliceHealth] = []
    for column in (str(name) for name in items.columns if str(name).startswith("group:")):
        group = column.removeprefix("group:")
        table = _worst(_sums(items, [column]), _SLICES_KEPT).reset_index()
        found += (SliceHealth(**_part(row), group=group, value=str(row[column])) for row in table.to_dict("records"))
    return tuple(found)


def _counts(row: Mapping[Any, Any]) -> dict[str, Any]:
    return {"suspects": int(row["suspects"]), "expected_errors": float(row["expected_errors"])}


def _part(row: Mapping[Any, Any]) -> dict[str, Any]:
    return {**_counts(row), "items": int(row["items"]), "assessed": int(row["assessed"])}


def _sums(items: pd.DataFrame, by: list[str], **more: tuple[str, str]) -> pd.DataFrame:
    return (
        items.assign(assessed=items["status"] == "assessed")
        .groupby(by, observed=True)
        .agg(
            items=("is_suspect", "size"),
            assessed=("assessed", "sum"),
            suspects=("is_suspect", "sum"),
            expected_errors=("suspicion", "sum"),
            **more,
        )
    )


def _worst(table: pd.DataFrame, kept: int) -> pd.DataFrame:
    # Equal sums keep the order of names, so that a report never depends on the order of the rows.
    return table.sort_index().sort_values("expected_errors", ascending=False, kind="stable").head(kept)
