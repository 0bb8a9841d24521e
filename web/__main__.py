"""``python -m web --port 8000``: nothing is imported before Ctrl-C has a quiet meaning."""

from __future__ import annotations

import signal
import sys


def run() -> None:
    """Run the web server; Ctrl-C while it is still being loaded just ends it, by that signal (130 to a shell)."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    # `inmail web` holds Ctrl-C back while Python itself starts: one that came meanwhile takes effect here.
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
    from web.serving import main

    sys.exit(main(sys.argv[1:]))


if __name__ == "__main__":
    run()
