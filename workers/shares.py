"""Whose turn it is: accounts share what the queue takes by their weights (deficit round robin, in recipients)."""

from __future__ import annotations

from collections.abc import Mapping

_KEPT_MAX = 50_000
_SAVED = 1_000.0


class Shares:
    """What each account may still release in this round. A memory only: losing it costs one round's fairness."""

    def __init__(self) -> None:
        self._credit: dict[str, float] = {}

    def deal(self, weights: Mapping[str, int], recipients: int) -> None:
        """Deal ``recipients`` out among the accounts that have something to send, by weight."""
        total = sum(weights.values())
        if len(self._credit) > _KEPT_MAX:
            self._credit = {account: self._credit[account] for account in weights if account in self._credit}
        for account, weight in weights.items():
            share = recipients * weight / total
            # What was saved up is bounded: an account that had no use for its share does not make up for it later.
            self._credit[account] = min(self._credit.get(account, 0.0) + share, max(2 * share, _SAVED * weight))

    def of(self, account: str) -> int:
        """How many recipients the account may release now; 0 when it has had its share."""
        return max(0, -int(-self._credit.get(account, 0.0) // 1))

    def take(self, account: str, recipients: int) -> None:
        """Take note of what it released. A pack is not divided: it may go into debt, and pays it from later shares."""
        self._credit[account] = self._credit.get(account, 0.0) - recipients

    def forget(self, account: str) -> None:
        """An account with nothing to send has neither savings nor debts."""
        self._credit.pop(account, None)
