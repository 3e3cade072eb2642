"""Proxy that cuts a connection at a chosen round of the wire protocol: a request, or its answer, does not arrive."""

import select
import struct

from tests.outages.proxy import BUFFER, Proxy

REQUEST, ANSWER = range(2)
CLIENT_REFUSED = b"N"  # the answer to a request for an encrypted connection
ENCRYPTION_REQUESTS = (80877103, 80877104)  # SSLRequest, GSSENCRequest


class Cut(Exception):
    """The connection is to be closed."""


class CuttingProxy(Proxy):
    """Proxy that counts the rounds of all its connections: a command of the client and its answer.

    Args:
        vendor: "postgresql" or "mysql".
        host: of the server.
        port: of the server.

    Attributes:
        rounds: the number of rounds so far.
        dropped: "" or what was not forwarded.
    """

    def __init__(self, vendor, host, port):
        super().__init__(host, port)
        self._protocol = {"postgresql": PostgreSQL, "mysql": MySQL}[vendor]
        self.arm()

    def arm(self, at=None, what=REQUEST):
        """Count from 0, and cut once: at the round `at` the request or its answer is dropped."""
        self.rounds, self.dropped = 0, ""
        self._at, self._what = at, what

    def begin_round(self, text):
        """Count a round; return True if its answer is to be dropped.

        Raises:
            Cut: the request is to be dropped.
        """
        is_chosen = self.rounds == self._at
        self.rounds += 1
        if not is_chosen:
            return False
        self.dropped = f"the loss of {'the answer to' if self._what == ANSWER else 'the request'} {text!r}"
        if self._what == REQUEST:
            raise Cut
        return True

    def _forward(self, client, server):
        protocol = self._protocol(self, client, server)
        try:
            while not self._closed:
                for end in select.select([client, server], [], [], 0.05)[0]:
                    data = end.recv(BUFFER)
                    if not data:
                        return
                    (protocol.from_client if end is client else protocol.from_server)(data)
        except (OSError, ValueError, Cut):
            pass
        finally:
            client.close()
            server.close()


class Protocol:
    """One connection. A round is complete if the server waits for the next command."""

    def __init__(self, proxy, client, server):
        self.proxy, self.client, self.server = proxy, client, server
        self.sent = b""  # not forwarded yet
        self.drops_answer = False


class PostgreSQL(Protocol):
    """Messages up to Sync or a simple Query are a round, and ReadyForQuery ends its answer.

    https://www.postgresql.org/docs/current/protocol-message-formats.html
    """

    is_started = False
    batch = answer = b""

    def from_client(self, data):
        """Forward a round when it is complete, so that the server executes no half of a dropped one."""
        self.sent += data
        while message := self._next_message():
            if not self.is_started:
                self._start(message)
                continue
            self.batch += message
            if message[:1] in b"QS":
                self.drops_answer = self.proxy.begin_round(_words(self.batch))
            if message[:1] in b"QSHXp":  # Flush, Terminate and the password are not answered by ReadyForQuery
                self.server.sendall(self.batch)
                self.batch = b""

    def _next_message(self):
        start = int(self.is_started)
        if len(self.sent) < start + 4:
            return b""
        end = start + struct.unpack_from("!I", self.sent, start)[0]
        if len(self.sent) < end:
            return b""
        message, self.sent = self.sent[:end], self.sent[end:]
        return message

    def _start(self, message):
        if struct.unpack_from("!I", message, 4)[0] in ENCRYPTION_REQUESTS:
            self.client.sendall(CLIENT_REFUSED)
            return
        self.server.sendall(message)
        self.is_started = True

    def from_server(self, data):
        """Forward an answer, or drop it and cut the connection at its end: the server has done its work then."""
        if not self.drops_answer:
            self.client.sendall(data)
            return
        self.answer += data
        at = 0
        while len(self.answer) >= at + 5:
            end = at + 1 + struct.unpack_from("!I", self.answer, at + 1)[0]
            if self.answer[at : at + 1] == b"Z" and len(self.answer) >= end:
                raise Cut
            at = end


class MySQL(Protocol):
    """A packet with the number 0 begins a command, and the server answers when it has executed it.

    https://dev.mysql.com/doc/dev/mysql-server/latest/page_protocol_basic_packets.html
    """

    QUIT = 1

    def from_client(self, data):
        """Forward each complete packet."""
        self.sent += data
        while len(self.sent) >= 5:
            end = 4 + int.from_bytes(self.sent[:3], "little")
            if len(self.sent) < end:
                return
            packet, self.sent = self.sent[:end], self.sent[end:]
            if packet[3] == 0 and packet[4] != self.QUIT:
                self.drops_answer = self.proxy.begin_round(_words(packet[5:]))
            self.server.sendall(packet)

    def from_server(self, data):
        """Forward an answer, or cut the connection in its place."""
        if self.drops_answer:
            raise Cut
        self.client.sendall(data)


def _words(data):
    return data.decode(errors="replace")[:300]
