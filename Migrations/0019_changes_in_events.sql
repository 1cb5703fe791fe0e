-- The values of an event's changes lie in its own row, and no fingerprint that a value and its salt give lies beside both. In a table of
-- their own they cost each step a second row, with its key, index and reference, and history made more than half of a ticket's room.
SET LOCAL ROLE reglament_owner;

-- A line of `events.changes` is a field's name, what it was and what it became, both in canonical JSON, with a tab between them: such JSON
-- has neither tabs nor line feeds. This is the line's fingerprint, as `digests` names it.
CREATE FUNCTION change_digest(change text, salt bytea) RETURNS text
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $$
    SELECT split_part(change, E'\t', 1) || ' ' || encode(sha256(salt || convert_to(
        '{"from":' || split_part(change, E'\t', 2) || ',"to":' || split_part(change, E'\t', 3) || '}', 'UTF8')), 'hex')
$$;

-- What a row of `event_values` and the event's fingerprints become. A salt that is none becomes zeros; a fingerprint that differs from what
-- value and salt give stays, and tells of it.
CREATE FUNCTION changes_of(
    held event_values, told text[], comment_id text,
    OUT changes text, OUT salts bytea, OUT text_digest bytea, OUT digests text[]
)
    LANGUAGE plpgsql IMMUTABLE
AS $$
DECLARE
    text_name CONSTANT text := CASE WHEN comment_id IS NULL THEN 'description' ELSE 'comment' END;
    own text;
    line text;
    salt bytea;
BEGIN
    digests := told;
    FOR i IN 1..coalesce(cardinality(held.fields), 0) LOOP
        line := concat_ws(E'\t', held.fields[i],
            coalesce((held.changes[i]::json -> 'from')::text, 'null'), coalesce((held.changes[i]::json -> 'to')::text, 'null'));
        salt := decode(CASE WHEN held.salts[i] ~ '^[0-9a-f]{32}$' THEN held.salts[i] ELSE repeat('0', 32) END, 'hex');
        changes := concat_ws(E'\n', changes, line);
        salts := coalesce(salts, '') || salt;
        digests := array_remove(digests, change_digest(line, salt));
    END LOOP;
    FOREACH own IN ARRAY told LOOP
        IF starts_with(own, text_name || ' ') AND own ~ ' [0-9a-f]{64}$' THEN
            text_digest := decode(right(own, 64), 'hex');
            digests := array_remove(digests, own);
        END IF;
    END LOOP;
END
$$;

-- Written anew, without what it no longer holds.
ALTER TABLE events RENAME TO older_events;
CREATE TABLE events (
    ticket       text COLLATE "C" NOT NULL,
    seq          integer NOT NULL CONSTRAINT events_seq CHECK (seq > 0),
    organization text COLLATE "C" NOT NULL,
    internal     boolean NOT NULL,
    at           timestamptz NOT NULL,
    actor        text COLLATE "C",
    actor_role   text NOT NULL,
    action       text NOT NULL,
    clause       text,
    from_state   text,
    to_state     text,
    comment_id   text COLLATE "C",
    -- "name hexadecimal-digest" of each value that was erased.
    digests      text[] NOT NULL DEFAULT '{}',
    hash         bytea NOT NULL CONSTRAINT events_hash_length CHECK (length(hash) = 32),
    -- A line a field; null: none, or all were erased.
    changes      text,
    -- 16 bytes a line.
    salts        bytea,
    -- Of the comment that the event brought, or in the first event of the description.
    text_digest  bytea CONSTRAINT events_text_digest_length CHECK (length(text_digest) = 32)
);
INSERT INTO events
SELECT e.ticket, e.seq, e.organization, e.internal, e.at, e.actor, e.actor_role, e.action, e.clause, e.from_state, e.to_state,
       e.comment_id, c.digests, e.hash, c.changes, c.salts, c.text_digest
  FROM older_events e
  LEFT JOIN event_values v ON v.ticket = e.ticket AND v.seq = e.seq
 CROSS JOIN LATERAL changes_of(v, e.digests, e.comment_id) c;
TRUNCATE event_values;
ALTER TABLE event_values DROP CONSTRAINT event_values_event_fkey;
ALTER TABLE attachments DROP CONSTRAINT attachments_event_fkey;
ALTER TABLE feed DROP CONSTRAINT feed_event_fkey;
DROP TABLE older_events;

ALTER TABLE events
    ADD CONSTRAINT events_pkey PRIMARY KEY (ticket, seq),
    ADD CONSTRAINT events_ticket_fkey FOREIGN KEY (ticket) REFERENCES tickets,
    ADD CONSTRAINT events_actor_fkey FOREIGN KEY (actor) REFERENCES users,
    SET (autovacuum_vacuum_insert_scale_factor = 0.02, autovacuum_analyze_scale_factor = 0.02);
ALTER TABLE event_values ADD CONSTRAINT event_values_event_fkey FOREIGN KEY (ticket, seq) REFERENCES events;
ALTER TABLE attachments ADD CONSTRAINT attachments_event_fkey FOREIGN KEY (ticket, seq) REFERENCES events;
ALTER TABLE feed ADD CONSTRAINT feed_event_fkey FOREIGN KEY (ticket, seq) REFERENCES events;
-- No role of the service may change or remove a row; the owner does when a person is erased.
GRANT SELECT, INSERT ON events TO reglament_staff, reglament_customer;
ALTER TABLE events ENABLE ROW LEVEL SECURITY;
CREATE POLICY events_staff ON events TO reglament_staff USING (true);
CREATE POLICY events_customer ON events TO reglament_customer
    USING (organization = current_setting('reglament.organization', true) AND NOT internal);
CREATE TRIGGER events_await_feed AFTER INSERT ON events FOR EACH ROW EXECUTE FUNCTION await_feed();
ANALYZE events;

-- Steps of an older version that still runs: it writes the values to where they were.
CREATE FUNCTION take_event_values() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp
AS $$
BEGIN
    UPDATE events e
       SET (changes, salts, text_digest, digests) = (
               SELECT c.changes, c.salts, c.text_digest, c.digests FROM changes_of(NEW, e.digests, e.comment_id) c)
     WHERE e.ticket = NEW.ticket AND e.seq = NEW.seq;
    DELETE FROM event_values v WHERE v.ticket = NEW.ticket AND v.seq = NEW.seq;
    RETURN NULL;
END
$$;
REVOKE ALL ON FUNCTION change_digest, changes_of, take_event_values FROM PUBLIC;
CREATE TRIGGER event_values_taken AFTER INSERT ON event_values FOR EACH ROW EXECUTE FUNCTION take_event_values();

-- Whoever read a ticket before its texts were erased would write them back with the next step. A text that comes back without a change
-- that says so is such a one: 40001 sends whoever did it to read anew.
CREATE OR REPLACE FUNCTION keep_erased() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp
AS $$
DECLARE
    told text[] := ARRAY(
        SELECT split_part(c.change, E'\t', 1) FROM events e CROSS JOIN LATERAL string_to_table(e.changes, E'\n') AS c (change)
         WHERE e.ticket = NEW.id AND e.seq = NEW.event_seq
        UNION ALL
        -- An older version's are taken from there after this.
        SELECT unnest(fields) FROM event_values WHERE ticket = NEW.id AND seq = NEW.event_seq);
BEGIN
    IF (NEW.subject <> OLD.subject AND NOT 'subject' = ANY (told))
        OR (NEW.details <> OLD.details AND NOT 'details' = ANY (told))
        OR (NEW.tags <> OLD.tags AND NOT 'tags' = ANY (told))
        OR (NEW.solution_comment <> OLD.solution_comment AND NEW.solution_at = OLD.solution_at)
    THEN RAISE serialization_failure USING MESSAGE = 'a text was erased meanwhile';
    END IF;
    RETURN NULL;
END
$$;

-- Erases what `whose` has written on a ticket, or what anybody has, and says how much that was; a second time there is nothing left.
-- The texts that a ticket begins with are its reporter's, whoever typed them. A text that somebody wrote is repeated by the change after
-- it, as what was there before. Who wrote what is read from the names of changes and of fingerprints: of an erased change its fingerprint
-- stays.
CREATE OR REPLACE FUNCTION erase_texts(
    wanted text, whose text, files boolean,
    OUT texts integer, OUT comments integer, OUT solutions integer, OUT changes integer, OUT attachments integer
)
    LANGUAGE plpgsql SET search_path = public, pg_temp
AS $$
#variable_conflict use_column
DECLARE
    mark CONSTANT text := '[erased]';
    about  tickets;
    is_own boolean;
    theirs text[];
    said   text[];
    parts  text[];
    spoken text[];
    more   integer;
BEGIN
    -- Every change takes this lock, so nobody adds a text meanwhile.
    SELECT * INTO STRICT about FROM tickets WHERE id = wanted FOR UPDATE;
    is_own := whose IS NULL OR whose = about.reporter;
    SELECT coalesce(array_agg(field), '{}') INTO theirs
      FROM (SELECT DISTINCT ON (field) substring(d.told FROM '^[^ \t]+') AS field,
                   CASE WHEN e.seq = 1 THEN about.reporter ELSE e.actor END AS author
              FROM events e CROSS JOIN LATERAL unnest(e.digests || string_to_array(e.changes, E'\n')) AS d (told)
             WHERE e.ticket = wanted
             ORDER BY field, e.seq DESC) newest
     WHERE field IN ('subject', 'details', 'tags') AND (is_own OR author = whose);
    -- Tickets of before the fingerprints, and what an import has set without a change.
    IF is_own THEN theirs := '{subject,details,tags}'; END IF;

    texts := CASE WHEN 'subject' = ANY (theirs) AND about.subject <> mark THEN 1 ELSE 0 END
        + CASE WHEN is_own AND (about.description <> mark OR about.description_salt IS NOT NULL) THEN 1 ELSE 0 END
        + CASE WHEN 'details' = ANY (theirs) AND about.details <> '{}' THEN 1 ELSE 0 END
        + CASE WHEN 'tags' = ANY (theirs) AND about.tags <> '{}' THEN 1 ELSE 0 END;
    solutions := CASE WHEN about.solution_comment <> mark AND (whose IS NULL OR about.solution_by = whose) THEN 1 ELSE 0 END;
    IF texts + solutions > 0 THEN
        UPDATE tickets t
           SET subject = CASE WHEN 'subject' = ANY (theirs) THEN mark ELSE t.subject END,
               description = CASE WHEN is_own THEN mark ELSE t.description END,
               description_salt = CASE WHEN is_own THEN NULL ELSE t.description_salt END,
               details = CASE WHEN 'details' = ANY (theirs) THEN '{}' ELSE t.details END,
               tags = CASE WHEN 'tags' = ANY (theirs) THEN '{}' ELSE t.tags END,
               solution_comment = CASE WHEN solutions > 0 THEN mark ELSE t.solution_comment END
         WHERE t.id = wanted;
    END IF;

    -- Whoever publishes a release says to a part what somebody said when its whole's solution was planned.
    said := ARRAY(SELECT body FROM comments WHERE ticket = wanted AND author = whose AND body <> mark);
    parts := ARRAY(SELECT ticket FROM links WHERE other = wanted AND type = 'part_of' AND cardinality(said) > 0);
    UPDATE tickets t SET solution_comment = mark WHERE t.id = ANY (parts) AND t.solution_comment = ANY (said);
    GET DIAGNOSTICS more = ROW_COUNT;
    solutions := solutions + more;

    WITH gone AS (
        UPDATE comments c SET body = mark, salt = NULL
         WHERE c.ticket = wanted AND (whose IS NULL OR c.author = whose) AND (c.body <> mark OR c.salt IS NOT NULL)
            OR c.ticket = ANY (parts) AND c.body = ANY (said) AND EXISTS (
                   SELECT FROM events e WHERE e.ticket = c.ticket AND e.seq = c.seq AND e.action = 'solve')
        RETURNING c.ticket
    )
    SELECT count(*), array_agg(DISTINCT ticket) INTO comments, spoken FROM gone;

    -- The parts of a whole are told what it was told.
    UPDATE follow_ups f SET comment = mark
     WHERE f.ticket = wanted AND (whose IS NULL OR f.actor = whose) AND f.comment <> mark AND f.finished_at IS NOT NULL;
    GET DIAGNOSTICS more = ROW_COUNT;
    solutions := solutions + more;

    WITH told AS (
        SELECT seq, field, author, lag(author) OVER (PARTITION BY field ORDER BY seq) AS before
          FROM (SELECT DISTINCT e.seq, substring(d.told FROM '^[^ \t]+') AS field, CASE WHEN e.seq = 1 THEN about.reporter ELSE e.actor END AS author
                  FROM events e CROSS JOIN LATERAL unnest(e.digests || string_to_array(e.changes, E'\n')) AS d (told)
                 WHERE e.ticket = wanted) written
         WHERE field IN ('subject', 'details', 'tags')
    ), gone AS (
        SELECT seq, field FROM told WHERE is_own OR author = whose OR before = whose
        UNION ALL
        SELECT seq, 'attachment' FROM events
         WHERE ticket = wanted AND action = 'attach' AND files AND (whose IS NULL OR actor = whose)
    ), kept AS (
        SELECT e.seq, count(g.seq) AS erased,
               string_agg(c.change, E'\n' ORDER BY c.place) FILTER (WHERE g.seq IS NULL) AS changes,
               string_agg(s.salt, '' ORDER BY c.place) FILTER (WHERE g.seq IS NULL) AS salts,
               array_agg(change_digest(c.change, s.salt)) FILTER (WHERE g.seq IS NOT NULL AND NOT EXISTS (
                   SELECT FROM unnest(e.digests) AS d (digest) WHERE starts_with(d.digest, s.field || ' '))) AS digests
          FROM events e
         CROSS JOIN LATERAL string_to_table(e.changes, E'\n') WITH ORDINALITY AS c (change, place)
         CROSS JOIN LATERAL (
               SELECT split_part(c.change, E'\t', 1) AS field, substr(e.salts, 16 * c.place::integer - 15, 16) AS salt) s
          LEFT JOIN gone g ON g.seq = e.seq AND g.field = s.field
         WHERE e.ticket = wanted
         GROUP BY e.seq
        HAVING count(g.seq) > 0
    ), changed AS (
        UPDATE events e
           SET changes = k.changes, salts = k.salts,
               digests = ARRAY(SELECT d.digest FROM unnest(e.digests || k.digests) AS d (digest) ORDER BY d.digest COLLATE "C")
          FROM kept k
         WHERE e.ticket = wanted AND e.seq = k.seq
        RETURNING k.erased
    )
    SELECT coalesce(sum(erased), 0) INTO changes FROM changed;

    WITH emptied AS (
        UPDATE attachments a
           SET filename = mark, media_type = 'application/octet-stream', size = 0, sha256 = sha256('')
          FROM events e
         WHERE files AND a.ticket = wanted AND e.ticket = a.ticket AND e.seq = a.seq AND a.size > 0
           AND (whose IS NULL OR e.actor = whose)
        RETURNING a.id
    ), pieces AS (
        DELETE FROM attachment_chunks c USING emptied e WHERE c.attachment = e.id
    )
    SELECT count(*) INTO attachments FROM emptied;

    IF texts > 0 THEN spoken := spoken || wanted; END IF;
    PERFORM rebuild_ticket_search(ticket) FROM (SELECT DISTINCT unnest(spoken) AS ticket) t;
END
$$;
