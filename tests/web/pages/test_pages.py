"""The candidate's pages: what they show, what an answer does, and that nothing else does anything."""

import pytest
from redis.exceptions import ConnectionError as RedisConnectionError

from engine import conversations
from tests.factories import a_campaign, an_account, letters, send_all, wallet
from tests.web.pages.conftest import Elements, dump
from tests.web.pages.factories import a_rich_campaign

TO = "p0@example.org"


def test_the_page_shows_sender_subject_and_message_and_the_three_answers(visitor, sent, link):
    page = visitor.get(link(sent))

    assert page.status == 200
    for text in (
        "Acme",
        "acme@example.org",
        "Hello N0",
        "Would you like to talk?",
        "Interested",
        "Not now",
        "No thanks",
    ):
        assert page.says(text), text
    assert page.form(link(sent)[3:]).buttons == [("answer", "accept"), ("answer", "not_now"), ("answer", "decline")]


def test_what_a_sender_writes_is_text_and_never_markup(store, visitor, link):
    an_account(store, credits_=1)
    evil = '<script>alert(1)</script>\n<img src=x onerror=alert(2)> & "quotes"\n</p></main>'
    campaign = a_campaign(store, to=1, subject="<h1>'Hello'</h1>", body=evil)
    send_all(store, campaign)

    page = visitor.get(link(f"{campaign}.0"))
    assert "<script" not in page.html
    assert "<img" not in page.html
    assert page.html.count("</main>") == 1
    assert page.html.count("<h1") == 1
    assert page.says("<script>alert(1)</script>")
    assert page.says("<h1>'Hello'</h1>")


def test_lines_and_paragraphs_of_a_message_are_kept(visitor, sent, link):
    html = visitor.get(link(sent)).html
    assert "Hello N0,<br>we build &lt;b&gt;boats&lt;/b&gt;.</p>" in html
    assert '<p dir="auto">Would you like to talk?</p>' in html


def test_interested_spends_the_credit_and_leads_to_the_conversation(store, visitor, sent, link):
    path = link(sent)
    page = visitor.send(path, path[3:], answer="accept", text="Gladly\r\non Monday")

    assert page.status == 303
    assert letters(store, "acme.1") == "ASS"
    assert wallet(store)["spent"] == 1
    talk = visitor.get(page.location)
    assert talk.status == 200
    assert talk.says("Your answer is with Acme")
    assert "Gladly<br>on Monday" in talk.html
    assert page.location == link(sent)


def test_not_now_needs_a_day_and_keeps_what_was_written(store, visitor, sent, link):
    path, before = link(sent), dump(store)
    page = visitor.send(path, path[3:], answer="not_now", text="In spring", until="")

    assert page.status == 422
    assert dump(store) == before
    assert page.says("Please give the day from which you may be asked again")
    assert "In spring</textarea>" in page.html
    assert '<details name="answer" open>' in page.html
    assert 'aria-invalid="true"' in page.html

    assert visitor.send(path, path[3:], answer="not_now", until="2027-03-02", reason="pay").status == 303
    answer = conversations.read(store, sent, address=TO).answer
    assert (answer.kind, answer.until, answer.reason) == ("not_now", "2027-03-02", "")
    assert visitor.get(link(sent)).says("Not now: ask again from 2 March 2027")


@pytest.mark.parametrize("until", ["2020-01-01", "2099-01-01", "tomorrow", "2027-02-30", "20270302", "<b>", "9" * 500])
def test_a_day_that_cannot_be_meant_is_refused_and_changes_nothing(store, visitor, sent, link, until):
    path, before = link(sent), dump(store)
    page = visitor.send(path, path[3:], answer="not_now", until=until)
    assert page.status == 422
    assert dump(store) == before
    assert "<b>" not in page.html


def test_no_thanks_may_have_a_reason(store, visitor, sent, link):
    path = link(sent)
    assert visitor.send(path, path[3:], answer="decline", reason="pay", until="2027-03-02").status == 303
    answer = conversations.read(store, sent, address=TO).answer
    assert (answer.kind, answer.reason, answer.until) == ("decline", "pay", "")
    assert visitor.get(link(sent)).says("No thanks (the pay)")


@pytest.mark.parametrize(
    "fields",
    [
        {"answer": "maybe"},
        {"answer": ""},
        {"answer": "accept\naccept"},
        {"answer": "decline", "reason": "spite"},
        {"answer": "accept", "text": "x" * 2001},
        {"answer": "accept", "nonce": ""},
        {"answer": "accept", "nonce": "one.0.00000000.AAAAAAAAAAAAAAAAAAAAAA"},
        {"answer": "accept", "nonce": "é" * 50},
    ],
)
def test_a_form_that_is_not_right_is_told_and_changes_nothing(store, visitor, sent, link, fields):
    path, before = link(sent), dump(store)
    page = visitor.send(path, path[3:], **fields)
    assert page.status == 422
    assert 'role="alert"' in page.html
    assert dump(store) == before


@pytest.mark.parametrize(
    "body",
    [
        b"answer=accept&answer=decline",
        b"answer=%FF",
        "answer=é".encode(),
        b"answer=accept&" + b"x" * 40_000,
        b"&".join(b"a%d=1" % i for i in range(50)),
        b'{"answer": "accept"}',
    ],
)
def test_a_body_that_is_no_form_is_told_and_changes_nothing(store, visitor, sent, link, body):
    path, before = link(sent), dump(store)
    kind = "application/json" if body.startswith(b"{") else "application/x-www-form-urlencoded"
    page = visitor.ask("POST", path, content=body, headers={"content-type": kind})
    assert page.status == 422
    assert page.says("could not be read")
    assert dump(store) == before


def test_a_nonce_opens_neither_another_link_nor_after_two_hours(store, visitor, sent, link):
    mine, other = link(sent), link("acme.1.1")
    nonce = visitor.get(mine).form(mine[3:]).fields["nonce"]

    assert visitor.post(other, {"nonce": nonce, "answer": "accept"}).status == 422
    store.at_ms += 2 * 3_600_000 + 1
    page = visitor.post(mine, {"nonce": nonce, "answer": "accept", "text": "Written at night"})
    assert page.status == 422
    assert page.says("open for a long time")
    assert "Written at night" in page.html
    assert letters(store, "acme.1") == "SSS"


def test_the_page_says_why_you_and_which_role_where_the_list_says_so(store, visitor, link):
    an_account(store, credits_=1)
    page = visitor.get(link(a_rich_campaign(store)))
    assert page.says("Why you")
    assert page.says("Site Reliability Engineer · Northwind · Berlin")
    assert page.says("Role Staff Engineer, Platform")


def test_every_answer_of_the_pages_has_the_headers_that_keep_a_link_secret(visitor, sent, link):
    path = link(sent)
    found = [
        visitor.ask("GET", path),
        visitor.ask("HEAD", path),
        visitor.ask("GET", f"{path}/choices"),
        visitor.ask("GET", "/r/x"),
        visitor.ask("GET", "/r/erased"),
        visitor.post(path, {}),
        visitor.send(path, path[3:], answer="accept"),
    ]
    for page in found:
        policy = page.headers["content-security-policy"]
        assert policy.startswith("default-src 'none'; style-src 'sha256-")
        assert "script" not in policy
        assert page.headers["referrer-policy"] == "no-referrer"
        assert page.headers["cache-control"] == "no-store"
        assert page.headers["x-content-type-options"] == "nosniff"
        assert "noindex" in page.headers["x-robots-tag"]
        assert "set-cookie" not in page.headers


def test_a_page_loads_nothing_and_runs_nothing(visitor, sent, link):
    path = link(sent)
    pages = [visitor.get(path).html, visitor.get(f"{path}/choices").html, visitor.get("/r/x").html]
    visitor.send(path, path[3:], answer="accept")
    pages.append(visitor.get(path).html)
    for html in pages:
        found = Elements(html)
        assert found.tags.isdisjoint({"script", "img", "link", "iframe", "object", "embed", "base", "video", "svg"})
        assert found.attributes.isdisjoint({"src", "style", "srcset", "ping", "background"})
        assert not [name for name in found.attributes if name.startswith("on")]
        assert "url(" not in html
        assert "@import" not in html
        elsewhere = [place for place in found.places if ":" in place]
        assert all(place.startswith("https://mail.example.org/r/") for place in elsewhere)


def test_a_page_names_the_address_it_was_sent_to_nowhere(visitor, sent, link):
    path = link(sent)
    for shown in (path, f"{path}/choices"):
        assert TO not in visitor.get(shown).html


def test_while_redis_is_away_the_page_says_to_try_again(visitor, sent, link, store, monkeypatch):
    path = link(sent)

    def away(*_, **__):
        raise RedisConnectionError("away")

    with monkeypatch.context() as patch:
        patch.setattr(store, "now_ms", away)
        page = visitor.get(path)
    assert page.status == 503
    assert page.says("Please try again in a moment")
    assert page.headers["retry-after"]
