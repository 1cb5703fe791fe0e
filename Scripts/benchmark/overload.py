"""Scripts/bench-overload starts this, beside a PostgreSQL of its own; see there."""

import argparse
import json
import os
import subprocess
import tempfile
from pathlib import Path

from load import REPORT, wrk
from machinery import Database, Service, resident_kib
from tickets import Tickets

# No two alike: the same one would be read once for all who wait for it.
EACH = "registered_from=2020-01-01T00:00:00.{}Z"
CALLS = {"search": f"/v1/tickets?q=freezes&limit=20&{EACH}", "list": f"/v1/tickets?sort=triage&limit=50&{EACH}"}
NUMBERS = 999
SERVED_BY, ASKED_BY = "0", "1"  # processors
FACTOR, SHARE = 10, 0.7
# What docs/explanation/promises.md says: so many times the time at seven tenths, and milliseconds.
TIMES_MAX, REFUSED_MAX = 3, 50

TURNS = """
local number = 0
function request()
    number = number % {numbers} + 1
    local path = wrk.path:gsub("{{}}", tostring(number))
    return wrk.format("GET", path, {{["Authorization"] = "Bearer {token}"}})
end
"""


def pin(pid, core):
    subprocess.run(["taskset", "--all-tasks", "--cpu-list", "--pid", core, str(pid)],
                   stdout=subprocess.DEVNULL, check=True)


def pin_postgres(database):
    """Whoever is forked later inherits it."""
    postmaster = (Path(database.value("SHOW data_directory")) / "postmaster.pid").read_text().split()[0]
    children = Path(f"/proc/{postmaster}/task/{postmaster}/children").read_text().split()
    for pid in [postmaster, *children]:
        try:
            pin(pid, SERVED_BY)
        except subprocess.CalledProcessError:
            pass  # It has ended since.


def ask(service, token, path, rate, connections, seconds):
    done = subprocess.run(
        ["taskset", "--cpu-list", ASKED_BY, os.environ["BENCH_LOAD"], "--rate", str(rate), "--connections", str(connections),
         "--seconds", str(seconds), "--json", "--refusals", "--header", f"Authorization: Bearer {token}",
         "--path-template", path, "--numbers", f"1-{NUMBERS}", service.url()],
        text=True, capture_output=True, timeout=seconds * 5 + 60, check=False,
    )
    if done.returncode != 0:
        raise SystemExit(f"bench-overload: {done.stderr.strip()}")
    return json.loads(done.stdout)


def times(figures):
    return " / ".join(f"{figures[name]:.1f}" for name in ("p50", "p90", "p99"))


def measure(service, tickets, folder, call, seconds):
    """One row of the table, and whether the promise was kept."""
    path, token = CALLS[call], tickets.engineer
    script = folder / "turns.lua"
    script.write_text(TURNS.format(numbers=NUMBERS, token=token) + REPORT)
    os.sched_setaffinity(0, {int(ASKED_BY)})
    wrk(service, service.url(path), 8, 2, script)
    sustainable = wrk(service, service.url(path), 8, 4, script).rate
    before = resident_kib(service.process.pid)
    calm = ask(service, token, path, round(sustainable * SHARE), 200, seconds)
    flood = ask(service, token, path, round(sustainable * FACTOR), 1000, seconds)
    refused = flood.get("refused", {"p50": 0, "p90": 0, "p99": 0, "requests": 0})
    memory = resident_kib(service.process.pid)
    share = calm.get("refused", {"requests": 0})["requests"] / (sustainable * SHARE * seconds)
    kept = (flood["p99"] <= TIMES_MAX * calm["p99"] and refused["p99"] <= REFUSED_MAX
            and calm["errors"] + flood["errors"] == 0)
    print(f"| {call} | {sustainable:.0f} | {times(calm)} ({share:.1%} refused) | {flood['rate']:.0f} | {times(flood)} "
          f"| {refused['requests'] / seconds:.0f} | {times(refused)} | {before / 1024:.0f} → {memory / 1024:.0f} "
          f"| {'kept' if kept else 'missed'} |", flush=True)
    return kept


def main():
    parser = argparse.ArgumentParser(prog="Scripts/bench-overload")
    parser.add_argument("rounds", nargs="?", type=int, default=3)
    parser.add_argument("seconds", nargs="?", type=int, default=10)
    options = parser.parse_args()
    database = Database()
    with tempfile.TemporaryDirectory(prefix="rgl-overload-") as name:
        folder = Path(name)
        service = Service(os.environ["REGLAMENT"], database, folder)
        service.command("migrate", "up")
        with service:
            tickets = Tickets(database, service, per_step=20_000)
            tickets.fill()
        pin_postgres(database)
        print("Times in milliseconds, p50 / p90 / p99, from the moment that a request was due. Rates a second.\n")
        print("| Call | Can be had by 8 clients | Time at 70 % of that | At 10 times served | Time | Refused | Time | MiB "
              f"| p99 within {TIMES_MAX} times, refusals' within {REFUSED_MAX} ms |")
        print("|---|---|---|---|---|---|---|---|---|")
        kept = True
        for _ in range(options.rounds):
            for call in CALLS:
                with service:
                    pin(service.process.pid, SERVED_BY)
                    kept = measure(service, tickets, folder, call, options.seconds) and kept
    raise SystemExit(0 if kept else 1)


if __name__ == "__main__":
    main()
