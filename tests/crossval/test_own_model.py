"""The user's own model: what it is given, and one clear error for everything it may get wrong."""

from __future__ import annotations

import textwrap

import numpy as np
import pytest

from labelaudit.config import AuditConfig
from labelaudit.crossval import cross_validate
from labelaudit.errors import ModelError, UsageError
from tests.crossval.planted import make_dataset

MODELS = """
    import numpy as np
    import warnings

    class Base:
        def fit(self, X, y):
            self.X, self.n = X, len(np.unique(y))
            self.classes_ = np.unique(y)
            return self
        def predict_proba(self, X):
            return np.full((len(X), self.n), 1 / self.n)

    class Reversed(Base):
        def fit(self, X, y):
            super().fit(X, y)
            self.classes_ = self.classes_[::-1].copy()
            return self
        def predict_proba(self, X):
            return np.tile([0.7, 0.2, 0.1], (len(X), 1))

    class NoClasses(Reversed):
        def fit(self, X, y):
            return self

    class Noisy(Base):
        def fit(self, X, y):
            super().fit(X, y)
            warnings.warn("it did not converge\\nsee the manual", RuntimeWarning)
        def predict_proba(self, X):
            p = np.random.rand(len(X), 3)
            return p / p.sum(axis=1, keepdims=True)

    class Texts(Base):
        def fit(self, X, y):
            assert all(type(text) is str for text in X), X
            assert y.dtype == np.int64
            return super().fit(X, y)

    class Seeded(Base):
        def __init__(self, random_state):
            assert isinstance(random_state, int)

    class NaN(Base):
        def predict_proba(self, X):
            return np.full((len(X), 3), np.nan)

    class Logits(Base):
        def predict_proba(self, X):
            return np.tile([2.0, -1.0, 0.5], (len(X), 1))

    class OneColumn(Base):
        def predict_proba(self, X):
            return np.full(len(X), 0.5)

    class TooFewColumns(Base):
        def predict_proba(self, X):
            return np.full((len(X), 2), 0.5)

    class TooFewRows(Base):
        def predict_proba(self, X):
            return np.full((2, 3), 1 / 3)

    class NamedClasses(Base):
        def fit(self, X, y):
            super().fit(X, y)
            self.classes_ = np.array(["a", "b", "c"])

    class CannotFit(Base):
        def fit(self, X, y):
            raise ValueError("could not convert string to float: 'red'")

    class CannotPredict(Base):
        def predict_proba(self, X):
            raise AttributeError("no such thing")

    class NoProbabilities:
        def fit(self, X, y):
            return self

    def gives_class():
        return Base

    def needs_more(depth):
        return Base()

    number = 3
"""


@pytest.fixture(autouse=True)
def own_models(tmp_path, monkeypatch):
    (tmp_path / "own_models.py").write_text(textwrap.dedent(MODELS))
    (tmp_path / "broken_models.py").write_text("1 / 0\n")
    (tmp_path / "needy_models.py").write_text("import a_package_nobody_has\n")
    monkeypatch.chdir(tmp_path)
    yield
    import sys

    for name in ("own_models", "broken_models", "needy_models"):
        sys.modules.pop(name, None)


def run(name: str, **options):
    return cross_validate(make_dataset(), AuditConfig(model=name, folds=3, **options))


def test_columns_follow_the_classes_of_the_model():
    np.testing.assert_allclose(run("own_models:Reversed").pred_probs[0], [[0.1, 0.2, 0.7]] * 90, atol=1e-6)


def test_without_classes_the_columns_are_sorted():
    np.testing.assert_allclose(run("own_models:NoClasses").pred_probs[0], [[0.7, 0.2, 0.1]] * 90, atol=1e-6)


def test_it_is_given_the_content_itself_and_class_indices():
    run("own_models:Texts")


def test_a_factory_that_takes_a_seed_gets_one():
    run("own_models:Seeded")


def test_global_randomness_is_seeded_and_given_back():
    state = np.random.get_state()[1].copy()  # noqa: NPY002
    first, second = (run("own_models:Noisy", workers=workers) for workers in (1, 4))
    np.testing.assert_array_equal(first.pred_probs[0], second.pred_probs[0])
    assert len(np.unique(first.pred_probs[0][:, 0])) > 80
    np.testing.assert_array_equal(np.random.get_state()[1], state)  # noqa: NPY002


def test_warnings_become_one_note():
    assert run("own_models:Noisy").notes == ("model 'own_models:Noisy': it did not converge",)


@pytest.mark.parametrize("workers", [1, 4])
@pytest.mark.parametrize(
    ("model", "message"),
    [
        ("NaN", "gave NaN"),
        ("Logits", r"values from -1 to 2.*Apply softmax"),
        ("OneColumn", r"gave float64 of the shape \(\d+,\)"),
        ("TooFewColumns", "gave 2 columns, but there are 3 classes"),
        ("TooFewRows", r"gave 2 rows for \d+ items"),
        ("NamedClasses", r"classes_ .* holds \['a', 'b', 'c'\], not the class indices"),
        ("CannotFit", r"failed in fit\(\) with ValueError: could not convert"),
        ("CannotPredict", r"failed in predict_proba\(\) with AttributeError"),
    ],
)
def test_what_a_model_does_wrong_is_said(model, message, workers):
    with pytest.raises(ModelError, match=message):
        run(f"own_models:{model}", workers=workers)


@pytest.mark.parametrize(
    ("path", "error", "message"),
    [
        ("own_models", UsageError, "not of the form package.module:factory"),
        ("own_modelz:Base", ModelError, r"no module 'own_modelz'.*run from the folder that holds own_modelz.py"),
        ("needy_models:Base", ModelError, r"no module 'a_package_nobody_has'.*environment of labelaudit"),
        ("broken_models:Base", ModelError, "cannot be imported: ZeroDivisionError"),
        ("own_models:Bass", ModelError, r"no function or class 'Bass'.*It has: Base,"),
        ("own_models:number", ModelError, "no function or class 'number'"),
        ("own_models:NoProbabilities", ModelError, "without a method predict_proba"),
        ("own_models:gives_class", ModelError, "without a method bound to an object"),
        ("own_models:needs_more", ModelError, r"cannot be made: TypeError: needs_more\(\) missing"),
    ],
)
def test_a_model_that_cannot_be_made_is_an_error(path, error, message):
    with pytest.raises(error, match=message):
        run(path)


def test_engines_that_share_a_process_are_refused():
    with pytest.raises(UsageError, match=r"'threads'.*--engine local"):
        run("own_models:Noisy", engine="threads")
