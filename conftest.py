"""What every test run gets before any other conftest is read."""

from tests.house import databases

pytest_plugins = ("tests.house.report",)
databases.take_own_database()
