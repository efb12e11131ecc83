"""`python -m frisket`: the command line."""

from frisket.programs.cli import main

main()
