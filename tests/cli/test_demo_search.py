"""The demo's search: what is shown of it, and whom it writes to, whatever list it is given."""

import pytest

from cli import demo_search
from engine import campaigns, submitting
from engine.audit import audit
from engine.message import parse_message
from tests.factories import a_plan, send_all

ORDER = submitting.Order("Found", 500, refund_after_ms=10_000)
FEW = 4


def write(listed):
    return parse_message("Hi", "Hello {{ first_name }}", columns=listed.columns)


@pytest.fixture
def demo(store, tmp_path, capsys):
    """Runs the step over a list; gives the campaign and what was said."""

    def run(text):
        (tmp_path / "list.csv").write_text(text)
        plan = a_plan(credits_a_month=FEW, profiles_per_search=6)
        found = demo_search.find_and_write(store, tmp_path / "index", tmp_path / "list.csv", plan, ORDER, write)
        return found, capsys.readouterr().out

    return run


def test_it_narrows_down_until_few_are_found_and_writes_to_these(store, demo):
    rows = "".join(f"p{n}@example.org,Ana {n},Nurse,{('Bern', 'Oslo')[n > 7]},Ward {n % 3}\n" for n in range(10))
    campaign, said = demo("email,name,title,location,company\n" + rows)
    assert "10 people; on Unlimited a search shows 6 of 10, the plan's limit" in said
    assert 'search    location:"Bern" company:"Ward 0"\n          showing 3 of 3\n' in said
    assert said.count("(location Bern; company Ward 0)") == 3
    assert said.endswith("writes to these 3\n")
    written = {it.fields["email"] for it in campaigns.recipients(store, campaign)}
    assert written == {f"p{n}@example.org" for n in (0, 3, 6)}
    send_all(store, campaign)
    assert audit(store, demo_search.ACCOUNT).drift == []


def test_a_list_of_addresses_alone_is_searched_and_not_written_to(demo):
    campaign, said = demo("email\n" + "".join(f"p{n}@example.org\n" for n in range(9)))
    assert campaign is None
    assert "search    everybody\n          showing 6 of 9, the plan's limit" in said
    assert "writes to" not in said


@pytest.mark.parametrize("value", ['""', "☃", "***", '"a ""quoted"" place"', "x" * 200])
def test_odd_values_do_not_stop_it(demo, value):
    rows = "".join(f"p{n}@example.org,{value}\n" for n in range(9))
    campaign, said = demo("email,location\n" + rows)
    assert campaign is None
    assert "search    " in said
