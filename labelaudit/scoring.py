"""Arrays in, scores out: ``la.score(labels, pred_probs)``."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from labelaudit.arrays import prob_sources, vectors
from labelaudit.errors import ProbabilityError, UsageError
from labelaudit.flags import flag
from labelaudit.labels import encode_labels
from labelaudit.neighbors import find_neighbors, neighbor_statistics
from labelaudit.passes import walk_for_evidence
from labelaudit.probabilities import check_shape
from labelaudit.scores import SCORES, Evidence
from labelaudit.threads import columns_in_blocks
from labelaudit.walk import Walk

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from numpy.typing import ArrayLike, NDArray

    from labelaudit.class_statistics import ClassStatistics
    from labelaudit.flags import Rule
    from labelaudit.kernels import MemberStatistics, RowStatistics
    from labelaudit.passes import MemberKind
    from labelaudit.ranking import Ranking
    from labelaudit.recalibration import Correction
    from labelaudit.scores import NeighborEvidence, Score

__all__ = ["Scores", "score"]


@dataclass(frozen=True, eq=False)
class Scores:
    """Two axes, flags, and every registered score of `n` items.

    A score is computed when it is first asked for: ``scores["normalized_margin"]``.

    Attributes
    ----------
    evidence : Evidence
        All that the passes over the probabilities kept.
    walk : Walk, optional
        Over the sources, for what needs another pass: recalibration, and one rule of flags.
    """

    evidence: Evidence
    walk: Walk | None = None
    _cache: dict[str, NDArray[np.floating]] = field(default_factory=dict, repr=False)

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, name: str) -> NDArray[np.floating]:
        return self.compute([name])[name]

    def compute(self, names: Iterable[str] | None = None) -> dict[str, NDArray[np.floating]]:
        """Return scores by name, computed together: quicker than one after the other.

        Parameters
        ----------
        names : iterable of str, optional
            By default all that can be computed.

        Returns
        -------
        dict of str to (n,) float

        Raises
        ------
        UnknownNameError
            If there is no such score.
        UsageError
            If a score needs members or neighbors, and there are none.
        """
        wanted = {name: SCORES.get(name) for name in (self.names if names is None else names)}
        for name, plugin in wanted.items():
            if not plugin.applies_to(self.evidence):
                raise UsageError(
                    f"The score {name!r} needs {' and '.join(plugin.needs)}, and there are none.",
                    "Members come from several sources of probabilities, neighbors from embeddings.",
                )
        missing = [plugin for name, plugin in wanted.items() if name not in self._cache]
        self._cache.update(_in_blocks(missing, self.evidence, self._threads))
        return {name: self._cache[name] for name in wanted}

    @property
    def _threads(self) -> int | None:
        return None if self.walk is None else self.walk.threads

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the scores that can be computed from what was given."""
        return tuple(name for name, plugin in SCORES if plugin.applies_to(self.evidence))

    @property
    def rows(self) -> RowStatistics:
        """Row statistics of the (pooled) probabilities."""
        return self.evidence.rows

    @property
    def statistics(self) -> ClassStatistics:
        """Counts, thresholds and confident joint."""
        return self.evidence.statistics

    @property
    def members(self) -> MemberStatistics | None:
        """Disagreement of several sources; None for one."""
        return self.evidence.members

    @property
    def neighbors(self) -> NeighborEvidence | None:
        """Statistics of nearest neighbours; None without embeddings."""
        return self.evidence.neighbors

    @cached_property
    def correction(self) -> Correction | None:
        """What the given labels say about the model's log-probabilities; None where nothing can be learned."""
        from labelaudit.recalibration import learned_correction

        return None if self.walk is None else learned_correction(self.rows, self.walk, self._weights)

    @cached_property
    def recalibrated(self) -> RowStatistics:
        """Row statistics of the corrected probabilities, by which labels are judged."""
        return self.recalibrated_by(self.correction)

    def recalibrated_by(self, correction: Correction | None) -> RowStatistics:
        """Return the row statistics of probabilities under some correction; without one, they are `rows`."""
        from labelaudit.recalibration import recalibrated

        if correction is None or self.walk is None:
            return self.rows
        return recalibrated(self.rows, self.walk, self._weights, correction)

    @property
    def _weights(self) -> NDArray[np.float64]:
        return np.ones(1) if self.members is None else self.members.weights

    @cached_property
    def ranking(self) -> Ranking:
        """Both queues with their flags."""
        from labelaudit.ranking import rank

        return rank(
            self.rows,
            recalibrated=lambda: self.recalibrated,
            neighbors=self.neighbors,
            members=self.members,
            threads=self._threads,
        )

    @property
    def suspicion(self) -> NDArray[np.float64]:
        """(n,) probability that the given label is wrong; NaN where unlabelled."""
        return self.ranking.suspicion

    @property
    def ambiguity(self) -> NDArray[np.floating]:
        """(n,) how far reasonable people would disagree, 0..1."""
        return self.ranking.ambiguity

    @property
    def is_suspect(self) -> NDArray[np.bool_]:
        """(n,) flag of labels that are worth a look."""
        return self.ranking.is_suspect

    @property
    def suggested(self) -> NDArray[np.int32]:
        """(n,) class to suggest instead of the given one."""
        return self.ranking.suggested

    def flags(self, rule: Rule, *, min_examples_per_class: int = 1, frac_noise: float = 1.0) -> NDArray[np.bool_]:
        """(n,) flags by a rule of confident learning; see :func:`labelaudit.flags.flag`."""
        return flag(
            rule,
            self.evidence,
            walk=self.walk,
            min_examples_per_class=min_examples_per_class,
            frac_noise=frac_noise,
        )

    @property
    def expected_errors(self) -> float:
        """Sum of `suspicion`."""
        return self.ranking.expected_errors


def score(
    labels: ArrayLike,
    pred_probs: Any,
    *,
    memory: str = "512MB",
    threads: int | None = None,
    normalize: bool = False,
    embeddings: ArrayLike | None = None,
    members: MemberKind = "models",
) -> Scores:
    """Score labels against out-of-sample probabilities.

    Parameters
    ----------
    labels : (n,) array-like of int
        Class indices into the columns of `pred_probs`; −1 is unlabelled.
    pred_probs : ProbSource or list of them, (n, K)
        One source, or one for each model or repeat: arrays, memory maps, zarr arrays,
        :class:`labelaudit.chunks.ParquetProbs`. Nothing is held in memory that was not there before.
    memory : str
        Budget for passes over the probabilities. Never changes the result.
    threads : int, optional
        Threads; default: one for each core. Never changes the result.
    normalize : bool
        Scale rows that do not sum to 1 instead of refusing them.
    embeddings : (n, d) array-like, optional
        Vectors of the items, which add the scores of nearest neighbours and their part of suspicion.
    members : {"models", "repeats"}
        What several sources are: different models, weighted by how well they explain the labels, or repeats of one
        model, weighted equally.

    Returns
    -------
    Scores

    Raises
    ------
    LabelsError, ProbabilityError
        If labels, probabilities or embeddings cannot be used; the message names the first row of bad probabilities.
    ConfigError
        If `memory`, `threads` or `members` make no sense.

    Examples
    --------
    >>> import numpy as np
    >>> scores = score([0, 1, 1], np.array([[0.9, 0.1], [0.2, 0.8], [0.7, 0.3]]))
    >>> scores["self_confidence"].round(2).tolist()
    [0.1, 0.2, 0.7]
    """
    sources = prob_sources(pred_probs)
    if not sources:
        raise ProbabilityError("There are no predicted probabilities.", "Give at least one (n, K) array.")
    check_shape(sources[0], None, None)
    codes = _class_indices(labels, int(sources[0].shape[1]))
    walk = Walk.over(sources, len(codes), memory=memory, threads=threads, normalize=normalize)
    neighbors = None
    if embeddings is not None:
        found = find_neighbors(vectors(embeddings), threads=threads, memory=memory)
        neighbors = neighbor_statistics(found, codes, walk.n_classes)
    return Scores(walk_for_evidence(codes, walk, members=members, neighbors=neighbors), walk)


def _in_blocks(plugins: Sequence[Score], evidence: Evidence, threads: int | None) -> dict[str, NDArray[np.floating]]:
    """Compute scores block by block: a block's evidence is read once for all."""

    def values(rows: slice) -> Iterator[tuple[str, NDArray[np.floating]]]:
        block = evidence.take(rows)
        return ((plugin.name, plugin.function(block)) for plugin in plugins)

    return columns_in_blocks(values, len(evidence.rows), threads)


def _class_indices(labels: ArrayLike, n_classes: int) -> NDArray[np.int32]:
    codes = np.asanyarray(labels)
    is_plain = codes.ndim == 1 and codes.dtype.kind in "iu" and not isinstance(codes, np.ma.MaskedArray)
    if is_plain and codes.size and codes.min() >= -1 and codes.max() < n_classes:
        return codes.astype(np.int32, copy=False)  # nothing to encode, and no sorting of a million labels
    return encode_labels(labels, n_columns=n_classes, where="labels")[0]
