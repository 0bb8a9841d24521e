"""fakeredis on a loopback port: what the guard runs where there is no Redis at all; nothing is kept."""

from __future__ import annotations

import os
import socket
import sys
from typing import NoReturn


def serve(handed: int, guard_pid: int) -> NoReturn:
    """Serve fakeredis on a listening socket handed down, for as long as the guard lives."""
    from fakeredis import TcpFakeServer
    from fakeredis._clients._tcp_server import TCPFakeRequestHandler

    class Handler(TCPFakeRequestHandler):
        def setup(self) -> None:
            super().setup()
            # fakeredis makes the line non-blocking and then cuts off answers larger than the kernel's buffer
            # (about 2.5 MB); a duplicate with a timeout waits until there is room.
            self.patient = self.connection.dup()
            self.patient.settimeout(60)
            self.writer.writer = self.patient.makefile("wb")

        def finish(self) -> None:
            self.patient.close()
            super().finish()

    class Server(TcpFakeServer):
        def service_actions(self) -> None:
            if os.getppid() != guard_pid:  # looked at twice a second
                os._exit(0)

    server = Server(("127.0.0.1", 0), bind_and_activate=False)
    server.socket.close()
    server.socket = socket.socket(fileno=handed)
    server.RequestHandlerClass = Handler
    server.serve_forever()
    sys.exit(0)


if __name__ == "__main__":
    serve(int(sys.argv[1]), int(sys.argv[2]))
