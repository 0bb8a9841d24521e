"""What a query says: its tree."""

from __future__ import annotations

import pytest

from engine.search.query import parse
from engine.search.tree import BARE_FIELDS, Active, And, Everybody, Ident, Node, Not, Open, Or, Term, Years
from tests.search.people import DAY_MS, NOW_MS


def word(*tokens: str, prefix: bool = False, typo: bool | None = None) -> Term:
    """What a bare word becomes; of a single one of five letters or more, names may differ by one."""
    usual = len(tokens) == 1 and len(tokens[0]) >= 5 and tokens[0].isalpha() and not prefix
    return Term(BARE_FIELDS, tokens, prefix, usual if typo is None else typo)


def of(field: str, *tokens: str, prefix: bool = False, typo: bool = False) -> Term:
    return Term((field,), tokens, prefix, typo)


A, B, C, D = (word(letter) for letter in "abcd")


@pytest.mark.parametrize(
    ("text", "node"),
    [
        ("", Everybody()),
        (" \n\t\u3000", Everybody()),
        ("lujan", word("lujan")),
        ("Luján,", word("lujan")),
        ("jose", word("jose")),
        ("abc12", word("abc12")),
        ('"lujan"', word("lujan", typo=False)),
        ('"Ben Luján"', word("ben", "lujan")),
        ("“Ben Luján”", word("ben", "lujan")),
        ("„Ben Luján“", word("ben", "lujan")),
        ("«Ben Luján»", word("ben", "lujan")),
        ("luj*", word("luj", prefix=True)),
        ("LUJ*,", word("luj", prefix=True)),
        ("co-found*", word("co", "found", prefix=True)),
        ("田中", word("田", "中")),
        ("田*", word("田")),
        ("田中*", word("田", "中")),
        ("co-founder", word("co", "founder")),
        ("e-mail", word("e", "mail")),
        ("12:30", word("12", "30")),
        ("C++", word("cplusplus", typo=True)),
        ("O’Brien", word("o", "brien")),
        ("AT&T", word("at", "t")),
        ("it's", word("it", "s")),
        ("café☕", word("cafe")),
        ('a"b c"d', And((A, word("b", "c"), D))),
        ('"a:b"', word("a", "b")),
        ('"new yor*"', word("new", "yor")),
        ('"-a"', A),
    ],
)
def test_words_and_phrases(text: str, node: Node) -> None:
    assert parse(text, now_ms=NOW_MS) == node


@pytest.mark.parametrize(
    ("text", "node"),
    [
        ("a b", And((A, B))),
        ("a and b", And((A, B))),
        ("a AND b And c d", And((A, B, C, D))),
        ("a or b", Or((A, B))),
        ("a b or c d", Or((And((A, B)), And((C, D))))),
        ("a (b OR c) d", And((A, Or((B, C)), D))),
        ("((a))", A),
        ("a(b)", And((A, B))),
        ("（a or b）", Or((A, B))),
        ("not a", Not(A)),
        ("not a b", And((Not(A), B))),
        ("a not b", And((A, Not(B)))),
        ("a and not b or c", Or((And((A, Not(B))), C))),
        ("-a", Not(A)),
        ("–a −b", And((Not(A), Not(B)))),
        ("a -b", And((A, Not(B)))),
        ("-(a b)", Not(And((A, B)))),
        ("not(a or b)", Not(Or((A, B)))),
        ("--a", Not(Not(A))),
        ("not -a", Not(Not(A))),
        ('-"a b"', Not(word("a", "b"))),
        ("-title:a", Not(of("title", "a"))),
        ("oregon order nothing", And((word("oregon"), word("order"), word("nothing")))),
        ('"or" "not"', And((word("or"), word("not")))),
    ],
)
def test_and_binds_tighter_than_or_and_not_tighter_than_and(text: str, node: Node) -> None:
    assert parse(text, now_ms=NOW_MS) == node


@pytest.mark.parametrize(
    ("text", "node"),
    [
        ("title:senator", of("title", "senator")),
        ("TITLE: Senator", of("title", "senator")),
        ("title：senator", of("title", "senator")),
        ("location:OR", of("location", "or")),
        ("location:not", of("location", "not")),
        ('skill:"public law"', of("skill", "public", "law")),
        ("skill:public-law", of("skill", "public", "law")),
        ("skill:jud*", of("skill", "jud", prefix=True)),
        ("name:lujan", of("name", "lujan", typo=True)),
        ("name:jose", of("name", "jose")),
        ('name:"lujan"', of("name", "lujan")),
        ("name:luja*", of("name", "luja", prefix=True)),
        ("title:12:30", of("title", "12", "30")),
        ("skill:any(a)", of("skill", "a")),
        ("skill:any(a, b)", Or((of("skill", "a"), of("skill", "b")))),
        ("skill:ANY (a,b)", Or((of("skill", "a"), of("skill", "b")))),
        ("skill:any(a、b，c)", Or((of("skill", "a"), of("skill", "b"), of("skill", "c")))),
        ("skill:all(a b, c)", And((of("skill", "a", "b"), of("skill", "c")))),
        ('skill:none("a, b", cd*)', Not(Or((of("skill", "a", "b"), of("skill", "cd", prefix=True))))),
        ("skill:none(a)", Not(of("skill", "a"))),
        ("name:any(lujan, ben)", Or((of("name", "lujan", typo=True), of("name", "ben")))),
        ("location:any(or, in)", Or((of("location", "or"), of("location", "in")))),
        ("skill:any all", And((of("skill", "any"), word("all")))),
        ("years:5", Years(5, 5)),
        ("years:510", Years(510, 510)),
        ("years:5..10", Years(5, 10)),
        ("years:5..5", Years(5, 5)),
        ("years:5..", Years(5, None)),
        ("years:..10", Years(None, 10)),
        ("years:0..0", Years(0, 0)),
        ("open:true", Open(True)),
        ("open:YES", Open(True)),
        ("open:false", Open(False)),
        ("open:no", Open(False)),
        ("active:<30d", Active(NOW_MS - 30 * DAY_MS, None)),
        ("active:>90D", Active(None, NOW_MS - 90 * DAY_MS)),
        ("active:<12h", Active(NOW_MS - DAY_MS // 2, None)),
        ("active:<2w", Active(NOW_MS - 14 * DAY_MS, None)),
        ("active:<1m", Active(NOW_MS - 30 * DAY_MS, None)),
        ("active:<1y", Active(NOW_MS - 365 * DAY_MS, None)),
        ("id:K000367", Ident("K000367")),
        ("id:a:b-c,", Ident("a:b-c,")),
        ('id:"a(b)"', Ident("a(b)")),
    ],
)
def test_fields_and_their_values(text: str, node: Node) -> None:
    assert parse(text, now_ms=NOW_MS) == node


def test_a_term_knows_where_it_stands() -> None:
    node = parse('a  title:b "c d" skill:any(e, f)', now_ms=NOW_MS)
    assert isinstance(node, And)
    *terms, listed = node.children
    assert isinstance(listed, Or)
    assert [term.position for term in (*terms, *listed.children) if isinstance(term, Term)] == [0, 9, 11, 27, 30]
