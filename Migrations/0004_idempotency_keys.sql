-- Answers by the caller's own key, a day a partition: a whole day is dropped at once, no row is ever deleted.
SET LOCAL ROLE reglament_owner;

CREATE TABLE idempotency_keys (
    day              date NOT NULL,
    caller           text COLLATE "C" NOT NULL,
    key              text COLLATE "C" NOT NULL,
    -- SHA-256 over method, path, query and body.
    request          bytea NOT NULL,
    at               timestamptz NOT NULL,
    -- Null: the answer is what became of the run or the follow-up.
    status           integer,
    content_type     text,
    content_language text,
    location         text,
    etag             text,
    body             bytea,
    follow_up        text COLLATE "C",
    run              text COLLATE "C",
    CONSTRAINT idempotency_keys_pkey PRIMARY KEY (caller, key, day),
    CONSTRAINT idempotency_keys_answer CHECK (status IS NOT NULL OR follow_up IS NOT NULL OR run IS NOT NULL)
) PARTITION BY RANGE (day);

GRANT SELECT, INSERT ON idempotency_keys TO reglament_staff, reglament_customer;
ALTER TABLE idempotency_keys ENABLE ROW LEVEL SECURITY;
CREATE POLICY idempotency_keys_staff ON idempotency_keys TO reglament_staff USING (true);
CREATE POLICY idempotency_keys_customer ON idempotency_keys TO reglament_customer
    USING (caller = current_setting('reglament.user', true));

-- Makes the partitions of a day and its neighbours, drops what is two days older: keys live 24 hours.
CREATE FUNCTION keep_idempotency_days(today date) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp
AS $$
DECLARE
    one date;
    partition name;
BEGIN
    PERFORM pg_advisory_xact_lock(hashtextextended('reglament idempotency days', 0));
    FOR one IN SELECT generate_series(today - 1, today + 1, interval '1 day')::date LOOP
        partition := 'idempotency_keys_' || to_char(one, 'YYYYMMDD');
        IF to_regclass(partition) IS NULL THEN
            EXECUTE format('CREATE TABLE %I PARTITION OF idempotency_keys FOR VALUES FROM (%L) TO (%L)', partition, one, one + 1);
        END IF;
    END LOOP;
    FOR partition IN
        SELECT c.relname FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
         WHERE i.inhparent = 'idempotency_keys'::regclass
           AND c.relname < 'idempotency_keys_' || to_char(today - 2, 'YYYYMMDD')
    LOOP
        EXECUTE format('DROP TABLE %I', partition);
    END LOOP;
END
$$;
REVOKE ALL ON FUNCTION keep_idempotency_days FROM PUBLIC;
GRANT EXECUTE ON FUNCTION keep_idempotency_days TO reglament_staff, reglament_customer;
