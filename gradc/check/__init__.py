"""Oracles for derivatives, and the report that compares them: what `gradc check` shows."""
