"""Ports of loopback for servers that do not say which one they have taken."""

import random
import socket
from contextlib import ExitStack, suppress

# Below those that the system lends to clients: one of them would be taken by any connection made before the server starts.
PORTS = range(20_000, 32_000)


def free_ports(count: int) -> list[int]:
    """Return ports on which no process listens.

    Args:
        count: how many, at most a hundred.
    """
    drawn = random.SystemRandom()  # tests seed the other
    ports: list[int] = []
    with ExitStack() as held:
        while len(ports) < count:
            listener = held.enter_context(socket.socket())
            with suppress(OSError):
                listener.bind(("127.0.0.1", drawn.choice(PORTS)))
                ports.append(int(listener.getsockname()[1]))
    return ports
