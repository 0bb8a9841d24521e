"""Reading InMails: their rows filled into their messages. Rendered when read, never stored."""

from __future__ import annotations

from dataclasses import dataclass

import orjson

from engine import rows
from engine.accounts import Account, get_account
from engine.campaigns import Campaign, get_campaign, read_pack
from engine.errors import EngineError
from engine.identity import parse_inmail
from engine.message import Message
from engine.store import Store


@dataclass(frozen=True, slots=True)
class Written:
    """One InMail as it was written: who sent it, the recipient's fields, the rendered subject and body."""

    campaign: Campaign
    sender: Account
    index: int
    fields: dict[str, str]
    subject: str
    body: str

    @property
    def address(self) -> str:
        return self.fields["email"]


class Reader:
    """Renders InMails; campaigns, messages and packs met more than once are fetched once. For one page."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self._campaigns: dict[str, tuple[Campaign, Message, Account]] = {}
        self._packs: dict[tuple[str, int], list[list[str]]] = {}

    def campaign(self, campaign: str) -> tuple[Campaign, Message, Account]:
        """The campaign, its message and its sender; raises NotFound."""
        if campaign not in self._campaigns:
            it = get_campaign(self.store, campaign)
            self._campaigns[campaign] = (it, it.message(), get_account(self.store, it.account))
        return self._campaigns[campaign]

    def columns(self, it: Campaign, pack: int) -> list[list[str]]:
        """The columns of one pack's rows; raises Corrupt where they are missing."""
        if (it.id, pack) not in self._packs:
            self._packs[it.id, pack] = read_pack(self.store, it.id, pack)
        return self._packs[it.id, pack]

    def written(self, campaign: str, index: int) -> Written:
        """One InMail; ``index`` must be one of the campaign's. Raises NotFound, Corrupt."""
        it, message, sender = self.campaign(campaign)
        pack, position = divmod(index, it.pack_size)
        columns = self.columns(it, pack)
        fields = {name: column[position] for name, column in zip(it.columns, columns, strict=True)}
        rendered = message.render(fields)
        return Written(it, sender, index, fields, rendered.subject, rendered.body)


def place_of(store: Store, inmail: str, address: str) -> tuple[str, int] | None:
    """Of which campaign and pack an InMail is; None where no row says that it is for this address."""
    try:
        which = parse_inmail(inmail)
    except EngineError:
        return None
    found = store.run("place", store.keys.of_campaign(which.campaign), which.index)
    if found[0] != "ok":
        return None
    _, pack, position, names, blob = found
    columns = rows.unpack(blob.encode("utf-8", "surrogateescape"))
    is_theirs = columns[orjson.loads(names).index("email")][int(position)] == address
    return (which.campaign, int(pack)) if is_theirs else None
