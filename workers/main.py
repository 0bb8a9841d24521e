"""What ``dramatiq workers.main`` imports: the broker and the actors, ready to run."""

from __future__ import annotations

import multiprocessing
import sys

from config import logging
from config.settings import BadSettings, get_settings
from engine.errors import EngineError
from workers.actors import Actors
from workers.lifeline import end_with_parent, stop_once
from workers.payments.collecting import collector
from workers.runtime import find_redis, open_store
from workers.wiring import make_broker

_parent = multiprocessing.parent_process()
if _parent is not None and _parent.pid is not None:  # a worker process, whose handlers Dramatiq has just set
    stop_once()
    # A fork of Dramatiq's master: without it it would go on unseen, beside those of the next master.
    if (hold_on := end_with_parent(_parent.pid)) is not None:
        hold_on()

try:
    _settings = get_settings()
    logging.configure(_settings.log_level, _settings.log_format)
    _redises = find_redis(_settings)
except (BadSettings, EngineError) as error:
    sys.exit(f"inmail: error: {error}")

store = open_store(_redises.url, _settings)
broker = make_broker(_redises.broker_url, _settings.namespace, store)
actors = Actors(broker, store, lease_ms=_settings.lease_ms, collect=collector(store, _settings).collect)
