"""Searching as an account: the plan's cap, pages, why, marks; saved searches; snapshots that become campaigns."""

import io
from dataclasses import replace

import pytest

from engine import campaigns, choices, opening, submitting, suppressions
from engine.directory import wishes
from engine.directory.keys import DIRECTORY_SHARDS
from engine.directory.profile import Profile
from engine.directory.store import all_profiles, put_many, remove_many
from engine.errors import Invalid, NotFound, Refused
from engine.intake.lists import open_list
from engine.message import parse_message
from engine.search import saved, searching
from engine.search import snapshot as snapshots
from engine.search.facets import count_facets
from engine.search.follower import catch_up
from engine.search.index import Index
from engine.search.query import QueryError, parse
from engine.search.searching import search
from engine.search.snapshot import snapshot
from tests.conftest import DAY_MS
from tests.factories import a_campaign, a_plan, an_account, reply, send_all, wallet

CAP = 7


@pytest.fixture
def people(store):
    """Twenty nurses and three others in the directory, and an account whose plan shows seven."""
    an_account(store, credits_=50, plan=a_plan(profiles_per_search=CAP))
    put_many(store, [nurse(n) for n in range(20)])
    put_many(
        store,
        [
            Profile(id="x1", name="José Müller", title="Baker", address="jose@example.org"),
            Profile(id="x2", name="Without Address", title="Baker"),
            Profile(id="x3", name="Never Asked", title="Baker", address="never@example.org", consent=False),
        ],
    )


def nurse(n, **changes):
    return Profile(
        **{
            "id": f"n{n:02}",
            "name": f"Nurse {n}",
            "title": "Nurse",
            "skills": ("Care", f"Ward {n % 3}"),
            "location": ("Berlin", "Bern")[n % 2],
            "address": f"n{n}@example.org",
            **changes,
        }
    )


@pytest.fixture
def look(store, people, tmp_path):
    """Searches for acme in an index that is brought up to date first."""

    def search_now(text="", account="acme", **how):
        catch_up(store, tmp_path / "index")
        return search(store, Index.open(tmp_path / "index"), account, text, **how)

    return search_now


@pytest.fixture
def freeze(store, people, tmp_path):
    def freeze_now(text, **how):
        catch_up(store, tmp_path / "index")
        return snapshot(store, Index.open(tmp_path / "index"), "acme", text, **how)

    return freeze_now


def ids(result):
    return [item.profile.id for item in result.items]


def test_what_is_shown_is_the_plans_however_much_matches(look):
    found = look("title:nurse", limit=100)
    assert (found.total, found.shown, found.cap, len(found.items), found.next) == (20, CAP, CAP, CAP, None)
    assert found.facets["location"] == [("Berlin", 10), ("Bern", 10)]


def test_pages_go_on_where_the_last_one_ended_and_stop_at_the_cap(look):
    whole = ids(look("title:nurse", limit=100))
    pages, after = [], ""
    while True:
        page = look("title:nurse", limit=3, after=after)
        pages.append(ids(page))
        if page.next is None:
            break
        after = page.next
    assert pages == [whole[:3], whole[3:6], whole[6:]]


@pytest.mark.parametrize("after", ["0.n01", "7.n01", "99.n19", "20.n19", "99999.zzz"])
def test_no_cursor_leads_past_the_cap(look, after):
    found = look("title:nurse", limit=100, after=after)
    assert len(ids(found)) <= CAP
    assert set(ids(found)) <= set(ids(look("title:nurse", limit=100)))


@pytest.mark.parametrize("after", ["1", ".", "x.n01", "-1.n01", "1.", "٣.n01", "1" * 40 + ".n"])
def test_a_cursor_that_is_none_is_refused(look, after):
    with pytest.raises(Invalid) as caught:
        look("title:nurse", after=after)
    assert caught.value.code == "bad_cursor"


def test_a_plan_without_a_limit_shows_as_much_as_anybody_looks_at(store, look):
    an_account(store, "free")
    found = look("title:nurse", account="free", limit=100)
    assert (found.shown, found.cap, len(found.items)) == (20, None, 20)


def test_each_is_told_why_and_accents_do_not_matter(look):
    (item,) = look("jose").items
    assert (item.profile.name, item.why, item.mark) == ("José Müller", [("name", "José")], None)


def test_who_gave_no_consent_is_not_found_and_who_has_no_address_is_marked(look):
    found = {item.profile.id: item.mark and item.mark.kind for item in look("title:baker").items}
    assert found == {"x1": None, "x2": "no_address"}


def test_marks_say_what_to_know_before_writing(store, look):
    choices.stop_all(store, "n0@example.org")
    suppressions.suppress(store, "acme", "n1@example.org")
    campaign = a_campaign(store, to=["n2@example.org", "n3@example.org"])
    send_all(store, campaign)
    reply(store, f"{campaign}.1", address="n3@example.org", accept=True)
    sent_ms = store.at_ms
    store.at_ms += DAY_MS

    found = {item.profile.id: item.mark for item in look("id:n00 or id:n01 or id:n02 or id:n03 or id:n04").items}

    assert [found[i] and found[i].kind for i in ("n00", "n01", "n02", "n03", "n04")] == [
        "opted_out",
        "suppressed",
        "open",
        "contacted",
        None,
    ]
    assert found["n02"].until_ms == sent_ms + 7 * DAY_MS
    assert found["n03"].at_ms == sent_ms
    again = {item.profile.id: item.mark for item in look("id:n03", contacted_days=0).items}
    assert again == {"n03": None}
    store.at_ms += 30 * DAY_MS
    assert {item.mark for item in look("id:n03").items} == {None}


def test_anothers_letters_are_no_mark_of_mine(store, look):
    an_account(store, "other", credits_=5)
    send_all(store, a_campaign(store, "other", to=["n4@example.org"]))
    assert look("id:n04").items[0].mark is None


def test_what_is_hidden_or_removed_is_shown_no_more_even_before_the_index_knows(store, people, tmp_path):
    catch_up(store, tmp_path / "index")
    index = Index.open(tmp_path / "index")
    wishes.hide(store, "n0@example.org")
    remove_many(store, ["n01"])
    choices.erase(store, "n2@example.org")
    found = search(store, index, "acme", "id:n00 or id:n01 or id:n02 or id:n03")
    assert (ids(found), found.total, found.shown) == (["n03"], 1, 1)
    assert found.facets["location"] == [("Bern", 1)], "nothing is told of who is gone, by the numbers neither"
    assert search(store, index, "acme", "id:n02").facets["skill"] == []
    taken = snapshot(store, index, "acme", "id:n00 or id:n01 or id:n02 or id:n03")
    assert [row["id"] for row in taken.rows] == ["n03"], "nor written to"


def test_a_query_that_cannot_be_read_says_where(look):
    with pytest.raises(QueryError) as caught:
        look("title:nurse and (")
    assert caught.value.facts["position"] == 17


def test_an_account_that_is_not_there_finds_nothing(look):
    with pytest.raises(NotFound):
        look("nurse", account="nobody")


def test_saved_searches_are_kept_by_name(store, people):
    assert saved.save(store, "acme", "  my   nurses ", "title:nurse")
    assert not saved.save(store, "acme", "my nurses", "title:nurse")
    assert saved.save(store, "acme", "my nurses", "title:baker")
    assert [(each.name, each.query) for each in saved.of_account(store, "acme")] == [("my nurses", "title:baker")]
    assert saved.query_of(store, "acme", "my nurses") == "title:baker"
    assert saved.query_of(store, "acme", "title:cook") == "title:cook"
    assert [saved.remove(store, "acme", "my nurses") for _ in range(2)] == [True, False]
    with pytest.raises(NotFound):
        saved.get(store, "acme", "my nurses")


def test_what_is_no_name_or_no_query_is_not_saved(store, people, monkeypatch):
    for name, query in (("", "nurse"), ("x" * 61, "nurse"), ("a\x1bb", "nurse"), ("fine", "title:(")):
        with pytest.raises(Invalid):
            saved.save(store, "acme", name, query)
    monkeypatch.setattr(saved, "SAVED_MAX", 1)
    saved.save(store, "acme", "one", "nurse")
    saved.save(store, "acme", "one", "baker")
    with pytest.raises(Refused) as caught:
        saved.save(store, "acme", "two", "nurse")
    assert caught.value.code == "too_many_searches"


def test_a_snapshot_leaves_out_who_would_not_be_written_to(store, look, freeze):
    shown = ids(look("title:nurse", limit=100))
    addresses = [f"n{int(ident[1:])}@example.org" for ident in shown]
    choices.stop_all(store, addresses[0])
    send_all(store, a_campaign(store, to=[addresses[1]]))

    taken = freeze("title:nurse")

    assert (taken.total, taken.shown, dict(taken.left_out)) == (20, CAP, {"opted_out": 1, "open": 1})
    assert [row["email"] for row in taken.rows] == addresses[2:]
    assert taken.rows[0]["first_name"] == "Nurse"


def test_who_is_queued_in_another_campaign_is_not_taken_once_more(store, look, freeze):
    shown = [f"n{int(ident[1:])}@example.org" for ident in ids(look("title:nurse", limit=100))]
    earlier = a_campaign(store, to=shown[:3], pack_size=2)  # none of it is sent yet
    taken = freeze("title:nurse")
    assert (dict(taken.left_out), [row["email"] for row in taken.rows]) == ({"queued": 3}, shown[3:])
    campaigns.steer(store, earlier, "cancel")
    campaigns.cancel_rest(store, earlier)
    assert [row["email"] for row in freeze("title:nurse").rows] == shown


def test_an_address_two_profiles_share_is_written_to_once(store, people, freeze):
    put_many(store, [Profile(id=f"twin{n}", title="Twin", address="twin@example.org") for n in range(2)])
    taken = freeze("title:twin")
    assert (len(taken.rows), dict(taken.left_out)) == (1, {"same_address": 1})


def test_a_snapshot_of_nobody_is_refused(freeze):
    for query in ("title:astronaut", "id:x2"):
        with pytest.raises(Refused) as caught:
            freeze(query)
        assert caught.value.code == "nobody"


def test_a_snapshot_becomes_a_campaign_that_what_changes_later_does_not_touch(store, freeze):
    taken = freeze("title:nurse")
    with open_list("-", stdin=io.BytesIO(taken.as_lines())) as listed:
        message = parse_message("Hi {{ first_name }}", "{{ location }}", columns=listed.columns)
        order = submitting.Order("nurses", 500, 7 * DAY_MS, search="title:nurse", key="k")
        done = submitting.submit(store, "acme", listed, message, order)
    remove_many(store, [row["id"] for row in taken.rows])
    send_all(store, done.campaign)
    assert wallet(store)["held"] == CAP

    again = submitting.found_again(store, "acme", key="k", search="title:nurse", message=message, name="nurses")

    assert (again.campaign, again.repeated, again.tally.accepted) == (done.campaign, True, CAP)
    assert submitting.found_again(store, "acme", key="new", search="x", message=message, name="nurses") is None
    with pytest.raises(Refused, match="another order"):
        submitting.found_again(store, "acme", key="k", search="title:baker", message=message, name="nurses")


def test_a_wish_about_a_profile_is_none_about_the_mail_of_a_campaign_submitted_before(store, freeze):
    taken = freeze("title:nurse")
    campaign = a_campaign(store, to=[row["email"] for row in taken.rows])
    hidden, erased = [row["email"] for row in taken.rows[:2]]
    wishes.hide(store, hidden)
    wishes.erase(store, erased)
    send_all(store, campaign)
    assert [bool(choices.senders(store, each)) for each in (hidden, erased)] == [True, True], "as docs/search.md says"


def test_a_basic_account_may_look_as_far_as_its_plan_shows(store, people, look):
    basic = a_plan(slug="basic", can_send=False, profiles_per_search=2)
    opening.open_account(store, "basic", email="b@example.org", name="B", plan=basic)
    assert look("title:nurse", account="basic").shown == 2


def test_facets_counted_from_profiles_are_those_of_the_index(store, look):
    found = look("title:nurse")
    everybody = [profile for shard in range(DIRECTORY_SHARDS) for profile in all_profiles(store, shard, visible=True)]
    counted = count_facets([profile for profile in everybody if profile.title == "Nurse"])
    assert {name: sorted(values) for name, values in counted.items()} == {
        name: sorted(values) for name, values in found.facets.items()
    }


def test_whom_i_wrote_to_is_known_though_much_other_mail_came_since(store, look):
    send_all(store, a_campaign(store, "acme", to=["n3@example.org"]))
    reply(store, "acme.1.0", address="n3@example.org", accept=False)
    for n in range(45):  # enough for the mailbox to put older entries elsewhere
        an_account(store, f"other{n}", credits_=1)
        store.at_ms += 60_000
        send_all(store, a_campaign(store, f"other{n}", to=["n3@example.org"]))
    assert look("id:n03").items[0].mark.kind == "contacted"


def test_who_wants_no_mail_at_all_is_marked_so_before_anything_else(store, look):
    suppressions.suppress(store, "acme", "n0@example.org")
    choices.stop_all(store, "n0@example.org")
    assert look("id:n00").items[0].mark.kind == "opted_out"


def test_a_page_goes_on_behind_the_last_one_of_the_page_before_wherever_that_stands_now(store, look):
    before = ids(look("title:nurse", limit=100))
    first = look("title:nurse", limit=3)
    remove_many(store, [before[0]])
    after = ids(look("title:nurse", limit=100, after=first.next))
    assert after[0] == before[3], "neither left out nor told twice"


def test_who_vanishes_between_pages_takes_nobody_behind_them_along(store, look):
    before = ids(look("title:nurse", limit=100))
    first = look("title:nurse", limit=3)
    remove_many(store, before[1:3])  # the last one shown, whom the cursor names, and one before
    after = ids(look("title:nurse", limit=100, after=first.next))
    assert set(before[3:]) <= set(after)
    assert ids(look("title:nurse", limit=3, after=first.next))[1:] == before[3:5], "no more than a page is told twice"


def test_who_is_found_further_behind_than_before_takes_nobody_along(store, look):
    before = ids(look("title:nurse or skill:chief", limit=100))
    first = look("title:nurse or skill:chief", limit=3)
    others = [each for each in map(nurse, range(20)) if each.id not in before[:3]]
    put_many(store, [replace(each, skills=("Chief",)) for each in others[:4]])
    after = ids(look("title:nurse or skill:chief", limit=100, after=first.next))
    assert before[2] in after, "four stand before the one the cursor names: told twice, nobody left out"


def test_up_to_two_hundred_found_the_numbers_follow_at_once_whatever_the_plan_shows(store, people, tmp_path):
    put_many(store, [nurse(n, id=f"n{n:03}", title="Midwife") for n in range(100, 300)])
    catch_up(store, tmp_path / "index")
    index = Index.open(tmp_path / "index")
    before = search(store, index, "acme", "title:midwife")
    shown, beyond = ids(before)[0], index.search(parse("title:midwife", now_ms=0), most=200).ids[-1]
    wishes.hide(store, f"n{int(shown[1:])}@example.org")
    remove_many(store, [beyond])

    found = search(store, index, "acme", "title:midwife")

    assert (before.total, found.total, found.shown, len(found.items)) == (200, 198, CAP, CAP)
    assert shown not in ids(found)
    assert sum(n for _, n in found.facets["location"]) == 198


def test_without_a_limit_of_the_plans_no_more_is_shown_than_anybody_looks_at(store, look, freeze, monkeypatch):
    monkeypatch.setattr(searching, "SHOWN_MAX", 5)
    monkeypatch.setattr(snapshots, "SHOWN_MAX", 5)
    store.client.hset(store.keys.account("acme"), "profiles_per_search", 0)
    assert look("title:nurse", limit=100).shown == 5
    assert len(freeze("title:nurse").rows) == 5
    store.client.hset(store.keys.account("acme"), "profiles_per_search", CAP)


def test_a_saved_search_is_found_however_its_blanks_were_typed(store, people):
    saved.save(store, "acme", "two  words", "title:nurse")
    assert saved.query_of(store, "acme", " two   words ") == "title:nurse"
    assert saved.get(store, "acme", "two  words").name == "two words"
    for name in (".", "..", "a/b"):
        with pytest.raises(Invalid):
            saved.save(store, "acme", name, "nurse")
    assert saved.remove(store, "acme", "two\twords")
