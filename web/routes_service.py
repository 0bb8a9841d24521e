"""The service itself: whether it lives, whether it is ready, and what its problems mean. No key is needed here."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Path, Response

from web.documents import Health, ProblemKind, Readiness
from web.openapi import problem_responses
from web.problem_kinds import KINDS
from web.problems import Problem
from web.replies import given
from web.services import Services, get_services

router = APIRouter(tags=["service"])


@router.get("/healthz", response_model=Health)
async def healthz() -> Response:
    """The process lives. Nothing else is looked at: a restart would not mend Redis."""
    return given({"status": "ok"})


@router.get("/readyz", response_model=Readiness, responses=problem_responses("not_ready", "error"))
def readyz(services: Annotated[Services, Depends(get_services)]) -> Response:
    """Redis and the broker's Redis answer."""
    found = services.checks.look()
    if wrong := {name: why for name, why in found.items() if why != "ok"}:
        raise Problem("not_ready", "; ".join(f"{name}: {why}" for name, why in wrong.items()), checks=found)
    return given({"status": "ready", "checks": found})


@router.get(
    "/problems/{code}", response_model=ProblemKind, responses=problem_responses("no_problem", "bad_request_fields")
)
async def problem_kind(code: Annotated[str, Path(max_length=60, examples=["no_campaign"])]) -> Response:
    """What a problem's code means, and what mends it: the page its `type` names."""
    kind = KINDS.get(code)
    if kind is None:
        raise Problem("no_problem")
    return given({"code": code, "status": kind.status, "title": kind.title, "mend": kind.mend})
