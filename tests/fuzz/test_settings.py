"""Settings and plans are written by hand: whatever stands there, they load, or one line says where to look."""

from __future__ import annotations

import contextlib
import os
import re
import tempfile
from collections.abc import Iterator, Mapping
from itertools import chain
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from config.settings import BadSettings, Settings, get_settings
from engine.cluster import ClusterClient
from engine.errors import Invalid
from engine.plans import Plan, load_plans
from engine.store import open_client
from tests.fuzz.profiles import fuzzed

LINE_CHARS_MAX = 1000
VARIABLES = [f"INMAIL_{name.upper()}" for name in Settings.model_fields]

WORDS = ["", " ", "0", "1", "500", "-1", "1e3", "1_000", "٣", "9" * 5000, "nan", "true", "null", "[]", "{", "auto"]
WORDS += ["P7D", "P", "PT", "p7d", "P-7D", "PT0.5S", "P999999999999999999D", "PT1S", "P1Y", " P7D ", "PxD", "P1D" * 200]
WORDS += ["redis://", "redis://[", "redis://h:x", "redis://h:99999/0", "redis://h/x", "redis://u:p@h/0?db=x", "unix://"]
WORDS += ["redis://h?socket_timeout=x", "redis://[::1]:6379", "rediss://h?ssl_cert_reqs=x", "redis://h?protocol=9"]
WORDS += ["unix:///nowhere.sock?db=-1", f"redis://{'h' * 70}", "REDIS://h", "fake", "${HOME}", "$"]
WORDS += [
    "redis+cluster://",
    "redis+cluster://h,",
    "redis+cluster://[",
    "redis+cluster://h/1",
    "redis+cluster://u:p@h,g",
]
WORDS += ["folder", "plans.toml", "plans.toml/x", "x" * 300, "x/" * 3000, "~nobody", "debug", "DEBUG", "json"]
OPTIONS = ["timeout", "max_connections", "retry", "retry_on_error", "socket_timeout", "socket_type", "parser_class"]
OPTIONS += ["encoding", "decode_responses", "connection_class", "protocol", "ssl_cert_reqs", "db", "x"]
addresses = st.builds(
    "{}?{}={}".format,
    st.sampled_from(["redis://h", "rediss://h", "unix:///nowhere", "redis+cluster://h,g:1", "rediss+cluster://h,g:1"]),
    st.sampled_from(OPTIONS),
    st.sampled_from(["x", "0", "1", "-1", "nan", "inf", "none"]),
)
# No variable of a process holds a NUL; what is no UTF-8 arrives as lone surrogates.
raw = st.binary(max_size=12).map(lambda data: os.fsdecode(data.replace(b"\0", b"")))
values = st.sampled_from(WORDS) | st.text(st.characters(exclude_characters="\0", codec="utf-8"), max_size=20) | raw
variables = st.dictionaries(st.sampled_from(VARIABLES), values, max_size=4)
with_addresses = st.dictionaries(st.sampled_from(["INMAIL_REDIS_URL", "INMAIL_BROKER_URL"]), addresses)


@contextlib.contextmanager
def elsewhere() -> Iterator[Path]:
    """An empty folder without any INMAIL_ variable, so that nothing of this machine counts."""
    with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder), pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.upper().startswith("INMAIL_")]:
            patch.delenv(name)
        get_settings.cache_clear()
        try:
            yield Path(folder)
        finally:
            get_settings.cache_clear()


def settings_or_refusal(named: str) -> None:
    try:
        found = get_settings()
    except BadSettings as caught:
        refused = str(caught)
    else:
        for url in filter(None, (found.redis_url, found.broker_url)):
            client = open_client(url)  # connects to nobody yet
            if not isinstance(client, ClusterClient):
                client.connection_pool.make_connection()
        return
    assert re.search(named, refused)
    assert refused.isprintable()
    assert len(refused) <= LINE_CHARS_MAX * len(VARIABLES)


@fuzzed
@given(st.builds(dict[str, str].__or__, variables, with_addresses))
@example({"INMAIL_DATA_DIR": "x" * 300})
@example({"INMAIL_REDIS_URL": "redis://h?timeout=1"})
def test_any_variables_are_settings_or_refused_by_name(variables: Mapping[str, str]) -> None:
    with elsewhere() as folder, pytest.MonkeyPatch.context() as patch:
        (folder / "folder").mkdir()
        (folder / "plans.toml").touch()
        for name, value in variables.items():
            patch.setenv(name, value)
        settings_or_refusal("|".join(f"{name}=" for name in variables))


lines = st.builds(
    "{}{}{}".format,
    st.sampled_from([*VARIABLES, *map(str.lower, VARIABLES), "export INMAIL_LEASE", "OTHER", "#", ""]),
    st.sampled_from(["=", " = ", "='", '="', "", ":"]),
    values | st.sampled_from(["'", '"', "\\", "'a\nb'", '"\\x', "${INMAIL_LEASE}", "${", "\0"]),
)
files = st.lists(lines, max_size=5).map("\n".join).map(os.fsencode) | st.binary(max_size=60)


@fuzzed
@given(files)
@example(b"INMAIL_LEASE=\xff")
@example(b"INMAIL_DATA_DIR='\0'")
def test_any_env_file_gives_settings_or_is_refused_by_name(content: bytes) -> None:
    with elsewhere() as folder:
        (folder / ".env").write_bytes(content)
        settings_or_refusal("|".join([*(f"{name}=" for name in VARIABLES), r"\.env"]))


KEYS = [name for name in Plan.__dataclass_fields__ if name != "slug"]
keys = st.sampled_from([*KEYS, "refund", "refund.when", "refund.after", "slug", "colour", '"a b"', "''", "refund.x"])
SCALARS = ["0", "1", "-1", "1_000", "1e3", "nan", "inf", "true", "'x'", "''", "'USD'", "'€'", '"a\\nb"', '"\\u001b[2J"']
SCALARS += ["{ when = 'answered', after = 'P1D' }", "{ when = 1 }", "{ after = 'P' }", "{ after = 'P99999999999D' }"]
SCALARS += ["2026-12-01", "0000-00-00", "9" * 30, "9" * 5000, "0x" + "f" * 5000, "'" + "x" * 5000 + "'", "[" * 2000]
SCALARS += ["[" * 50 + "]" * 50, "{a=" * 2000, "P1D", "'P1D'", "'answered'", "[]", "{}"]
HEADERS = [
    "[plans.x]",
    "[plans]",
    "[plans.business]",
    "[plans.'Bad Slug']",
    "[[plans.x]]",
    "[plans",
    "[x]",
    "plans = 1",
]
HEADERS += ["[plans.x.refund]", "[plans.'\\n']", f"[plans.{'y' * 3000}]", '[plans."\\u202e"]']
entries = st.builds("{} = {}".format, keys, st.sampled_from(SCALARS))
tables = st.builds(lambda header, body: [header, *body], st.sampled_from(HEADERS), st.lists(entries, max_size=4))
# TOML itself refuses most of those; a table whose keys stand once gets as far as our own checks.
one_table = st.dictionaries(st.sampled_from([*KEYS, "refund", "colour"]), st.sampled_from(SCALARS), max_size=3).map(
    lambda body: "\n".join(["[plans.x]", *map(" = ".join, body.items())])
)
documents = one_table | st.lists(tables, max_size=3).map(lambda found: "\n".join(chain.from_iterable(found)))


@fuzzed
@example(b"x = " + b"[" * 5000)
@example(b"[plans.x]\nfee_annual = " + b"9" * 5000)
@example(b"[plans.x]\nfee_annual = 0x" + b"f" * 5000)
@given(documents.map(str.encode) | st.binary(max_size=80) | st.text(max_size=80).map(str.encode))
def test_any_plans_file_gives_plans_or_is_refused_by_file_and_line(content: bytes) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "own.toml"
        path.write_bytes(content)
        try:
            plans = load_plans(path)
        except Invalid as caught:
            refused = str(caught)
        else:
            assert all(plan.slug == slug and plan.name.isprintable() for slug, plan in plans.items())
            return
    assert refused.startswith(str(path))
    assert refused.isprintable()
    assert len(refused) <= LINE_CHARS_MAX
