"""The list of guards fits the scripts; ``make mutants`` takes each out and sees its test go red."""

import pytest

from tests.proofs.guards import ROOT, SCRIPTS, guards


@pytest.mark.parametrize("guard", guards(), ids=lambda guard: guard.name)
def test_a_guard_of_the_list_stands_in_its_script_once_and_names_a_test(guard):
    assert (ROOT / SCRIPTS / guard.script).read_text().count(guard.was) == 1
    file, *_, name = guard.test.split("::")
    assert f"def {name}(" in (ROOT / file).read_text()


def test_every_script_that_changes_an_account_has_a_guard_in_the_list():
    unlisted = {path.name for path in (ROOT / SCRIPTS).glob("*.lua")} - {guard.script for guard in guards()}
    # One clears away what nobody can see yet, the others only read.
    assert unlisted == {"discard.lua", "place.lua", "snapshot.lua", "_clock.lua"}
