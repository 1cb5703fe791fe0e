-- Functions in SQL are planned each time that they are called, since they run with their owner's rights: half a millisecond for
-- a token, twice what a ticket takes. Those in PL/pgSQL keep their plans with the connection.
SET LOCAL ROLE reglament_owner;

CREATE OR REPLACE FUNCTION caller_by_token(token_hash bytea)
    RETURNS TABLE (token_id text, expires_at timestamptz, user_id text, email text, name text, role text, organization text)
    LANGUAGE plpgsql STABLE SECURITY DEFINER ROWS 1 SET search_path = public, pg_temp
AS $$
BEGIN
    RETURN QUERY
        SELECT t.id, t.expires_at, u.id, u.email, u.name, u.role, u.organization
          FROM tokens t
          JOIN users u ON u.id = t.user_id
         WHERE t.hash = token_hash AND t.revoked_at IS NULL AND u.active;
END
$$;

-- The words are taken apart once, not at each ticket.
CREATE OR REPLACE FUNCTION search_tickets(query text, most bigint) RETURNS SETOF text
    LANGUAGE plpgsql STABLE SECURITY DEFINER
    SET search_path = public, pg_temp SET enable_seqscan = off SET work_mem = '16MB' SET plan_cache_mode = force_generic_plan
AS $$
DECLARE
    words tsquery := search_query(query);
    own text := current_setting('reglament.organization', true);
BEGIN
    RETURN QUERY SELECT s.ticket FROM ticket_search s WHERE s.organization = own AND s.shared @@ words LIMIT most;
END
$$;

CREATE OR REPLACE FUNCTION search_all_tickets(query text, most bigint, whose text) RETURNS SETOF text
    LANGUAGE plpgsql STABLE SECURITY DEFINER
    SET search_path = public, pg_temp SET enable_seqscan = off SET work_mem = '16MB' SET plan_cache_mode = force_generic_plan
AS $$
DECLARE
    words tsquery := search_query(query);
BEGIN
    RETURN QUERY
        SELECT s.ticket FROM ticket_search s
         WHERE (s.everything @@ words OR s.everything IS NULL AND s.shared @@ words) AND (whose IS NULL OR s.organization = whose)
         LIMIT most;
END
$$;
