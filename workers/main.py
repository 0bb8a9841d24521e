"""What ``dramatiq workers.main`` imports: the broker and the actors, ready to run."""

from __future__ import annotations

import sys

from config import logging
from config.settings import BadSettings, get_settings
from engine.errors import EngineError
from workers.actors import Actors
from workers.runtime import find_redis, open_store
from workers.wiring import make_broker

try:
    _settings = get_settings()
    logging.configure(_settings.log_level, _settings.log_format)
    _redises = find_redis(_settings)
except (BadSettings, EngineError) as error:
    sys.exit(f"inmail: error: {error}")

store = open_store(_redises.url, _settings)
broker = make_broker(_redises.broker_url, _settings.namespace, store)
actors = Actors(broker, store, lease_ms=_settings.lease_ms, in_flight=_settings.in_flight)
