"""Random queries about given profiles: most find somebody, few find everybody, and every kind of node comes up."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence

from engine.search.folding import is_word_of_one, tokens
from engine.search.query import QueryError, parse
from engine.search.tree import TEXT_FIELDS
from engine.search.why import Searched, texts_of

_LETTERS = "abcdefghijklmnopqrstuvwxyz"
_HOUR_MS = 3_600_000


def random_queries(profiles: Sequence[Searched], *, seed: int, now_ms: int) -> Iterator[str]:
    """Texts that can be parsed, without end; the same seed and profiles give the same."""
    author = _Author(profiles, random.Random(seed), now_ms)
    while True:
        text = author.query()
        try:
            parse(text, now_ms=now_ms)
        except QueryError:
            continue  # a word of the profiles that is nothing but punctuation, a prefix of one letter
        yield text


class _Author:
    def __init__(self, profiles: Sequence[Searched], chance: random.Random, now_ms: int) -> None:
        self.profiles = profiles
        self.chance = chance
        self.now_ms = now_ms

    def query(self) -> str:
        shapes = [self._simple, self._both, self._either, self._without, self._grouped]
        return self.chance.choices(shapes, [5, 4, 2, 2, 2])[0]()

    def _simple(self, about: Searched | None = None) -> str:
        """One condition; about: one that this profile likely meets."""
        about = about or self.chance.choice(self.profiles)
        kinds = [self._bare, self._field, self._list, self._years, self._open, self._active, self._ident]
        return self.chance.choices(kinds, [6, 6, 4, 2, 1, 2, 1])[0](about)

    def _both(self) -> str:
        """Conditions of one and the same profile, so that there is somebody who meets them all."""
        about = self.chance.choice(self.profiles)
        parts = [self._simple(about) for _ in range(self.chance.randint(2, 3))]
        return self.chance.choice([" ", " ", " and ", " AND "]).join(parts)

    def _either(self) -> str:
        return self.chance.choice([" or ", " OR "]).join(self._simple() for _ in range(self.chance.randint(2, 4)))

    def _without(self) -> str:
        about = self.chance.choice(self.profiles)
        kept, gone = self._simple(about), self._simple()
        return self.chance.choice([f"{kept} -{gone}", f"not {gone} {kept}", f"-{gone}", f"{kept} not -{gone}"])

    def _grouped(self) -> str:
        about = self.chance.choice(self.profiles)
        shapes = ["({a} or {b}) {c}", "{c} not ({b} or {d})", "({a} {c}) or ({b} not {d})", "-({b} ({a} or {d}))"]
        a, c = self._simple(about), self._simple(about)
        return self.chance.choice(shapes).format(a=a, b=self._simple(), c=c, d=self._simple())

    def _words(self, about: Searched, field: str) -> list[str]:
        """The words of one of the field's texts; of another profile, or any word, where it says nothing."""
        for profile in (about, *self.chance.sample(self.profiles, min(5, len(self.profiles)))):
            texts = [text for text in texts_of(profile, field) if tokens(text)]
            if texts:
                return [word for word in self.chance.choice(texts).split() if tokens(word)]
        return ["nowhere"]

    def _bare(self, about: Searched) -> str:
        field = self.chance.choice(("name", "name", "title", "company", "location", "headline", "skill", "industry"))
        return self._text(self._words(about, field))

    def _field(self, about: Searched) -> str:
        field = self.chance.choice(TEXT_FIELDS)
        return f"{self._cased(field)}:{self._text(self._words(about, field))}"

    def _text(self, words: list[str]) -> str:
        """A word as it stands, of another case, cut short, mistyped; or some of them as a phrase."""
        word = self._plain(self.chance.choice(words))
        start = self.chance.randrange(len(words))
        phrase = " ".join(words[start : start + self.chance.randint(1, 3)]).replace('"', " ")
        ways = [word, self._cased(word), self._cut(word), self._mistyped(word), f'"{self._cased(phrase)}"']
        return self.chance.choices(ways, [4, 2, 2, 2, 3])[0]

    def _plain(self, word: str) -> str:
        """A word of a text without what would end or begin something else in a query."""
        return "".join(" " if char in '()"“”*:,;' else char for char in word).split()[0].lstrip("-–—") or "x"

    def _cased(self, text: str) -> str:
        return self.chance.choice([text, text.lower(), text.upper(), text.title()])

    def _cut(self, word: str) -> str:
        folded = tokens(word)[-1:] or ["x"]
        if is_word_of_one(folded[0]):
            return f"{word}*"
        return f"{folded[0][: self.chance.randint(2, max(2, len(folded[0])))]}*"

    def _mistyped(self, word: str) -> str:
        at = self.chance.randrange(len(word))
        swapped = word[:at] + word[at + 1 : at + 2] + word[at] + word[at + 2 :]
        letter = self.chance.choice(_LETTERS)
        ways = [
            word[:at] + word[at + 1 :],
            word[:at] + letter + word[at:],
            word[:at] + letter + word[at + 1 :],
            swapped,
        ]
        return self._plain(self.chance.choice(ways) + " x")

    def _list(self, about: Searched) -> str:
        field = self.chance.choice(("skill", "skill", "language", "location", "title", "name", "industry"))
        others = [about, *(self.chance.choice(self.profiles) for _ in range(self.chance.randint(0, 3)))]
        items = []
        for profile in others:
            words = self._words(profile, field)[: self.chance.randint(1, 3)]
            item = " ".join(map(self._plain, words))
            items.append(self.chance.choice([item, item, f'"{item}"']))
        kind = self.chance.choice(("any", "any", "all", "none"))
        return f"{field}:{kind}({', '.join(items)})"

    def _years(self, about: Searched) -> str:
        years = self.chance.randint(0, 40) if about.years is None else about.years
        low, high = max(0, years - self.chance.randint(0, 5)), years + self.chance.randint(0, 5)
        return self.chance.choice([f"years:{years}", f"years:{low}..{high}", f"years:{low}..", f"years:..{high}"])

    def _open(self, about: Searched) -> str:
        return f"open:{self.chance.choice(['true', 'yes', 'false', 'no'])}"

    def _active(self, about: Searched) -> str:
        """Within a unit of when the profile was last active, so that the edge is tried."""
        hours = max(1, (self.now_ms - about.last_active_ms) // _HOUR_MS) if about.last_active_ms else 24
        unit, size = self.chance.choice([("h", 1), ("d", 24), ("w", 168), ("m", 720), ("y", 8760)])
        number = min(9999, max(1, hours // size + self.chance.randint(0, 1)))
        return f"active:{self.chance.choice('<>')}{number}{unit}"

    def _ident(self, about: Searched) -> str:
        return f'id:"{about.id}"' if set(about.id) & set('():",') else f"id:{about.id}"
