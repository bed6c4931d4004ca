"""Why an item is flagged, in plain words, from the terms of its score.

Only what raised the score is named: a clause for the neighbours appears where the ranking's neighbour term is
positive, not where a neighbour happens to differ.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from labelaudit.kernels.member_statistics import MemberStatistics
    from labelaudit.kernels.row_statistics import RowStatistics
    from labelaudit.neighbors import NeighborStatistics

__all__ = ["ADDS_FROM", "Grounds", "explain", "explain_all", "probability_of", "spoken_probability"]

ADDS_FROM = 0.1
"""Log-odds from which a term counts as a reason: it makes an error 10 % more likely at least."""

_TAIL_FROM = 0.5  # a tail of e^0.5: the rest of the probability counts as more than one and a half classes
_RARE_BELOW = 2.0 / 3.0  # times the average pair
_PARTS = {2 / 3: "two thirds", 1 / 2: "half", 1 / 3: "a third", 1 / 4: "a quarter", 1 / 5: "a fifth", 1 / 10: "a tenth"}
_OUTLIER_FROM = 0.99
_PLAIN = re.compile(r"[^\W\d][\w.-]*")  # one word, and no number
_WORDS = frozenset({"all", "any", "both", "each", "neither", "no", "none", "nothing", "other", "others", "unlabelled"})


@dataclass(frozen=True, eq=False, kw_only=True)
class Grounds:
    """What explanations of `n` items are made from.

    Attributes
    ----------
    classes : sequence of str
        Class names, ``K``.
    rows : RowStatistics
        Row statistics of `n` items.
    terms : mapping of str to (n,) float
        Additive log-odds terms of the ranking: ``margin``, ``tail``, ``confusion``, ``neighbors`` are put into words.
    suggested : (n,) int32
        Suggested class, −1 where there is none.
    is_suspect, is_ambiguous : (n,) bool
        Flags.
    neighbors : NeighborStatistics, optional
        Of the same items.
    members : MemberStatistics, optional
        Of several models or repeats.
    member_name : str
        What the members are called, in the plural.
    not_assessable : (n,) str, optional
        Why an item cannot be assessed; empty where it can.
    """

    classes: Sequence[str]
    rows: RowStatistics
    terms: Mapping[str, NDArray[np.floating]]
    suggested: NDArray[np.integer]
    is_suspect: NDArray[np.bool_]
    is_ambiguous: NDArray[np.bool_]
    neighbors: NeighborStatistics | None = None
    members: MemberStatistics | None = None
    member_name: str = "models"
    not_assessable: NDArray[np.object_] | None = None

    @cached_property
    def pair_lift(self) -> NDArray[np.float64]:
        """(n,) how many times as often as an average pair the given and the suggested class are mixed up elsewhere.

        Counted both ways over all other items whose most likely class is not the given one; the average is over all
        ``K (K − 1) / 2`` pairs. NaN where that average is below one item, because then most pairs are never seen.
        """
        n_classes, rows = len(self.classes), self.rows
        confused = (rows.given >= 0) & (rows.top != rows.given)
        average = confused.sum() / (n_classes * (n_classes - 1) / 2.0)
        if average < 1.0:
            return np.full(len(rows), np.nan)
        cells, counts = np.unique(_pair_codes(rows.given, rows.top, n_classes)[confused], return_counts=True)
        wanted = _pair_codes(rows.given, self.suggested, n_classes)
        place = np.minimum(np.searchsorted(cells, wanted), len(cells) - 1)
        found = np.where(cells[place] == wanted, counts[place], 0) - (confused & (rows.top == self.suggested))
        lift: NDArray[np.float64] = np.where((rows.given >= 0) & (self.suggested >= 0), found / average, np.nan)
        return lift


def _pair_codes(one: NDArray[np.integer], other: NDArray[np.integer], n_classes: int) -> NDArray[np.int64]:
    codes: NDArray[np.int64] = np.minimum(one, other).astype(np.int64) * n_classes + np.maximum(one, other)
    return codes


def explain(index: int, grounds: Grounds) -> str:
    """Say why the item in row `index` is flagged.

    Returns
    -------
    str
        Clauses joined by ``"; "``, the given label first; empty if the item is assessable and not flagged.

    Raises
    ------
    IndexError
        If there is no such row.
    """
    return str(explain_all([index], grounds)[0])


def explain_all(indices: ArrayLike, grounds: Grounds) -> NDArray[np.object_]:
    """Say why each of the items in the rows `indices` (m,) is flagged, as :func:`explain` does; (m,) str."""
    chosen = np.asarray(indices, dtype=np.intp)
    clauses = [
        _of_given(grounds, chosen),
        _of_margin(grounds, chosen),
        _of_indecision(grounds, chosen),
        _of_tail(grounds, chosen),
        _of_neighbors(grounds, chosen),
        _of_confusion(grounds, chosen),
        _of_members(grounds, chosen),
        _of_copies(grounds, chosen),
        _of_place(grounds, chosen),
    ]
    flagged = (grounds.is_suspect | grounds.is_ambiguous)[chosen]
    texts = np.full(len(chosen), "", dtype=object)
    for i in np.flatnonzero(flagged):
        texts[i] = "; ".join(clause[i] for clause in clauses if clause[i])
    if grounds.not_assessable is not None:
        why = grounds.not_assessable[chosen]
        blocked = np.flatnonzero(why != "")
        texts[blocked] = [f"not assessable: {reason}" for reason in why[blocked]]
    return texts


def spoken_probability(probability: float) -> str:
    """Return a probability as people read it, in whole percent; the review card says it the same way.

    Examples
    --------
    >>> spoken_probability(0.914), spoken_probability(0.002), spoken_probability(0.998), spoken_probability(0.0)
    ('91%', '< 1%', '> 99%', '0%')
    """
    if 0 < probability < 0.005:
        return "< 1%"
    # Nothing is certain that is merely likely: the two would add up to more than one in all.
    return "> 99%" if 0.995 <= probability < 1 else f"{math.floor(100 * probability + 0.5)}%"


def _blank(chosen: NDArray[np.intp]) -> list[str]:
    return [""] * len(chosen)


def _adds(grounds: Grounds, term: str, chosen: NDArray[np.intp], least: float = ADDS_FROM) -> NDArray[np.bool_]:
    values = grounds.terms.get(term)
    if values is None:
        return np.zeros(len(chosen), dtype=bool)
    added: NDArray[np.bool_] = (np.nan_to_num(values[chosen]) > least) & grounds.is_suspect[chosen]
    return added


def _names(grounds: Grounds, classes: NDArray[np.integer]) -> list[str]:
    """Return the names of `classes`, in quotes where they would read as a part of the sentence; empty for none."""
    names = [grounds.classes[code] if code >= 0 else "" for code in classes.tolist()]
    return [name if not name or _is_plain(name) else f"'{name}'" for name in names]


def _is_plain(name: str) -> bool:
    return _PLAIN.fullmatch(name) is not None and name.casefold() not in _WORDS


def _of_given(grounds: Grounds, chosen: NDArray[np.intp]) -> list[str]:
    return [f"labelled {name}" if name else "unlabelled" for name in _names(grounds, grounds.rows.given[chosen])]


def _of_margin(grounds: Grounds, chosen: NDArray[np.intp]) -> list[str]:
    rows, suggested = grounds.rows.take(chosen), grounds.suggested[chosen]
    p_suggested = probability_of(suggested, rows)
    given, names = _names(grounds, rows.given), _names(grounds, suggested)
    said = _blank(chosen)
    for i in np.flatnonzero(_adds(grounds, "margin", chosen) & np.isfinite(p_suggested)).tolist():
        of_given, of_suggested = spoken_probability(rows.p_given[i]), spoken_probability(p_suggested[i])
        said[i] = f"the model gives {given[i]} {of_given} and {names[i]} {of_suggested}"
    return said


def _of_indecision(grounds: Grounds, chosen: NDArray[np.intp]) -> list[str]:
    rows = grounds.rows.take(chosen)
    top, second = _names(grounds, rows.top), _names(grounds, rows.second)
    said = _blank(chosen)
    # The margin's clause gives the same probabilities already.
    speak = grounds.is_ambiguous[chosen] & ~_adds(grounds, "margin", chosen)
    for i in np.flatnonzero(speak).tolist():
        first, next_one = spoken_probability(rows.p_top[i]), spoken_probability(rows.p_second[i])
        said[i] = f"the model is undecided between {top[i]} {first} and {second[i]} {next_one}"
    return said


def _of_tail(grounds: Grounds, chosen: NDArray[np.intp]) -> list[str]:
    # With one strong other class the margin says it all, however many weak ones the tail counts.
    adds = _adds(grounds, "tail", chosen, _TAIL_FROM) & (grounds.rows.p_other[chosen] < 0.5)
    return ["several other classes share the rest" if flag else "" for flag in adds]


def probability_of(classes: NDArray[np.integer], rows: RowStatistics) -> NDArray[np.float64]:
    """Return the probability of one class in each row, (n,); NaN where the row statistics do not keep it."""
    known = [
        (rows.other, rows.p_other),
        (rows.top, rows.p_top),
        (rows.second, rows.p_second),
        (rows.given, rows.p_given),
    ]
    return np.select([classes == which for which, _ in known], [p for _, p in known], default=np.nan)


def _of_neighbors(grounds: Grounds, chosen: NDArray[np.intp]) -> list[str]:
    if grounds.neighbors is None:
        return _blank(chosen)
    near = grounds.neighbors.take(chosen)
    speak = _adds(grounds, "neighbors", chosen) & (near.n_votes > 0)
    backed = near.other == grounds.suggested[chosen]
    for_other = np.rint(np.nan_to_num(near.other_fraction) * near.n_votes).astype(int)
    for_given = np.rint(np.nan_to_num(near.given_fraction) * near.n_votes).astype(int)
    names, given = _names(grounds, near.other), _names(grounds, grounds.rows.given[chosen])
    said = _blank(chosen)
    for i in np.flatnonzero(speak).tolist():
        n = near.n_votes[i]
        if backed[i]:
            said[i] = f"{for_other[i]} of its {n} nearest neighbours {_are(for_other[i])} {names[i]}"
        elif for_given[i] == 0:
            said[i] = f"none of its {n} nearest neighbours is {given[i]}"
        else:
            said[i] = f"only {for_given[i]} of its {n} nearest neighbours {_are(for_given[i])} {given[i]}"
    return said


def _are(count: int) -> str:
    return "is" if count == 1 else "are"


def _of_confusion(grounds: Grounds, chosen: NDArray[np.intp]) -> list[str]:
    speak = _adds(grounds, "confusion", chosen)
    if not speak.any():
        return _blank(chosen)
    lift = grounds.pair_lift[chosen]
    said = _blank(chosen)
    for i in np.flatnonzero(speak & (lift <= _RARE_BELOW)).tolist():
        often = f"only {_part(lift[i])} as often as the average pair" if lift[i] > 0 else "nowhere else"
        said[i] = f"the model mixes up these two classes {often}, so this is hardly a slip of the model"
    return said


def _part(share: float) -> str:
    """Say in words how large a share of at most two thirds is: the nearest one that has a name."""
    least = min(_PARTS)
    return (
        _PARTS[min(_PARTS, key=lambda part: abs(part - share))] if share > least / 2 else f"less than {_PARTS[least]}"
    )


def _of_members(grounds: Grounds, chosen: NDArray[np.intp]) -> list[str]:
    """Say of an ambiguous item whether its members are undecided each by itself, or disagree with each other."""
    if grounds.members is None:
        return _blank(chosen)
    total = np.maximum(np.asarray(grounds.members.total)[chosen], 1e-12)
    apart = np.asarray(grounds.members.mutual_information)[chosen] / total
    undecided = grounds.is_ambiguous[chosen]
    split = f"the {grounds.member_name} disagree with each other"
    agreed = f"each of the {grounds.member_name} is undecided by itself"
    return [(split if share > 0.5 else agreed) if flag else "" for share, flag in zip(apart, undecided, strict=True)]


def _of_copies(grounds: Grounds, chosen: NDArray[np.intp]) -> list[str]:
    if grounds.neighbors is None:
        return _blank(chosen)
    conflict = grounds.neighbors.conflict[chosen]
    names = _names(grounds, grounds.neighbors.conflict_label[chosen])
    return [f"a near-identical item is labelled {name}" if c else "" for c, name in zip(conflict, names, strict=True)]


def _of_place(grounds: Grounds, chosen: NDArray[np.intp]) -> list[str]:
    if grounds.neighbors is None:
        return _blank(chosen)
    far = np.nan_to_num(grounds.neighbors.outlier[chosen]) > _OUTLIER_FROM
    return ["it is far from all other items" if flag else "" for flag in far]
