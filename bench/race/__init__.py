"""The race: gradc beside other libraries, each in a process of its own: `python -m bench --against all`."""
