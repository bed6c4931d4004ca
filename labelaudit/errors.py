"""Every error that labelaudit raises on purpose.

::

    LabelAuditError
    ├── UsageError                  wrong option, argument or configuration       exit 2
    │   ├── ConfigError             a value in the configuration (file or object)
    │   ├── UnknownNameError        a plugin, column, class or id that is not there
    │   └── MissingExtraError       an optional package that is not installed
    ├── DataError                   the data cannot be used as it is              exit 3
    │   ├── ReadError               a file: missing, broken, wrong encoding, a bad row
    │   ├── LabelsError             labels: one class only, floats, nulls, out of range
    │   ├── ProbabilityError        predicted probabilities: shape, range, sum, NaN
    │   ├── ModelError              a classifier that cannot be fitted or gives nonsense
    │   └── AuditFolderError        an audit folder: damaged, newer, of other data
    ├── StoreError                  the review store                              exit 3
    │   ├── StoreUnavailableError   locked, read-only, full, or the server is away
    │   ├── StoreDamagedError       a changed or missing event, a broken schema
    │   └── DecisionRefusedError    a claim or decision that the rules do not allow
    ├── EngineError                 a worker process died                         exit 3
    └── OutputError                 the result cannot be written (disk full, no access) exit 3

Exit code 0 means fine, 1 that a gate failed, 4 (any other exception) is a fault of ours.
Interrupting with Ctrl-C ends with 130, as shells expect.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable

__all__ = [
    "AuditFolderError",
    "ConfigError",
    "DataError",
    "DecisionRefusedError",
    "EngineError",
    "LabelAuditError",
    "LabelsError",
    "MissingExtraError",
    "ModelError",
    "OutputError",
    "ProbabilityError",
    "ReadError",
    "StoreDamagedError",
    "StoreError",
    "StoreUnavailableError",
    "UnknownNameError",
    "UsageError",
    "did_you_mean",
]


class LabelAuditError(Exception):
    """Base of all errors that labelaudit raises on purpose.

    Parameters
    ----------
    problem : str
        What is wrong and what was found, with file, column and row where there are some.
    fix : str, optional
        How to mend it, as an instruction.

    Attributes
    ----------
    exit_code : int
        Exit status of the command line for this kind of error.
    """

    exit_code = 3

    def __init__(self, problem: str, fix: str | None = None) -> None:
        self.problem = problem
        self.fix = fix
        super().__init__(problem if fix is None else f"{problem} {fix}")

    def __reduce__(self) -> tuple[object, ...]:
        # Errors cross process borders on their way back from workers.
        return (type(self), (self.problem, self.fix))


class UsageError(LabelAuditError):
    """A wrong option, argument or combination of them."""

    exit_code = 2


class ConfigError(UsageError):
    """A configuration value that is unknown, of the wrong type or out of range."""


class UnknownNameError(UsageError):
    """A name (plugin, column, class, item id) that does not exist.

    Use :meth:`among` to build one with a suggestion.
    """

    @classmethod
    def among(cls, kind: str, name: str, available: Iterable[str]) -> UnknownNameError:
        """Build the error for `name`, which is no `kind` among those `available`.

        Examples
        --------
        >>> print(UnknownNameError.among("score", "normalised_margin", ["entropy", "normalized_margin"]))
        Unknown score 'normalised_margin'. Did you mean 'normalized_margin'? Available: entropy, normalized_margin.
        """
        names = list(available)
        listed = ", ".join(names[:30]) + (f", … ({len(names)} in all)" if len(names) > 30 else "")
        return cls(
            f"Unknown {kind} {name!r}.",
            f"{did_you_mean(name, names)}Available: {listed or 'none'}.",
        )


class MissingExtraError(UsageError):
    """An optional package that the wanted feature needs is not installed."""

    @classmethod
    def of(cls, feature: str, package: str, extra: str) -> MissingExtraError:
        """Build the error for `feature`, which needs `package` from the extra `extra`."""
        return cls(
            f"{feature} needs the package '{package}', which is not installed.",
            f"Install it with: pip install 'labelaudit[{extra}]'",
        )


class DataError(LabelAuditError):
    """The data cannot be used as it is."""


class ReadError(DataError):
    """A file or folder that cannot be read as labelled data."""


class LabelsError(DataError):
    """Labels that cannot be audited."""


class ProbabilityError(DataError):
    """Predicted probabilities of the wrong shape, range or sum."""


class ModelError(DataError):
    """A classifier or encoder that cannot be loaded or fitted, or gives unusable output."""


class AuditFolderError(DataError):
    """An audit folder that is damaged, of a newer version, or made from other data."""


class StoreError(LabelAuditError):
    """Something is wrong with the review store."""


class StoreUnavailableError(StoreError):
    """The store is locked, read-only, full, or its server cannot be reached."""


class StoreDamagedError(StoreError):
    """The store holds a changed, missing or unreadable record."""


class DecisionRefusedError(StoreError):
    """A claim or decision that the review rules do not allow."""


class EngineError(LabelAuditError):
    """A worker process died, or could not send what it found."""


class OutputError(LabelAuditError):
    """A result could not be written; nothing half-written is left behind."""


def did_you_mean(name: str, available: Iterable[str]) -> str:
    """Return ``"Did you mean 'x'? "`` for the closest of `available`, or an empty string."""
    names = list(available)
    folded = {candidate.casefold(): candidate for candidate in names}
    close = difflib.get_close_matches(name.casefold(), list(folded), n=1, cutoff=0.6)
    return f"Did you mean {folded[close[0]]!r}? " if close else ""
