-- Texts and names go when they must, and the history stays whole: what was written lies beside the events under salted fingerprints.
-- No role of the service may erase; the owner's functions here do, a ticket in a transaction.
SET LOCAL ROLE reglament_owner;

-- What was erased, when and by which login; nothing of whom it was about but the identifier. A row without a ticket ends a person's erasure.
-- Without references: it outlives what it tells of.
CREATE TABLE erasures (
    at          timestamptz NOT NULL DEFAULT clock_timestamp(),
    login       text NOT NULL DEFAULT session_user,
    reason      text NOT NULL CONSTRAINT erasures_reason CHECK (reason IN ('person', 'retention')),
    -- Whose texts; null: everybody's.
    person      text COLLATE "C",
    ticket      text COLLATE "C",
    -- Of the ticket itself: subject, description, details, tags.
    texts       integer NOT NULL DEFAULT 0,
    comments    integer NOT NULL DEFAULT 0,
    solutions   integer NOT NULL DEFAULT 0,
    -- Values of changes that repeated them.
    changes     integer NOT NULL DEFAULT 0,
    attachments integer NOT NULL DEFAULT 0,
    CONSTRAINT erasures_person CHECK ((reason = 'person') = (person IS NOT NULL)),
    CONSTRAINT erasures_something CHECK (person IS NOT NULL OR ticket IS NOT NULL)
);
CREATE INDEX erasures_person_idx ON erasures (person, at);
GRANT SELECT ON erasures TO reglament_staff;

CREATE FUNCTION refuse_to_change_erasures() RETURNS trigger
    LANGUAGE plpgsql SET search_path = public, pg_temp
AS $$
BEGIN
    RAISE insufficient_privilege USING MESSAGE = 'erasures are only added to';
END
$$;
REVOKE ALL ON FUNCTION refuse_to_change_erasures FROM PUBLIC;
CREATE TRIGGER erasures_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON erasures
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_to_change_erasures();

-- An erased attachment has no bytes; whatever is sent has one at least.
ALTER TABLE attachments
    DROP CONSTRAINT attachments_size,
    ADD CONSTRAINT attachments_size CHECK (size >= 0);

-- Erases what `whose` has written on a ticket, or what anybody has, and says how much that was; a second time there is nothing left.
-- A text that somebody wrote is repeated by the change after it, as what was there before. Who wrote what is read from the fingerprints,
-- which are there even where an earlier erasure has taken the values.
CREATE FUNCTION erase_texts(
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
    is_own := whose IS NULL OR whose IN (about.reporter, about.registered_by);
    SELECT coalesce(array_agg(field), '{}') INTO theirs
      FROM (SELECT DISTINCT ON (field) split_part(d.digest, ' ', 1) AS field, e.actor
              FROM events e CROSS JOIN LATERAL unnest(e.digests) AS d (digest)
             WHERE e.ticket = wanted
             ORDER BY field, e.seq DESC) newest
     WHERE field IN ('subject', 'details', 'tags') AND (is_own OR actor = whose);
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
        SELECT e.seq, d.field, e.actor, lag(e.actor) OVER (PARTITION BY d.field ORDER BY e.seq) AS before
          FROM events e CROSS JOIN LATERAL (SELECT split_part(digest, ' ', 1) AS field FROM unnest(e.digests) AS u (digest)) d
         WHERE e.ticket = wanted AND d.field IN ('subject', 'details', 'tags')
    ), gone AS (
        SELECT seq, field FROM told WHERE is_own OR actor = whose OR before = whose
        UNION ALL
        SELECT seq, 'attachment' FROM events
         WHERE ticket = wanted AND action = 'attach' AND files AND (whose IS NULL OR actor = whose)
    ), kept AS (
        SELECT v.seq, count(g.seq) AS erased,
               coalesce(array_agg(c.field ORDER BY c.place) FILTER (WHERE g.seq IS NULL), '{}') AS fields,
               coalesce(array_agg(c.change ORDER BY c.place) FILTER (WHERE g.seq IS NULL), '{}') AS changes,
               coalesce(array_agg(c.salt ORDER BY c.place) FILTER (WHERE g.seq IS NULL), '{}') AS salts
          FROM event_values v
         CROSS JOIN LATERAL unnest(v.fields, v.changes, v.salts) WITH ORDINALITY AS c (field, change, salt, place)
          LEFT JOIN gone g ON g.seq = v.seq AND g.field = c.field
         WHERE v.ticket = wanted
         GROUP BY v.seq
        HAVING count(g.seq) > 0
    ), changed AS (
        UPDATE event_values v SET fields = k.fields, changes = k.changes, salts = k.salts
          FROM kept k
         WHERE v.ticket = wanted AND v.seq = k.seq
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
REVOKE ALL ON FUNCTION erase_texts FROM PUBLIC;

-- Whoever read a ticket before its texts were erased would write them back with the next step. A text that comes back without a change
-- that says so is such a one: 40001 sends whoever did it to read anew.
CREATE FUNCTION keep_erased() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp
AS $$
DECLARE
    told text[] := coalesce((SELECT fields FROM event_values WHERE ticket = NEW.id AND seq = NEW.event_seq), '{}');
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
REVOKE ALL ON FUNCTION keep_erased FROM PUBLIC;
CREATE TRIGGER tickets_stay_erased AFTER UPDATE OF subject, details, tags, solution_comment ON tickets FOR EACH ROW
    WHEN (OLD.subject = '[erased]' AND NEW.subject <> OLD.subject
          OR OLD.details = '{}' AND NEW.details <> OLD.details
          OR OLD.tags = '{}' AND NEW.tags <> OLD.tags
          OR OLD.solution_comment = '[erased]' AND NEW.solution_comment <> OLD.solution_comment)
    EXECUTE FUNCTION keep_erased();
