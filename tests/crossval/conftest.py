from __future__ import annotations

import pytest

from labelaudit.domain import Dataset
from tests.crossval.planted import make_dataset


@pytest.fixture(params=["text", "table", "embedding"])
def dataset(request) -> Dataset:
    return make_dataset(request.param)
