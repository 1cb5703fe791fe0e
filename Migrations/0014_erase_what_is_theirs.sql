-- What an employee registers for a customer is the customer's, and stays when the employee is erased.
SET LOCAL ROLE reglament_owner;

-- Erases what `whose` has written on a ticket, or what anybody has, and says how much that was; a second time there is nothing left.
-- The texts that a ticket begins with are its reporter's, whoever typed them. A text that somebody wrote is repeated by the change after
-- it, as what was there before. Who wrote what is read from the fingerprints, which are there even where an earlier erasure has taken
-- the values.
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
      FROM (SELECT DISTINCT ON (field) split_part(d.digest, ' ', 1) AS field,
                   CASE WHEN e.seq = 1 THEN about.reporter ELSE e.actor END AS author
              FROM events e CROSS JOIN LATERAL unnest(e.digests) AS d (digest)
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
          FROM (SELECT e.seq, d.field, CASE WHEN e.seq = 1 THEN about.reporter ELSE e.actor END AS author
                  FROM events e CROSS JOIN LATERAL (SELECT split_part(digest, ' ', 1) AS field FROM unnest(e.digests) AS u (digest)) d
                 WHERE e.ticket = wanted AND d.field IN ('subject', 'details', 'tags')) written
    ), gone AS (
        SELECT seq, field FROM told WHERE is_own OR author = whose OR before = whose
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
