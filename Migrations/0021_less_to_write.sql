-- What every write paid for and nobody read.
SET LOCAL ROLE reglament_owner;

-- A comment is found by its ticket and its place there, never by its identifier: random ones were entered all over an index of 870 MiB at
-- ten million tickets.
ALTER TABLE comments
    DROP CONSTRAINT comments_pkey,
    DROP CONSTRAINT comments_seq_key,
    ADD CONSTRAINT comments_pkey PRIMARY KEY (ticket, seq);

-- The identifier is made of the product's prefix, which is its own, and the number.
ALTER TABLE tickets DROP CONSTRAINT tickets_number_key;

-- What is in the queue was put there by the event itself, and no role of the service writes to either. The reference locked each event's
-- row, and a lock is written into the row: a quarter of the sequencer's time. `verify` looks for places without an event.
ALTER TABLE feed DROP CONSTRAINT feed_event_fkey;

-- The sequencer's two functions are planned once for each connection, and the queues may have been empty or full then. What was planned when
-- they were empty read all that a vacuum had not cleared away yet, from end to end, at each look; for a full queue reading all of the feed
-- may look cheaper than looking places up. Now they go by the indexes, whatever was there: an array that PostgreSQL does not know is taken
-- for ten rows.
CREATE OR REPLACE FUNCTION sequence_feed(batch_max integer) RETURNS integer
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp SET enable_seqscan = off
AS $$
DECLARE
    taken integer;
    last  bigint;
BEGIN
    WITH batch AS (
        DELETE FROM feed_pending WHERE id = ANY (ARRAY(SELECT id FROM feed_pending ORDER BY id LIMIT batch_max))
        RETURNING id, ticket, seq
    ), fresh AS (
        SELECT b.ticket, b.seq, min(b.id) AS id
          FROM batch b
         WHERE NOT EXISTS (SELECT FROM feed f WHERE f.ticket = b.ticket AND f.seq = b.seq)
         GROUP BY b.ticket, b.seq
    ), numbered AS (
        INSERT INTO feed (feed_seq, ticket, seq)
        SELECT (SELECT coalesce(max(feed_seq), 0) FROM feed) + row_number() OVER (ORDER BY id), ticket, seq FROM fresh
        RETURNING feed_seq
    )
    SELECT (SELECT count(*) FROM batch), (SELECT max(feed_seq) FROM numbered) INTO taken, last;
    IF last IS NOT NULL THEN PERFORM pg_notify('reglament_feed', last::text); END IF;
    RETURN taken;
END
$$;

CREATE OR REPLACE FUNCTION fold_ticket_counts(batch_max integer) RETURNS integer
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp SET enable_seqscan = off
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

-- A page behind a position began at the customer's first ticket: COALESCE counts as something that might tell of rows which nobody may see, so
-- row-level security keeps a comparison with it away from the index. CASE does not. Older versions sort the queue until they are gone.
DROP INDEX tickets_triage_idx, tickets_open_organization_triage_idx;
CREATE INDEX tickets_triage_idx
    ON tickets (triage_rank, (CASE WHEN due_at IS NULL THEN 'infinity'::timestamptz ELSE due_at END), registered_at, number, id)
    WHERE state <> 'closed';
CREATE INDEX tickets_open_organization_triage_idx
    ON tickets (organization, triage_rank, (CASE WHEN due_at IS NULL THEN 'infinity'::timestamptz ELSE due_at END), registered_at, number, id)
    WHERE state <> 'closed';

-- A customer's contract was looked up in the index that keeps contracts apart, which takes seven times as long as the one beside it; an
-- expression is not taken for its columns.
ALTER TABLE contracts
    DROP CONSTRAINT contracts_overlap,
    ADD CONSTRAINT contracts_overlap
        EXCLUDE USING gist ((organization || ' ' || product) WITH =, daterange(valid_from, valid_to, '[]') WITH &&);

-- What writers leave to be sorted in is read by each search from end to end: a quarter of what it was.
ALTER INDEX ticket_search_shared_idx SET (gin_pending_list_limit = 256);
ALTER INDEX ticket_search_everything_idx SET (gin_pending_list_limit = 256);
