"""The model of a cross-validation: a built-in classifier by name, or the user's own."""

from __future__ import annotations

import importlib
import importlib.util
import inspect
import math
import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

from labelaudit.classifiers import CLASSIFIERS
from labelaudit.encoders import ENCODERS
from labelaudit.errors import MissingExtraError, ModelError, UsageError

if TYPE_CHECKING:
    from labelaudit.classifiers import Classifier, Estimator
    from labelaudit.config import AuditConfig
    from labelaudit.domain import Dataset
    from labelaudit.encoders import Encoder

__all__ = ["Model", "choose_model"]


@dataclass(frozen=True, kw_only=True)
class Model:
    """What is fitted, and to what.

    Attributes
    ----------
    name : str
        What messages call it.
    modality : str
        Kind of content it learns from.
    encoder : Encoder or None
        Gives the features; None for the user's own model, which is given the content itself.
    neighbors : Encoder
        Gives the vectors for nearest neighbours.
    build : callable
        ``build(seed=...)`` gives an unfitted estimator.
    cost : float
        As in :class:`labelaudit.classifiers.Classifier`; infinite where it is not known.
    source : str
        Text that changes when the model's code does, or the package it is from; part of the key of a checkpoint.
    """

    name: str
    modality: str
    encoder: Encoder | None
    neighbors: Encoder
    build: Callable[..., Estimator]
    cost: float
    source: str = ""


def choose_model(dataset: Dataset, config: AuditConfig) -> Model:
    """Return the model that `config` asks for, else the default for the kind of content.

    Raises
    ------
    UsageError
        If the dataset has no content, or not the content that the classifier needs.
    UnknownNameError
        If there is no such classifier.
    MissingExtraError
        If the classifier needs a package that is not installed.
    ModelError
        If the user's own model cannot be imported.
    """
    modality = dataset.modality
    if modality == "probs":
        raise UsageError(
            "There is nothing to learn from: the data has neither text, images, features nor embeddings.",
            "Name a column with --text, --image or --features, or give --embeddings or --pred-probs.",
        )
    if config.model is not None:
        return _own_model(config.model, modality)
    name = config.classifier or modality
    classifier = CLASSIFIERS.get(name)
    _check_content(dataset, name, classifier.modality)
    return Model(
        name=f"classifier '{name}'",
        modality=classifier.modality,
        encoder=ENCODERS.get(classifier.encoder),
        neighbors=ENCODERS.get(classifier.neighbors or classifier.encoder),
        build=classifier.build,
        cost=classifier.cost,
        source=_version(name, classifier),
    )


def _version(name: str, classifier: Classifier) -> str:
    """Return name and version of the package that a classifier needs beside ours; empty if it needs none."""
    if classifier.extra is None:
        return ""
    package, extra = classifier.extra
    if importlib.util.find_spec(package) is None:  # found, not imported: that would take seconds and much memory
        raise MissingExtraError.of(f"The classifier {name!r}", package, extra)
    return f"{package} {metadata.version(package)}"


def _check_content(dataset: Dataset, name: str, modality: str) -> None:
    contents = {
        "text": dataset.text,
        "image": dataset.images,
        "table": dataset.features,
        "embedding": dataset.embeddings,
    }
    if contents.get(modality) is None:
        fitting = [other for other, plugin in CLASSIFIERS if contents.get(plugin.modality) is not None]
        raise UsageError(
            f"The classifier {name!r} needs {modality} content, which the data does not have.",
            f"Classifiers for this data: {', '.join(fitting)}.",
        )


def _own_model(path: str, modality: str) -> Model:
    module_name, _, attribute = path.partition(":")
    if not module_name or not attribute:
        raise UsageError(f"The model {path!r} is not of the form package.module:factory.", "Write it like models:make.")
    module = _import(module_name, path)
    factory = getattr(module, attribute, None)
    if not callable(factory):
        found = sorted(name for name, value in vars(module).items() if callable(value) and not name.startswith("_"))
        raise ModelError(
            f"The module '{module_name}' has no function or class '{attribute}'.",
            f"It has: {', '.join(found[:20]) or 'none'}.",
        )
    return Model(
        name=f"model '{path}'",
        modality=modality,
        encoder=None,
        neighbors=ENCODERS.get(modality),
        build=_checked_factory(factory, path),
        cost=math.inf,
        source=_source(module),
    )


def _import(module_name: str, path: str) -> Any:
    # The command line does not put the working folder on the path, where `python -m` would.
    folder = str(Path.cwd())
    added = folder not in sys.path
    if added:
        sys.path.insert(0, folder)
    try:
        return importlib.import_module(module_name)
    except ModuleNotFoundError as error:
        missing = error.name or module_name
        fix = (
            f"Install it, or run from the folder that holds {module_name.partition('.')[0]}.py."
            if module_name.startswith(missing)
            else "Install it into the environment of labelaudit."
        )
        raise ModelError(f"The model {path!r} cannot be imported: there is no module '{missing}'.", fix) from error
    except Exception as error:  # a module runs any code when it is imported
        raise ModelError(
            f"The model {path!r} cannot be imported: {type(error).__name__}: {error}",
            f"Try: python -c 'import {module_name}'",
        ) from error
    finally:
        if added and folder in sys.path:
            sys.path.remove(folder)


def _checked_factory(factory: Callable[..., Any], path: str) -> Callable[..., Estimator]:
    """Wrap a factory so that it takes a seed and its product is checked."""
    seed_name = _seed_parameter(factory)

    def build(*, seed: int) -> Estimator:
        try:
            estimator = factory(**{seed_name: seed}) if seed_name else factory()
        except Exception as error:  # foreign code may raise anything
            raise ModelError(
                f"The model {path!r} cannot be made: {type(error).__name__}: {error}",
                "The factory is called without arguments, or with seed= or random_state= if it takes one of them.",
            ) from error
        missing = [name for name in ("fit", "predict_proba") if not callable(getattr(estimator, name, None))]
        if missing or isinstance(estimator, type):
            kind = estimator.__name__ if isinstance(estimator, type) else type(estimator).__name__
            raise ModelError(
                f"The model {path!r} gave a {kind} without a method {' and '.join(missing) or 'bound to an object'}.",
                "The factory must return an object with fit(X, y) and predict_proba(X); for a classifier with decision"
                " scores wrap it in sklearn.calibration.CalibratedClassifierCV.",
            )
        return estimator  # type: ignore[no-any-return]

    return build


def _seed_parameter(factory: Callable[..., Any]) -> str | None:
    try:
        parameters = inspect.signature(factory).parameters
    except (TypeError, ValueError):  # some compiled callables have no signature
        return None
    return next((name for name in ("seed", "random_state") if name in parameters), None)


def _source(module: Any) -> str:
    path = getattr(module, "__file__", None)
    if path is None or not os.path.isfile(path):  # noqa: PTH113 - a string of the import system
        return ""
    return Path(path).read_bytes().decode("utf-8", "replace")
