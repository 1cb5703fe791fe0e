-- Three roles: the owner of every object, what the service is for employees, and what it is for customers.
-- Roles belong to the whole cluster, so another database of it may have made them already.
DO $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['reglament_owner', 'reglament_staff', 'reglament_customer'] LOOP
        BEGIN
            EXECUTE format('CREATE ROLE %I NOLOGIN', name);
        EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL;
        END;
        IF NOT pg_has_role(current_user, name, 'MEMBER') THEN
            EXECUTE format('GRANT %I TO %I', name, current_user);
        END IF;
        -- The login of the private cluster.
        IF name <> 'reglament_owner' AND EXISTS (SELECT FROM pg_roles WHERE rolname = 'reglament') THEN
            EXECUTE format('GRANT %I TO reglament', name);
        END IF;
    END LOOP;
    EXECUTE format('GRANT CREATE ON DATABASE %I TO reglament_owner', current_database());
END
$$;

REVOKE CREATE ON SCHEMA public FROM PUBLIC;
GRANT USAGE, CREATE ON SCHEMA public TO reglament_owner;
GRANT USAGE ON SCHEMA public TO reglament_staff, reglament_customer;

-- Keeps two contracts of one organization and product from overlapping.
CREATE EXTENSION IF NOT EXISTS btree_gist;

-- What ran, and with which bytes.
CREATE TABLE migrations (
    number     integer     CONSTRAINT migrations_pkey PRIMARY KEY,
    name       text        NOT NULL,
    sha256     text        NOT NULL,
    applied_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
ALTER TABLE migrations OWNER TO reglament_owner;
-- Whoever signs in may see whether the database is current, before becoming one of the roles.
GRANT SELECT ON migrations TO PUBLIC;
