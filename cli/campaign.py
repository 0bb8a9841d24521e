"""``inmail campaign``: submit one, follow it, steer it, look inside."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any

import typer
from rich.text import Text

from cli import submit, watch
from cli.account import AccountId, Json
from cli.asking import SEQ_MAX
from cli.output import bar, console, counts_line, listing, narrow, pairs, plural, print_json, say, span, when
from cli.output_file import Force, Output, tell_written, write_csv, written
from cli.queue import still_line
from cli.session import queues_of, session
from engine import campaigns
from engine.letters import BY_WORD

app = typer.Typer(help="Submit campaigns, follow them, steer them.", no_args_is_help=True)
app.command("submit")(submit.submit)

CampaignId = Annotated[str, typer.Argument(metavar="CAMPAIGN", help="the campaign's id, such as acme.7")]


@app.command("list")
def list_(
    account: AccountId,
    after: Annotated[
        int, typer.Option(metavar="NUMBER", min=0, max=SEQ_MAX, help="from the one after this number on")
    ] = 0,
    most: Annotated[int, typer.Option(min=1, max=500, help="at most so many campaigns")] = 50,
    as_json: Json = False,
) -> None:
    """List an account's campaigns, oldest first."""
    with session() as s:
        ids = campaigns.campaign_ids(s.store, account, after=after, most=most + 1)
        found = [campaigns.describe(s.store, campaign) for campaign in ids[:most]]
    following = int(ids[most - 1].rpartition(".")[2]) if len(ids) > most else None
    if as_json:
        print_json({"items": found, "next": following})
        return
    if not found:
        say(f"account {account} has no campaign")
        return
    seated = any(c["seat"] for c in found)
    listing(
        ("campaign", *(("seat",) if seated else ()), "state", "recipients"),
        [
            (
                c["campaign"],
                *((c["seat"] or "–",) if seated else ()),
                state_words(c),
                f"{c['recipients']:,}",
                Text(f"{c['name']}  ").append_text(counts_line(c["counts"])),
            )
            for c in found
        ],
        right=("recipients",),
        below=narrow(),
    )
    if following is not None:
        say(f"more: --after {following}")


@app.command("show")
def show(campaign: CampaignId, as_json: Json = False) -> None:
    """Show a campaign: its state, what it waits for, how many recipients stand at each letter."""
    with session() as s, queues_of(s.settings, s.redises) as b:
        found = campaigns.describe(s.store, campaign)
        now = s.store.now_ms()
        still = "" if as_json else still_line(found, b)
    if as_json:
        print_json(found)
        return
    due = found["next_refund_due_ms"]
    pairs(
        {
            "campaign": f"{found['campaign']}  {found['name']}",
            "state": state_words(found),
            **({"queue": Text(still, style="bold yellow")} if still else {}),
            "recipients": f"{found['recipients']:,} in packs of {found['pack_size']}",
            "letters": counts_line(found["counts"]),
            **({"seat": found["seat"]} if found["seat"] else {}),
            "subject": found["subject"],
            "channel": found["channel"],
            "refund": f"{found['refund_when']} after {span(found['refund_after_ms'])}",
            "next refund": f"{when(due)} UTC (in {span(due - now)})" if due else "–",
            "submitted": f"{when(found['submitted_at_ms'])} UTC",
            "starts": f"{when(found['start_at_ms'])} UTC" if found["start_at_ms"] else "at once",
        }
    )
    console.print(bar(found["counts"], max(20, min(console.width - 2, 100))))


def state_words(found: dict[str, Any]) -> str:
    """The state, and what it waits for."""
    return f"waiting for {found['waiting_for']}" if found["waiting_for"] else str(found["state"])


def _steer(campaign: str, verb: campaigns.Verb, as_json: bool) -> None:
    with session(changes=True) as s:
        state = campaigns.steer(s.store, campaign, verb)
    if as_json:
        print_json({"campaign": campaign, "state": state})
    else:
        say(f"campaign {campaign} is {state}")


@app.command("pause")
def pause(campaign: CampaignId, as_json: Json = False) -> None:
    """Stop sending; what was sent is answered and refunded as ever."""
    _steer(campaign, "pause", as_json)


@app.command("resume")
def resume(campaign: CampaignId, as_json: Json = False) -> None:
    """Go on with a paused campaign."""
    _steer(campaign, "resume", as_json)


@app.command("cancel")
def cancel(campaign: CampaignId, as_json: Json = False) -> None:
    """Give up what is not sent yet; what was sent is answered and refunded as ever."""
    _steer(campaign, "cancel", as_json)


@app.command("watch")
def watch_(campaign: CampaignId) -> None:
    """Follow a campaign live until everything is answered or refunded; Ctrl-C stops watching only."""
    with session() as s:
        watch.follow(s, campaign)


@app.command("recipients")
def recipients(
    campaign: CampaignId,
    state: Annotated[str | None, typer.Option(help=f"only those in this state: {', '.join(BY_WORD)}")] = None,
    after: Annotated[int, typer.Option(metavar="INDEX", min=-1, help="from the one after this index on")] = -1,
    most: Annotated[int, typer.Option(min=1, max=10_000, help="at most so many recipients")] = 50,
    as_json: Json = False,
) -> None:
    """List recipients in list order, with the state of each."""
    found = []
    with session() as s:
        for item in campaigns.recipients(s.store, campaign, state=state, after=after):
            found.append(item)
            if len(found) > most:
                break
    page, more = found[:most], len(found) > most
    if as_json:
        print_json({"items": [_recipient(campaign, item) for item in page], "next": page[-1].index if more else None})
        return
    listing(
        ("inmail", "address", "state", "sent (UTC)"),
        [(f"{campaign}.{r.index}", r.fields["email"], r.state, when(r.sent_at_ms), "") for r in page],
    )
    if more:
        say(f"more: --after {page[-1].index}")


def _recipient(campaign: str, item: campaigns.Recipient) -> dict[str, Any]:
    reply_at_ms, _, text = item.reply.partition(" ")
    return {
        "inmail": f"{campaign}.{item.index}",
        "state": item.state,
        "fields": item.fields,
        "sent_at_ms": item.sent_at_ms or None,
        "replied_at_ms": int(reply_at_ms) if reply_at_ms else None,
        "reply": text.partition("\n")[2] or None,
        "failure": item.failure or None,
    }


@app.command("export")
def export(campaign: CampaignId, output: Output = None, force: Force = False) -> None:
    """Write every recipient with its state as CSV; cells a spreadsheet would run as a formula are made inert."""
    with session() as s:
        columns = list(campaigns.get_campaign(s.store, campaign).columns)
        rows = (_exported(campaign, item, columns) for item in campaigns.recipients(s.store, campaign))
        with written(output, force=force) as target:
            n = write_csv(target, ["inmail", "state", "sent_at_utc", "reply", "failure", *columns], rows)
    tell_written(plural(n, "recipient", "recipients"), output)


def _exported(campaign: str, item: campaigns.Recipient, columns: Sequence[str]) -> list[str]:
    it, sent_at = _recipient(campaign, item), when(item.sent_at_ms) if item.sent_at_ms else ""
    cells = [it["inmail"], it["state"], sent_at, it["reply"] or "", it["failure"] or ""]
    return [*cells, *(item.fields[name] for name in columns)]
