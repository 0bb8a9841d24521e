"""A Dramatiq broker on Redis that loses nothing: delayed messages stay in Redis until they are due.

Needs dramatiq, redis and the standard library, and nothing else of this project.
"""

from .broker import DurableRedisBroker
from .dead_letters import DeadGroup, DeadLetter, dead_drop, dead_list, dead_page, dead_resolve, dead_retry, dead_show
from .queues import QueueOverview, pause, queue_list, resume

__all__ = [
    "DeadGroup",
    "DeadLetter",
    "DurableRedisBroker",
    "QueueOverview",
    "dead_drop",
    "dead_list",
    "dead_page",
    "dead_resolve",
    "dead_retry",
    "dead_show",
    "pause",
    "queue_list",
    "resume",
]
