-- Batches: one call on up to 500 tickets is a durable list like any other, whose items end in an answer each.
SET LOCAL ROLE reglament_owner;

ALTER TABLE follow_ups
    DROP CONSTRAINT follow_ups_kind,
    ADD CONSTRAINT follow_ups_kind CHECK (kind IN ('solve_parts', 'plan_parts', 'publish', 'batch'));

CREATE TABLE batches (
    follow_up text COLLATE "C" CONSTRAINT batches_pkey PRIMARY KEY
              CONSTRAINT batches_follow_up_fkey REFERENCES follow_ups,
    action    text NOT NULL CONSTRAINT batches_action CHECK (
                  action IN ('assign', 'request_information', 'solve', 'merge', 'set_priority')),
    -- Of each single call, as JSON; null once all is done, so that no text stays where nobody erases it.
    body      bytea,
    -- In which the problems are told, and the request that they name.
    language  text NOT NULL,
    instance  text NOT NULL,
    -- As they were given; not each must be a ticket's.
    tickets   text[] NOT NULL CONSTRAINT batches_tickets_count CHECK (cardinality(tickets) BETWEEN 1 AND 500)
);

-- An item of a batch may name a ticket that does not exist, and tells what became of it: null is 200.
ALTER TABLE follow_up_items
    DROP CONSTRAINT follow_up_items_ticket_fkey,
    ADD COLUMN status integer,
    ADD COLUMN problem bytea,
    ADD CONSTRAINT follow_up_items_problem CHECK ((problem IS NULL) = (status IS NULL OR status < 400));

GRANT SELECT, INSERT, UPDATE (body) ON batches TO reglament_staff;
