-- The days of keys beside whoever reads for long, as a backup does: making a day waits for no reader, and dropping one gives up at once and
-- is tried again in the next hour. Before, the whole table was locked against everybody for as long as the reader took.
SET LOCAL ROLE reglament_owner;

CREATE OR REPLACE FUNCTION keep_idempotency_days(today date) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp SET lock_timeout = '5s'
AS $$
DECLARE
    one date;
    partition name;
BEGIN
    PERFORM pg_advisory_xact_lock(hashtextextended('reglament idempotency days', 0));
    -- For the tables' own locks, behind which everybody else would wait.
    PERFORM set_config('lock_timeout', '100ms', true);
    -- A week ahead: a day that could not be made is made in time all the same.
    FOR one IN SELECT generate_series(today - 1, today + 7, interval '1 day')::date LOOP
        partition := 'idempotency_keys_' || to_char(one, 'YYYYMMDD');
        IF to_regclass(partition) IS NULL THEN
            -- PARTITION OF would lock readers out of the whole; attaching does not.
            EXECUTE format('CREATE TABLE %I (LIKE idempotency_keys INCLUDING ALL)', partition);
            EXECUTE format('ALTER TABLE idempotency_keys ATTACH PARTITION %I FOR VALUES FROM (%L) TO (%L)', partition, one, one + 1);
        END IF;
    END LOOP;
    FOR partition IN
        SELECT c.relname FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
         WHERE i.inhparent = 'idempotency_keys'::regclass
           AND c.relname < 'idempotency_keys_' || to_char(today - 2, 'YYYYMMDD')
    LOOP
        BEGIN
            EXECUTE format('DROP TABLE %I', partition);
        EXCEPTION WHEN lock_not_available THEN
            RETURN;
        END;
    END LOOP;
END
$$;
