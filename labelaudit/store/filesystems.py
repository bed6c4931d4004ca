"""Where a SQLite file may live: not on a network file system, whose locks and shared memory SQLite cannot trust."""

from __future__ import annotations

import os
from pathlib import Path

from labelaudit.errors import StoreUnavailableError

__all__ = ["refuse_network_file_system"]

# fmt: off
_NETWORK = frozenset({
    "9p", "afs", "beegfs", "ceph", "cifs", "coda", "davfs", "glusterfs", "gpfs", "lustre", "ncpfs", "nfs", "nfs4",
    "pvfs2", "smb3", "smbfs", "vboxsf", "virtiofs",
})
_NETWORK_FUSE = frozenset({
    "beegfs", "blobfuse", "ceph", "davfs", "gcsfuse", "glusterfs", "goofys", "gvfsd-fuse", "juicefs", "mountpoint-s3",
    "rclone", "s3fs", "s3ql", "smbnetfs", "sshfs",
})
# fmt: on


def refuse_network_file_system(path: Path, mounts: Path = Path("/proc/mounts")) -> None:
    """Raise if `path` lies on a network file system.

    Parameters
    ----------
    path : Path
        A file that need not exist yet.
    mounts : Path
        Table of mounts as Linux shows it; where there is none, nothing can be told and nothing is refused.

    Raises
    ------
    StoreUnavailableError
        Naming the mount point and its type.
    """
    found = _mount_of(Path(os.path.realpath(path)), mounts)
    if found is None:
        return
    point, kind = found
    if kind in _NETWORK or (kind.startswith("fuse.") and kind.removeprefix("fuse.") in _NETWORK_FUSE):
        raise StoreUnavailableError(
            f"{path} lies on {point}, a network file system ({kind}); a SQLite store there can lose decisions.",
            "Keep the audit folder on a local disk, or give --store postgresql+psycopg://… for a team.",
        )


def _mount_of(path: Path, mounts: Path) -> tuple[Path, str] | None:
    try:
        lines = mounts.read_bytes().rstrip().split(b"\n")
    except OSError:
        return None
    found: tuple[Path, str] | None = None
    for line in lines:
        _, point, kind, *_ = line.split(b" ")
        # The table writes blanks and backslashes in mount points as octal escapes.
        place = Path(os.fsdecode(point.decode("unicode_escape").encode("latin-1")))
        if path.is_relative_to(place) and (found is None or place.is_relative_to(found[0])):
            found = (place, kind.decode("ascii", "replace"))
    return found
