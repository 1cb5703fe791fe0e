import EventLoop
import Postgres
import TestKit

@testable import TicketStore

/// A hundred thousand tickets of nine years, one in twenty open, with statistics; what plans are made for.
struct AgedDatabase: Sendable {
    let url: String
    let loop: EventLoop

    static func with(_ body: @escaping @Sendable (AgedDatabase) async throws -> Void) async throws {
        try await TestDatabase.with(.populated) { database in
            try await onLoop { loop in
                let lane = Lane(
                    loop: loop, connectionString: database.ownerURL,
                    options: .single("age", statementTimeout: nil))
                try await lane.withConnection { try await $0.script(filling) }
                await lane.close()
                try await body(AgedDatabase(url: database.ownerURL, loop: loop))
            }
        }
    }

    /// As a superuser without triggers; every rule that can be said in a CHECK is kept nevertheless.
    private static let filling = """
        SET session_replication_role = replica;
        SET maintenance_work_mem = '256MB';
        INSERT INTO organizations (code, name) SELECT 'org-' || n, 'Company ' || n FROM generate_series(1, 200) n;
        INSERT INTO users (id, email, name, role, organization, created_at)
        SELECT 'u_' || lpad(n::text, 22, '0'), 'person' || n || '@example.com', 'Person ' || n,
               CASE WHEN n <= 60 THEN 'engineer' ELSE 'customer' END, CASE WHEN n > 60 THEN 'org-' || n - 60 END, now()
          FROM generate_series(1, 260) n;
        INSERT INTO contracts (id, organization, product, valid_from)
        SELECT 'k_' || lpad(n::text, 22, '0'), 'org-' || n, 'smartivr', '2015-01-01' FROM generate_series(1, 200) n;
        -- Indexes are made at once afterwards, as the migrations have them.
        CREATE TEMPORARY TABLE indexes AS
        SELECT indexrelid::regclass::text AS name, pg_get_indexdef(indexrelid) AS definition
          FROM pg_index i
         WHERE indrelid IN ('tickets'::regclass, 'ticket_search'::regclass)
           AND NOT EXISTS (SELECT FROM pg_constraint WHERE conindid = i.indexrelid);
        DO $$ BEGIN EXECUTE (SELECT 'DROP INDEX ' || string_agg(name, ', ') FROM indexes); END $$;
        CREATE TEMPORARY TABLE plots AS
        SELECT n, (ARRAY['call-to-visit', 'dialog', 'maics', 'omnivox', 'smartivr'])[1 + n % 5] AS product,
               (ARRAY['CTV', 'DIALOG', 'MAICS', 'OMNIVOX', 'SMARTIVR'])[1 + n % 5] AS prefix,
               1 + h % (1 + h / 200 % 200) AS customer, 1 + h / 7 % (1 + h / 60 % 60) AS engineer, h,
               timestamptz '2026-04-28 07:00Z' - (100000 - n) * interval '50 minutes' AS at,
               CASE WHEN n <= 95000 THEN 'closed'
                    ELSE (ARRAY['registered', 'assigned', 'assigned', 'awaiting_information', 'solved_awaiting_confirmation'])[1 + h / 3 % 5]
               END AS state
          FROM (SELECT n, hashint4(n) & 1073741823 AS h FROM generate_series(1, 100000) n) g;
        INSERT INTO tickets (id, product, number, policy_version, organization, contract, kind, subject, description, details,
               blocking, priority, state, close_reason, channel, reporter, registered_by, assignees, solution_comment,
               solution_type, solution_by, solution_at, tags, registered_at, solved_at, closed_at, due_at,
               auto_close_working_days, auto_close_at, version, updated_at, event_seq, event_hash)
        SELECT prefix || '-' || n, product, n, 1, 'org-' || customer, 'k_' || lpad(customer::text, 22, '0'),
               (ARRAY['incident', 'problem', 'consultation'])[1 + h % 3], 'Window freezes', 'It does, number ' || n, '{}',
               h % 20 = 0, (ARRAY['normal', 'normal', 'low', 'high', 'critical'])[1 + h % 5], state,
               CASE WHEN state = 'closed' THEN 'confirmed' END, 'api', 'u_' || lpad((customer + 60)::text, 22, '0'),
               'u_' || lpad((customer + 60)::text, 22, '0'),
               CASE WHEN state = 'registered' THEN '{}' ELSE ARRAY['u_' || lpad(engineer::text, 22, '0')] END,
               s.comment, s.type, s.by, s.at,
               CASE WHEN h % 4 = 0 THEN ARRAY['tag' || h / 4 % (1 + h / 400 % 100)] ELSE '{}' END, p.at, s.at,
               CASE WHEN state = 'closed' THEN p.at + interval '9 days' END,
               CASE WHEN state <> 'closed' AND h % 3 = 0 THEN p.at + interval '1 day' END,
               CASE WHEN s.at IS NOT NULL THEN 5 END, s.at + interval '7 days', 3, p.at + h % 9 * interval '1 day', 2,
               decode(repeat('00', 32), 'hex')
          FROM plots p
          LEFT JOIN LATERAL (
               SELECT 'Restart' AS comment, 'individual_work' AS type, 'u_' || lpad(engineer::text, 22, '0') AS by,
                      p.at + interval '1 day' AS at
                WHERE state IN ('solved_awaiting_confirmation', 'closed')) s ON true;
        INSERT INTO comments (id, ticket, seq, organization, body, internal, author, author_role, at)
        SELECT 'c_' || lpad(n::text, 22, '0'), prefix || '-' || n, 2, 'org-' || customer, 'Restart', false,
               'u_' || lpad(engineer::text, 22, '0'), 'engineer', at
          FROM plots;
        INSERT INTO events (ticket, seq, organization, internal, at, actor, actor_role, action, from_state, to_state, comment_id,
                            hash, changes, salts)
        SELECT prefix || '-' || n, seq, 'org-' || customer, false, at, 'u_' || lpad(engineer::text, 22, '0'), 'engineer',
               CASE seq WHEN 1 THEN 'register' ELSE 'solve' END, NULL, 'assigned',
               CASE seq WHEN 2 THEN 'c_' || lpad(n::text, 22, '0') END, decode(repeat('00', 32), 'hex'),
               CASE seq WHEN 1 THEN E'kind\\tnull\\t"incident"' END, CASE seq WHEN 1 THEN decode(repeat('00', 16), 'hex') END
          FROM plots, generate_series(1, 2) seq;
        INSERT INTO feed (feed_seq, ticket, seq)
        SELECT 2 * n + seq - 2, prefix || '-' || n, seq FROM plots, generate_series(1, 2) seq;
        INSERT INTO links (ticket, type, other, organization)
        SELECT prefix || '-' || n, 'follows', prefix || '-' || n - 5, 'org-' || customer FROM plots WHERE n % 50 = 10;
        INSERT INTO ticket_search (ticket, organization, shared, everything, characters)
        SELECT prefix || '-' || n, 'org-' || customer, words, CASE WHEN h % 5 = 0 THEN words || '''insid'':9'::tsvector END, 40
          FROM plots, LATERAL (SELECT (CASE WHEN n % 10 = 3 THEN '''common'':1 ' ELSE '' END || '''usual'':2 ''word' || n % 10000
                                       || ''':3')::tsvector AS words) w;
        DO $$ BEGIN EXECUTE (SELECT string_agg(definition, '; ') FROM indexes); END $$;
        -- Every ticket is looked at, so that the same is estimated each time.
        SET default_statistics_target = 340;
        SELECT recount_tickets();
        ANALYZE tickets (id, product, number, organization, kind, blocking, priority, state, assignees, tags, registered_at,
                         updated_at, auto_close_at, due_at, solved_at, solution_release, triage_rank);
        RESET default_statistics_target;
        ANALYZE events, comments, feed, links, ticket_search, users, organizations, contracts;
        """
}
