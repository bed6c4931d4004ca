"""Peak of the process's own memory while images in a Parquet file are read, and written back by `apply`.

    python benchmarks/bench_packed_images.py 500 3000
    python benchmarks/bench_packed_images.py 500 3000 --one-group

Linux only. Pages of mapped files are left out: they count as resident, but the system drops them where it needs room.
"""

from __future__ import annotations

import argparse
import io
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image

from labelaudit.config import ReadOptions
from labelaudit.corrected import Correction, Layout
from labelaudit.corrected.parquet import write
from labelaudit.decisions import Opinion, Verdict
from labelaudit.readers import read

SHAPE = (300, 340, 3)  # noise that no compression makes smaller: 300 KB an image
SCHEMA = pa.schema([("image", pa.struct([("bytes", pa.binary()), ("path", pa.string())])), ("label", pa.string())])


def make(path: Path, n: int, *, one_group: bool) -> None:
    rng = np.random.default_rng(0)
    parts = []
    for start in range(0, n, 100):
        images, labels = [], ["a", "b"] * 50
        for _ in range(min(100, n - start)):
            stream = io.BytesIO()
            Image.fromarray(rng.integers(0, 256, SHAPE, dtype=np.uint8)).save(stream, "PNG", compress_level=0)
            images.append({"bytes": stream.getvalue(), "path": None})
        parts.append(pa.table({"image": pa.array(images, SCHEMA.types[0]), "label": labels[: len(images)]}, SCHEMA))
    pq.write_table(pa.concat_tables(parts), path, row_group_size=n if one_group else 100)


def own_memory() -> float:
    """Return the process's private memory in MiB, without the pages of mapped files."""
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith("RssAnon"))


def measure(path: Path, job: str) -> None:
    peak, done = [own_memory()], threading.Event()

    def watch() -> None:
        while not done.is_set():
            peak[0] = max(peak[0], own_memory())
            time.sleep(0.005)

    before, watcher = own_memory(), threading.Thread(target=watch)
    watcher.start()
    if job == "read":
        read(path)
    else:
        n = pq.ParquetFile(path).metadata.num_rows
        layout = Layout(ReadOptions(label="label"), ("a", "b"), tuple("ab"[k % 2] for k in range(n)))
        opinion = Opinion(verdict=Verdict.RELABEL, labels=("b",))
        correction = Correction(item_id="x", row=1, given_label="a", opinion=opinion, people=("ann",), at=0)
        write(path, path.with_suffix(".out"), {1: correction}, layout)
    done.set()
    watcher.join()
    print(
        f"{job:6}{path.stat().st_size / 2**20:8.0f} MiB of data: {before:6.0f} MiB before, {peak[0]:6.0f} at the peak"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("items", nargs="*", type=int, default=[500, 3000])
    parser.add_argument("--one-group", action="store_true", help="All rows in one row group; else 100 in each.")
    parser.add_argument("--measure", nargs=2, metavar=("FILE", "JOB"), help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.measure:
        measure(Path(given.measure[0]), given.measure[1])
        return
    for n in given.items:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, "data.parquet")
            make(path, n, one_group=given.one_group)
            for job in ("read", "apply"):  # each in a process of its own
                subprocess.run([sys.executable, __file__, "--measure", str(path), job], check=True)


if __name__ == "__main__":
    main()
