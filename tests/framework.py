"""The framework set up without a house: for the type checker, and `make migrations`."""

import sys

from frisket.programs import framework

from django.core.management import call_command  # isort: skip  # the framework has to stand first

framework.prepare()

if __name__ == "__main__":
    call_command("makemigrations", *framework.ROOMS[:-1], *sys.argv[1:])
