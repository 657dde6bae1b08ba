"""docs/examples.md as programs: each section is run once, and its names are there to be tested."""

import doctest
from functools import cache
from pathlib import Path

PAGE = Path(__file__).parents[2] / "docs" / "examples.md"

COMPARISONS = doctest.NORMALIZE_WHITESPACE


@cache
def parts() -> tuple[str, dict[str, str]]:
    """What stands before the first heading, and each section by its heading. Lines keep their numbers."""
    before, *sections = PAGE.read_text(encoding="utf-8").split("\n## ")
    found, line = {}, before.count("\n") + 1
    for section in sections:
        heading, text = section.split("\n", 1)
        found[heading] = "\n" * (line + 1) + text
        line += section.count("\n") + 1
    return before, found


@cache
def run(heading: str) -> dict[str, object]:
    """The names that a section has defined; fails where an answer is not the one on the page."""
    before, sections = parts()
    names: dict[str, object] = {"__name__": "examples"}
    parser, runner = doctest.DocTestParser(), doctest.DocTestRunner(optionflags=COMPARISONS)
    report: list[str] = []
    for text in (before, sections[heading]):
        test = parser.get_doctest(text.replace("```", ""), names, heading, str(PAGE), 0)
        runner.run(test, out=report.append, clear_globs=False)
        names |= test.globs
    assert runner.summarize(verbose=False).attempted > 0
    assert not report, "".join(report)
    return names
