"""Every engine of the table, the ones that compile marked so."""

import pytest

from gradc.runtime.kernel import ENGINES


@pytest.fixture(
    params=[pytest.param(name, marks=[] if name == "interpreter" else [pytest.mark.compiled]) for name in ENGINES]
)
def engine(request) -> str:
    return request.param
