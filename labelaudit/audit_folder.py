"""An audit, and the folder it is kept in: ``audit.json``, ``items.parquet`` and the larger arrays as ``.npy``.

``audit.json`` carries the schema version and a checksum of itself and every other file, so that a damaged or mixed-up
folder is refused instead of read.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from labelaudit.atomic import atomic_folder
from labelaudit.config import AuditConfig
from labelaudit.domain import Origin
from labelaudit.errors import AuditFolderError, ConfigError
from labelaudit.hashing import json_checksum

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray

__all__ = ["SCHEMA_VERSION", "Audit", "check_replaceable", "load"]

SCHEMA_VERSION = 1
_MANIFEST, _ITEMS = "audit.json", "items.parquet"
_CHECKSUM = "checksum"


@dataclass(frozen=True, eq=False, kw_only=True)
class Audit:
    """The result of an audit: every item scored, with two ranked queues.

    Attributes
    ----------
    items : DataFrame
        One row an item, most suspicious first, indexed by item id, with the columns

        - ``row`` : place in the source, ``content_hash`` : what it is, whatever its label;
        - ``given_label``, ``suggested_label`` : class names, null where there is none;
        - ``suggested_probability`` : probability of the suggested label;
        - ``suspicion``, ``ambiguity`` : 0..1, null where not assessable;
        - ``is_suspect``, ``is_ambiguous`` : bool;
        - ``rank``, ``ambiguity_rank`` : place in the two queues from 1, null where not assessable;
        - ``kind`` : what a flagged item most probably is (``wrong_label``, ``ambiguous``, ...), null if not flagged;
        - ``status`` : ``assessed``, ``unlabelled``, or ``not assessable: <why>``;
        - ``reasons`` : why it is flagged, in words; empty if not flagged;
        - ``preview`` : the beginning of its content as one line of plain text;
        - one column a score, and one column ``group:<name>`` a group.
    classes : (K,) tuple of str
        Class names.
    config : AuditConfig
        How it was audited.
    fingerprint : str
        Fingerprint of the dataset.
    provenance : mapping
        ``created`` (UTC, ISO 8601), ``seconds``, ``versions``, ``modality``, ``notes``.
    health : mapping
        Numbers of :func:`labelaudit.health.measure`.
    statistics : mapping
        Class statistics: ``counts``, ``thresholds`` (K,) and ``confident_joint`` (nested lists).
    origin : Origin, optional
        Where the dataset was read from.
    arrays : mapping of str to array
        Larger arrays in the order of the dataset's rows: ``pred_probs (n, K)``, ``embeddings (n, d)``,
        ``neighbors (n, k)``, as far as they were computed here; probabilities of several sources pooled. Memory maps
        where the audit was loaded.
    path : str, optional
        Folder it was loaded from or saved to.
    """

    items: pd.DataFrame
    classes: tuple[str, ...]
    config: AuditConfig
    fingerprint: str
    provenance: Mapping[str, Any]
    health: Mapping[str, Any]
    statistics: Mapping[str, Any]
    origin: Origin | None = None
    arrays: Mapping[str, NDArray[Any]] = field(default_factory=dict)
    path: str | None = None

    def __len__(self) -> int:
        return len(self.items)

    @cached_property
    def audit_id(self) -> str:
        """16 hexadecimal digits that stand for this audit: same data, configuration and result, same id."""
        digest = hashlib.sha256(self.fingerprint.encode())
        digest.update(repr(sorted(self.config.result_options().items())).encode())
        digest.update("\x00".join(self.items.index).encode("utf-8", "surrogatepass"))
        return digest.hexdigest()[:16]

    @cached_property
    def places(self) -> NDArray[np.intp]:
        """(n,) position in the dataset that was audited, and so in `arrays`, of each row of `items`."""
        import numpy as np

        # Readers keep the order of the source. What place an item has in it is the rank of its row there.
        order: NDArray[np.intp] = np.argsort(self.items["row"].to_numpy(), kind="stable")
        return np.argsort(order, kind="stable")

    def save(self, path: str | os.PathLike[str]) -> Audit:
        """Write the audit as the folder `path`, whole or not at all, and return it with its `path` set.

        An earlier audit there is replaced. What it did not write itself stays: reviews, batches, files of the user's.

        Raises
        ------
        OutputError
            If the folder cannot be written.
        AuditFolderError
            If `path` exists and is no audit folder.
        """
        import numpy as np

        target = Path(path)
        check_replaceable(target)
        with atomic_folder(target, keep=_not_written_by_audits(target)) as folder:
            _write_items(self.items, folder / _ITEMS)
            for name, array in self.arrays.items():
                np.save(folder / f"{name}.npy", array, allow_pickle=False)
            files = {file.name: _checksum(file) for file in sorted(folder.iterdir())}
            text = json.dumps(_manifest(self, files), indent=2, ensure_ascii=False, allow_nan=False)
            (folder / _MANIFEST).write_text(text + "\n", encoding="utf-8")
        return replace(self, path=str(target))


def load(path: str | os.PathLike[str]) -> Audit:
    """Read an audit folder.

    Parameters
    ----------
    path : path-like
        The folder, as written by :meth:`Audit.save` or ``labelaudit audit``.

    Returns
    -------
    Audit
        With its larger arrays as read-only memory maps.

    Raises
    ------
    AuditFolderError
        If there is none, or it is damaged, or it was written by a newer version.
    """
    folder = Path(path)
    manifest = _read_manifest(folder)
    described = {name: value for name, value in manifest.items() if name != _CHECKSUM}
    if _CHECKSUM in manifest and manifest[_CHECKSUM] != json_checksum(described):
        raise _damaged(folder, "audit.json was changed after it was written")
    for name, expected in manifest["files"].items():
        file = folder / name
        if not file.is_file():
            raise _damaged(folder, f"{name} is missing")
        if _checksum(file) != expected:
            raise _damaged(folder, f"{name} was changed after it was written")
    try:
        return _from_manifest(manifest, folder)
    except (KeyError, TypeError, ValueError, AttributeError, ConfigError) as error:
        raise _damaged(folder, f"audit.json does not describe it ({type(error).__name__}: {error})") from error


def _manifest(audit: Audit, files: dict[str, str]) -> dict[str, Any]:
    described = {
        "schema_version": SCHEMA_VERSION,
        "audit_id": audit.audit_id,
        "fingerprint": audit.fingerprint,
        "classes": list(audit.classes),
        "config": audit.config.as_dict(),
        "origin": None if audit.origin is None else vars(audit.origin),
        "provenance": dict(audit.provenance),
        "health": dict(audit.health),
        "statistics": dict(audit.statistics),
        "files": files,
    }
    return {**described, _CHECKSUM: json_checksum(described)}


def check_replaceable(path: Path) -> None:
    """Refuse to write an audit in the place of something else.

    Raises
    ------
    AuditFolderError
        If `path` exists and is neither an audit folder nor empty, or is a link to nothing.
    """
    if path.is_symlink() and not path.exists():
        raise AuditFolderError(f"{path} is a link to {path.readlink()}, which is not there.", "Choose another place.")
    if path.exists() and not (path / _MANIFEST).is_file() and (not path.is_dir() or any(path.iterdir())):
        raise AuditFolderError(f"{path} exists and is no audit folder.", "Choose another place; nothing was changed.")


def _not_written_by_audits(folder: Path) -> tuple[str, ...]:
    if not folder.is_dir():
        return ()
    try:
        written = {_MANIFEST, *_read_manifest(folder)["files"]}
    except AuditFolderError:  # it is replaced because it is damaged, perhaps
        written = {_MANIFEST, _ITEMS}
    return tuple(entry.name for entry in folder.iterdir() if entry.name not in written)


def _read_manifest(folder: Path) -> dict[str, Any]:
    file = folder / _MANIFEST
    try:
        is_there, is_folder = file.is_file(), folder.exists()
    except OSError as error:  # no permission, a name too long
        raise AuditFolderError(f"{folder} cannot be read: {error.strerror}.", "Check its permissions.") from error
    if not is_there:
        if not is_folder:
            raise AuditFolderError(f"{folder} does not exist.", f"Make it with: labelaudit audit DATA --out {folder}")
        raise AuditFolderError(f"{folder} is no audit folder.", "Give a folder that 'labelaudit audit' wrote.")
    try:
        manifest: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
        version = manifest["schema_version"]
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise _damaged(folder, f"audit.json cannot be read ({error})") from error
    if not isinstance(version, int) or not isinstance(manifest.get("files"), dict):
        raise _damaged(folder, "audit.json does not describe it")
    if version > SCHEMA_VERSION:
        raise AuditFolderError(
            f"{folder} was written by a newer labelaudit (schema {version}; this one reads up to {SCHEMA_VERSION}).",
            "Update it: pip install --upgrade labelaudit",
        )
    return manifest


def _from_manifest(manifest: dict[str, Any], folder: Path) -> Audit:
    import numpy as np

    origin = manifest["origin"]
    return Audit(
        items=_read_items(folder),
        classes=tuple(manifest["classes"]),
        config=AuditConfig.from_dict(manifest["config"]),
        fingerprint=manifest["fingerprint"],
        provenance=manifest["provenance"],
        health=manifest["health"],
        statistics=manifest["statistics"],
        origin=None if origin is None else Origin(**origin),
        arrays={
            name.removesuffix(".npy"): np.load(folder / name, mmap_mode="r", allow_pickle=False)
            for name in manifest["files"]
            if name.endswith(".npy")
        },
        path=str(folder),
    )


def _write_items(items: pd.DataFrame, file: Path) -> None:
    items.to_parquet(file, engine="pyarrow", compression="zstd")


def _read_items(folder: Path) -> pd.DataFrame:
    import pandas as pd
    import pyarrow as pa

    try:
        return pd.read_parquet(folder / _ITEMS, engine="pyarrow")
    except (OSError, pa.ArrowInvalid) as error:
        raise _damaged(folder, f"items.parquet cannot be read ({error})") from error


def _checksum(file: Path) -> str:
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _damaged(folder: Path, what: str) -> AuditFolderError:
    fix = "Restore the folder from a copy, or audit again."
    return AuditFolderError(f"The audit {folder} is damaged: {what}.", fix)
