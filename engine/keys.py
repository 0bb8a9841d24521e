"""Every Redis key of the engine, its type and what it holds; no other file spells one.

All keys of one account share the hash tag ``{account}``, so each script touches one cluster slot.
Mailboxes lie in a fixed number of shards, each with a tag of its own: one call for many mailboxes is what delivery
costs least. The ``{sched}`` keys are derived: delete them and they are rebuilt.
Those of the directory stand in engine/directory/keys.py.
"""

from __future__ import annotations

from typing import Final

from engine.directory.keys import DirectoryKeys
from engine.identity import account_of

MAILBOX_SHARDS: Final = 16
"""Into how many slots of a cluster mailboxes are spread; part of the data's layout, so it cannot be changed later."""


FOLDERS: Final = {"A": "accepted", "D": "declined", "L": "late"}
"""An account's folders of what was answered, by the letter."""

_KNOWN_MAX = 10_000  # a campaign id is no account id: it has a dot


class Keys(DirectoryKeys):
    """Spells keys under one namespace."""

    def __init__(self, namespace: str = "inmail") -> None:
        self.namespace = namespace
        self._known: dict[str, list[str]] = {}
        self.accounts = f"{namespace}:accounts"
        """set: the id of every account; written before the account itself, so none is ever missed."""
        self.link_keys = f"{namespace}:link_keys"
        """hash: id of a key of reply links → when it was made, ms, and its secret; unless the settings name keys."""
        self.plans_sold = f"{namespace}:plans_sold"
        """hash: 'slug version' of a plan that was ever sold → its terms, so that no version stands for two."""
        self.runnable = f"{namespace}:{{sched}}:runnable"
        """zset: account → when the scheduler must next look at it, ms."""
        self.due = f"{namespace}:{{sched}}:due"
        """zset: campaign → when its earliest refund falls due, ms."""
        self.wake = f"{namespace}:{{sched}}:wake"
        """list: a token that ends the scheduler's nap."""
        self.renewals = f"{namespace}:{{sched}}:renewals"
        """zset: account → when something of its subscription happens next, ms."""
        self.leader = f"{namespace}:{{sched}}:leader"
        """hash: which scheduler leads, its epoch, until when."""
        self.presence = f"{namespace}:{{sched}}:presence"
        """zset: ``worker:host:pid`` or ``scheduler:host:pid`` → when it was last alive, ms."""

        self.untidy = f"{namespace}:{{sched}}:untidy"
        """set: accounts with closed packs whose contacts are to be forgotten."""
        self.threads = f"{namespace}:{{sched}}:threads"
        """hash: ``worker:host:pid`` → how many messages it runs at a time."""
        self.stripe_customers = f"{namespace}:stripe_customers"
        """hash: account → the id of its customer at Stripe; derived, found again there where it is lost."""

    def of_account(self, account: str) -> list[str]:
        """The account's keys in the order engine/lua/_keys.lua names them. Not to be changed: it is kept."""
        found = self._known.get(account)
        if found is None:
            if len(self._known) >= _KNOWN_MAX:
                self._known.clear()
            found = self._known[account] = self._account(account)
        return found

    def _account(self, account: str) -> list[str]:
        tag = f"{self.namespace}:{{{account}}}"
        return [
            f"{tag}:account",  # hash: email, name, plan and its limits, campaign_seq; history, stopped, fence; seats
            f"{tag}:wallet",  # hash: available, held, spent, granted, expired; seq and chain of the last log entry
            f"{tag}:log",  # stream: one entry per transition, id = dense sequence number
            f"{tag}:ops",  # hash: operation id → fingerprint and outcome, so that twice is once
            f"{tag}:campaigns",  # zset: campaign → its number; every campaign ever submitted
            f"{tag}:active",  # zset: campaign → its number; those with something left to send or to answer
            f"{tag}:sending",  # zset: campaign → its number; those with something left to send
            f"{tag}:drafts",  # zset: campaign and upload token → when the upload last moved, ms
            f"{tag}:open",  # hash: digest of an address → campaign number.pack of its open InMail (the pair lock)
            f"{tag}:suppressed",  # hash: digest → who said so and the address not to write to: suppress.lua
            f"{tag}:calls",  # zset: operation id made for a single call → when, ms; forgotten after a day
            f"{tag}:stale",  # list: 'number.pack digests' of closed packs whose contacts stand in open still
        ]

    def of_campaign(self, campaign: str) -> list[str]:
        """The account's keys, then the campaign's, in the order engine/lua/_keys.lua names them. Kept as well."""
        found = self._known.get(campaign)
        if found is None:
            found = self._known[campaign] = self._campaign(campaign)
        return found

    def _campaign(self, campaign: str) -> list[str]:
        account = account_of(campaign)
        stem = f"{self.namespace}:{{{account}}}:c{campaign.rpartition('.')[2]}"
        return [
            *self.of_account(account),
            stem,  # hash: state, counters, message, pack_size, refund rule
            f"{stem}:letters",  # string: one letter per recipient
            f"{stem}:sent",  # string: six bytes per recipient, big-endian ms: when it was delivered
            f"{stem}:rows",  # hash: pack → its recipients' fields, packed
            f"{stem}:due",  # zset: pack → when its earliest refund falls due, ms
            f"{stem}:leases",  # zset: pack in flight → when its lease ends, ms
            f"{stem}:tokens",  # hash: pack → token of the worker that claimed it
            f"{stem}:again",  # zset: pack → its number; packs released before that still have queued ones
            f"{stem}:replies",  # hash: index → what was answered, when, the text
            f"{stem}:failures",  # hash: index → why it could not be delivered
            f"{stem}:digests",  # hash: pack → digests of its addresses, until none of it is queued or open
        ]

    def of_conversation(self, campaign: str, index: int) -> list[str]:
        """The campaign's keys, then those of one InMail's conversation, in the order of engine/lua/_talk.lua."""
        account = account_of(campaign)
        folders = [self.folder(account, letter) for letter in FOLDERS]
        return [*self.of_campaign(campaign), *folders, self.unread(account), self.thread(campaign, index)]

    def of_subscription(self, account: str) -> list[str]:
        """The account's keys, then those of its subscription, in the order of engine/lua/_amends.lua."""
        return [*self.of_account(account), self.subscription(account), self.invoices(account)]

    def of_seats(self, account: str) -> list[str]:
        """The account's keys, then where its seats are: those engine/lua/seat.lua is called with."""
        return [*self.of_account(account), self.seats(account)]

    def folder(self, account: str, letter: str) -> str:
        """zset: campaign number.index of each InMail answered so (A, D, L) → when something was last said there, ms."""
        return f"{self.namespace}:{{{account}}}:{FOLDERS[letter]}"

    def unread(self, account: str) -> str:
        """hash: campaign number.index → how much of its candidate's the sender has not seen."""
        return f"{self.namespace}:{{{account}}}:unread"

    def thread(self, campaign: str, index: int) -> str:
        """list: what was said after the answer, oldest first: 'ms side text'."""
        return f"{self.campaign(campaign)}:thread:{index}"

    def subscription(self, account: str) -> str:
        """hash: the account's subscription: plan and its terms, cycle, state, months, what is unpaid; revision."""
        return f"{self.namespace}:{{{account}}}:subscription"

    def invoices(self, account: str) -> str:
        """hash: number of an invoice → the invoice, JSON; every invoice of the account."""
        return f"{self.namespace}:{{{account}}}:invoices"

    def seats(self, account: str) -> str:
        """hash: id of a seat → its person, JSON; its cap and what it used stand in the account, for the scripts."""
        return f"{self.namespace}:{{{account}}}:seats"

    def searches(self, account: str) -> str:
        """hash: name of a saved search → its query and when it was saved, JSON."""
        return f"{self.namespace}:{{{account}}}:searches"

    def of_upload(self, campaign: str, token: str) -> list[str]:
        """The campaign's keys, then those where this upload stages its packs; each upload has its own."""
        return [*self.of_campaign(campaign), self.staged(campaign, token), self.staged_digests(campaign, token)]

    def staged(self, campaign: str, token: str) -> str:
        """hash: pack → its recipients' fields; becomes the campaign's rows when it is submitted."""
        return f"{self.campaign(campaign)}:staged:{token}"

    def staged_digests(self, campaign: str, token: str) -> str:
        """hash: pack → digests of its addresses; becomes the campaign's digests when it is submitted."""
        return f"{self.campaign(campaign)}:staged_digests:{token}"

    def account(self, account: str) -> str:
        return self.of_account(account)[0]

    def wallet(self, account: str) -> str:
        return self.of_account(account)[1]

    def log(self, account: str) -> str:
        return self.of_account(account)[2]

    def campaigns(self, account: str) -> str:
        return self.of_account(account)[4]

    def active(self, account: str) -> str:
        return self.of_account(account)[5]

    def sending(self, account: str) -> str:
        return self.of_account(account)[6]

    def drafts(self, account: str) -> str:
        return self.of_account(account)[7]

    def open(self, account: str) -> str:
        return self.of_account(account)[8]

    def suppressed(self, account: str) -> str:
        return self.of_account(account)[9]

    def stale(self, account: str) -> str:
        return self.of_account(account)[11]

    def campaign(self, campaign: str) -> str:
        return self.of_campaign(campaign)[12]

    def letters(self, campaign: str) -> str:
        return self.of_campaign(campaign)[13]

    def sent(self, campaign: str) -> str:
        return self.of_campaign(campaign)[14]

    def rows(self, campaign: str) -> str:
        return self.of_campaign(campaign)[15]

    def campaign_due(self, campaign: str) -> str:
        return self.of_campaign(campaign)[16]

    def leases(self, campaign: str) -> str:
        return self.of_campaign(campaign)[17]

    def again(self, campaign: str) -> str:
        return self.of_campaign(campaign)[19]

    def replies(self, campaign: str) -> str:
        return self.of_campaign(campaign)[20]

    def failures(self, campaign: str) -> str:
        return self.of_campaign(campaign)[21]

    def digests(self, campaign: str) -> str:
        return self.of_campaign(campaign)[22]

    def still(self, key: str) -> str:
        """A key that never exists, in the slot of another. A cluster refuses a script called with several keys of
        which one is not there for as long as their slot is being moved: it never runs where half of them are gone."""
        return f"{self.namespace}:{{{key.partition('{')[2].partition('}')[0]}}}:still"

    def mailboxes(self, digest: bytes) -> str:
        """hash: digest of an address → its newest entries ' campaign/pack@delivered_ms', oldest first; a '+' before
        them says that older ones are in ``older_mail``. One of MAILBOX_SHARDS such hashes, by the digest."""
        return f"{self.namespace}:{{mailboxes:{digest[0] % MAILBOX_SHARDS:x}}}"

    def optouts(self, digest: bytes) -> str:
        """hash: digest of an address nobody may write to any more → since when, ms; beside its mailbox."""
        return f"{self.mailboxes(digest)}:optouts"

    def older_mail(self, digest: bytes) -> str:
        """zset: campaign/pack → when it was delivered, ms; what no longer stands in ``mailboxes`` of an address."""
        return f"{self.mailboxes(digest)}:{digest.hex()}"

    def api_key(self, key_id: str) -> str:
        """hash: one API key: account, name, scopes, digest of its secret and of the one before, times."""
        return f"{self.namespace}:{{apikey:{key_id}}}"

    def api_key_bucket(self, key_id: str) -> str:
        """string: when the requests of this key so far are used up at its rate, microseconds."""
        return f"{self.api_key(key_id)}:bucket"

    def api_keys(self, account: str) -> str:
        """zset: id of an API key → when it was made, ms; written before the key itself, so none is ever missed."""
        return f"{self.namespace}:{{apikeys:{account}}}"

    def request(self, digest: str) -> str:
        """hash: a request that came with an idempotency key: being carried out, or what it was answered with."""
        return f"{self.namespace}:{{request:{digest}}}"

    def upload(self, upload: str) -> str:
        """hash: a list uploaded over HTTP: whose, how far it is read, what became of it."""
        return f"{self.namespace}:{{upload:{upload}}}"
