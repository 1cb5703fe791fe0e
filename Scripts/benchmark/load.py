"""Clients that ask as fast as they are answered: wrk for HTTP, pgbench for PostgreSQL."""

import os
import re
import subprocess
from dataclasses import dataclass


@dataclass
class Outcome:
    """What one measurement found. `void` says why it counts for nothing, or is empty."""

    rate: float  # a second
    requests: int
    cpu: float = 0.0  # seconds of the server's own
    void: str = ""

    @property
    def cpu_microseconds(self):
        return self.cpu / self.requests * 1e6 if self.requests else float("nan")


# wrk formats a request anew for each, unless a script does better: these put each together out of prepared pieces.
PIECES = """
local count = {first}
local head, middle, tail
function init(args)
    local text = wrk.format("{method}", "{path}", {{{headers}}}, {body})
    head, middle, tail = text:match("^(.-)@@NUMBER@@(.*)@@NUMBER@@(.*)$")
    if not head then head, tail = text:match("^(.-)@@NUMBER@@(.*)$") end
    if not head then head, count, tail = text, "", "" end
end
function request()
    {count}
    if middle then return head .. count .. middle .. count .. tail end
    return head .. count .. tail
end
"""
# Prepared requests, one after the other.
TURNS = """
local requests, turn = {{}}, 0
function init(args)
    for number, path in ipairs({{{paths}}}) do
        requests[number] = wrk.format("GET", path, {{["Authorization"] = "Bearer {token}"}})
    end
end
function request()
    turn = turn % #requests + 1
    return requests[turn]
end
"""
REPORT = """
function done(summary)
    local e = summary.errors
    io.write(string.format("@@ %d %d %d %d %d\\n", summary.requests, summary.duration,
        e.connect + e.read + e.write, e.status, e.timeout))
end
"""


def wrk(server, url, clients, seconds, script):
    """`server` is asked for the CPU time that it has used."""
    before = server.cpu()
    done = subprocess.run(
        ["wrk", "--threads=1", f"--connections={clients}", f"--duration={seconds}s", "--timeout=10s",
         f"--script={script}", url],
        text=True, capture_output=True, timeout=seconds + 60, check=False,
    )
    used = server.cpu() - before
    found = re.search(r"^@@ (\d+) (\d+) (\d+) (\d+) (\d+)", done.stdout, re.MULTILINE)
    if done.returncode != 0 or not found:
        return Outcome(0, 0, void=f"wrk: {(done.stderr or done.stdout).strip()[-200:]}")
    requests, microseconds, broken, refused, late = map(int, found.groups())
    void = ""
    if refused:
        void = f"{refused} of {requests} answers were not 2xx"
    elif requests == 0 or broken + late > requests / 1000:
        void = f"{requests} answers, {broken} broken connections, {late} time-outs"
    return Outcome(requests / (microseconds / 1e6), requests, used, void)


def connecting_seconds(clients):
    """In which pgbench's clients connect and prepare their statements; they do not count."""
    return 1 if clients <= 8 else 2


def pgbench(database, script, clients, seconds, options, variables=None):
    ahead = connecting_seconds(clients)
    settings = " ".join(f"-c {name}={value}" for name, value in options.items())
    command = ["pgbench", "--no-vacuum", "--protocol=prepared", f"--client={clients}", "--jobs=1", f"--file={script}"]
    command += [f"--time={ahead + seconds}", "--progress=1"]
    command += [f"--define={name}={value}" for name, value in (variables or {}).items()]
    done = subprocess.run(
        [*command, database.url], env=os.environ | {"PGOPTIONS": settings}, text=True, capture_output=True,
        timeout=seconds + 60, check=False,
    )

    def figure(pattern, text):
        found = re.search(pattern, text, re.MULTILINE)
        return float(found[1]) if found else 0

    transactions = int(figure(r"actually processed: (\d+)", done.stdout))
    tps = figure(r"^tps = ([0-9.]+)", done.stdout)
    start = counted = 0.0
    for instant, rate in re.findall(r"^progress: ([0-9.]+) s, ([0-9.]+) tps", done.stderr, re.MULTILINE)[:ahead]:
        start, counted = float(instant), counted + (float(instant) - start) * float(rate)
    # `tps` leaves the connecting out, the progress does not.
    end = figure(r"^initial connection time = ([0-9.]+) ms", done.stdout) / 1000 + (transactions / tps if tps else 0)
    if done.returncode != 0 or start < ahead - 0.5 or end - start < seconds / 2:
        lines = [line for line in done.stderr.splitlines() if not line.startswith("progress")]
        return Outcome(0, 0, void=f"pgbench: status {done.returncode}, {end:.1f} s. {' '.join(lines)[-300:]}")
    return Outcome((transactions - counted) / (end - start), transactions)
