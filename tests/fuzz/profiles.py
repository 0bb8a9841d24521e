"""How many examples each fuzz test tries: some in the everyday run, very many with INMAIL_SOAK=1."""

import os

from hypothesis import HealthCheck, settings

# What an example may take is bounded by the suite's timeout: a hang is the fault looked for, not a slow machine.
settings.register_profile(
    "everyday",
    settings.get_profile("default"),
    max_examples=120,
    deadline=None,
    print_blob=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
settings.register_profile("soak", settings.get_profile("everyday"), max_examples=5000)

fuzzed = settings.get_profile("soak" if "INMAIL_SOAK" in os.environ else "everyday")
"""A decorator: ``@fuzzed`` above ``@given``."""
