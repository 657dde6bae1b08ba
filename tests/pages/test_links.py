"""Every page can be reached, and every link of a page leads somewhere."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").glob("*.md")), *sorted((ROOT / "bench").glob("*.md"))]
LINK = re.compile(r"\[(?:[^\[\]]|\[[^\]]*\])*\]\(([^()\s]+)\)")


def prose(page: Path) -> str:
    """The text of a page without its blocks of code."""
    return re.sub(r"^```.*?^```$", "", page.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)


def links(page: Path) -> list[str]:
    return LINK.findall(re.sub(r"(?<!\[)`[^`]*`", "", prose(page)))


def anchors(page: Path) -> set[str]:
    """What the headings of a page are called in links: letters, digits, hyphens; repeated ones are numbered."""
    found: list[str] = []
    counts: dict[str, int] = {}
    for title in re.findall(r"^#+ (.*)$", prose(page), re.MULTILINE):
        name = re.sub(r"[^\w\- ]", "", LINK.sub(r"\g<0>", title).lower()).strip().replace(" ", "-")
        counts[name] = counts.get(name, -1) + 1
        found.append(f"{name}-{counts[name]}" if counts[name] else name)
    return set(found)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page):
    for link in links(page):
        if re.match(r"[a-z]+:", link):
            continue
        place, _, anchor = link.partition("#")
        target = (page.parent / place).resolve() if place else page
        assert target.exists(), link
        assert not anchor or anchor in anchors(target), link


@pytest.mark.parametrize("front", ["README.md", "docs/index.md"])
def test_every_page_is_linked_from_the_front(front):
    page = ROOT / front
    reached = {(page.parent / link.partition("#")[0]).resolve() for link in links(page) if ":" not in link}
    assert {path for path in (ROOT / "docs").glob("*.md") if path != page} - reached == set()


def test_anchors_are_those_of_headings():
    assert {"second-derivatives-at-every-element", "fitting"} <= anchors(ROOT / "docs" / "howto.md")
    assert "g0103-unbalanced-bracket" in anchors(ROOT / "docs" / "errors.md")
    assert {"gradcfunction", "gradcfunction-1"} <= anchors(ROOT / "docs" / "api.md")
