"""The console script: nothing is imported before Ctrl-C has a quiet meaning."""

import signal
import sys


def run() -> None:
    """Run the command line; Ctrl-C while it is still being loaded just ends it (130 to a shell)."""
    usual = signal.signal(signal.SIGINT, signal.SIG_DFL)
    from cli import main

    # Asked to stop is as Ctrl-C: a half-done upload is cleared away, children are stopped.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    signal.signal(signal.SIGINT, usual)
    sys.exit(main.execute(sys.argv[1:]))


if __name__ == "__main__":
    run()
