"""How long answers take at a given rate, counted from when each request was due: an answer that holds others up is theirs
too (“coordinated omission”)."""

import json
import os
import subprocess

from tickets import DRAFT, PREFIX, READ_COUNT, READ_FIRST

SHARES = (0.25, 0.5)
CONNECTIONS = 64


def measure(bench):
    """Of each path and share of its throughput: the rate, and milliseconds; empty where there is no bench-load."""
    program = os.environ["BENCH_LOAD"]
    if not os.access(program, os.X_OK):
        return []
    draft = bench.folder / "draft.json"
    draft.write_text(json.dumps(DRAFT))
    kinds = {
        "get": (bench.tickets.engineer, ["--path-template", f"/v1/tickets/{PREFIX}-{{}}",
                                         "--numbers", f"{READ_FIRST}-{READ_FIRST + READ_COUNT - 1}"]),
        "create": (bench.tickets.customer, ["--path-template", "/v1/tickets", "--method", "POST", "--body", draft,
                                            "--header", "Content-Type: application/json", "--unique-key"]),
    }
    found = []
    for path, (token, options) in kinds.items():
        throughput = bench.found.rate(path, CONNECTIONS)
        for share in SHARES if throughput else ():
            rate = round(throughput * share)
            done = subprocess.run(
                [program, "--rate", str(rate), "--connections", str(CONNECTIONS), "--seconds", str(bench.seconds * 3),
                 "--header", f"Authorization: Bearer {token}", "--json", *options, bench.service.url()],
                text=True, capture_output=True, timeout=bench.seconds * 10 + 60, check=False,
            )
            if done.returncode != 0:
                bench.found.voids.append(f"{path} at {rate} a second: {done.stderr.strip()[-200:]}")
            else:
                found.append({"path": path, "share": share, **json.loads(done.stdout)})
            if path == "create":
                bench.tickets.reset()
    return found
