-- Files on tickets: what is known of them, their bytes in pieces, and what is still on its way.
SET LOCAL ROLE reglament_owner;

-- Append-only: no role of the service may change or remove a row.
CREATE TABLE attachments (
    id           text COLLATE "C" CONSTRAINT attachments_pkey PRIMARY KEY,
    ticket       text COLLATE "C" NOT NULL CONSTRAINT attachments_ticket_fkey REFERENCES tickets,
    -- The event that brought it.
    seq          integer NOT NULL,
    organization text COLLATE "C" NOT NULL,
    filename     text NOT NULL CONSTRAINT attachments_filename_length CHECK (char_length(filename) BETWEEN 1 AND 255),
    media_type   text NOT NULL CONSTRAINT attachments_media_type_length CHECK (char_length(media_type) BETWEEN 3 AND 255),
    size         bigint NOT NULL CONSTRAINT attachments_size CHECK (size > 0),
    sha256       bytea NOT NULL CONSTRAINT attachments_sha256_length CHECK (length(sha256) = 32),
    CONSTRAINT attachments_seq_key UNIQUE (ticket, seq),
    CONSTRAINT attachments_event_fkey FOREIGN KEY (ticket, seq) REFERENCES events
);
-- What an organization has in all is summed up out of the index alone.
CREATE INDEX attachments_organization_idx ON attachments (organization) INCLUDE (size);

-- Written while the file comes, before there is an attachment: so no foreign key; `reglament verify` looks for orphans.
CREATE TABLE attachment_chunks (
    attachment   text COLLATE "C" NOT NULL,
    -- From 0.
    number       integer NOT NULL CONSTRAINT attachment_chunks_number CHECK (number >= 0),
    organization text COLLATE "C" NOT NULL,
    bytes        bytea NOT NULL CONSTRAINT attachment_chunks_length CHECK (length(bytes) BETWEEN 1 AND 262144),
    CONSTRAINT attachment_chunks_pkey PRIMARY KEY (attachment, number)
);
-- Most files are compressed already, and a part of an uncompressed value is read without the rest.
ALTER TABLE attachment_chunks ALTER COLUMN bytes SET STORAGE EXTERNAL;

-- What is on its way. The row goes when the file is attached; when it is given up, the bytes go with it.
CREATE TABLE uploads (
    id           text COLLATE "C" CONSTRAINT uploads_pkey PRIMARY KEY,
    organization text COLLATE "C" NOT NULL,
    owner        text COLLATE "C" NOT NULL CONSTRAINT uploads_owner_fkey REFERENCES users,
    -- By the database's own clock: who is left behind is told from who is at work.
    lease_until  timestamptz NOT NULL DEFAULT clock_timestamp() + interval '15 minutes'
);
CREATE INDEX uploads_lease_idx ON uploads (lease_until);

-- Gives up the caller's own upload. What is attached stays, even under an upload that somebody makes up.
CREATE FUNCTION discard_upload(upload text) RETURNS void
    LANGUAGE sql SECURITY DEFINER SET search_path = public, pg_temp
AS $$
    WITH gone AS (
        DELETE FROM uploads WHERE id = upload AND owner = current_setting('reglament.user', true) RETURNING id
    )
    DELETE FROM attachment_chunks c USING gone
     WHERE c.attachment = gone.id AND NOT EXISTS (SELECT FROM attachments a WHERE a.id = gone.id)
$$;

-- Removes what nobody has added to for as long as a lease; a hundred files at a time. Gives how many those were.
CREATE FUNCTION sweep_uploads() RETURNS integer
    LANGUAGE sql SECURITY DEFINER SET search_path = public, pg_temp
AS $$
    WITH expired AS (
        SELECT id FROM uploads WHERE lease_until < clock_timestamp() ORDER BY lease_until LIMIT 100 FOR UPDATE SKIP LOCKED
    ), gone AS (
        DELETE FROM uploads u USING expired e WHERE u.id = e.id RETURNING u.id
    ), chunks AS (
        DELETE FROM attachment_chunks c USING gone g
         WHERE c.attachment = g.id AND NOT EXISTS (SELECT FROM attachments a WHERE a.id = g.id)
    )
    SELECT count(*)::integer FROM gone
$$;
REVOKE ALL ON FUNCTION discard_upload, sweep_uploads FROM PUBLIC;
GRANT EXECUTE ON FUNCTION discard_upload TO reglament_staff, reglament_customer;
GRANT EXECUTE ON FUNCTION sweep_uploads TO reglament_staff;

GRANT SELECT, INSERT ON attachments, attachment_chunks TO reglament_staff, reglament_customer;
GRANT SELECT, INSERT, UPDATE (lease_until), DELETE ON uploads TO reglament_staff, reglament_customer;

ALTER TABLE attachments ENABLE ROW LEVEL SECURITY;
ALTER TABLE attachment_chunks ENABLE ROW LEVEL SECURITY;
ALTER TABLE uploads ENABLE ROW LEVEL SECURITY;
CREATE POLICY attachments_staff ON attachments TO reglament_staff USING (true);
CREATE POLICY attachments_customer ON attachments TO reglament_customer
    USING (organization = current_setting('reglament.organization', true));
CREATE POLICY attachment_chunks_staff ON attachment_chunks TO reglament_staff USING (true);
CREATE POLICY attachment_chunks_customer ON attachment_chunks TO reglament_customer
    USING (organization = current_setting('reglament.organization', true));
CREATE POLICY uploads_staff ON uploads TO reglament_staff USING (true);
CREATE POLICY uploads_customer ON uploads TO reglament_customer
    USING (organization = current_setting('reglament.organization', true)
           AND owner = current_setting('reglament.user', true));
