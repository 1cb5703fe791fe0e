"""Scripts/bench starts this, beside a PostgreSQL of its own; see there."""

import argparse
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import footprint
import latency
import report
from load import connecting_seconds
from machinery import Database, Nginx, Service
from measure import PATHS, Bench, say
from tickets import PREFIX, READ_FIRST, Tickets

# At this many steps a second tickets would run out: far more than two cores do.
STEPS_A_SECOND = 8_000


def arguments():
    parser = argparse.ArgumentParser(prog="Scripts/bench")
    parser.add_argument("rounds", nargs="?", type=int, default=7)
    parser.add_argument("seconds", nargs="?", type=int, default=3, help="of one measurement")
    parser.add_argument("--only", metavar="PATH[,PATH…]", help=", ".join(PATHS))
    given = parser.parse_args()
    given.paths = given.only.split(",") if given.only else PATHS
    unknown = set(given.paths) - set(PATHS)
    if unknown:
        parser.error(f"there is no path {', '.join(sorted(unknown))}; there are {', '.join(PATHS)}")
    return given


def certificate(folder):
    """Of ECDSA on P-256, for a day."""
    files = folder / "certificate.pem", folder / "key.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "1",
         "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1",
         "-out", files[0], "-keyout", files[1]],
        check=True, capture_output=True,
    )
    return files


def negotiated_cipher(port):
    """What the service chooses; nginx is told to take the same."""
    done = subprocess.run(
        ["openssl", "s_client", "-connect", f"127.0.0.1:{port}", "-tls1_3"], input="", text=True, capture_output=True,
        timeout=20, check=False,
    )
    for line in done.stdout.splitlines():
        if line.startswith("New, TLSv1.3, Cipher is "):
            return line.split()[-1]
    raise SystemExit("bench: the service does not speak TLS 1.3")


def main():
    given = arguments()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    program = os.environ["REGLAMENT"]
    folder = Path(tempfile.mkdtemp(prefix="reglament-bench-"))
    # nginx's workers are somebody else when it was started by root.
    folder.chmod(0o755)
    try:
        database = Database()
        pem, key = certificate(folder)
        service = Service(program, database, folder).with_tls(pem, key)
        tickets = Tickets(database, service, per_step=STEPS_A_SECOND * (given.seconds + connecting_seconds(64)))
        with service:
            say("making tickets")
            tickets.fill()
            answers = {
                "/healthz": service.ask("GET", "/healthz")[1:],
                "/ticket": service.ask("GET", f"/v1/tickets/{PREFIX}-{READ_FIRST}", tickets.engineer)[1:],
            }
            cipher = negotiated_cipher(service.tls_port)
            with Nginx(folder, pem, key, cipher, answers) as nginx:
                bench = Bench(database, service, nginx, tickets, folder, given.seconds, given.paths)
                bench.capture()
                bench.warm_up()
                for turn in range(given.rounds):
                    bench.round(turn, f"round {turn + 1} of {given.rounds}")
            say("latencies")
            latencies = latency.measure(bench)
        say("memory, start, size")
        figures = {} if given.only else footprint.measure(program, database, folder, folder / "get.lua", given.seconds)
        say("")
        report.write(bench, given, figures, latencies)
    finally:
        if not os.environ.get("BENCH_KEEP"):
            shutil.rmtree(folder, ignore_errors=True)


main()
