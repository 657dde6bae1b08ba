"""The workloads that gradc is measured on: `python -m bench`."""
