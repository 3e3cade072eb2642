"""Proxy to a database that can stop forwarding, as a server that hangs: it accepts connections without an answer."""

import select
import socket
import threading
from contextlib import suppress

BUFFER = 65536


class Proxy:
    """Proxy that forwards until `hang` and again from `go_on`; it drops nothing in between."""

    def __init__(self, host, port):
        self.server = (host, int(port))
        self.door = socket.create_server(("127.0.0.1", 0))
        self.port = self.door.getsockname()[1]
        self._forwards = threading.Event()
        self._forwards.set()
        self._closed = False
        self._threads = []
        self._sockets = []

    def __enter__(self):
        self._start(self._take_in)
        return self

    def __exit__(self, *exception):
        self._closed = True
        self._forwards.set()
        for end in (self.door, *self._sockets):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()
        for thread in self._threads:
            thread.join(10)

    def hang(self):
        """Stop forwarding without closing a connection."""
        self._forwards.clear()

    def go_on(self):
        """Forward what was held back."""
        self._forwards.set()

    def _start(self, function, *arguments):
        thread = threading.Thread(target=function, args=arguments, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _take_in(self):
        while True:
            try:
                client, _ = self.door.accept()
            except OSError:
                return
            server = socket.create_connection(self.server)
            self._sockets += [client, server]
            self._start(self._forward, client, server)

    def _forward(self, client, server):
        other = {client: server, server: client}
        while not self._closed:
            try:
                ready, _, _ = select.select([client, server], [], [], 0.05)
                for end in ready:
                    data = end.recv(BUFFER)
                    self._forwards.wait()
                    if not data:
                        raise ConnectionResetError
                    other[end].sendall(data)
            except (OSError, ValueError):
                break
        client.close()
        server.close()
