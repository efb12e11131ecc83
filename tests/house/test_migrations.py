"""The tables of the code and the migrations that make them."""

from django.core.management import call_command

from frisket.programs import framework


def test_every_table_has_a_migration_that_makes_it_as_it_is() -> None:
    call_command("makemigrations", *framework.ROOMS[:-1], check=True, dry_run=True, verbosity=0)
