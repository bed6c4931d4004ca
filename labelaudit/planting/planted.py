"""Making labels wrong on purpose."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from labelaudit.planting.contradictions import Survey

__all__ = ["plant"]

_PSEUDO_CONFUSIONS = 4.0  # of each class, spread evenly: classes are confused in other ways than those seen


def plant(found: Survey, order: NDArray[np.intp], share: float, rng: np.random.Generator) -> NDArray[np.int32]:
    """Return labels of which a share of the assessed ones are made wrong.

    A row is struck with a chance in proportion to the rate of its region, however hard it is. Its new label is that of
    a random sure row in which the model sees the struck row's class and the label contradicts it; or, as if there were
    four more such rows, any other class.

    Parameters
    ----------
    found : Survey
        Of `n` items.
    order : (n,) intp
        Order in which to draw.
    share : float
        Share of the assessed labels, 0..1; at least one is struck.
    rng : Generator
        Source of chance.

    Returns
    -------
    (n,) int32
        Labels, −1 where not assessed; a planted error differs from the given label.
    """
    candidates = order[found.labels[order] >= 0]
    # The largest u^(1/w) are a sample without replacement with chances proportional to w (Efraimidis, Spirakis 2006).
    keys = np.log(rng.random(len(candidates))) / found.rate[candidates]
    struck = candidates[np.argsort(-keys, kind="stable")[: max(1, int(share * len(candidates)))]]
    labels = found.labels.copy()
    labels[struck] = _wrong_labels(found, order, struck, rng)
    return labels


def _wrong_labels(
    found: Survey, order: NDArray[np.intp], struck: NDArray[np.intp], rng: np.random.Generator
) -> NDArray[np.int32]:
    """Draw from the Pólya urn of each class: its contradictions seen, and four of any other class."""
    seen = order[(found.is_sure & found.contradicts)[order]]
    seen = seen[np.argsort(found.top[seen], kind="stable")]
    n_seen = np.bincount(found.top[seen], minlength=found.n_classes)
    first = np.cumsum(n_seen) - n_seen
    given = found.labels[struck]
    wrong = (given + rng.integers(1, found.n_classes, len(struck))) % found.n_classes
    draw = rng.random(len(struck)) * (n_seen[given] + _PSEUDO_CONFUSIONS)
    copies = draw < n_seen[given]
    wrong[copies] = found.labels[seen[first[given[copies]] + draw[copies].astype(np.intp)]]
    return wrong.astype(np.int32)
