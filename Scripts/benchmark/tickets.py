"""The people and tickets of a run. A few tickets are made through the API; the many are copies of these, row for row."""

import json
import time

PRODUCT, PREFIX = "smartivr", "SMARTIVR"
READ_FIRST, READ_COUNT = 1_001, 10_000
# The first number of the tickets that are waiting for each step, and what the service's own sequence goes on from.
STEP_FIRST = {"assign": 100_001, "solve": 200_001, "confirm": 300_001}
CREATED_FIRST, CREATED_BY_PGBENCH = 1_000_001, 10_000_000

LONG = "After the update the window freezes when a call arrives. " * 8
DRAFT = {"product": PRODUCT, "kind": "incident", "subject": "Window freezes", "description": "After the update."}

WRITTEN = ["tickets", "ticket_search", "events", "comments", "feed", "feed_pending", "idempotency_keys"]


class Tickets:
    def __init__(self, database, service, per_step):
        """`per_step`: how many tickets wait for each of the three steps."""
        self.database, self.service, self.per_step = database, service, per_step
        service.command("migrate", "up")
        self.customer = service.command(
            "token", "create", "--email", "customer@example.com", "--role", "customer", "--organization", "acme"
        )
        self.engineer = service.command("token", "create", "--email", "engineer@example.com", "--role", "engineer")
        self.engineer_id = database.value("SELECT id FROM users WHERE email = 'engineer@example.com'")
        database.run(
            "INSERT INTO contracts (id, organization, product, valid_from) "
            f"VALUES ('k_0000000000000000000001', 'acme', '{PRODUCT}', '2020-01-01')"
        )
        self.steps = {
            "assign": (self.engineer, {"assignees": [self.engineer_id]}),
            "solve": (self.engineer, {"comment": "The window stays awake with the new driver."}),
            "confirm": (self.customer, {}),
        }

    def create(self, key, **more):
        status, _, body = self.service.ask("POST", "/v1/tickets", self.customer, DRAFT | more, key)
        if status != 201:
            raise SystemExit(f"bench: a ticket is refused: {body.decode()}")
        return json.loads(body)["id"]

    def take(self, ticket, step):
        token, body = self.steps[step]
        status, _, answer = self.service.ask("POST", f"/v1/tickets/{ticket}/{step}", token, body, f"{ticket}-{step}")
        if status != 200:
            raise SystemExit(f"bench: {step} is refused: {answer.decode()}")
        return ticket

    def fill(self):
        """The tickets that are read, and those that wait for a step."""
        registered = self.create("registered")
        assigned = self.take(self.create("assigned"), "assign")
        solved = self.take(self.take(self.create("solved"), "assign"), "solve")
        self.settle()
        self.copy(self.create("read", description=LONG), READ_FIRST, READ_COUNT)
        self.copy(registered, STEP_FIRST["assign"], self.per_step)
        self.copy(assigned, STEP_FIRST["solve"], self.per_step)
        self.copy(solved, STEP_FIRST["confirm"], self.per_step)
        self.settle()
        self.database.run(f"""
            SELECT setval('ticket_number_{PRODUCT}', {CREATED_FIRST});
            INSERT INTO feed (feed_seq, ticket, seq)
            SELECT (SELECT coalesce(max(feed_seq), 0) FROM feed) + row_number() OVER (ORDER BY e.ticket, e.seq), e.ticket, e.seq
              FROM events e WHERE NOT EXISTS (SELECT FROM feed f WHERE f.ticket = e.ticket AND f.seq = e.seq);
            CREATE SCHEMA bench;
            CREATE TABLE bench.tickets AS TABLE tickets;
            ALTER TABLE bench.tickets ADD PRIMARY KEY (id);
            CREATE TABLE bench.ticket_search AS TABLE ticket_search;
            ALTER TABLE bench.ticket_search ADD PRIMARY KEY (ticket);
            CREATE TABLE bench.feed AS SELECT max(feed_seq) AS last FROM feed;
            """)
        self.database.run("VACUUM ANALYZE")
        self.reset()

    def columns(self, table):
        return self.database.value(f"""
            SELECT string_agg(quote_ident(attname), ',' ORDER BY attnum) FROM pg_attribute
             WHERE attrelid = '{table}'::regclass AND attnum > 0 AND NOT attisdropped AND attgenerated = ''""").split(",")

    def copy(self, ticket, first, count):
        """Every row that the service has written of `ticket`, for `count` more with numbers from `first` on."""
        number = ticket.removeprefix(f"{PREFIX}-")
        comment = "'c_' || lpad(n::text, 22, '0')"
        words = (f"replace(replace(shared::text, '''-{number}'':', '''-' || n || ''':'), "
                 f"'''{number}'':', '''' || n || ''':')::tsvector")
        copies = {
            "tickets": {"id": f"'{PREFIX}-' || n", "number": "n"},
            "ticket_search": {"ticket": f"'{PREFIX}-' || n", "shared": words},
            "events": {"ticket": f"'{PREFIX}-' || n",
                       "comment_id": f"CASE WHEN comment_id IS NOT NULL THEN {comment} END"},
            "comments": {"id": comment, "ticket": f"'{PREFIX}-' || n"},
        }
        statements = []
        for table, changed in copies.items():
            columns = self.columns(table)
            own = "id" if table == "tickets" else "ticket"
            statements.append(
                f"INSERT INTO {table} ({', '.join(columns)}) "
                f"SELECT {', '.join(changed.get(column, column) for column in columns)} "
                f"FROM {table}, generate_series({first}, {first + count - 1}) n WHERE {own} = '{ticket}' ORDER BY n;"
            )
        # No trigger and no check of what is a copy of something good.
        self.database.run("SET session_replication_role = replica;\n" + "\n".join(statements))

    def settle(self):
        """Waits until the feed has taken what was written."""
        for _ in range(300):
            if self.database.value("SELECT count(*) FROM feed_pending") == "0":
                return
            time.sleep(0.05)
        raise SystemExit("bench: the feed does not come to an end of what was written")

    def written(self):
        """How many events and how many keys there are."""
        self.settle()
        return tuple(map(int, self.database.value(
            "SELECT (SELECT count(*) FROM events) || ' ' || (SELECT count(*) FROM idempotency_keys)").split()))

    def reset(self):
        """Every table as it was after `fill`, without dead rows, and on the disk: nobody measures on another's remains."""
        columns = ", ".join(self.columns("tickets"))
        self.settle()
        self.database.run(f"""
            SET session_replication_role = replica;
            BEGIN;
            CREATE TEMPORARY TABLE touched ON COMMIT DROP AS
            SELECT t.id, coalesce(s.event_seq, 0) AS seq
              FROM tickets t LEFT JOIN bench.tickets s USING (id) WHERE s.event_seq IS DISTINCT FROM t.event_seq;
            ANALYZE touched;
            DELETE FROM feed WHERE feed_seq > (SELECT last FROM bench.feed);
            DELETE FROM events e USING touched x WHERE e.ticket = x.id AND e.seq > x.seq;
            DELETE FROM comments c USING touched x WHERE c.ticket = x.id AND c.seq > x.seq;
            DELETE FROM ticket_search w USING touched x WHERE w.ticket = x.id;
            INSERT INTO ticket_search SELECT s.* FROM bench.ticket_search s JOIN touched x ON x.id = s.ticket;
            DELETE FROM tickets t USING touched x WHERE t.id = x.id;
            INSERT INTO tickets ({columns}) SELECT {columns} FROM bench.tickets JOIN touched x USING (id);
            TRUNCATE idempotency_keys;
            SELECT recount_tickets();
            COMMIT;
            VACUUM {', '.join(WRITTEN)};
            CHECKPOINT;
            """)
