"""The floor for `fanout`: WebSockets that are accepted and then sent one frame each in a plain loop."""

import base64
import hashlib
import selectors
import socket
import sys

MAGIC = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
LIVE = b'{"type":"subscribed","id":1,"cursor":"","recovered":true,"sent_at_ms":0}'


def frame(payload: bytes) -> bytes:
    size = len(payload)
    return (b"\x81" + bytes([size]) if size < 126 else b"\x81\x7e" + size.to_bytes(2, "big")) + payload


def main(port: int, size: int) -> None:
    """Serve until killed; each line on the standard input sends one frame to all."""
    update = frame(b'{"type":"update","x":"' + b"x" * (size - 24) + b'"}')
    listening = socket.create_server(("127.0.0.1", port), backlog=4096)
    selector = selectors.DefaultSelector()
    selector.register(listening, selectors.EVENT_READ)
    selector.register(sys.stdin, selectors.EVENT_READ)
    clients: list[socket.socket] = []
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    while True:
        for key, _ in selector.select():
            if key.fileobj is listening:
                raw, _ = listening.accept()
                request = raw.recv(65_536)
                given = next(
                    line for line in request.split(b"\r\n") if line.lower().startswith(b"sec-websocket-key")
                )
                accept = base64.b64encode(hashlib.sha1(given.split(b": ")[1] + MAGIC).digest())
                raw.sendall(
                    b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                    b"Sec-WebSocket-Accept: " + accept + b"\r\n\r\n" + frame(LIVE)
                )
                clients.append(raw)
            elif not sys.stdin.readline():
                return
            else:
                for raw in clients:
                    raw.send(update)


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
