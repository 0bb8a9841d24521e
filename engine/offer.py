"""The offer: what this network sells, and on which terms; and which versions of its plans were ever sold."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from decimal import Decimal
from itertools import islice

from engine.errors import Refused
from engine.plans import Plan, of_terms
from engine.store import Store

DAY_MS = 86_400_000
BASIC = "basic"
_NOT_TERMS = ("name", "weight")  # they bind nobody


@dataclass(frozen=True, slots=True)
class Offer:
    """The plan catalogue and the terms of payment. Durations in ms; ``tax_percent`` is added to every invoice.

    ``provider`` is who takes payments. ``manual``: an operator says what was paid, and a subscription begins at once.
    Any other charges by itself, and a first payment comes before the benefits.
    """

    plans: Mapping[str, Plan] = field(default_factory=dict)
    tax_percent: Decimal = Decimal(0)
    payment_due_ms: int = 14 * DAY_MS
    grace_ms: int = 7 * DAY_MS
    lapse_keeps_ms: int = 30 * DAY_MS
    timezone: str = "UTC"
    provider: str = "manual"
    seller: tuple[str, ...] = ()

    @property
    def charges(self) -> bool:
        """Whether payments are taken by themselves."""
        return self.provider != "manual"

    @property
    def basic(self) -> Plan:
        """What an account has without a subscription."""
        return self.plans.get(BASIC) or Plan(BASIC, "Basic", can_send=False, profiles_per_search=100)


def is_free(plan: Plan) -> bool:
    """Whether a plan is what an account has without any subscription: nothing to pay, nothing to send."""
    return not plan.can_send and not plan.fee_monthly and not plan.fee_annual and not plan.credits_a_month


def check_version(store: Store, plan: Plan, *, keep: bool = True) -> None:
    """Keep the terms of a plan that is sold, unless it is only asked about; raises Refused where this version stands
    for other terms already."""
    name = f"{plan.slug} {plan.version}"
    if keep and store.client.hsetnx(store.keys.plans_sold, name, plan.to_terms()):
        return
    sold = store.client.hget(store.keys.plans_sold, name)
    if sold is None:
        return
    kept, now = asdict(of_terms(sold.decode())), asdict(plan)
    for key, was in kept.items():
        if key not in _NOT_TERMS and now[key] != was:
            raise Refused(
                f"plan {plan.slug} version {plan.version} was sold with other terms ({key} {was}, now {now[key]}): "
                f"give the new ones a version of their own, version = {plan.version + 1}, in the plans file",
                code="version_sold",
            )


def versions_sold(store: Store) -> list[Plan]:
    """Every version of a plan that was ever sold, by slug and version."""
    found = [of_terms(terms.decode()) for terms in store.client.hvals(store.keys.plans_sold)]
    return sorted((plan for plan in found if not is_free(plan)), key=lambda plan: (plan.slug, plan.version))


def on_plans_not_sold(
    store: Store, accounts: Iterable[str], plans: Mapping[str, Plan], *, step: int = 500
) -> Iterator[tuple[str, str, bool]]:
    """Of these accounts those whose plan is not in the catalogue any more, and that plan; True: not yet theirs, but
    what their subscription is to change to. Asked ``step`` at a time, in one round trip each."""
    left = iter(accounts)
    while batch := list(islice(left, step)):
        pipe = store.client.pipeline(transaction=False)
        for account in batch:
            pipe.hget(store.keys.account(account), "plan")
            pipe.hget(store.keys.subscription(account), "next_plan")
        found = pipe.execute()
        for account, present, coming in zip(batch, found[::2], found[1::2], strict=True):
            if present and present.decode() not in plans:
                yield account, present.decode(), False
            if coming and (later := of_terms(coming.decode()).slug) not in plans:
                yield account, later, True
