"""A database for each process of a run, where the suite runs on PostgreSQL."""

import os

import psycopg


def take_own_database() -> None:
    """Tests empty the tables between them, so each of several processes needs a database of its own.

    Called before the other conftest files are read, because they set the framework up.
    """
    worker, url = os.environ.get("PYTEST_XDIST_WORKER"), os.environ.get("FRISKET_TEST_DATABASE")
    if not worker or not url:
        return
    server, _, name = url.rpartition("/")
    own = f"{name.removesuffix(f'_{worker}')}_{worker}"
    with psycopg.connect(url, autocommit=True) as connection:
        if connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [own]).fetchone() is None:
            connection.execute(f'CREATE DATABASE "{own}"')
    os.environ["FRISKET_TEST_DATABASE"] = f"{server}/{own}"
