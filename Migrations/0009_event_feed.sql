-- The installation's whole history in one gap-free order: a queue that every event enters as it is written, and the order itself,
-- which one sequencer in the cluster writes. Nobody of the service has more than the two functions.
SET LOCAL ROLE reglament_owner;

-- Committed and not yet in the feed. `id` says in which order the events of one ticket were written, and no more than that.
CREATE TABLE feed_pending (
    id     bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT feed_pending_pkey PRIMARY KEY,
    ticket text COLLATE "C" NOT NULL,
    seq    integer NOT NULL
) WITH (autovacuum_vacuum_threshold = 10000, autovacuum_vacuum_scale_factor = 0);

CREATE TABLE feed (
    feed_seq bigint NOT NULL CONSTRAINT feed_seq CHECK (feed_seq > 0),
    ticket   text COLLATE "C" NOT NULL,
    seq      integer NOT NULL
);

-- By the owner's rights: a role that may write history may not touch its order.
CREATE FUNCTION await_feed() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp
AS $$
BEGIN
    INSERT INTO feed_pending (ticket, seq) VALUES (NEW.ticket, NEW.seq);
    RETURN NULL;
END
$$;
REVOKE ALL ON FUNCTION await_feed FROM PUBLIC;
CREATE TRIGGER events_await_feed AFTER INSERT ON events FOR EACH ROW EXECUTE FUNCTION await_feed();

-- What was written before, by time, each ticket in its own order even where two clocks disagreed. The trigger has locked out whoever
-- writes, so nothing is in both.
INSERT INTO feed (feed_seq, ticket, seq)
SELECT row_number() OVER (ORDER BY e.reached, e.ticket, e.seq), e.ticket, e.seq
  FROM (SELECT ticket, seq, max(at) OVER (PARTITION BY ticket ORDER BY seq) AS reached FROM events) e;
-- After the rows: one pass over all instead of a look-up for each.
ALTER TABLE feed
    ADD CONSTRAINT feed_pkey PRIMARY KEY (feed_seq),
    ADD CONSTRAINT feed_event_key UNIQUE (ticket, seq),
    ADD CONSTRAINT feed_event_fkey FOREIGN KEY (ticket, seq) REFERENCES events;

-- Moves up to `batch_max` events from the queue to the end of the feed and says how many; called under the sequencer's lock alone.
-- The next number is the highest one plus one, in the same transaction: one that fails leaves no gap. Rows that a restore has put
-- into the queue twice, or that are in the feed already, go without a number.
CREATE FUNCTION sequence_feed(batch_max integer) RETURNS integer
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp
AS $$
DECLARE
    taken integer;
    last  bigint;
BEGIN
    WITH batch AS (
        DELETE FROM feed_pending
         WHERE id <= (SELECT max(id) FROM (SELECT id FROM feed_pending ORDER BY id LIMIT batch_max) next)
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
REVOKE ALL ON FUNCTION sequence_feed FROM PUBLIC;
GRANT EXECUTE ON FUNCTION sequence_feed TO reglament_staff;
GRANT SELECT ON feed, feed_pending TO reglament_staff;
