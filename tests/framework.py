"""The framework set up without a house: for the type checker and for making migrations."""

from frisket.programs import framework

framework.prepare()
