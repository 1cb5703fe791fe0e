"""One measurement of each side, round by round."""

import json
import math
import os
import re
import statistics
import sys
from collections import defaultdict

from load import PIECES, REPORT, TURNS, pgbench, wrk
from machinery import Service
from statements import StatementLog, script
from tickets import CREATED_BY_PGBENCH, DRAFT, PREFIX, READ_COUNT, READ_FIRST, STEP_FIRST

# As the service's lanes have it.
BY_KEY = {"plan_cache_mode": "force_generic_plan", "enable_seqscan": "off", "jit": "off"}
# For how long the service waits for a lock before it writes each change by itself. pgbench, which would give up, waits on.
LOCK_WAIT = {"'100ms'": "NULL"}
STAFF = {"role": "reglament_staff"} | BY_KEY
CUSTOMER = {"role": "reglament_customer"} | BY_KEY
LISTER = {"role": "reglament_staff", "plan_cache_mode": "force_generic_plan"}
LIST_PATH = "/v1/tickets?sort=triage&limit=50"
PAGES = 64

CLIENTS = {
    "healthz": (8, 64, 512), "healthz-tls": (64,), "get": (8, 64), "create": (8, 64),
    "assign": (8, 64), "solve": (8, 64), "confirm": (8, 64), "list": (8, 64), "list-apart": (8, 64),
}
PATHS = ["healthz", "healthz-tls", "get", "create", "transition", "list", "list-apart"]


def say(text):
    print(f"\r\033[K{text}" if sys.stderr.isatty() else text, end="" if sys.stderr.isatty() else "\n",
          file=sys.stderr, flush=True)


def median(values):
    return statistics.median(values) if values else None


class Measurements:
    """All outcomes, and what follows from them."""

    def __init__(self):
        self.ratios = defaultdict(list)  # (path, clients, yardstick) -> one a round
        self.pairs = defaultdict(list)  # the same -> what they are of: the service's rate and the yardstick's
        self.this_round = {}
        self.rates = defaultdict(list)  # (path, clients) -> the service's, a second
        self.cpu = defaultdict(list)  # (path, server) -> µs a request, at 64 connections
        self.voids = []

    def ratio(self, path, clients, yardstick):
        return median(self.ratios[path, clients, yardstick])

    def rate(self, path, clients):
        return median(self.rates[path, clients])

    def cpu_figures(self):
        """Medians by the names of `goals.FIGURES`."""
        found = {f"cpu-{path}": median(self.cpu[path, "service"]) for path in ("healthz", "get", "create", "list")}
        theirs = median(self.cpu["healthz", "nginx"])
        found["cpu-healthz"] = found["cpu-healthz"] / theirs if theirs and found["cpu-healthz"] else None
        return {path: value for path, value in found.items() if value is not None}

    def add(self, path, clients, yardstick, ours, theirs):
        for side, outcome in (("service", ours), (yardstick, theirs)):
            if outcome.void:
                self.voids.append(f"{path}, {clients} clients, {side}: {outcome.void}")
        key = path, clients, yardstick
        ratios = self.ratios[key]
        if not (ours.void or theirs.void):
            ratios.append(ours.rate / theirs.rate)
            self.pairs[key].append([round(ours.rate), round(theirs.rate)])
            self.this_round[key] = ratios[-1]

    def close_round(self):
        """A round's `transition` is the geometric mean of its three steps."""
        for clients in (8, 64):
            steps = [(step, clients, "pgbench") for step in STEP_FIRST]
            if steps[0] in self.ratios:
                means = self.ratios["transition", clients, "pgbench"]
                if all(step in self.this_round for step in steps):
                    means.append(math.prod(self.this_round[step] for step in steps) ** (1 / 3))
        self.this_round.clear()


class Bench:
    def __init__(self, database, service, nginx, tickets, folder, seconds, paths):
        """`folder` takes the scripts of both clients and whatever else is written; somebody else removes it."""
        self.database, self.service, self.nginx, self.tickets = database, service, nginx, tickets
        self.folder, self.seconds, self.paths = folder, seconds, paths
        self.found = Measurements()
        self.sent = {}
        self.theirs = {}  # path -> the yardstick's latest, at 64 connections
        # As Sources/reglament/Settings has it; the other number is shown beside.
        self.loops = max(1, os.sysconf("SC_NPROCESSORS_ONLN") // 2)
        self.other_loops = 2 if self.loops == 1 else 1
        self.write_wrk_scripts()

    # What is asked.

    def write_wrk_scripts(self):
        customer, engineer = self.tickets.customer, self.tickets.engineer

        def write(name, method, path, token, body=None, count="count = count + 1", first=0):
            headers = {"Authorization": f"Bearer {token}"}
            if body is not None:
                headers |= {"Content-Type": "application/json", "Idempotency-Key": f"{name}-bench-0000-@@NUMBER@@"}
            text = PIECES.format(
                method=method, path=path, first=first, count=count,
                headers=", ".join(f"[{json.dumps(name)}] = {json.dumps(value)}" for name, value in headers.items()),
                body="nil" if body is None else f"[==[{json.dumps(body)}]==]",
            )
            (self.folder / f"{name}.lua").write_text(text + REPORT)

        (self.folder / "healthz.lua").write_text(REPORT)
        write("get", "GET", f"/v1/tickets/{PREFIX}-@@NUMBER@@", engineer,
              count=f"count = math.random({READ_FIRST}, {READ_FIRST + READ_COUNT - 1})")
        write("create", "POST", "/v1/tickets", customer, DRAFT)
        write("list", "GET", LIST_PATH, engineer, count="")
        for step, (token, body) in self.tickets.steps.items():
            write(step, "POST", f"/v1/tickets/{PREFIX}-@@NUMBER@@/{step}", token, body, first=STEP_FIRST[step] - 1)

    def capture(self):
        """pgbench's scripts, out of one real call of each kind."""
        tickets, sent = self.tickets, self.sent
        read = f"{PREFIX}-{READ_FIRST}"
        with StatementLog(self.database) as log:
            def ask(path):
                status, _, body = self.service.ask("GET", path, tickets.engineer)
                if status != 200:
                    raise SystemExit(f"bench: {path} answers {status}: {body.decode()}")

            for _ in range(2):  # The first call prepares the statements.
                _, sent["get"] = log.during(lambda: ask(f"/v1/tickets/{read}"))
                _, sent["list"] = log.during(lambda: ask(LIST_PATH))
            made, sent["create"] = log.during(lambda: tickets.create("bench-key"))
            for step in STEP_FIRST:
                _, sent[step] = log.during(lambda step=step: tickets.take(made, step))

        number = made.removeprefix(f"{PREFIX}-")
        ticket = f"('{PREFIX}-' || :n::text)"
        numbers = f"\\set n {READ_FIRST} - 1 + random(1, {READ_COUNT})"
        self.write_pgbench("get", script([numbers], sent["get"], {f"'{read}'": ticket}))
        self.write_pgbench("list", script([], sent["list"], {}))
        self.write_pages()
        # The clients take the numbers in turn, as wrk does: neighbours are written at about the same time on both sides.
        following = ["\\set n :first + :i * :clients + :client_id", "\\set i :i + 1"]
        self.write_pgbench("create", script(following, sent["create"], {
            f"'{made}'": ticket, f"'{number}'": ":n", r"'([^']*)bench-key'": r"('\1create-bench-0000-' || :n::text)",
        } | LOCK_WAIT))
        for step in STEP_FIRST:
            differing = {f"'{made}'": ticket,
                         rf"'([^']*){made}-{step}'": rf"('\1{step}-bench-0000-' || :n::text)"} | LOCK_WAIT
            if step == "solve":
                differing[r"'c_\w{22}'"] = "('c_' || lpad(:n::text, 20, '0'))"
            self.write_pgbench(step, script(following, sent[step], differing))
        self.check_reads()
        tickets.reset()

    def write_pages(self):
        """The first pages of the queue in turn: who asks for another page shares nothing with anybody. The yardstick is the first one's."""
        paths, path = [], LIST_PATH
        for _ in range(PAGES):
            paths.append(path)
            cursor = json.loads(self.service.ask("GET", path, self.tickets.engineer)[2])["next_cursor"]
            path = f"{LIST_PATH}&cursor={cursor}"
        text = TURNS.format(paths=", ".join(map(json.dumps, paths)), token=self.tickets.engineer)
        (self.folder / "list-apart.lua").write_text(text + REPORT)
        self.write_pgbench("list-apart", (self.folder / "list.sql").read_text())

    def write_pgbench(self, name, text):
        (self.folder / f"{name}.sql").write_text(text)

    def check_reads(self):
        """What pgbench reads must be there."""
        for name, rows in (("get", 1), ("list", 51)):
            text = (self.folder / f"{name}.sql").read_text()
            text = re.sub(r"^\\.*\n?", "", text, flags=re.MULTILINE)
            text = re.sub(r"(?<!:):n\b", str(READ_FIRST), text)
            # What comes before says on whose behalf.
            last = re.split(r";\s*\n", text.rstrip().rstrip(";"))[-1]
            got = self.database.number(f"SET ROLE reglament_staff; SELECT count(*) FROM ({last}) x")
            if got != rows:
                raise SystemExit(f"bench: the statement of {name} gives {got} rows, not {rows}")

    # One measurement of one side.

    def http(self, server, path, script_name, clients, tls=False, seconds=None):
        return wrk(server, server.url(path, tls), clients, seconds or self.seconds, self.folder / f"{script_name}.lua")

    def service_reads(self, path, clients):
        return self.http(self.service, "/", path, clients)

    def pgbench_reads(self, path, clients):
        return pgbench(self.database, self.folder / f"{path}.sql", clients, self.seconds, LISTER if path.startswith("list") else STAFF)

    def service_writes(self, path, clients):
        return self.writing(lambda: self.http(self.service, "/", path, clients), clients)

    def pgbench_writes(self, path, clients):
        first = CREATED_BY_PGBENCH if path == "create" else STEP_FIRST[path]
        role = STAFF if path in ("assign", "solve") else CUSTOMER
        return self.writing(
            lambda: pgbench(self.database, self.folder / f"{path}.sql", clients, self.seconds, role,
                            {"first": first, "clients": clients, "i": 0}), 0)

    def writing(self, measure, unanswered):
        """Counts what is in the tables afterwards: each request one event and one key. wrk hangs up on what it has not got
        an answer to, up to `unanswered` more."""
        events, keys = self.tickets.written()
        outcome = measure()
        more_events, more_keys = (after - before for after, before in zip(self.tickets.written(), (events, keys)))
        for what, more in (("events", more_events), ("keys", more_keys)):
            if not outcome.void and not outcome.requests <= more <= outcome.requests + unanswered:
                outcome.void = f"{outcome.requests} requests wrote {more} {what}"
        self.tickets.reset()
        return outcome

    # Rounds.

    def compare_row_level_security(self, clients, staff):
        """The same statement as both roles and as the owner, who is under no row-level security."""
        def as_role(options):
            return pgbench(self.database, self.folder / "get.sql", clients, self.seconds, options)

        owner = as_role(STAFF | {"role": "reglament_owner"})
        self.found.add("rls-staff", clients, "owner", staff, owner)
        self.found.add("rls-customer", clients, "owner", as_role(CUSTOMER | {"reglament.organization": "acme"}), owner)

    def compare(self, turn, path, clients, yardstick, ours, theirs):
        """Each side once, the other way round in every other round."""
        if turn % 2 == 0:
            first = ours()
            second = theirs()
        else:
            second = theirs()
            first = ours()
        self.found.add(path, clients, yardstick, first, second)
        if not first.void:
            self.found.rates[path, clients].append(first.rate)
            if clients == 64:
                self.found.cpu[path, "service"].append(first.cpu_microseconds)
        if clients == 64:
            self.theirs[path] = second
        if not second.void and yardstick == "nginx" and clients == 64:
            self.found.cpu[path, "nginx"].append(second.cpu_microseconds)
        return first, second

    def warm_up(self):
        """A short round that does not count, of the fewest clients."""
        found, seconds = self.found, self.seconds
        self.found, self.seconds = Measurements(), 1
        self.round(0, "warming up", most=1)
        self.found, self.seconds = found, seconds

    def round(self, turn, title, most=None):
        for path in self.paths:
            for one in STEP_FIRST if path == "transition" else (path,):
                for clients in CLIENTS[one][:most]:
                    say(f"{title}: {one}, {clients} clients")
                    self.path(turn, one, clients)
        if most is None:
            say(f"{title}: another number of loops")
            self.try_other_loops()
        self.found.close_round()
        # Hundreds of megabytes a round, that nobody reads.
        for log in self.folder.rglob("*access.log"):
            os.truncate(log, 0)

    def try_other_loops(self):
        """Through the figure that the yardstick had in this round."""
        paths = [path for path in ("healthz", "get") if path in self.paths]
        if not paths:
            return
        with Service(self.service.program, self.database, self.folder, "loops", REGLAMENT_LOOPS=str(self.other_loops)) as other:
            for path in paths:
                place = "/healthz" if path == "healthz" else "/"
                self.http(other, place, path, 64, seconds=1)
                self.found.add(f"{path}-loops", 64, "nginx" if path == "healthz" else "pgbench",
                               self.http(other, place, path, 64), self.theirs[path])

    def path(self, turn, path, clients):
        if path in ("healthz", "healthz-tls"):
            tls = path == "healthz-tls"
            self.compare(turn, path, clients, "nginx",
                         lambda: self.http(self.service, "/healthz", "healthz", clients, tls),
                         lambda: self.http(self.nginx, "/healthz", "healthz", clients, tls))
        elif path in ("get", "list", "list-apart"):
            ours, theirs = self.compare(turn, path, clients, "pgbench", lambda: self.service_reads(path, clients),
                                        lambda: self.pgbench_reads(path, clients))
            if path == "get" and clients == 8:
                self.compare_row_level_security(clients, theirs)
            if path == "get" and clients == 64:
                self.found.add("get-bytes", clients, "nginx", ours,
                               self.http(self.nginx, "/ticket", "healthz", clients))
        else:
            self.compare(turn, path, clients, "pgbench", lambda: self.service_writes(path, clients),
                         lambda: self.pgbench_writes(path, clients))
