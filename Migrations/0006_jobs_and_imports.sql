-- The nightly job's runs and its schedule, and where imported history came from.
SET LOCAL ROLE reglament_owner;

CREATE TABLE job_runs (
    id          text COLLATE "C" CONSTRAINT job_runs_pkey PRIMARY KEY,
    as_of       timestamptz NOT NULL,
    dry_run     boolean NOT NULL,
    started_by  text COLLATE "C" CONSTRAINT job_runs_started_by_fkey REFERENCES users,
    started_at  timestamptz NOT NULL,
    finished_at timestamptz,
    due         integer NOT NULL,
    closed      integer NOT NULL DEFAULT 0,
    plan        text NOT NULL,
    -- The first thousand.
    tickets     text[] NOT NULL
);
CREATE INDEX job_runs_started_idx ON job_runs (started_at, id);
CREATE INDEX job_runs_plan_idx ON job_runs (plan) WHERE dry_run;
CREATE INDEX job_runs_unfinished_idx ON job_runs (started_at) WHERE finished_at IS NULL;

-- The latest night that was done, a policy a row.
CREATE TABLE job_schedule (
    product text COLLATE "C" CONSTRAINT job_schedule_pkey PRIMARY KEY,
    done_at timestamptz NOT NULL
);

CREATE TABLE imports (
    system text COLLATE "C" NOT NULL,
    number text COLLATE "C" NOT NULL,
    row    integer NOT NULL,
    ticket text COLLATE "C" NOT NULL CONSTRAINT imports_ticket_fkey REFERENCES tickets,
    CONSTRAINT imports_pkey PRIMARY KEY (system, number, row)
);

GRANT SELECT, INSERT, UPDATE (finished_at, closed, tickets) ON job_runs TO reglament_staff;
GRANT SELECT, INSERT, UPDATE (done_at) ON job_schedule TO reglament_staff;
GRANT SELECT, INSERT ON imports TO reglament_staff;
