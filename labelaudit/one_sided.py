"""Who answers to one side: takes suggestions, or keeps labels, more often than can be chance.

Two things can show it. *Known answers* say where a person was wrong: whoever slips evenly takes wrong suggestions at
the rate at which they keep wrong labels. *Second looks* say what others answered on the same items: whoever judges as
the others do is on either side of a disagreement as often as anybody. Shares on items that nobody else judged show
nothing, because a queue gets poorer from top to bottom. Both tests are exact, and corrected for their number.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from math import comb
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from labelaudit.agreement import MISSING

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["KEPT", "LEVEL", "OTHER", "TOOK", "Lean", "OneSidedness", "Side", "Source", "one_sidedness"]

KEPT, TOOK, OTHER = 0, 1, 2
"""Codes of answers: the given label, the suggestion, anything else."""

LEVEL = 0.01
"""Chance, at most, that anybody at all is named in a team in which nobody answers to one side."""


class Side(StrEnum):
    """To which side somebody answers."""

    TAKES = "takes suggestions"
    KEEPS = "keeps labels"

    @property
    def answer(self) -> int:
        """The code of the answers to this side."""
        return TOOK if self is Side.TAKES else KEPT


class Source(StrEnum):
    """What shows it."""

    KNOWN = "known answers"
    SECOND = "second looks"


@dataclass(frozen=True, kw_only=True)
class Lean:
    """How one person answers to one side.

    Attributes
    ----------
    side : Side
        To which.
    source : Source
        What shows it.
    part, whole : int
        Known answers: mistakes to this side, of the items on which there could be one. Second looks: answers to this
        side, of the items that others judged too.
    compared : float
        What it is compared with, 0..1. Known answers: the share of mistakes to the other side. Second looks: the mean
        share of the others on these items that answered to this side.
    others : int
        How many people judged these items too; 0 for known answers.
    p_value : float
        Chance of as much, or more, for somebody who is not one-sided, times the number of tests; at most 1.
    """

    side: Side
    source: Source
    part: int
    whole: int
    compared: float
    others: int
    p_value: float

    def __str__(self) -> str:
        chance = "less than 1 in 1,000" if self.p_value < 0.001 else f"{self.p_value:.1%}"
        if self.source is Source.KNOWN:
            took, kept = "took {} suggestions known to be wrong", "kept {} labels known to be wrong"
            here, there = (took, kept) if self.side is Side.TAKES else (kept, took)
            found = f"{here.format(f'{self.part:,} of {self.whole:,}')}, but {there.format(f'{self.compared:.0%} of')}"
            return f"{found} (chance of that if slips were as frequent on both sides: {chance})"
        did = "took the suggestion on" if self.side is Side.TAKES else "kept the label on"
        found = (
            f"{did} {self.part:,} of {self.whole:,} items that others judged too, they on {self.compared:.0%} of these"
        )
        who = "; which of the two is right only known answers tell" if self.others == 1 else ""
        return f"{found} (chance of that if all judged alike: {chance}{who})"


@dataclass(frozen=True)
class OneSidedness:
    """What there is to say of one person: the sides they answer to, and the sides of which it could have been told."""

    leans: tuple[Lean, ...] = ()
    told: frozenset[Side] = frozenset()

    @property
    def can_be_told(self) -> bool:
        """Whether there is enough to name this person, whichever side they answered to."""
        return self.told == frozenset(Side)

    def __str__(self) -> str:
        sides = dict.fromkeys(str(lean.side) for lean in self.leans)
        return ", ".join(sides) or ("no" if self.can_be_told else "cannot be told")


class _Test(NamedTuple):
    """A test that was made: of whom, what it found, and the least chance that it could have found."""

    person: int
    lean: Lean
    least: float


def one_sidedness(answers: NDArray[np.int64], truth: NDArray[np.int64]) -> list[OneSidedness]:
    """Say of each person whether they answer to one side, as far as known answers and second looks tell.

    Parameters
    ----------
    answers : (people, items) int
        :data:`KEPT`, :data:`TOOK`, :data:`OTHER`, or MISSING of :mod:`labelaudit.agreement`.
    truth : (items,) int
        The answer that is known to be right, in the same codes; MISSING where it is not known. Where neither the given
        label nor the suggestion is right, nothing can be told.

    Returns
    -------
    list of OneSidedness
        One a person. Each p-value is multiplied by the number of tests (Bonferroni), and whoever is named first is left
        out when the others are compared with each other, who would else seem to answer to the other side.
    """
    known = [test for person in range(len(answers)) for test in _by_known_answers(person, answers[person], truth)]
    second = list(_by_second_looks(answers, range(len(answers))))
    n_tests = len(known) + len(second)
    named = [test for test in known if test.lean.p_value * n_tests <= LEVEL]
    named += _step_down(answers, {test.person for test in named}, n_tests)
    return [
        OneSidedness(
            tuple(_corrected(test.lean, n_tests) for test in named if test.person == person),
            frozenset(test.lean.side for test in (*known, *second) if _could_tell(test, person, n_tests)),
        )
        for person in range(len(answers))
    ]


def _could_tell(test: _Test, person: int, n_tests: int) -> bool:
    return test.person == person and test.least * n_tests <= LEVEL


def _corrected(lean: Lean, n_tests: int) -> Lean:
    values = {**lean.__dict__, "p_value": min(lean.p_value * n_tests, 1.0)}
    return Lean(**values)


def _by_known_answers(person: int, answers: NDArray[np.int64], truth: NDArray[np.int64]) -> Iterator[_Test]:
    """Compare the mistakes to either side: Fisher's exact test, one-sided."""
    keep_is_right = (truth == KEPT) & (answers != MISSING)
    take_is_right = (truth == TOOK) & (answers != MISSING)
    took = (int(np.sum(answers[keep_is_right] == TOOK)), int(keep_is_right.sum()))
    kept = (int(np.sum(answers[take_is_right] == KEPT)), int(take_is_right.sum()))
    if not took[1] or not kept[1]:
        return
    for side, (here, n_here), (there, n_there) in ((Side.TAKES, took, kept), (Side.KEEPS, kept, took)):
        p_value = _fisher(here, n_here, there, n_there)
        lean = Lean(
            side=side,
            source=Source.KNOWN,
            part=here,
            whole=n_here,
            compared=there / n_there,
            others=0,
            p_value=p_value,
        )
        yield _Test(person, lean, _fisher(n_here, n_here, 0, n_there))


def _fisher(here: int, n_here: int, there: int, n_there: int) -> float:
    """Return the chance of at least `here` of all `here + there` mistakes among `n_here` of all items."""
    mistakes = here + there
    ways = sum(comb(n_here, k) * comb(n_there, mistakes - k) for k in range(here, min(n_here, mistakes) + 1))
    return ways / comb(n_here + n_there, mistakes)


def _step_down(answers: NDArray[np.int64], named: set[int], n_tests: int) -> list[_Test]:
    """Name who differs most from the others, leave them out, and look again."""
    found: list[_Test] = []
    left = set(range(len(answers))) - named
    while tests := list(_by_second_looks(answers, sorted(left))):
        least = min(test.lean.p_value for test in tests)
        if least * n_tests > LEVEL:
            break
        # Of two people who differ, neither is more to be named than the other.
        now = [test for test in tests if test.lean.p_value <= least * (1 + 1e-9)]
        found += now
        left -= {test.person for test in now}
    return found


def _by_second_looks(answers: NDArray[np.int64], people: Sequence[int]) -> Iterator[_Test]:
    """Compare each person with the others on the items that they judged too.

    Given how many of the people who judged an item answered to a side, each of them is as likely among these as any
    other if all judge alike. So the number of answers to that side is a sum of independent draws with the shares of the
    items: a Poisson binomial distribution, which for two people is that of the sign test.
    """
    table = answers[list(people)]
    judged = table != MISSING
    count = judged.sum(axis=0)
    for row, person in enumerate(people):
        common = judged[row] & (count > 1)
        if not common.any():
            continue
        size = count[common]
        others = int(np.sum((judged & common).any(axis=1))) - 1
        for side in Side:
            own = table[row, common] == side.answer
            theirs = (table[:, common] == side.answer).sum(axis=0) - own
            lean = Lean(
                side=side,
                source=Source.SECOND,
                part=int(own.sum()),
                whole=len(own),
                compared=float(np.mean(theirs / (size - 1))),
                others=others,
                p_value=_upper_tail(int(own.sum()), (theirs + own) / size),
            )
            yield _Test(person, lean, float(np.prod((theirs + 1) / size)))


def _upper_tail(observed: int, chances: NDArray[np.float64]) -> float:
    """Return the chance of at least `observed` successes in independent draws with these `chances`."""
    from scipy.stats import binom

    masses = np.ones(1)
    values, counts = np.unique(chances, return_counts=True)
    for chance, n in zip(values, counts, strict=True):
        masses = np.convolve(masses, binom.pmf(np.arange(n + 1), n, chance))
    return min(float(masses[observed:].sum()), 1.0)
