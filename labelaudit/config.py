"""Options of reading and auditing: frozen, typed, checked, and the same in Python, on the command line and in TOML.

Each option is declared once, as a dataclass field with its help text; the command line makes its options from these
fields and ``--config labelaudit.toml`` takes the same names in the tables ``[read]`` and ``[audit]``.
"""

from __future__ import annotations

import math
import re
import tomllib
import types
import typing
from collections.abc import Mapping
from dataclasses import MISSING, Field, asdict, dataclass, field, fields
from pathlib import Path
from typing import Any, TypeVar

from labelaudit.errors import ConfigError, UnknownNameError

__all__ = ["AuditConfig", "ReadOptions", "load_config", "parse_memory"]

_Options = TypeVar("_Options", "ReadOptions", "AuditConfig")


def _option(
    default: Any, help: str, *, metavar: str | None = None, low: int | None = None, high: int | None = None
) -> Any:
    return field(default=default, metadata={"help": help, "metavar": metavar, "low": low, "high": high})


@dataclass(frozen=True, kw_only=True)
class ReadOptions:
    """How to read a labelled data set. Every option is None or empty where it is to be recognised."""

    reader: str | None = _option(None, "Reader to use; default: recognised by the file.", metavar="NAME")
    label: str | None = _option(None, "Column of the labels.", metavar="COLUMN")
    text: tuple[str, ...] = _option((), "Column of the text; repeat to join several.", metavar="COLUMN")
    image: str | None = _option(None, "Column of image paths, relative to the data file.", metavar="COLUMN")
    id: str | None = _option(None, "Column of unique item ids; default: derived from content.", metavar="COLUMN")
    features: tuple[str, ...] = _option(
        (), "Column of a table to learn from; repeat for several. Default: all others.", metavar="COLUMN"
    )
    drop: tuple[str, ...] = _option((), "Column to leave out of the table; repeat for several.", metavar="COLUMN")
    group: tuple[str, ...] = _option(
        (), "Column kept as a group: for slices, and for folds with --fold-group.", metavar="COLUMN"
    )
    embeddings: str | None = _option(None, "Embeddings as .npy (n, d), in the order of the rows.", metavar="FILE")
    pred_probs: tuple[str, ...] = _option(
        (), "Out-of-sample probabilities (n, K) as .npy, .parquet or .zarr; repeat for several models.", metavar="FILE"
    )
    classes: tuple[str, ...] = _option(
        (), "Class names in the order of the probability columns; repeat.", metavar="NAME"
    )
    encoding: str = _option("utf-8", "Encoding of a text file.", metavar="NAME")
    delimiter: str | None = _option(None, "Column separator of a CSV file; default: recognised.", metavar="CHAR")
    unpack_to: str | None = _option(
        None, "Folder for the images that a data file holds; default: beside it, as DATA.images.", metavar="FOLDER"
    )
    check_images: bool = _option(
        default=True, help="Look at the head of every image before the audit; else what is broken stops it later."
    )
    normalize: bool = _option(
        default=False, help="Scale rows of probabilities that do not sum to 1 instead of refusing them."
    )

    def __post_init__(self) -> None:
        check_types(self, "read")

    @classmethod
    def from_dict(cls, options: Mapping[str, Any]) -> ReadOptions:
        """Make the options from those of a :class:`~labelaudit.domain.Origin`, also after a journey through JSON."""
        return cls(**_untravelled(options))


@dataclass(frozen=True, kw_only=True)
class AuditConfig:
    """How to audit. The defaults are meant to hold on data nobody has seen."""

    model: str | None = _option(
        None, "Your own classifier as package.module:factory (fit and predict_proba).", metavar="PATH"
    )
    classifier: str | None = _option(
        None,
        "Built-in classifier; default: by the kind of data. 'cnn' trains a network on images (extra cnn). Where"
        " probabilities are given, none is fitted unless it is named here, or your own by --model: it then is one more"
        " source beside them.",
        metavar="NAME",
    )
    folds: int = _option(5, "Folds of the cross-validation.", low=2)
    repeats: int = _option(1, "Repeat the cross-validation with other folds; the spread shows ambiguity.", low=1)
    fold_group: str | None = _option(
        None, "Group column whose items stay in one fold, so that near-copies do not leak.", metavar="COLUMN"
    )
    neighbors: int = _option(10, "Nearest neighbours to ask; 0 turns them off.", low=0)
    calibrate: str = _option(
        "auto",
        "Calibrate suspicion by planted errors. auto: where labelaudit fits the model itself; on: fit again with the"
        " planted errors, too, which takes as long again, on small data several times; off: a plausible range only.",
        metavar="auto|on|off",
    )
    flag_above: float | None = _option(
        None,
        "Flag labels whose suspicion is above this, 0..1. Default: one half, or less where the model is confidently"
        " contradicted more often; where suspicion is calibrated, half of the highest F1 that it lets expect.",
        metavar="P",
        low=0,
        high=1,
    )
    seed: int = _option(0, "Seed of everything random.", low=0)
    engine: str = _option("local", "Where fold tasks run.", metavar="NAME")
    workers: int = _option(
        0,
        "Processes for fold tasks and threads for neighbours; 0 uses all cores. Never changes the result.",
        low=0,
    )
    memory: str = _option("512MB", "Memory budget for passes over probabilities.", metavar="SIZE")

    def __post_init__(self) -> None:
        check_types(self, "audit")
        parse_memory(self.memory)
        if self.model is not None and self.classifier is not None:
            raise ConfigError("Both --model and --classifier are given.", "Give one of them.")
        if self.calibrate not in {"auto", "on", "off"}:
            raise ConfigError(
                f"The audit option 'calibrate' is {self.calibrate!r}.",
                "It must be 'auto', 'on' or 'off' (default: 'auto').",
            )

    def as_dict(self) -> dict[str, Any]:
        """Return the options as a plain dict, for provenance."""
        return asdict(self)

    @classmethod
    def from_dict(cls, options: Mapping[str, Any]) -> AuditConfig:
        """Make the configuration from what :meth:`as_dict` gave, also after a journey through JSON."""
        return cls(**_untravelled(options))

    def result_options(self) -> dict[str, Any]:
        """Return the options that can change a result; where and how fast it is computed cannot."""
        return {name: value for name, value in asdict(self).items() if name not in {"engine", "workers", "memory"}}


def load_config(path: str | Path) -> dict[str, dict[str, Any]]:
    """Read a TOML file with the tables ``[read]`` and ``[audit]``.

    Returns
    -------
    dict
        ``{"read": {...}, "audit": {...}}`` with option names in Python's form (``fold_group``), values as written.

    Raises
    ------
    ConfigError
        If the file is missing or is no TOML, with line and column.
    UnknownNameError
        If it holds an unknown table or option.
    """
    file = Path(path)
    try:
        content = tomllib.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise ConfigError(f"There is no configuration file {file}.", "Check the path given to --config.") from error
    except OSError as error:
        raise ConfigError(f"{file} cannot be read: {error.strerror}.", "Give a TOML file to --config.") from error
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ConfigError(f"{file} is not a readable TOML file: {error}.", "See README.md for an example.") from error
    kinds: dict[str, type] = {"read": ReadOptions, "audit": AuditConfig}
    for table in content:
        if table not in kinds:
            raise UnknownNameError.among(f"table in {file.name}:", table, kinds)
    return {table: _options_of(kind, table, content.get(table, {}), file) for table, kind in kinds.items()}


def _options_of(kind: type, table: str, values: Any, file: Path) -> dict[str, Any]:
    if not isinstance(values, Mapping):
        raise ConfigError(
            f"In {file.name} {table!r} is {values!r}, no table.", f"Write [{table}] on a line of its own."
        )
    names = {option.name for option in fields(kind)}
    several = {name for name, hint in typing.get_type_hints(kind).items() if typing.get_origin(hint) is tuple}
    options = {}
    for name, value in values.items():
        plain = name.replace("-", "_")
        if plain not in names:
            raise UnknownNameError.among(f"option in {file.name}:", name, sorted(names))
        # Where several values fit, one is as good as a list of one.
        whole = (value,) if plain in several and isinstance(value, str) else value
        options[plain] = tuple(whole) if isinstance(whole, list) else whole
    return options


def _untravelled(options: Mapping[str, Any]) -> dict[str, Any]:
    """Return the options with tuples where JSON, which knows none, made lists of them."""
    return {name: tuple(value) if isinstance(value, list) else value for name, value in options.items()}


def parse_memory(size: str) -> int:
    """Return the number of bytes in a size such as ``"512MB"`` or ``"2 GiB"``.

    Examples
    --------
    >>> parse_memory("512MB"), parse_memory("2GiB")
    (512000000, 2147483648)
    """
    match = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([kmgt]?)(i?)b?\s*", size, flags=re.IGNORECASE)
    base = 1024 if match is not None and match[3] else 1000
    n_bytes = 0.0 if match is None else float(match[1]) * base ** "-kmgt".index(match[2].lower() or "-")
    if not 1 <= n_bytes < math.inf:
        raise ConfigError(f"The memory budget {size!r} is not a size.", "Write it like 512MB or 2GiB.")
    return int(n_bytes)


def check_types(options: Any, table: str) -> None:
    """Check every field of an options object against its annotation and lower bound.

    Raises
    ------
    ConfigError
        Naming the option, what was found and what is expected.
    """
    hints = typing.get_type_hints(type(options))
    for option in fields(options):
        _check_type(option, hints[option.name], getattr(options, option.name), table)


def _check_type(option: Field[Any], hint: Any, value: Any, table: str) -> None:
    accepted = typing.get_args(hint) if isinstance(hint, types.UnionType) else (hint,)
    # bool is an int to isinstance, but `folds = true` is a mistake.
    fits = any(_is_of(value, kind) for kind in accepted)
    low, high = option.metadata.get("low"), option.metadata.get("high")
    if fits and (value is None or ((low is None or value >= low) and (high is None or value <= high))):
        return
    wanted = " or ".join(_spoken(kind) for kind in accepted if kind is not type(None))
    bound = "" if low is None else f" of at least {low}" if high is None else f" from {low} to {high}"
    default = option.default if option.default is not MISSING else None
    raise ConfigError(
        f"The {table} option '{option.name}' is {value!r}.", f"It must be {wanted}{bound} (default: {default!r})."
    )


def _is_of(value: Any, kind: Any) -> bool:
    if typing.get_origin(kind) is tuple:
        return isinstance(value, tuple) and all(isinstance(part, str) for part in value)
    if kind in (int, float):
        return isinstance(value, (int, kind)) and not isinstance(value, bool)
    return isinstance(value, kind)


def _spoken(kind: Any) -> str:
    if typing.get_origin(kind) is tuple:
        return "a list of strings"
    return {int: "a whole number", float: "a number", str: "a string", bool: "true or false"}[kind]
