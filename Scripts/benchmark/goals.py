"""What the service must reach and what it aims at. A ratio is the service's figure through the yardstick's."""

# A median that is this much worse than the goal still counts as met: machines differ from minute to minute.
TOLERANCE = 0.05

# (path, clients, yardstick): (must, aim); the greater the better.
RATIOS = {
    ("healthz", 8, "nginx"): (1.0, 1.2),
    ("healthz", 64, "nginx"): (1.1, 1.4),
    ("healthz", 512, "nginx"): (1.0, 1.3),
    ("healthz-tls", 64, "nginx"): (0.95, 1.1),
    ("get", 8, "pgbench"): (0.65, 0.85),
    ("get", 64, "pgbench"): (1.1, 1.5),
    ("get-bytes", 64, "nginx"): (0.4, 0.6),
    ("create", 8, "pgbench"): (0.8, 0.9),
    ("create", 64, "pgbench"): (1.1, 1.4),
    ("transition", 8, "pgbench"): (0.75, 0.9),
    ("transition", 64, "pgbench"): (1.0, 1.3),
    ("list", 8, "pgbench"): (0.8, 1.0),
}

# path: (must, aim, unit); the less the better. None: shown, and no more.
FIGURES = {
    "cpu-healthz": (1.2, 0.8, "of nginx's"),
    "cpu-get": (20, 12, "µs"),
    "cpu-create": (35, 25, "µs"),
    "cpu-list": (None, None, "µs"),
    "memory-idle": (20, 12, "MiB"),
    "memory-busy": (64, 40, "MiB"),
    "memory-connection": (2, 0.5, "KiB"),
    "cold-start": (50, 20, "ms"),
    "cold-start-ready": (None, None, "ms"),
    "binary": (20, 12, "MB"),
}

TITLES = {
    "healthz": "`GET /healthz`",
    "healthz-tls": "`GET /healthz` over TLS 1.3",
    "get": "`GET /v1/tickets/{id}`",
    "get-bytes": "`GET /v1/tickets/{id}`, the same bytes",
    "create": "`POST /v1/tickets`",
    "transition": "a step: mean of the three below",
    "assign": "`POST …/assign`",
    "solve": "`POST …/solve`",
    "confirm": "`POST …/confirm`",
    "list": "`GET /v1/tickets?sort=triage&limit=50`",
    "list-apart": "the same list, 64 pages in turn",
    "rls-staff": "reading that ticket in PostgreSQL as employees' role, under row-level security",
    "rls-customer": "the same as customers' role",
    "cpu-healthz": "CPU a request, `GET /healthz`, 64 connections",
    "cpu-get": "CPU a request, `GET /v1/tickets/{id}`, 64 connections",
    "cpu-create": "CPU a request, `POST /v1/tickets`, 64 connections",
    "cpu-list": "CPU a request, the list, 64 connections",
    "memory-idle": "resident memory, idle",
    "memory-busy": "resident memory, 512 connections reading tickets",
    "memory-connection": "resident memory of an idle connection, 10,000 open",
    "cold-start": "from the start of the program to its first answer, `GET /healthz`",
    "cold-start-ready": "the same, `GET /readyz`: the database answers too",
    "binary": "the program, stripped, with Swift's libraries in it",
}


def is_met(value, goal, greater_is_better):
    if value is None or goal is None:
        return None
    return value >= goal * (1 - TOLERANCE) if greater_is_better else value <= goal * (1 + TOLERANCE)
