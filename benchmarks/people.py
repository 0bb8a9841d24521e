"""Made-up people, the same ones every time: for the example list and the benchmarks.

``python -m benchmarks.people 297`` prints the list that stands in examples/candidates.csv.
"""

from __future__ import annotations

import csv
import random
import sys
import unicodedata
from collections.abc import Iterator

COLUMNS = ["First Name", "Last Name", "Email Address", "Current Title", "Company", "Location"]
FIRST = [
    "Ana",
    "Ben",
    "Chloé",
    "Dmitri",
    "Elif",
    "Femi",
    "Grace",
    "Hiro",
    "Ines",
    "José",
    "Kavita",
    "Liam",
    "Mina",
    "Noor",
    "Olga",
    "Pedro",
    "Quinn",
    "Rosa",
    "Søren",
    "Tala",
    "Uma",
    "Viktor",
    "Wanjiru",
    "Xenia",
    "Yusuf",
    "Zoë",
]
LAST = [
    "Almeida",
    "Bauer",
    "Costa",
    "Dvořák",
    "Eriksen",
    "Fofana",
    "Garcia",
    "Hussein",
    "Ito",
    "Jansen",
    "Kowalski",
    "Lindqvist",
    "Moreau",
    "Nkosi",
    "Okafor",
    "Petrov",
    "Quispe",
    "Rossi",
    "Silva",
    "Tanaka",
    "Ueda",
    "Vargas",
    "Weber",
    "Xu",
    "Yılmaz",
    "Zhang",
]
TITLE = ["Data Engineer", "Backend Developer", "Product Manager", "Site Reliability Engineer", "Designer", "Analyst"]
COMPANY = ["Northwind", "Umbra Labs", "Kestrel", "Oak & Sons", "Vela Systems", "Harbour", "Tern", "Quarry Works"]
LOCATION = ["Lisbon", "Berlin", "Nairobi", "Osaka", "Toronto", "Lima", "Kraków", "Istanbul", "Oslo", "Pune"]


def people(n: int, seed: int = 7, first: int = 0) -> Iterator[list[str]]:
    """``n`` rows aligned with COLUMNS; every address is its own, at a domain nobody can have."""
    rng = random.Random(seed)
    for i in range(first, first + n):
        first, last = rng.choice(FIRST), rng.choice(LAST)
        address = f"{plain(first)}.{plain(last)}{rng.randrange(10**6):06}.{i}@example.org"
        yield [first, last, address, rng.choice(TITLE), rng.choice(COMPANY), rng.choice(LOCATION)]


def plain(name: str) -> str:
    folded = unicodedata.normalize("NFKD", name.replace("ø", "o").replace("ı", "i"))
    return "".join(c for c in folded if c.isascii() and c.isalpha()).lower()


def main() -> None:
    """Print the list as CSV; its last rows are the kinds of mistakes real lists have."""
    n = int(sys.argv[1]) if len(sys.argv) > 1 else 297
    out = csv.writer(sys.stdout, lineterminator="\n")
    out.writerow(COLUMNS)
    rows = list(people(n))
    out.writerows(rows)
    out.writerow([*rows[4][:2], rows[4][2].upper(), *rows[4][3:]])
    out.writerow(["Nadia", "Khoury", "nadia.khoury@", "Analyst", "Tern", "Lima"])
    out.writerow(["Tom", "Adeyemi", "", "Designer", "Kestrel", "Oslo"])


if __name__ == "__main__":
    main()
