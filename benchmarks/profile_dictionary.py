"""Makes engine/directory/profiles.zdict: what packed profiles have in common, so that each need not hold it.

``python -m benchmarks.profile_dictionary [FILE]``. What is packed with one dictionary can be read with no other: a new
one needs a format byte of its own (engine/directory/profile.py), and the old file stays beside it.

The words are those that stand in people's profiles everywhere: skills, titles, industries, languages, countries. Names,
companies and addresses are drawn from letters, so that it is no dictionary of the benchmark's own people.
"""

from __future__ import annotations

import random
import string
import sys
from dataclasses import replace
from pathlib import Path

import orjson
import zstandard

from benchmarks.candidates import candidates
from engine.directory import profile

DICTIONARY_BYTES = 32 * 1024
_SAMPLES = 20_000


def samples() -> list[bytes]:
    """Profiles as they are before they are compressed."""
    rng = random.Random(11)
    made = []
    for each in candidates(_SAMPLES, seed=11):
        name, company = f"{_word(rng)} {_word(rng)}", _word(rng)
        strange = replace(
            each,
            name=name,
            company=company,
            headline=each.headline.replace(each.company, company),
            address=f"{name.replace(' ', '.').lower()}@{rng.choice(('gmail.com', 'outlook.com', 'example.org'))}",
        )
        made.append(orjson.dumps(profile.fields_of(strange)))
    return made


def _word(rng: random.Random) -> str:
    return "".join(rng.choices(string.ascii_lowercase, k=rng.randint(3, 9))).capitalize()


def main() -> None:
    """Write the dictionary to the file named, or to its place in the package."""
    target = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(profile.__file__).parent / "profiles.zdict"
    made = zstandard.train_dictionary(DICTIONARY_BYTES, samples(), level=6, threads=0)
    target.write_bytes(made.as_bytes())
    print(f"{target}: {len(made):,} bytes")


if __name__ == "__main__":
    main()
