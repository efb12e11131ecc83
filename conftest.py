"""What every test run gets: groups that keep runs apart, and the account of real programs (tests/house/report.py)."""

pytest_plugins = ("tests.house.report",)
