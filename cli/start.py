"""The console script: nothing is imported before Ctrl-C has a quiet meaning."""

import io
import os
import signal
import sys


def run() -> None:
    """Run the command line; Ctrl-C while it is still being loaded just ends it (130 to a shell)."""
    for n, name in enumerate(("stdin", "stdout", "stderr")):
        if getattr(sys, name) is None:
            # Closed (`>&-`): the number must not go to whatever is opened first.
            os.open(os.devnull, os.O_RDWR)
            if name == "stdout":
                sys.exit(_no_stdout())
            setattr(sys, name, os.fdopen(n, "r" if n == 0 else "w"))
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout = _named(sys.stdout)
    usual = signal.signal(signal.SIGINT, signal.SIG_DFL)
    from cli import main

    # Asked to stop is as Ctrl-C: a half-done upload is cleared away, children are stopped.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    signal.signal(signal.SIGINT, usual)
    sys.exit(main.execute(sys.argv[1:]))


class _Stdout(io.FileIO):
    """Stdout, whose errors name it as those of other files name them."""

    def write(self, data):  # type: ignore[no-untyped-def]  # a FileIO's, whose types would have to be imported
        try:
            return super().write(data)
        except OSError as error:
            error.filename = "stdout"
            raise


def _named(stdout: io.TextIOWrapper) -> io.TextIOWrapper:
    """The same stdout, buffered as it was, on a file that names itself where it cannot be written."""
    raw = _Stdout(stdout.fileno(), "w", closefd=False)
    return io.TextIOWrapper(
        raw if stdout.write_through else io.BufferedWriter(raw),
        encoding=stdout.encoding,
        errors=stdout.errors,
        line_buffering=stdout.line_buffering,
        write_through=stdout.write_through,
    )


def _no_stdout() -> int:
    if sys.stderr is not None:
        sys.stderr.write("inmail: error: stdout is closed: there is nowhere to write to\n")
    return 1


if __name__ == "__main__":
    run()
