-- Full-text search: the words by which each ticket is found, kept in step by the tables themselves.
-- Lets one GIN index hold an organization beside a vector.
CREATE EXTENSION IF NOT EXISTS btree_gin;

SET LOCAL ROLE reglament_owner;

-- Beside the tickets, whose rows change with every step while their words seldom do. No service's role writes here.
CREATE TABLE ticket_search (
    ticket       text COLLATE "C" CONSTRAINT ticket_search_pkey PRIMARY KEY,
    organization text COLLATE "C" NOT NULL,
    -- What the customer may see.
    shared       tsvector NOT NULL,
    -- The same and what employees say among themselves; null when they say nothing.
    everything   tsvector,
    -- How much text both were made of.
    characters   integer NOT NULL
);

-- `russian` stems words of Latin letters as English ones. Few write the dots of ё, and its list of stop words does not
-- know them. Two words with a slash between them are two, and not the file's name that the parser takes them for.
CREATE FUNCTION search_words(body text) RETURNS tsvector
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $$ SELECT to_tsvector('pg_catalog.russian', translate(body, 'ёЁ/', 'еЕ ')) $$;

-- PostgreSQL takes each hyphen before a word for one more negation, and fails when there are 33 of them, as in a line
-- drawn with hyphens: one is enough.
CREATE FUNCTION search_query(query text) RETURNS tsquery
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $$
    SELECT websearch_to_tsquery('pg_catalog.russian',
        regexp_replace(translate(query, 'ёЁ/', 'еЕ '), '(^|[\s"!&|()])-[-\s!&|()]*-', '\1-', 'g'))
$$;

-- What a ticket says by itself. Here and below each text begins with a stop word, which takes a place and leaves it
-- empty: no phrase reaches from one text into the next.
CREATE FUNCTION ticket_words(ticket tickets) RETURNS tsvector
    LANGUAGE plpgsql STABLE
AS $$
BEGIN
    RETURN search_words(ticket.id || ' ' || ticket.number)
        || search_words('и ' || ticket.subject)
        || search_words((SELECT coalesce(string_agg('и ' || value, ' ' ORDER BY key), '') FROM jsonb_each_text(ticket.details)))
        || search_words('и ' || ticket.description);
END
$$;

CREATE FUNCTION ticket_characters(ticket tickets) RETURNS integer
    LANGUAGE sql STABLE
AS $$ SELECT char_length(ticket.subject) + char_length(ticket.description) + char_length(ticket.details::text) $$;

-- Makes a ticket's words anew out of what it says now and the newest 65,536 characters of its comments. A vector holds
-- a MiB: texts that need more than that give way, the oldest first.
CREATE FUNCTION rebuild_ticket_search(wanted text) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp
AS $$
DECLARE
    about      tickets;
    room       integer := 65536;
    one        record;
    customers  tsvector;
    employees  tsvector;
    internally boolean;
    total      integer;
BEGIN
    SELECT * INTO about FROM tickets WHERE id = wanted;
    IF NOT FOUND THEN
        DELETE FROM ticket_search WHERE ticket = wanted;
        RETURN;
    END IF;
    LOOP
        BEGIN
            customers := ticket_words(about);
            employees := customers;
            internally := false;
            total := ticket_characters(about);
            FOR one IN
                SELECT left(body, room - before) AS body, internal
                  FROM (SELECT seq, body, internal, (sum(char_length(body)) OVER (ORDER BY seq DESC))::integer - char_length(body) AS before
                          FROM comments WHERE comments.ticket = wanted) c
                 WHERE before < room
                 ORDER BY seq
            LOOP
                employees := employees || search_words('и ' || one.body);
                IF one.internal THEN
                    internally := true;
                ELSE
                    customers := customers || search_words('и ' || one.body);
                END IF;
                total := total + char_length(one.body);
            END LOOP;
            EXIT;
        EXCEPTION WHEN program_limit_exceeded THEN
            IF room = 0 THEN about.description := left(about.description, char_length(about.description) / 2); END IF;
            room := room / 4096 * 2048;
        END;
    END LOOP;
    INSERT INTO ticket_search AS s (ticket, organization, shared, everything, characters)
    VALUES (about.id, about.organization, customers, CASE WHEN internally THEN employees END, total)
    ON CONFLICT (ticket) DO UPDATE
       SET shared = excluded.shared, everything = excluded.everything, characters = excluded.characters;
END
$$;

-- A character gives eight bytes of a vector at most: below 100,000 of them nothing can be too much, and a block that
-- catches errors, which costs a subtransaction, is not needed.
CREATE FUNCTION index_ticket() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp
AS $$
DECLARE
    total integer := ticket_characters(NEW);
BEGIN
    IF total <= 100000 THEN
        INSERT INTO ticket_search (ticket, organization, shared, characters)
        VALUES (NEW.id, NEW.organization, ticket_words(NEW), total);
    ELSE
        PERFORM rebuild_ticket_search(NEW.id);
    END IF;
    RETURN NULL;
END
$$;

CREATE FUNCTION index_edited_ticket() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp
AS $$
BEGIN
    PERFORM rebuild_ticket_search(NEW.id);
    RETURN NULL;
END
$$;

-- A comment's words are added to those that are there, up to 200,000 characters; then all is made anew.
CREATE FUNCTION add_to_ticket_search(said comments, characters_max integer) RETURNS boolean
    LANGUAGE plpgsql
AS $$
DECLARE
    words tsvector := search_words('и ' || said.body);
BEGIN
    UPDATE ticket_search
       SET shared = CASE WHEN said.internal THEN shared ELSE shared || words END,
           everything = CASE WHEN said.internal THEN coalesce(everything, shared) ELSE everything END || words,
           characters = characters + char_length(said.body)
     WHERE ticket = said.ticket AND characters + char_length(said.body) <= characters_max;
    RETURN FOUND;
END
$$;

-- Every comment's transaction holds its ticket's row, so nobody adds another meanwhile.
CREATE FUNCTION index_comment() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp
AS $$
BEGIN
    IF NOT add_to_ticket_search(NEW, 100000) THEN
        BEGIN
            IF NOT add_to_ticket_search(NEW, 200000) THEN PERFORM rebuild_ticket_search(NEW.ticket); END IF;
        EXCEPTION WHEN program_limit_exceeded THEN
            PERFORM rebuild_ticket_search(NEW.ticket);
        END;
    END IF;
    RETURN NULL;
END
$$;

-- The tickets with these words, or the first `most` of them that are come across. Customers find among their own: `@@`
-- may look at no row before row-level security has, which leaves an index unused, so the owner looks it up, and takes
-- whose tickets they are from where the policies take it. Without the index nothing is fast, whatever is estimated.
CREATE FUNCTION search_tickets(query text, most bigint) RETURNS SETOF text
    LANGUAGE sql STABLE ROWS 1000 SECURITY DEFINER SET search_path = public, pg_temp
    SET enable_seqscan = off SET work_mem = '16MB'
AS $$
    SELECT ticket FROM ticket_search
     WHERE organization = current_setting('reglament.organization', true) AND shared @@ search_query(query)
     LIMIT most
$$;

-- The same for employees; `whose` null: everybody's.
CREATE FUNCTION search_all_tickets(query text, most bigint, whose text) RETURNS SETOF text
    LANGUAGE sql STABLE ROWS 1000 SECURITY DEFINER SET search_path = public, pg_temp
    SET enable_seqscan = off SET work_mem = '16MB'
AS $$
    SELECT ticket FROM ticket_search
     WHERE (everything @@ search_query(query) OR everything IS NULL AND shared @@ search_query(query))
       AND (whose IS NULL OR organization = whose)
     LIMIT most
$$;

REVOKE ALL ON FUNCTION rebuild_ticket_search, add_to_ticket_search, search_tickets, search_all_tickets FROM PUBLIC;
GRANT EXECUTE ON FUNCTION search_tickets TO reglament_customer;
GRANT EXECUTE ON FUNCTION search_all_tickets TO reglament_staff;
GRANT SELECT (ticket, organization, shared) ON ticket_search TO reglament_customer;
GRANT SELECT (ticket, organization, shared, everything) ON ticket_search TO reglament_staff;
ALTER TABLE ticket_search ENABLE ROW LEVEL SECURITY;
CREATE POLICY ticket_search_staff ON ticket_search TO reglament_staff USING (true);
CREATE POLICY ticket_search_customer ON ticket_search TO reglament_customer
    USING (organization = current_setting('reglament.organization', true));

SELECT count(rebuild_ticket_search(id)) FROM tickets;

-- What a writer leaves to be sorted in by whoever writes the last of a MiB; searches read it from end to end.
CREATE INDEX ticket_search_shared_idx ON ticket_search USING gin (organization, shared)
    WITH (gin_pending_list_limit = 1024);
CREATE INDEX ticket_search_everything_idx ON ticket_search USING gin (everything)
    WITH (gin_pending_list_limit = 1024) WHERE everything IS NOT NULL;
ANALYZE ticket_search;

CREATE TRIGGER tickets_indexed AFTER INSERT ON tickets FOR EACH ROW EXECUTE FUNCTION index_ticket();
CREATE TRIGGER tickets_edited AFTER UPDATE OF subject, details ON tickets FOR EACH ROW
    WHEN (OLD.subject <> NEW.subject OR OLD.details <> NEW.details) EXECUTE FUNCTION index_edited_ticket();
CREATE TRIGGER comments_indexed AFTER INSERT ON comments FOR EACH ROW EXECUTE FUNCTION index_comment();
