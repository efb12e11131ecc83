"""The page of requirements says what the tests say."""

import textwrap

from tests.house.requirements import GROUPS, PAGE, capabilities, declined, known, page, proofs


def test_the_page_is_up_to_date():
    assert PAGE.read_text() == page(), "run: make requirements"


def test_every_marked_requirement_is_a_known_one():
    assert sorted({proof.requirement for proof in proofs()} - known().keys()) == []


def test_what_is_declined_is_known_has_a_reason_and_is_claimed_by_no_test():
    assert sorted(declined().keys() - known().keys()) == []
    assert sorted(declined().keys() & {proof.requirement for proof in proofs()}) == []
    assert all(len(why) > 20 for why in declined().values())


def test_every_requirement_belongs_to_a_group_and_a_capability():
    assert {each.id.split("-")[0] for each in known().values()} == GROUPS.keys()
    assert {each.capability for each in known().values()} <= capabilities().keys()
    assert len(known()) == 495


def test_markers_are_found_on_functions_classes_and_whole_modules(tmp_path):
    (tmp_path / "tests").mkdir()
    (tmp_path / "tests" / "test_sample.py").write_text(
        textwrap.dedent("""
            import pytest
            pytestmark = [pytest.mark.peer("lp")]

            @pytest.mark.requirement("SPM-01", "SPM-08")
            def test_one(): ...

            @pytest.mark.requirement("OCE-99")
            class TestSeveral:
                @pytest.mark.peer("curl")
                async def test_two(self): ...

            @pytest.mark.requirement("SPM-02")
            def helper(): ...
        """)
    )
    found = {(proof.requirement, proof.name, proof.peers) for proof in proofs(tmp_path / "tests")}
    assert found == {
        ("SPM-01", "test_one", ("lp",)),
        ("SPM-08", "test_one", ("lp",)),
        ("OCE-99", "TestSeveral.test_two", ("curl", "lp")),
    }
