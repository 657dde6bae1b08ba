"""Error functions, roots and the gamma family."""

SPECIAL: dict[str, str] = {}
