"""May a job come in? Values in, a verdict out."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from frisket.policy import Admit, Facts, Refuse, Why, admission

GOOD = Facts(
    queue_accepting=True, format="application/pdf", formats=frozenset({"application/pdf", "image/urf"}),
    octets=1000, most_octets=2000, documents=1, most_documents=5,
)  # fmt: skip


def changed(**values: object) -> Facts:
    return Facts(**{**{name: getattr(GOOD, name) for name in Facts.__slots__}, **values})  # type: ignore[arg-type]


def test_what_breaks_no_rule_is_admitted() -> None:
    assert admission(GOOD) == Admit()
    assert admission(changed(octets=None)) == Admit(), "nobody said how large it is: the sealer counts"
    assert admission(changed(octets=2000, documents=5)) == Admit()
    assert admission(changed(format="application/octet-stream")) == Admit()


@pytest.mark.parametrize(
    ("values", "why"),
    [
        ({"queue_accepting": False}, Why.NOT_ACCEPTING),
        ({"format": "text/html"}, Why.FORMAT),
        ({"octets": 2001}, Why.TOO_LARGE),
        ({"documents": 6}, Why.TOO_MANY_DOCUMENTS),
    ],
)
def test_each_rule_refuses_with_its_reason_and_what_to_do(values: dict[str, object], why: Why) -> None:
    verdict = admission(changed(**values))
    assert isinstance(verdict, Refuse) and verdict.why is why
    assert verdict.text and verdict.remedy


@given(st.builds(
    Facts, queue_accepting=st.booleans(),
    format=st.sampled_from(["application/pdf", "x/y", "application/octet-stream"]),
    formats=st.frozensets(st.sampled_from(["application/pdf", "image/urf"])), octets=st.none() | st.integers(0, 99),
    most_octets=st.integers(1, 99), documents=st.integers(1, 9), most_documents=st.integers(1, 9),
))  # fmt: skip
def test_nothing_is_admitted_that_breaks_a_rule(facts: Facts) -> None:
    sound = (
        facts.queue_accepting
        and (facts.format in facts.formats or facts.format == "application/octet-stream")
        and (facts.octets is None or facts.octets <= facts.most_octets)
        and facts.documents <= facts.most_documents
    )
    assert isinstance(admission(facts), Admit) is sound
