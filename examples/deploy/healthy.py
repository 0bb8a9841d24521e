"""A container's health: ``python healthy.py worker`` (or ``scheduler``, ``web``).

Exit code 0 when a process of that kind on this host was heard of within the last 12 s; else 1, with a line that says
why. Of several worker processes one is enough: when one dies, its master ends the others and is started again. The web
server is asked whether it is ready.
"""

from __future__ import annotations

import http.client
import socket
import sys

from config.settings import BadSettings, get_settings
from engine import agenda
from engine.store import RedisTrouble, Store, open_client, trouble_text


def trouble(kind: str) -> str | None:
    """What is wrong, or None."""
    try:
        settings = get_settings()
        if settings.redis_url is None:
            return "INMAIL_REDIS_URL is not set"
        if kind == "web":
            return _web(settings.web_port)
        store = Store(open_client(settings.redis_url), settings.namespace)
        here = f"{kind}:{socket.gethostname()}:"
        if any(who.startswith(here) for who in agenda.present(store)):
            return None
    except BadSettings as error:
        return str(error)
    except RedisTrouble as error:
        return f"Redis does not answer as it should: {trouble_text(error)}"
    return f"no {kind} on {socket.gethostname()} was heard of lately"


def _web(port: int) -> str | None:
    line = http.client.HTTPConnection("127.0.0.1", port, timeout=8)
    try:
        line.request("GET", "/readyz")
        answer = line.getresponse()
        return None if answer.status == 200 else f"the web server is not ready: {answer.read(1000).decode()}"
    except OSError as error:
        return f"the web server does not answer: {error}"
    finally:
        line.close()


if __name__ == "__main__":
    if sys.argv[1:] not in (["worker"], ["scheduler"], ["web"]):
        sys.exit("say which: worker, scheduler or web")
    sys.exit(trouble(sys.argv[1]))
