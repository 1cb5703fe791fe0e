-- How many bytes an organization has attached in all, without adding them up: each upload did so twice, 27 ms for 95,000 files, and
-- everybody's reads of tickets waited behind it.
SET LOCAL ROLE reglament_owner;

-- A row of an organization's own: whoever uploads waits for others of the same organization alone, as for the quota's lock.
CREATE TABLE attachment_totals (
    organization text COLLATE "C" CONSTRAINT attachment_totals_pkey PRIMARY KEY,
    bytes        bigint NOT NULL
) WITH (fillfactor = 50);

GRANT SELECT ON attachment_totals TO reglament_staff, reglament_customer;
ALTER TABLE attachment_totals ENABLE ROW LEVEL SECURITY;
CREATE POLICY attachment_totals_staff ON attachment_totals TO reglament_staff USING (true);
CREATE POLICY attachment_totals_customer ON attachment_totals TO reglament_customer
    USING (organization = current_setting('reglament.organization', true));

-- By the owner's rights: a role that may attach may not touch what is counted.
CREATE FUNCTION total_attachment() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp
AS $$
BEGIN
    IF TG_OP <> 'INSERT' THEN
        UPDATE attachment_totals SET bytes = bytes - OLD.size WHERE organization = OLD.organization;
    END IF;
    IF TG_OP <> 'DELETE' THEN
        INSERT INTO attachment_totals AS t (organization, bytes) VALUES (NEW.organization, NEW.size)
            ON CONFLICT (organization) DO UPDATE SET bytes = t.bytes + excluded.bytes;
    END IF;
    RETURN NULL;
END
$$;
REVOKE ALL ON FUNCTION total_attachment FROM PUBLIC;

-- Adds everything up anew: for the files that are there before the triggers, and for whoever has written past them.
CREATE FUNCTION recount_attachments() RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp
AS $$
BEGIN
    LOCK TABLE attachments IN SHARE ROW EXCLUSIVE MODE;
    TRUNCATE attachment_totals;
    INSERT INTO attachment_totals (organization, bytes) SELECT organization, sum(size) FROM attachments GROUP BY organization;
END
$$;
REVOKE ALL ON FUNCTION recount_attachments FROM PUBLIC;

CREATE TRIGGER attachments_totalled AFTER INSERT OR DELETE ON attachments FOR EACH ROW EXECUTE FUNCTION total_attachment();
CREATE TRIGGER attachments_totalled_anew AFTER UPDATE OF size, organization ON attachments FOR EACH ROW
    WHEN ((OLD.size, OLD.organization) IS DISTINCT FROM (NEW.size, NEW.organization)) EXECUTE FUNCTION total_attachment();
SELECT recount_attachments();

-- Nothing else was read out of it.
DROP INDEX attachments_organization_idx;
