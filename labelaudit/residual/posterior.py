"""The posterior of the number of errors, given verdicts on a random sample of each stratum."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Verdicts", "posterior_of_errors"]

_DRAWS = 20_000
_RATE_GRID = 500
_SLIP_GRID = 12
_SLIP_SHAPE = 19.0
"""Slips have the prior Beta(1, 19): 5 % expected, more than 15 % in one case of twenty."""


@dataclass(frozen=True, eq=False)
class Verdicts:
    """Verdicts in one stratum: `items` items were called wrong in `wrong` of `looks` looks; all (t,)."""

    wrong: NDArray[np.int64]
    looks: NDArray[np.int64]
    items: NDArray[np.int64]

    @classmethod
    def of(cls, wrong: NDArray[np.int64], looks: NDArray[np.int64]) -> Verdicts:
        """Count equal verdicts among items (m,), leaving out those without a look."""
        decided = looks > 0
        pairs, items = np.unique(np.stack([wrong[decided], looks[decided]]), axis=1, return_counts=True)
        return cls(pairs[0], pairs[1], items)

    def chances(self, slips: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return the probability of each row's verdicts if the label is wrong, and if right, for `slips` (..., 2)."""
        false_alarm, overlooked = slips[..., :1], slips[..., 1:]
        right = self.looks - self.wrong
        if_wrong = (1.0 - overlooked) ** self.wrong * overlooked**right
        if_right = false_alarm**self.wrong * (1.0 - false_alarm) ** right
        return if_wrong, if_right

    def log_likelihood(self, rate: NDArray[np.float64], slips: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the log-likelihood of each error `rate` (grid,) for each pair of `slips` (cells, 2), (cells, grid)."""
        if_wrong, if_right = self.chances(slips)
        total = np.zeros((len(slips), len(rate)))
        for row, items in enumerate(self.items):
            total += items * np.log(if_wrong[:, [row]] * rate + if_right[:, [row]] * (1.0 - rate))
        return total

    def draw_errors(
        self, rates: NDArray[np.float64], size: int, slips: NDArray[np.float64], rng: np.random.Generator
    ) -> NDArray[np.float64]:
        """Draw the number of errors among all `size` items of the stratum for each of `rates` (draws,)."""
        if_wrong, if_right = self.chances(slips)
        errors = rng.binomial(size - int(self.items.sum()), rates).astype(np.float64)
        for chance, other, items in zip(if_wrong, if_right, self.items, strict=True):
            errors += rng.binomial(items, rates * chance / (rates * chance + (1.0 - rates) * other))
        return errors


def posterior_of_errors(
    tables: list[Verdicts], sizes: NDArray[np.int64], prior: tuple[float, float], seed: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Draw the number of errors from its posterior, (draws,); also return the mean slip rates, (2,).

    `prior` holds the shapes of the Beta prior of each stratum's error rate.
    """
    rng = np.random.default_rng(seed)
    rate, log_prior = _rate_grid(prior)
    slips = _slip_grid() if any((table.looks > 1).any() for table in tables) else np.zeros((1, 2))
    by_stratum = np.stack([table.log_likelihood(rate, slips) for table in tables], axis=1) + log_prior
    peak = by_stratum.max(axis=2, keepdims=True)  # (cells, H, grid)
    mass = np.exp(by_stratum - peak)
    log_evidence = (np.log(mass.sum(axis=2)) + peak[:, :, 0]).sum(axis=1)
    evidence = np.exp(log_evidence - log_evidence.max())
    evidence /= evidence.sum()
    totals: list[NDArray[np.float64]] = []
    visits = rng.multinomial(_DRAWS, evidence)
    for cell in np.flatnonzero(visits):
        drawn = np.zeros(visits[cell])
        for table, size, weight in zip(tables, sizes, mass[cell], strict=True):
            rates = rng.choice(rate, visits[cell], p=weight / weight.sum())
            drawn += table.draw_errors(rates, int(size), slips[cell], rng)
        totals.append(drawn)
    return np.concatenate(totals), evidence @ slips


def _rate_grid(prior: tuple[float, float]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return error rates (grid,) and the log of the mass that Beta(`prior`) puts on the cell around each."""
    from scipy.special import betainc

    # Cells of equal mass under Beta(1/2, 1/2), the arcsine law: narrow where rates are near 0 or 1.
    edges = np.sin(np.arange(_RATE_GRID + 1) / _RATE_GRID * np.pi / 2) ** 2
    middle = np.sin((np.arange(_RATE_GRID) + 0.5) / _RATE_GRID * np.pi / 2) ** 2
    return middle, np.log(np.diff(betainc(*prior, edges)))


def _slip_grid() -> NDArray[np.float64]:
    """Return pairs (false alarm, overlooked) at points of equal prior mass, (cells, 2)."""
    # The quantile function of Beta(1, b) is closed.
    levels = (np.arange(_SLIP_GRID) + 0.5) / _SLIP_GRID
    rates = 1.0 - (1.0 - levels) ** (1.0 / _SLIP_SHAPE)
    return np.stack(np.meshgrid(rates, rates, indexing="ij"), axis=-1).reshape(-1, 2)
