"""What to beware of before trusting the suspects and counts of an audit, in sentences for people."""

from __future__ import annotations

from typing import TYPE_CHECKING

from labelaudit.planting import LEAST_ITEMS, TOO_WEAK, UNLIKE_PLANTED

if TYPE_CHECKING:
    from labelaudit.health import Health

__all__ = ["OF_CHANCE", "caution", "knows_nothing"]

OF_CHANCE = "a mere guess, since the model knows nothing of these labels"
"""The kind of range where probabilities and labels have nothing to do with each other."""

_BY_CHANCE = 2.33
"""Association that probabilities which know nothing of the labels stay below in 99 of 100 cases: normal quantile."""
_TOO_GOOD = 0.99  # agreement beyond which a model may well have seen the labels that it is to judge
_WEAK = 0.25  # share of items on which the model is wrong itself
_UNLIKE_PLANTED = (
    "Neighbours back the model against more labels than planted errors explain, as they do where labels are wrong on"
    " hard items or in whole groups, and where model and neighbours err together at the border of two classes. So more"
    " may be wrong than expected, also of those flagged, or no more. A random check (labelaudit check) tells how many."
)
_BETTER_MODEL = "better embeddings (--embeddings) or probabilities (--pred-probs)"


def knows_nothing(association: float | None) -> bool:
    """Tell whether probabilities go with the given labels no more than chance would have it."""
    return association is not None and association < _BY_CHANCE


def caution(health: Health) -> str:
    """Return what speaks against the suspects and counts, the gravest alone; empty where nothing does."""
    if knows_nothing(health.association):
        return _of_chance(health)
    if health.agreement >= _TOO_GOOD and health.assessed >= LEAST_ITEMS:
        return _of_agreement(health)
    return _of_weakness(health) if health.planted else _of_no_calibration(health)


def _of_chance(health: Health) -> str:
    return (
        f"The model agrees with {health.agreement:.0%} of the labels, where guessing would agree with"
        f" {health.chance_agreement:.0%}: its probabilities do not go with these labels, and neither suspects nor"
        " counts mean anything. Most often something is mixed up: rows of vectors (--embeddings) or probabilities"
        " (--pred-probs) in another order than the labels, columns of probabilities in another order than the classes"
        " (--class), or the wrong column of labels (--label). If all is in its place, there are too few items, or what"
        " is learned from does not tell the classes apart."
    )


def _of_agreement(health: Health) -> str:
    return (
        f"The model agrees with {health.agreement:.1%} of the labels. If it has seen them, wrong labels look right, and"
        " few or none are found: probabilities (--pred-probs) of a model that was trained on these very labels, or the"
        " label once more in what is learned from (a column to leave out with --drop). If not, the labels are as good"
        " as this model can tell."
    )


def _of_weakness(health: Health) -> str:
    own, cannot_tell = 1.0 - health.agreement - health.expected_error_rate, health.range_kind == TOO_WEAK
    if own < _WEAK and not cannot_tell:
        return _UNLIKE_PLANTED if health.range_kind == UNLIKE_PLANTED else ""
    guess = (
        "It errs even where it is surest, so most of what it contradicts are its own mistakes, and the count is a"
        " guess. A random check (labelaudit check) tells how many labels are wrong. "
    )
    return (
        f"The model agrees with only {health.agreement:.0%} of the labels and expects {health.expected_error_rate:.1%}"
        f" to be wrong: on about {own:.0%} of the items it is wrong itself. {guess if cannot_tell else ''}A model"
        f" this weak overlooks wrong labels and suspects right ones; more labelled items, {_BETTER_MODEL} find more"
        " with less work."
    )


def _of_no_calibration(health: Health) -> str:
    # The model's own mistakes cannot be told from wrong labels, and may be many.
    if 1.0 - health.agreement < _WEAK:
        return ""
    low, high = health.expected_errors_range
    return (
        f"The model agrees with only {health.agreement:.0%} of the labels, and suspicion is not calibrated: its own"
        f" mistakes look like wrong labels. So {health.expected_errors:,.0f} is more likely too high than too low;"
        f" {low:,.0f} to {high:,.0f} may be wrong. A random check (labelaudit check) tells how many are. More labelled"
        f" items, {_BETTER_MODEL} make a better model; a model that labelaudit fits is calibrated from {LEAST_ITEMS}"
        " items on (--calibrate auto)."
    )
