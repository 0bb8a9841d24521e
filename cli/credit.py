"""``inmail credits``: grant them, show the wallet, read the log."""

from __future__ import annotations

from typing import Annotated

import typer

from cli.account import AccountId, Json
from cli.asking import SEQ_MAX
from cli.output import listing, narrow, pairs, print_json, say, when
from cli.session import session
from engine import credits
from engine.accounts import get_account
from engine.outlook import Outlook, outlook

app = typer.Typer(help="Grant credits, show the wallet, read the log.", no_args_is_help=True)


# -5 is to be read as a number out of bounds, not as an option nobody knows.
@app.command("grant", context_settings={"ignore_unknown_options": True})
def grant(
    account: AccountId,
    amount: Annotated[int, typer.Argument(metavar="N", min=1, max=credits.GRANT_CREDITS_MAX, help="whole credits")],
    reason: Annotated[str, typer.Option(help="why; it stands in the log")],
    key: Annotated[str | None, typer.Option(help="a name for this grant: twice with the same key is once")] = None,
    as_json: Json = False,
) -> None:
    """Add credits to an account."""
    with session(changes=True) as s:
        seq = credits.grant(s.store, account, amount, reason=reason, key=key)
        wallet = credits.wallet(s.store, account)
    if as_json:
        print_json({"account": account, "seq": seq, **wallet.as_dict()})
    else:
        once = ", once for this key" if key is not None else ""
        say(f"granted {amount:,} credits to {account} (log entry {seq}{once}): {wallet.available:,} available")


@app.command("show")
def show(account: AccountId, as_json: Json = False) -> None:
    """Show the wallet: available, held, spent, granted, expired; and when it empties at the present rate."""
    with session() as s:
        wallet = credits.wallet(s.store, account)
        ahead = None if as_json else outlook(s.store, account)
    if ahead is None:
        print_json(wallet.as_dict())
    else:
        pairs({name: f"{n:,}" for name, n in wallet.as_dict().items()} | {"outlook": _empties(ahead)})


@app.command("outlook")
def outlook_(account: AccountId, as_json: Json = False) -> None:
    """Say when the credits run out at the rate of the last four weeks, and what the next month brings."""
    with session() as s:
        ahead = outlook(s.store, account)
    if as_json:
        print_json(ahead.as_dict())
        return
    expiring = f", of which {ahead.expiring_credits:,} would expire today" if ahead.expiring_credits else ""
    month = f"{ahead.next_grant_credits:,} credits on {when(ahead.next_grant_at_ms)}{expiring}"
    pairs(
        {
            "available": f"{ahead.available:,}",
            "rate": f"{ahead.rate_credits_a_day:,.1f} a day over the last {_days(ahead.days_observed)}",
            "outlook": _empties(ahead),
            "next month": month if ahead.next_grant_at_ms else "–",
        }
    )


def _empties(ahead: Outlook) -> str:
    rate = f"at the present rate ({ahead.rate_credits_a_day:,.1f} a day)"
    if ahead.empties_at_ms is None:
        return f"does not empty within a year {rate}"
    return f"empties on {when(ahead.empties_at_ms)[:10]} {rate}" if ahead.available else "empty"


def _days(n: int) -> str:
    return f"{n} days" if n > 1 else "day"


@app.command("log")
def log(
    account: AccountId,
    after: Annotated[
        int | None,
        typer.Option(
            metavar="SEQ", min=0, max=SEQ_MAX, help="from the entry after this one on; without it, the newest"
        ),
    ] = None,
    most: Annotated[int, typer.Option(min=1, max=100_000, help="at most so many entries")] = 100,
    as_json: Json = False,
) -> None:
    """Read the account's log: each transition, the letters that moved (QC5: five from Q to C), the wallet after."""
    with session() as s:
        get_account(s.store, account)
        start = max(0, credits.last_seq(s.store, account) - most) if after is None else after
        found = list(credits.log(s.store, account, after_seq=start, most=most + 1))
    entries, more = found[:most], len(found) > most
    if as_json:
        items = [
            {name: getattr(e, name) for name in e.__slots__ if name != "wallet"} | {"wallet": e.wallet.as_dict()}
            for e in entries
        ]
        print_json({"items": items, "next": entries[-1].seq if more else None})
        return
    if not entries:
        say("nothing after that")
        return
    if after is None and start:
        say(f"the newest {len(entries):,} entries; from the first on: --after 0")
    numbers = ("available", "held", "spent")
    listing(
        ("seq", "at (UTC)", "kind", "campaign", "letters", *numbers),
        [
            (
                *(str(e.seq), when(e.at_ms), e.kind, e.campaign, e.moves),
                *(f"{getattr(e.wallet, name):,}" for name in numbers),
                e.note,
            )
            for e in entries
        ],
        right=("seq", *numbers),
        below=narrow(),
    )
    if more:
        say(f"more: --after {entries[-1].seq}")
