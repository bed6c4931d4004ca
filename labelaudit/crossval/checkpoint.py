"""Finished folds on disk, each with a key over everything that determines it."""

from __future__ import annotations

import hashlib
import json
import platform
import zipfile
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from labelaudit.atomic import atomic_file
from labelaudit.crossval.fitting import FoldData, FoldResult, FoldTask
from labelaudit.errors import OutputError

if TYPE_CHECKING:
    from labelaudit.config import AuditConfig
    from labelaudit.crossval.models import Model

__all__ = ["Checkpoint", "discard_checkpoint"]

_VERSIONED = ("labelaudit", "numpy", "pandas", "scikit-learn", "scipy")


@dataclass(frozen=True)
class Checkpoint:
    """A folder of finished folds.

    Parameters
    ----------
    folder : Path
        Made if it is not there.
    key : str
        From :func:`run_key`. Files with another key are of other data, options or versions, and are not used.
    """

    folder: Path
    key: str

    def open(self, *, resume: bool) -> None:
        """Make the folder, and unless work is to be resumed remove what an earlier run left in it.

        Raises
        ------
        OutputError
            If the folder cannot be made or written to.
        """
        try:
            if not resume:
                discard_checkpoint(self.folder)
            self.folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise OutputError(
                f"The checkpoint folder {self.folder} cannot be used: {error.strerror}.",
                "Choose a folder that can be written to.",
            ) from error

    def save(self, task: FoldTask, result: FoldResult) -> None:
        """Write a finished fold, atomically."""
        with atomic_file(self._path(task)) as temporary:
            np.savez(
                temporary,
                key=np.array(self.key),
                pred_probs=result.pred_probs,
                notes=np.array(json.dumps(result.notes)),
                seconds=np.array(result.seconds),
            )

    def load(self, task: FoldTask, shape: tuple[int, int]) -> FoldResult | None:
        """Return a finished fold, or None if there is none, or it is damaged or of another run."""
        try:
            # Opened here, because NumPy leaves the file open when it is damaged.
            with self._path(task).open("rb") as raw, np.load(raw, allow_pickle=False) as file:
                if str(file["key"]) != self.key or file["pred_probs"].shape != shape:
                    return None
                return FoldResult(
                    pred_probs=file["pred_probs"],
                    notes=tuple(json.loads(str(file["notes"]))),
                    seconds=float(file["seconds"]),
                )
        except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
            return None  # a fold that cannot be read is fitted again

    def _path(self, task: FoldTask) -> Path:
        return self.folder / f"fold-{task.name}.npz"


def discard_checkpoint(folder: Path) -> None:
    """Remove finished folds from `folder`, and the folder itself if nothing else is in it.

    Raises
    ------
    OSError
        If a file cannot be removed.
    """
    for path in folder.glob("fold-r*-f*.npz"):
        path.unlink(missing_ok=True)
    if folder.is_dir() and not any(folder.iterdir()):
        folder.rmdir()


def run_key(fingerprint: str, config: AuditConfig, model: Model, data: FoldData) -> str:
    """Return 64 hexadecimal digits over data, model, folds, seed and versions.

    Workers, engine and memory are left out because they do not change the result, and the number of repeats because
    it does not change those already made.
    """
    digest = hashlib.sha256()
    parts = {
        "data": fingerprint,
        "model": [config.model, config.classifier, model.name, model.source],
        "folds": config.folds,
        "seed": config.seed,
        "first folds": hashlib.sha256(data.folds[0].astype("<i4").tobytes()).hexdigest(),
        "versions": {name: metadata.version(name) for name in _VERSIONED} | {"python": platform.python_version()},
        "machine": platform.machine(),
    }
    digest.update(json.dumps(parts, sort_keys=True).encode("utf-8", "surrogatepass"))
    return digest.hexdigest()
