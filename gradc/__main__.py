"""`python -m gradc` is `gradc`."""

from gradc.cli import main

main(prog_name="gradc")
