"""Rules: facts in, verdict out. Fetches nothing and is given the time."""

from frisket.policy.admission import Admit, Facts, Refuse, Verdict, Why, admission

__all__ = ["Admit", "Facts", "Refuse", "Verdict", "Why", "admission"]
