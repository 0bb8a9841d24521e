"""The OpenAPI document tells all there is, and nothing is answered that it does not tell."""

import os
import re
from contextlib import nullcontext, suppress
from pathlib import Path

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from engine import api_keys
from engine.answers import answer
from engine.directory.profile import Profile
from engine.directory.store import put_many
from engine.search import saved
from tests.conftest import NOON_MS
from tests.factories import a_campaign, a_plan, an_account, send_all
from tests.web.conftest import opened, searchable
from web.problem_kinds import KINDS

pytestmark = [pytest.mark.redis, pytest.mark.timeout(600)]

DOCS = Path(__file__).parents[2] / "docs" / "api.md"
REAL = {
    "number": "acme-0001",
    "campaign": "acme.1",
    "inmail": "globex.1.0",
    "address": "x@example.org",
    "seat": "ben",
    "name": "nurses",
    "code": "no_key",
}
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]


@pytest.fixture(scope="module")
def served(stage, redis_url):
    """A server with two accounts that have written to each other, and acme's key."""
    for api in opened(stage, redis_url):
        for account, other in (("acme", "globex"), ("globex", "acme")):
            an_account(api.store, account, credits_=1_000, plan=a_plan(fee_monthly=100))
            send_all(api.store, a_campaign(api.store, account, to=[f"{other}@example.org", "x@example.org"]))
        answer(api.store, "acme.1.1", address="x@example.org", kind="not_now", until="2027-03-01")
        assert api.store.at_ms == NOON_MS
        put_many(api.store, [Profile(id="n1", name="Ana Lima", title="Nurse", address="ana@example.org")])
        saved.save(api.store, "acme", "nurses", "title:nurse")
        searchable(api.caller("acme"))
        yield api, api_keys.create(api.store, "acme")


def test_the_document_is_openapi_3_1_and_served_without_a_key(served):
    api, _ = served
    document = api.client().get("/openapi.json").json()
    assert document["openapi"] == "3.1.0"
    assert {tag["name"] for tag in document["tags"]} == {
        operation["tags"][0] for path in document["paths"].values() for operation in path.values()
    }


def test_every_operation_tells_its_scope_its_problems_and_what_it_gives(served):
    api, _ = served
    for path, operations in api.app.openapi()["paths"].items():
        for operation in operations.values():
            assert operation["description"], path
            told = operation["responses"]
            assert any(status.startswith("2") for status in told), path
            if path.startswith("/v1/"):
                assert operation["security"] == [{"key": []}]
                assert operation["x-scope"] in api_keys.SCOPES
                assert {"401", "403", "422", "429", "500", "503"} <= set(told), path
            for status, one in told.items():
                if int(status) >= 400:
                    (media,) = one["content"]
                    assert media == "application/problem+json", (path, status)
                    assert one["content"][media]["examples"], (path, status)


@pytest.mark.parametrize("examples", [2, pytest.param(25, marks=pytest.mark.proof)])
def test_nothing_is_answered_that_the_document_does_not_tell(served, examples):
    api, key = served
    schema = schemathesis.openapi.from_dict(api.client().get("/openapi.json").json())
    called, statuses = set(), set()

    def one(case):
        ask(case)
        if case.path_parameters:
            case.path_parameters = {name: REAL.get(name, value) for name, value in case.path_parameters.items()}
            ask(case)

    def ask(case):
        # What does not end by itself is tested by itself; garbage is refused before the stream begins.
        if case.path.endswith("/events") and str(case.path_parameters.get("campaign")) in ("acme.1",):
            return
        headers = {"Authorization": f"Bearer {key}"}
        answer = case.call_and_validate(base_url=api.url, headers=headers, checks=CHECKS, timeout=20)
        called.add((case.method, case.path))
        statuses.add(answer.status_code)

    rounds = settings(
        max_examples=300 if "INMAIL_SOAK" in os.environ else examples,
        deadline=None,
        database=None,
        derandomize=True,
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    for found in schema.get_all_operations():
        for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE):
            # What takes nothing cannot be asked wrongly.
            with suppress(Unsatisfiable) if mode is GenerationMode.NEGATIVE else nullcontext():
                rounds(given(case=found.ok().as_strategy(generation_mode=mode))(one))()
    assert len(called) >= 40
    assert {200, 201, 404, 422} <= statuses, statuses


def test_every_route_and_every_problem_stands_in_the_docs(served):
    api, _ = served
    page = DOCS.read_text()
    for path, operations in api.app.openapi()["paths"].items():
        for method in operations:
            assert f"`{method.upper()} {path}`" in page, (method, path)
    for code, kind in KINDS.items():
        assert f"| `{code}` | {kind.status} | {kind.title} | {kind.mend} |" in page, code
    told = set(re.findall(r"^\| `(\w+)` \| \d+ \|", page, re.MULTILINE))
    assert told == set(KINDS)


def test_every_code_the_engine_refuses_a_call_with_is_told():
    """But for what only a command line can ask for."""
    engine = Path(__file__).parents[2] / "engine"
    text = "\n".join(path.read_text() for path in engine.rglob("*.py"))
    elsewhere = {
        *("account_exists", "bad_account_id", "bad_amount", "bad_plans", "bad_weight", "too_much"),
        *("bad_lifetime", "key_over", "no_api_key", "too_many_keys", "unknown_scope"),
        *("bad_link_keys", "bad_span", "not_delivered"),
        *("bad_profile", "no_candidate", "disk_full"),
        *("bad_cycle", "bad_month", "bad_tax", "bad_text", "bad_timezone", "paid_otherwise"),
    }
    raised = set(re.findall(r'code="(\w+)"', text))
    assert raised - elsewhere - set(KINDS) == set(), "give it a row in web/problem_kinds.py"
