-- Tickets, what is said on them, how they are linked, and their history.
SET LOCAL ROLE reglament_owner;

CREATE TABLE tickets (
    id                          text COLLATE "C" CONSTRAINT tickets_pkey PRIMARY KEY,
    product                     text COLLATE "C" NOT NULL,
    number                      bigint NOT NULL CONSTRAINT tickets_number CHECK (number > 0),
    policy_version              integer NOT NULL,
    organization                text COLLATE "C" NOT NULL CONSTRAINT tickets_organization_fkey REFERENCES organizations,
    contract                    text COLLATE "C" NOT NULL CONSTRAINT tickets_contract_fkey REFERENCES contracts,
    plan                        text,
    kind                        text NOT NULL,
    subject                     text NOT NULL CONSTRAINT tickets_subject_length CHECK (char_length(subject) BETWEEN 1 AND 200),
    description                 text NOT NULL CONSTRAINT tickets_description_length CHECK (char_length(description) BETWEEN 1 AND 65536),
    description_salt            text,
    details                     jsonb NOT NULL,
    blocking                    boolean NOT NULL,
    priority                    text NOT NULL CONSTRAINT tickets_priority CHECK (priority IN ('critical', 'high', 'normal', 'low')),
    state                       text NOT NULL CONSTRAINT tickets_state CHECK (state IN (
                                    'registered', 'assigned', 'awaiting_information', 'solved_awaiting_confirmation', 'closed')),
    close_reason                text CONSTRAINT tickets_close_reason CHECK (close_reason IN (
                                    'confirmed', 'no_response', 'withdrawn', 'duplicate')),
    channel                     text NOT NULL,
    reporter                    text COLLATE "C" NOT NULL CONSTRAINT tickets_reporter_fkey REFERENCES users,
    registered_by               text COLLATE "C" NOT NULL CONSTRAINT tickets_registered_by_fkey REFERENCES users,
    assignees                   text[] COLLATE "C" NOT NULL CONSTRAINT tickets_assignees_count CHECK (cardinality(assignees) <= 20),
    solution_comment            text,
    solution_type               text CONSTRAINT tickets_solution_type CHECK (solution_type IN ('individual_work', 'mass_update')),
    solution_release            text,
    solution_by                 text COLLATE "C" CONSTRAINT tickets_solution_by_fkey REFERENCES users,
    solution_at                 timestamptz,
    tags                        text[] NOT NULL CONSTRAINT tickets_tags_count CHECK (cardinality(tags) <= 20),
    registered_at               timestamptz NOT NULL,
    assigned_at                 timestamptz,
    first_response_at           timestamptz,
    solved_at                   timestamptz,
    closed_at                   timestamptz,
    first_response_due_at       timestamptz,
    solution_due_at             timestamptz,
    -- The nearest promised time that is still owed.
    due_at                      timestamptz,
    auto_close_working_days     integer,
    auto_close_at               timestamptz,
    auto_close_calendar         text,
    auto_close_calendar_version text,
    auto_close_days             date[],
    -- From and to in turn; an odd count: the clock stands still.
    pauses                      timestamptz[] NOT NULL DEFAULT '{}',
    dispute_count               integer NOT NULL DEFAULT 0,
    version                     integer NOT NULL,
    updated_at                  timestamptz NOT NULL,
    event_seq                   integer NOT NULL,
    event_hash                  bytea NOT NULL,
    triage_rank                 smallint NOT NULL GENERATED ALWAYS AS (
        CASE WHEN blocking THEN 0 ELSE 4 END
        + CASE priority WHEN 'critical' THEN 0 WHEN 'high' THEN 1 WHEN 'normal' THEN 2 ELSE 3 END) STORED,
    CONSTRAINT tickets_policy_fkey FOREIGN KEY (product, policy_version) REFERENCES policy_versions (product, version),
    CONSTRAINT tickets_number_key UNIQUE (product, number),
    CONSTRAINT tickets_closed CHECK ((state = 'closed') = (closed_at IS NOT NULL) AND (state = 'closed') = (close_reason IS NOT NULL)),
    CONSTRAINT tickets_solved CHECK (state <> 'solved_awaiting_confirmation' OR solved_at IS NOT NULL),
    CONSTRAINT tickets_unsolved CHECK (state IN ('solved_awaiting_confirmation', 'closed') OR solved_at IS NULL),
    CONSTRAINT tickets_solution CHECK (
        (solution_comment IS NULL) = (solution_type IS NULL) AND (solution_comment IS NULL) = (solution_by IS NULL)
        AND (solution_comment IS NULL) = (solution_at IS NULL) AND (solved_at IS NULL OR solution_comment IS NOT NULL)),
    -- A part may be solved with its whole before anybody was assigned; disputing it then assigns it to nobody.
    CONSTRAINT tickets_assigned CHECK (
        state NOT IN ('assigned', 'awaiting_information') OR cardinality(assignees) > 0 OR dispute_count > 0),
    CONSTRAINT tickets_auto_close CHECK (auto_close_at IS NULL OR solved_at IS NOT NULL AND auto_close_working_days IS NOT NULL)
) WITH (fillfactor = 85);

CREATE INDEX tickets_registered_idx ON tickets (registered_at, id);
CREATE INDEX tickets_updated_idx ON tickets (updated_at, id);
CREATE INDEX tickets_organization_idx ON tickets (organization, registered_at, id);
CREATE INDEX tickets_auto_close_idx ON tickets ((coalesce(auto_close_at, 'infinity'::timestamptz)), id);
CREATE INDEX tickets_triage_idx
    ON tickets (triage_rank, (coalesce(due_at, 'infinity'::timestamptz)), registered_at, number, id) WHERE state <> 'closed';
CREATE INDEX tickets_due_idx ON tickets (auto_close_at, id) WHERE state = 'solved_awaiting_confirmation';
CREATE INDEX tickets_waiting_idx ON tickets (product, solution_release)
    WHERE solution_release IS NOT NULL AND solved_at IS NULL AND state <> 'closed';
CREATE INDEX tickets_assignees_idx ON tickets USING gin (assignees) WHERE state <> 'closed';

CREATE TABLE links (
    ticket       text COLLATE "C" NOT NULL CONSTRAINT links_ticket_fkey REFERENCES tickets,
    type         text NOT NULL CONSTRAINT links_type CHECK (type IN ('follows', 'duplicate_of', 'part_of')),
    other        text COLLATE "C" NOT NULL CONSTRAINT links_other_fkey REFERENCES tickets,
    -- Of both ends: tickets of different organizations are never linked.
    organization text COLLATE "C" NOT NULL,
    CONSTRAINT links_pkey PRIMARY KEY (ticket, type, other),
    CONSTRAINT links_not_itself CHECK (ticket <> other)
);
CREATE INDEX links_other_idx ON links (other, type);
CREATE UNIQUE INDEX links_one_whole_key ON links (ticket) WHERE type = 'part_of';

CREATE TABLE comments (
    id           text COLLATE "C" CONSTRAINT comments_pkey PRIMARY KEY,
    ticket       text COLLATE "C" NOT NULL CONSTRAINT comments_ticket_fkey REFERENCES tickets,
    -- The event that brought it.
    seq          integer NOT NULL,
    organization text COLLATE "C" NOT NULL,
    body         text NOT NULL CONSTRAINT comments_body_length CHECK (char_length(body) BETWEEN 1 AND 65536),
    salt         text,
    internal     boolean NOT NULL,
    author       text COLLATE "C" CONSTRAINT comments_author_fkey REFERENCES users,
    author_role  text NOT NULL,
    at           timestamptz NOT NULL,
    CONSTRAINT comments_seq_key UNIQUE (ticket, seq)
);

-- Append-only: no role of the service may change or remove a row.
CREATE TABLE events (
    ticket       text COLLATE "C" NOT NULL CONSTRAINT events_ticket_fkey REFERENCES tickets,
    seq          integer NOT NULL CONSTRAINT events_seq CHECK (seq > 0),
    organization text COLLATE "C" NOT NULL,
    internal     boolean NOT NULL,
    at           timestamptz NOT NULL,
    actor        text COLLATE "C" CONSTRAINT events_actor_fkey REFERENCES users,
    actor_role   text NOT NULL,
    action       text NOT NULL,
    clause       text,
    from_state   text,
    to_state     text,
    comment_id   text COLLATE "C",
    -- "name hexadecimal-digest" of each value that lies in event_values, comments or tickets.
    digests      text[] NOT NULL,
    hash         bytea NOT NULL CONSTRAINT events_hash_length CHECK (length(hash) = 32),
    CONSTRAINT events_pkey PRIMARY KEY (ticket, seq)
);

-- The values that events fingerprint. Outside the events, so that they can be erased without breaking a chain.
CREATE TABLE event_values (
    ticket       text COLLATE "C" NOT NULL,
    seq          integer NOT NULL,
    organization text COLLATE "C" NOT NULL,
    fields       text[] NOT NULL,
    -- Canonical JSON of {"from":…,"to":…}, one a field.
    changes      text[] NOT NULL,
    salts        text[] NOT NULL,
    CONSTRAINT event_values_pkey PRIMARY KEY (ticket, seq),
    CONSTRAINT event_values_event_fkey FOREIGN KEY (ticket, seq) REFERENCES events
);

GRANT SELECT, INSERT,
      UPDATE (subject, details, priority, state, close_reason, assignees, solution_comment, solution_type, solution_release,
              solution_by, solution_at, tags, assigned_at, first_response_at, solved_at, closed_at, first_response_due_at,
              solution_due_at, due_at, auto_close_working_days, auto_close_at, auto_close_calendar,
              auto_close_calendar_version, auto_close_days, pauses, dispute_count, version, updated_at, event_seq, event_hash)
      ON tickets TO reglament_staff;
-- A customer's steps touch neither what employees triage nor what was said.
GRANT SELECT, INSERT,
      UPDATE (state, close_reason, solution_comment, solution_type, solution_release, solution_by, solution_at, solved_at,
              closed_at, first_response_due_at, solution_due_at, due_at, auto_close_working_days, auto_close_at,
              auto_close_calendar, auto_close_calendar_version, auto_close_days, pauses, dispute_count, version, updated_at,
              event_seq, event_hash)
      ON tickets TO reglament_customer;
GRANT SELECT, INSERT, DELETE ON links TO reglament_staff;
GRANT SELECT, INSERT ON links TO reglament_customer;
GRANT SELECT, INSERT ON comments, events, event_values TO reglament_staff, reglament_customer;

ALTER TABLE tickets ENABLE ROW LEVEL SECURITY;
ALTER TABLE links ENABLE ROW LEVEL SECURITY;
ALTER TABLE comments ENABLE ROW LEVEL SECURITY;
ALTER TABLE events ENABLE ROW LEVEL SECURITY;
ALTER TABLE event_values ENABLE ROW LEVEL SECURITY;
CREATE POLICY tickets_staff ON tickets TO reglament_staff USING (true);
CREATE POLICY tickets_customer ON tickets TO reglament_customer
    USING (organization = current_setting('reglament.organization', true));
CREATE POLICY links_staff ON links TO reglament_staff USING (true);
CREATE POLICY links_customer ON links TO reglament_customer
    USING (organization = current_setting('reglament.organization', true));
CREATE POLICY comments_staff ON comments TO reglament_staff USING (true);
CREATE POLICY comments_customer ON comments TO reglament_customer
    USING (organization = current_setting('reglament.organization', true) AND NOT internal);
CREATE POLICY events_staff ON events TO reglament_staff USING (true);
CREATE POLICY events_customer ON events TO reglament_customer
    USING (organization = current_setting('reglament.organization', true) AND NOT internal);
CREATE POLICY event_values_staff ON event_values TO reglament_staff USING (true);
CREATE POLICY event_values_customer ON event_values TO reglament_customer
    USING (organization = current_setting('reglament.organization', true));
