#!/usr/bin/env python3
"""Counts what an import of the sample log must give, written from the rules and not from the program.

Usage: count-servicenow-log.py FILE.csv.gz > servicenow-counts.txt
"""
import csv
import gzip
import sys
from collections import Counter
from datetime import datetime


def main(path):
    with gzip.open(path, "rt", encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    incidents = {}
    for row in rows:
        incidents.setdefault(row["number"], []).append(row)
    events, states, reasons = Counter(), Counter(), Counter()
    ignored = 0
    for updates in incidents.values():
        updates.sort(key=lambda r: (datetime.strptime(r["sys_updated_at"], "%d-%m-%Y %H:%M"), int(r["sys_mod_count"])))
        state, assigned = None, False
        for row in updates:
            wanted = row["incident_state"]
            if state is None:
                events["register"] += 1
                state = "New"
                if wanted == "New":
                    continue
            if state == "Closed":
                ignored += 1
                continue
            before = sum(events.values())
            if state == "Resolved" and wanted not in ("Resolved", "Closed"):
                events["dispute"] += 1
                state = "Active"
            if wanted in ("Active", "Awaiting User Info", "Resolved", "Closed") and not assigned:
                events["assign"] += 1
                assigned, state = True, "Active"
            if wanted == "Active" and state == "Awaiting User Info":
                events["comment"] += 1
                state = "Active"
            if wanted == "Awaiting User Info" and state != "Awaiting User Info":
                events["request_information"] += 1
                state = "Awaiting User Info"
            if wanted in ("Resolved", "Closed") and state != "Resolved":
                events["solve"] += 1
                state = "Resolved"
            if wanted == "Closed":
                events["confirm"] += 1
                state = "Closed"
            if sum(events.values()) == before:
                events["comment_internal"] += 1
        names = {"New": "registered", "Active": "assigned", "Awaiting User Info": "awaiting_information",
                 "Resolved": "solved_awaiting_confirmation", "Closed": "closed"}
        states[names[state]] += 1
        if state == "Closed":
            reasons["confirmed"] += 1
    print(f"incidents\t{len(incidents)}")
    print(f"rows\t{len(rows)}")
    print(f"tickets added\t{len(incidents)}")
    print(f"events added\t{sum(events.values())}")
    print(f"rows without effect\t{ignored}")
    for what, counts in (("close_reason", reasons), ("event", events), ("state", states)):
        for name in sorted(counts):
            print(f"{what} {name}\t{counts[name]}")


main(sys.argv[1])
