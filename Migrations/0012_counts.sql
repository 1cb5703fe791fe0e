-- How many tickets there are of each kind, without counting them: the queue's summary counted whatever is open, 47 ms with fifty thousand
-- open ones. Who changes a ticket notes the difference and waits for nobody; the sequencer adds up what was noted; who asks adds the rest.
SET LOCAL ROLE reglament_owner;

-- What is not added up yet. `id` says nothing but which of them are taken together.
CREATE TABLE ticket_count_changes (
    id        bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT ticket_count_changes_pkey PRIMARY KEY,
    change    smallint NOT NULL CONSTRAINT ticket_count_changes_change CHECK (change IN (-1, 1)),
    product   text COLLATE "C" NOT NULL,
    state     text COLLATE "C" NOT NULL,
    priority  text COLLATE "C" NOT NULL,
    assignees text[] NOT NULL,
    due_at    timestamptz
) WITH (autovacuum_vacuum_threshold = 10000, autovacuum_vacuum_scale_factor = 0);

CREATE TABLE ticket_counts (
    product  text COLLATE "C" NOT NULL,
    state    text COLLATE "C" NOT NULL,
    priority text COLLATE "C" NOT NULL,
    tickets  bigint NOT NULL,
    CONSTRAINT ticket_counts_pkey PRIMARY KEY (product, state, priority)
) WITH (fillfactor = 50);

-- Open tickets alone; an empty text is nobody.
CREATE TABLE assignee_counts (
    assignee text COLLATE "C" CONSTRAINT assignee_counts_pkey PRIMARY KEY,
    tickets  bigint NOT NULL
) WITH (fillfactor = 50);

-- Open tickets alone, by the day in UTC on which the nearest time is due.
CREATE TABLE due_counts (
    day     date CONSTRAINT due_counts_pkey PRIMARY KEY,
    tickets bigint NOT NULL
) WITH (fillfactor = 50);

-- What holds at this moment: the sums and what is not in them yet. Whoever asks, asks these.
CREATE VIEW current_ticket_counts AS
SELECT product, state, priority, sum(tickets) AS tickets
  FROM (SELECT product, state, priority, tickets FROM ticket_counts
        UNION ALL
        SELECT product, state, priority, change FROM ticket_count_changes) c
 GROUP BY product, state, priority;

CREATE VIEW current_assignee_counts AS
SELECT assignee, sum(tickets) AS tickets
  FROM (SELECT assignee, tickets FROM assignee_counts
        UNION ALL
        SELECT unnest(CASE assignees WHEN '{}' THEN '{""}' ELSE assignees END), change
          FROM ticket_count_changes WHERE state <> 'closed') c
 GROUP BY assignee;

CREATE VIEW current_due_counts AS
SELECT day, sum(tickets) AS tickets
  FROM (SELECT day, tickets FROM due_counts
        UNION ALL
        SELECT (due_at AT TIME ZONE 'UTC')::date, change
          FROM ticket_count_changes WHERE state <> 'closed' AND due_at IS NOT NULL) c
 GROUP BY day;

GRANT SELECT ON current_ticket_counts, current_assignee_counts, current_due_counts TO reglament_staff;

-- By the owner's rights: a role that may write tickets may not touch what is counted.
CREATE FUNCTION note_ticket_count() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp
AS $$
BEGIN
    IF TG_OP = 'UPDATE' THEN
        INSERT INTO ticket_count_changes (change, product, state, priority, assignees, due_at)
        VALUES (-1, OLD.product, OLD.state, OLD.priority, OLD.assignees, OLD.due_at),
               (1, NEW.product, NEW.state, NEW.priority, NEW.assignees, NEW.due_at);
    ELSE
        INSERT INTO ticket_count_changes (change, product, state, priority, assignees, due_at)
        VALUES (1, NEW.product, NEW.state, NEW.priority, NEW.assignees, NEW.due_at);
    END IF;
    RETURN NULL;
END
$$;
REVOKE ALL ON FUNCTION note_ticket_count FROM PUBLIC;

-- Adds up to `batch_max` changes to the counts and says how many; called under the sequencer's lock alone, so that nobody waits for a count.
CREATE FUNCTION fold_ticket_counts(batch_max integer) RETURNS integer
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp
AS $$
DECLARE
    taken integer;
BEGIN
    WITH batch AS (
        DELETE FROM ticket_count_changes
         WHERE id <= (SELECT max(id) FROM (SELECT id FROM ticket_count_changes ORDER BY id LIMIT batch_max) next)
        RETURNING change, product, state, priority, assignees, due_at
    ), states AS (
        INSERT INTO ticket_counts AS c (product, state, priority, tickets)
        SELECT product, state, priority, sum(change) FROM batch GROUP BY product, state, priority HAVING sum(change) <> 0
            ON CONFLICT (product, state, priority) DO UPDATE SET tickets = c.tickets + excluded.tickets
    ), shares AS (
        INSERT INTO assignee_counts AS c (assignee, tickets)
        SELECT a.assignee, sum(change)
          FROM batch, unnest(CASE assignees WHEN '{}' THEN '{""}' ELSE assignees END) AS a (assignee)
         WHERE state <> 'closed' GROUP BY a.assignee HAVING sum(change) <> 0
            ON CONFLICT (assignee) DO UPDATE SET tickets = c.tickets + excluded.tickets
    ), days AS (
        INSERT INTO due_counts AS c (day, tickets)
        SELECT (due_at AT TIME ZONE 'UTC')::date AS day, sum(change)
          FROM batch WHERE state <> 'closed' AND due_at IS NOT NULL GROUP BY 1 HAVING sum(change) <> 0
            ON CONFLICT (day) DO UPDATE SET tickets = c.tickets + excluded.tickets
    )
    SELECT count(*) FROM batch INTO taken;
    RETURN taken;
END
$$;
REVOKE ALL ON FUNCTION fold_ticket_counts FROM PUBLIC;
GRANT EXECUTE ON FUNCTION fold_ticket_counts TO reglament_staff;

-- Counts everything anew: for the tickets that are there before the triggers, and for whoever has written past them.
CREATE FUNCTION recount_tickets() RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp
AS $$
BEGIN
    LOCK TABLE tickets IN SHARE ROW EXCLUSIVE MODE;
    TRUNCATE ticket_count_changes, ticket_counts, assignee_counts, due_counts;
    INSERT INTO ticket_counts (product, state, priority, tickets)
    SELECT product, state, priority, count(*) FROM tickets GROUP BY product, state, priority;
    INSERT INTO assignee_counts (assignee, tickets)
    SELECT a.assignee, count(*)
      FROM tickets, unnest(CASE assignees WHEN '{}' THEN '{""}' ELSE assignees END) AS a (assignee)
     WHERE state <> 'closed' GROUP BY a.assignee;
    INSERT INTO due_counts (day, tickets)
    SELECT (due_at AT TIME ZONE 'UTC')::date, count(*)
      FROM tickets WHERE state <> 'closed' AND due_at IS NOT NULL GROUP BY 1;
END
$$;
REVOKE ALL ON FUNCTION recount_tickets FROM PUBLIC;

SELECT recount_tickets();
CREATE TRIGGER tickets_counted AFTER INSERT ON tickets FOR EACH ROW EXECUTE FUNCTION note_ticket_count();
CREATE TRIGGER tickets_recounted AFTER UPDATE ON tickets FOR EACH ROW
    WHEN ((OLD.product, OLD.state, OLD.priority, OLD.assignees, OLD.due_at)
          IS DISTINCT FROM (NEW.product, NEW.state, NEW.priority, NEW.assignees, NEW.due_at))
    EXECUTE FUNCTION note_ticket_count();

-- Whole days are counted; of the day that has begun, what is due already is looked at. That nothing is null in it keeps it out of
-- the plans of lists, which would rather sort than go along their order, if they could have it small.
CREATE INDEX tickets_open_due_idx ON tickets (due_at) WHERE state <> 'closed' AND due_at IS NOT NULL;
DROP INDEX tickets_open_counts_idx;

-- What nobody works on, found among all open ones before: 43 ms with fifty thousand of them.
CREATE INDEX tickets_open_unassigned_idx ON tickets (registered_at, id) WHERE state <> 'closed' AND assignees = '{}';
-- A customer's own by their last change: walked through everybody's before.
CREATE INDEX tickets_organization_updated_idx ON tickets (organization, updated_at, id);

-- A fifth of ten million rows is too much to leave lying: index-only scans and the freezing of old rows wait for a vacuum.
ALTER TABLE tickets SET (autovacuum_vacuum_scale_factor = 0.02, autovacuum_analyze_scale_factor = 0.02);
ALTER TABLE events SET (autovacuum_vacuum_insert_scale_factor = 0.02, autovacuum_analyze_scale_factor = 0.02);
ALTER TABLE event_values SET (autovacuum_vacuum_insert_scale_factor = 0.02, autovacuum_analyze_scale_factor = 0.02);
ALTER TABLE comments SET (autovacuum_vacuum_insert_scale_factor = 0.02, autovacuum_analyze_scale_factor = 0.02);
ALTER TABLE feed SET (autovacuum_vacuum_insert_scale_factor = 0.02, autovacuum_analyze_scale_factor = 0.02);
ALTER TABLE ticket_search SET (autovacuum_vacuum_scale_factor = 0.02, autovacuum_analyze_scale_factor = 0.02);
