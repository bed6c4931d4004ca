"""Find wrong labels and items on which even people disagree.

Everything public is here; importing it loads nothing heavy until it is used.

>>> import labelaudit as la
>>> sorted(la.__all__)[:4]
['Audit', 'AuditConfig', 'Dataset', 'LabelAuditError']
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from labelaudit.errors import LabelAuditError

if TYPE_CHECKING:
    from labelaudit.audit_folder import Audit, load
    from labelaudit.config import AuditConfig
    from labelaudit.domain import Dataset
    from labelaudit.pipeline import audit
    from labelaudit.readers import read
    from labelaudit.scoring import Scores, score

__version__ = "0.1.0"

__all__ = [
    "Audit",
    "AuditConfig",
    "Dataset",
    "LabelAuditError",
    "Scores",
    "__version__",
    "audit",
    "load",
    "read",
    "score",
]

_HOMES = {
    "Audit": "audit_folder",
    "AuditConfig": "config",
    "Dataset": "domain",
    "Scores": "scoring",
    "audit": "pipeline",
    "load": "audit_folder",
    "read": "readers",
    "score": "scoring",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
