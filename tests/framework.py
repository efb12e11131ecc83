"""Django set up without a house: for the type checker and for making migrations."""

from pathlib import Path
from tempfile import gettempdir

from frisket.plumbing.settings import Settings
from frisket.programs import framework

framework.configure(Settings(), Path(gettempdir()), secret_key="only for the type checker")
