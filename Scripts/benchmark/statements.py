"""What the service sends for one call, read from PostgreSQL's own log, as scripts of pgbench.

Nothing here repeats the service's SQL: when a statement changes there, it changes here with the next run. What one pipeline
holds is one transaction, which the log tells by its virtual number.
"""

import re
import time
from dataclasses import dataclass
from pathlib import Path

# What the service sends beside any request, or only for the first request of a token.
BACKGROUND = {
    "abandoned_batches", "abandoned_follow_ups", "caller_by_token", "fold_ticket_counts", "policy_version_count", "sequence_feed",
    "sweep_uploads", "unfinished_runs",
}


@dataclass
class Sent:
    """One execution of a prepared statement."""

    name: str
    sql: str
    values: dict  # number of the parameter -> its text as a literal
    transaction: str


class StatementLog:
    """Everything that PostgreSQL executes while this is open, by the call that it was executed for."""

    def __init__(self, database):
        self.database = database
        self.path = Path(database.value("SHOW data_directory")).parent / "log"

    def __enter__(self):
        for setting in ("log_min_duration_statement = 0", "log_line_prefix = '@@ %p %v '"):
            self.database.run(f"ALTER SYSTEM SET {setting}")
        self.database.run("SELECT pg_reload_conf()")
        time.sleep(1)
        return self

    def __exit__(self, *_):
        self.database.run("ALTER SYSTEM RESET ALL")
        self.database.run("SELECT pg_reload_conf()")
        time.sleep(0.5)

    def during(self, call):
        """Runs `call` and gives its answer and what was executed for it."""
        start = self.path.stat().st_size
        answer = call()
        time.sleep(0.3)
        with self.path.open(errors="replace") as log:
            log.seek(start)
            return answer, executions(log.read())


def executions(text):
    """A line tells of a statement, the line after it of its parameters; that of the bind before tells the same."""
    found = []
    is_execution = False
    for entry in re.split(r"^@@ ", text, flags=re.MULTILINE):
        line = re.match(r"(\d+ \S*) LOG: +duration: \S+ ms +execute ([^:]+): (.*)", entry, re.DOTALL)
        detail = re.match(r"\d+ \S* DETAIL: +parameters: (.*)", entry, re.DOTALL)
        if detail and is_execution:
            pairs = re.findall(r"\$(\d+) = (NULL|'(?:[^']|'')*')", detail[1])
            found[-1].values = {int(number): value for number, value in pairs}
        is_execution = line is not None
        if line:
            found.append(Sent(line[2].split("~")[0], line[3].strip().replace("\n\t", "\n"), {}, line[1]))
    return [sent for sent in found if sent.name not in BACKGROUND]


def literal(value):
    """pgbench takes a colon for the beginning of a variable, in a literal too."""
    if ":" not in value and "\\" not in value:
        return value
    return "E" + value.replace("\\", "\\\\").replace(":", "\\x3a")


def script(head, executed, replacements):
    """pgbench's script of one call. `replacements`: what differs from call to call, a pattern of the whole literal and the
    expression that stands for it."""
    lines = list(head)
    used = set()

    def text(sent):
        def value(match):
            given = sent.values[int(match[1])]
            for pattern, expression in replacements.items():
                if re.fullmatch(pattern, given):
                    used.add(pattern)
                    return re.fullmatch(pattern, given).expand(expression)
            return literal(given)

        return re.sub(r"\$(\d+)", value, sent.sql) + ";"

    for group in transactions(executed):
        if len(group) == 1:
            lines.append(text(group[0]))
        else:
            lines += ["\\startpipeline", *map(text, group), "\\endpipeline"]
    unused = set(replacements) - used
    if unused:
        raise SystemExit(f"bench: the service sent no {', '.join(unused)}, only {names(executed)}")
    return "\n".join(lines) + "\n"


def transactions(executed):
    groups = []
    for sent in executed:
        if groups and groups[-1][0].transaction == sent.transaction:
            groups[-1].append(sent)
        else:
            groups.append([sent])
    return groups


def names(executed):
    """For people: `context_key + ticket, register`; what is joined by + is one pipeline."""
    return ", ".join(" + ".join(sent.name for sent in group) for group in transactions(executed))
