"""Every block of docs/examples.md gives what the page says."""

import pytest
from page import parts, run


@pytest.mark.compiled
@pytest.mark.parametrize("heading", parts()[1])
def test_examples_give_what_the_page_says(heading):
    if "sklearn" in parts()[1][heading]:
        pytest.importorskip("sklearn")
    assert run(heading)
