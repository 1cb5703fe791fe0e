-- Releases that solve what waits for them, and the durable lists behind calls that reach further tickets.
SET LOCAL ROLE reglament_owner;

CREATE TABLE releases (
    product      text COLLATE "C" NOT NULL CONSTRAINT releases_product_fkey REFERENCES products,
    version      text COLLATE "C" NOT NULL CONSTRAINT releases_version_form CHECK (version ~ '^[0-9]+[.][0-9]+([.][0-9]+)?$'),
    notes        text,
    created_at   timestamptz NOT NULL,
    created_by   text COLLATE "C" NOT NULL CONSTRAINT releases_created_by_fkey REFERENCES users,
    published_at timestamptz,
    published_by text COLLATE "C" CONSTRAINT releases_published_by_fkey REFERENCES users,
    CONSTRAINT releases_pkey PRIMARY KEY (product, version),
    CONSTRAINT releases_published CHECK ((published_at IS NULL) = (published_by IS NULL))
);

CREATE TABLE follow_ups (
    id          text COLLATE "C" CONSTRAINT follow_ups_pkey PRIMARY KEY,
    kind        text NOT NULL CONSTRAINT follow_ups_kind CHECK (kind IN ('solve_parts', 'plan_parts', 'publish')),
    -- The whole, for its parts; null for a release.
    ticket      text COLLATE "C" CONSTRAINT follow_ups_ticket_fkey REFERENCES tickets,
    comment     text,
    type        text,
    product     text COLLATE "C",
    release     text COLLATE "C",
    actor       text COLLATE "C" NOT NULL CONSTRAINT follow_ups_actor_fkey REFERENCES users,
    at          timestamptz NOT NULL,
    -- By the database's own clock: who is left behind is told from who is at work.
    started_at  timestamptz NOT NULL DEFAULT clock_timestamp(),
    finished_at timestamptz,
    CONSTRAINT follow_ups_release_fkey FOREIGN KEY (product, release) REFERENCES releases
);
CREATE INDEX follow_ups_unfinished_idx ON follow_ups (started_at) WHERE finished_at IS NULL;

-- What is done of a list; the row is written with the effect it tells of.
CREATE TABLE follow_up_items (
    follow_up text COLLATE "C" NOT NULL CONSTRAINT follow_up_items_follow_up_fkey REFERENCES follow_ups,
    ticket    text COLLATE "C" NOT NULL CONSTRAINT follow_up_items_ticket_fkey REFERENCES tickets,
    CONSTRAINT follow_up_items_pkey PRIMARY KEY (follow_up, ticket)
);

GRANT SELECT, INSERT, UPDATE (published_at, published_by) ON releases TO reglament_staff;
GRANT SELECT, INSERT, UPDATE (finished_at) ON follow_ups TO reglament_staff;
GRANT SELECT, INSERT ON follow_up_items TO reglament_staff;
