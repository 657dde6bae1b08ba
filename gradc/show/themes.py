"""The colours of pictures and pages, light and dark."""

from __future__ import annotations

THEMES = ("auto", "light", "dark")
LIGHT = {
    "paper": "#ffffff", "ink": "#1f2328", "wire": "#8c959f", "gate": "#eaf2fc", "rim": "#4a7ab5",
    "value": "#1a7f37", "gradient": "#c4282d", "minus": "#2f6fde", "plus": "#d9730d", "nan": "#a626a4",
}  # fmt: skip
DARK = {
    "paper": "#0d1117", "ink": "#e6edf3", "wire": "#768390", "gate": "#16263c", "rim": "#5b93d6",
    "value": "#56d364", "gradient": "#ff7b72", "minus": "#6ea8fe", "plus": "#f0a04b", "nan": "#e879f9",
}  # fmt: skip
NOTEBOOKS = {
    "light": ('[data-jp-theme-light="true"]', ".vscode-light"),
    "dark": ('[data-jp-theme-light="false"]', ".vscode-dark"),
}
"""What the pages of notebooks call themselves, which may have another theme than the system."""


def themed(sheet: str, theme: str, name: str) -> str:
    """Rules in the colours of a theme; "auto" has those of the reader's system, or of the notebook around it."""
    rules = sheet.format(name, **(DARK if theme == "dark" else LIGHT))
    if theme == "auto":
        rules += f"@media (prefers-color-scheme: dark) {{{sheet.format(name, **DARK)}}}\n"
        for colours, pages in ((LIGHT, NOTEBOOKS["light"]), (DARK, NOTEBOOKS["dark"])):
            rules += "".join(sheet.format(f"{page} {name}", **colours) for page in pages)
    return rules.replace("\n\n", "\n")
