"""Leases, beats and limits fit together, and a lease that does not fit is refused when a process starts."""

import pytest

from config import timings
from config.settings import Settings


@pytest.mark.parametrize("lease", ["PT2S", "PT30S", "PT1H"])
def test_all_rules_hold_for_every_lease_that_is_accepted(lease):
    assert timings.broken(Settings(lease=lease).lease_ms) == []


@pytest.mark.parametrize("lease", ["PT1.999S", "PT0S", "PT1H1S", "P1D"])
def test_a_lease_that_does_not_fit_is_refused_with_the_reason(lease):
    with pytest.raises(ValueError, match="the lease must be between PT2S and PT1H, so that a pause is not taken"):
        Settings(lease=lease)


@pytest.mark.parametrize(
    ("name", "value", "rule"),
    [
        ("LEADER_RENEWS_S", 3, "a leader renews three times"),
        ("LEADER_LEASE_MS", 9_500, "fit into the takeover"),
        ("BROKER_BEAT_MS", 6_000, "a process beats three times"),
        ("BROKER_SILENT_MS", 25_000, "fit into the handover"),
        ("PRESENCE_SHOWN_MS", 9_000, "says twice"),
        ("SHUTDOWN_MS", 30_000, "before it would be killed"),
    ],
)
def test_a_duration_changed_without_its_fellow_is_noticed_at_start(monkeypatch, name, value, rule):
    monkeypatch.setattr(timings, name, value)
    with pytest.raises(ValueError, match=rule):
        Settings(lease="PT30S")


def test_the_default_lease_is_checked_too(monkeypatch):
    monkeypatch.setattr(timings, "SHUTDOWN_MS", 30_000)
    with pytest.raises(ValueError, match="before it would be killed"):
        Settings()
