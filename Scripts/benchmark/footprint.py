"""What the service takes while it does little: memory, the time of a start, the size of the program."""

import resource
import socket
import statistics
import subprocess
import threading
import time

from load import wrk
from machinery import Service, resident_kib

IDLE_CONNECTIONS = 10_000
STARTS = 11


def measure(program, database, folder, script, seconds):
    """Medians by the names of `goals.FIGURES`; whatever a limit of the machine forbids is left out."""
    idle, busy, connection = [], [], []
    for _ in range(3):
        with Service(program, database, folder, "footprint") as service:
            time.sleep(1)
            pid = service.process.pid
            idle.append(resident_kib(pid) / 1024)
            busy.append(while_busy(service, script, seconds) / 1024)
        with Service(program, database, folder, "footprint") as service:
            one = of_a_connection(service)
            if one is not None:
                connection.append(one)
    first, ready = zip(*(start(program, database, folder) for _ in range(STARTS)))
    found = {
        "memory-idle": idle, "memory-busy": busy, "memory-connection": connection, "cold-start": first,
        "cold-start-ready": ready, "binary": [stripped_bytes(program, folder) / 1e6],
    }
    return {name: statistics.median(values) for name, values in found.items() if values}


def while_busy(service, script, seconds):
    """The most that was seen, in KiB."""
    most, over = 0, threading.Event()

    def watch():
        nonlocal most
        while not over.wait(0.05):
            most = max(most, resident_kib(service.process.pid))

    watcher = threading.Thread(target=watch)
    watcher.start()
    wrk(service, service.url("/"), 512, seconds, script)
    over.set()
    watcher.join()
    return most


def of_a_connection(service):
    """KiB of each of many connections that have had one answer and wait; None where so many files cannot be open."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    if hard != resource.RLIM_INFINITY and hard < IDLE_CONNECTIONS + 100:
        return None
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    connections = []
    try:
        def open_more(count):
            for _ in range(count):
                connection = socket.create_connection(("127.0.0.1", service.port), timeout=10)
                connections.append(connection)
                connection.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
                connection.recv(4096)

        # The first ones pay for what all share.
        open_more(100)
        time.sleep(0.5)
        before = resident_kib(service.process.pid)
        open_more(IDLE_CONNECTIONS)
        time.sleep(0.5)
        return (resident_kib(service.process.pid) - before) / IDLE_CONNECTIONS
    finally:
        for connection in connections:
            connection.close()


def start(program, database, folder):
    """Milliseconds from the start of the program to the first 200, of /healthz and of /readyz."""
    service = Service(program, database, folder, "footprint")
    begun = time.perf_counter()
    service.spawn()

    def first_answer(path):
        request = f"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode()
        while time.perf_counter() - begun < 10:
            try:
                with socket.create_connection(("127.0.0.1", service.port), timeout=5) as connection:
                    connection.sendall(request)
                    if connection.recv(4096).startswith(b"HTTP/1.1 200"):
                        return (time.perf_counter() - begun) * 1000
            except OSError:
                pass
            time.sleep(0.0002)
        raise SystemExit(f"bench: no answer to {path} in ten seconds of a start")

    try:
        return first_answer("/healthz"), first_answer("/readyz")
    finally:
        service.stop()


def stripped_bytes(program, folder):
    stripped = folder / "stripped"
    subprocess.run(["strip", "-o", stripped, program], check=True, timeout=120)
    return stripped.stat().st_size
