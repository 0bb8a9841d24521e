"""A directory to search from the command line, and searching in it."""

from __future__ import annotations

from tests.cli.conftest import as_json

HEAD = "Id,Name,Email,Title,Company,Location,Skills,Years\n"
NURSES = "".join(
    f"n{n:03},Núria Camp {n},n{n}@example.org,Nurse,Ward {n % 3},Bern,Care; Night shift,{n % 30}\n" for n in range(320)
)
OTHERS = "luj,Ben Ray Luján,ben@example.org,Senator,Democrat,NM,Indian Affairs,9\nnob,Bo Ek,,Baker,Mill,Oslo,,\n"
CAP = 300


def stocked(cli, tmp_path):
    """An account on Business, whose plan shows 300, and 322 candidates in the directory."""
    (tmp_path / "people.csv").write_text(HEAD + NURSES + OTHERS)
    cli("account", "open", "acme", "--email", "hr@example.org", "--name", "Acme", "--plan", "business")
    assert cli("candidates", "import", "people.csv")[0] == 0
    return cli


def look(cli, *words):
    """One page of what a search finds, as the document it is."""
    return as_json(cli("candidates", "search", "acme", *words, "--json"))


def pages(cli, query):
    """All that is shown, page by page."""
    items, after = [], ""
    while after is not None:
        page = look(cli, query, "--limit", "100", *(("--after", after) if after else ()))
        items += page["items"]
        after = page["next"]
    return items
