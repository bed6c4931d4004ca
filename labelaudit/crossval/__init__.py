"""Out-of-sample probabilities: fit on folds, predict the held-out part."""

from labelaudit.crossval.checkpoint import discard_checkpoint
from labelaudit.crossval.run import CrossValidation, cross_validate

__all__ = ["CrossValidation", "cross_validate", "discard_checkpoint"]
