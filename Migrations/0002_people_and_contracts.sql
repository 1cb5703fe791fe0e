-- Who there is, what they bought, and the regulations that bind both sides.
SET LOCAL ROLE reglament_owner;

CREATE TABLE organizations (
    code text COLLATE "C" CONSTRAINT organizations_pkey PRIMARY KEY
              CONSTRAINT organizations_code_form CHECK (code ~ '^[a-z0-9][a-z0-9-]{0,62}$'),
    name text NOT NULL CONSTRAINT organizations_name_length CHECK (char_length(name) BETWEEN 1 AND 200)
);

CREATE TABLE users (
    id           text COLLATE "C" CONSTRAINT users_pkey PRIMARY KEY,
    email        text NOT NULL,
    name         text NOT NULL CONSTRAINT users_name_length CHECK (char_length(name) BETWEEN 1 AND 200),
    role         text NOT NULL
                 CONSTRAINT users_role CHECK (role IN ('customer', 'engineer', 'lead', 'admin', 'service')),
    organization text COLLATE "C" CONSTRAINT users_organization_fkey REFERENCES organizations,
    active       boolean NOT NULL DEFAULT true,
    created_at   timestamptz NOT NULL,
    CONSTRAINT users_customer_has_organization CHECK ((role = 'customer') = (organization IS NOT NULL))
);
CREATE UNIQUE INDEX users_email_key ON users (lower(email));
CREATE INDEX users_organization_idx ON users (organization, id);

CREATE TABLE tokens (
    id         text COLLATE "C" CONSTRAINT tokens_pkey PRIMARY KEY,
    user_id    text COLLATE "C" NOT NULL CONSTRAINT tokens_user_fkey REFERENCES users,
    name       text NOT NULL,
    -- SHA-256 of the secret, which itself is nowhere.
    hash       bytea NOT NULL CONSTRAINT tokens_hash_key UNIQUE CONSTRAINT tokens_hash_length CHECK (length(hash) = 32),
    created_at timestamptz NOT NULL,
    expires_at timestamptz,
    revoked_at timestamptz
);
CREATE INDEX tokens_user_idx ON tokens (user_id, id);

-- A product is what has a policy; its tickets are counted by a sequence of its own.
CREATE TABLE products (
    code     text COLLATE "C" CONSTRAINT products_pkey PRIMARY KEY,
    prefix   text NOT NULL CONSTRAINT products_prefix_key UNIQUE CONSTRAINT products_prefix_form CHECK (prefix ~ '^[A-Z]{2,12}$'),
    sequence text NOT NULL
);

-- Every version of a policy that ever bound a ticket, as its file was.
CREATE TABLE policy_versions (
    product      text COLLATE "C" NOT NULL CONSTRAINT policy_versions_product_fkey REFERENCES products,
    version      integer NOT NULL CONSTRAINT policy_versions_version CHECK (version > 0),
    sha256       text NOT NULL,
    document     bytea NOT NULL,
    -- Read out of the document, for the statements that need them.
    time_zone    text NOT NULL,
    confirmers   text NOT NULL CONSTRAINT policy_versions_confirmers CHECK (confirmers IN ('any_contact', 'responsible_contacts')),
    installed_at timestamptz NOT NULL,
    CONSTRAINT policy_versions_pkey PRIMARY KEY (product, version)
);

CREATE TABLE contracts (
    id                            text COLLATE "C" CONSTRAINT contracts_pkey PRIMARY KEY,
    organization                  text COLLATE "C" NOT NULL CONSTRAINT contracts_organization_fkey REFERENCES organizations,
    product                       text COLLATE "C" NOT NULL CONSTRAINT contracts_product_fkey REFERENCES products,
    plan                          text,
    valid_from                    date NOT NULL,
    valid_to                      date,
    auto_close_after_working_days integer
        CONSTRAINT contracts_auto_close CHECK (auto_close_after_working_days BETWEEN 1 AND 365),
    responsible_contacts          text[] NOT NULL DEFAULT '{}',
    CONSTRAINT contracts_dates CHECK (valid_to >= valid_from),
    CONSTRAINT contracts_overlap
        EXCLUDE USING gist (organization WITH =, product WITH =, daterange(valid_from, valid_to, '[]') WITH &&)
);
CREATE INDEX contracts_organization_idx ON contracts (organization, product, valid_from);

-- What a customer may know of everybody: a name. Employees' addresses stay inside.
CREATE VIEW people WITH (security_barrier) AS
    SELECT id, name
      FROM users
     WHERE current_user = 'reglament_staff'
        OR organization IS NULL
        OR organization = current_setting('reglament.organization', true);

-- Whose token it is, before anything else is known. Revoked ones and those of deactivated users are nobody's.
CREATE FUNCTION caller_by_token(token_hash bytea)
    RETURNS TABLE (token_id text, expires_at timestamptz, user_id text, email text, name text, role text, organization text)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp
AS $$
    SELECT t.id, t.expires_at, u.id, u.email, u.name, u.role, u.organization
      FROM tokens t
      JOIN users u ON u.id = t.user_id
     WHERE t.hash = token_hash AND t.revoked_at IS NULL AND u.active
$$;
REVOKE ALL ON FUNCTION caller_by_token FROM PUBLIC;
GRANT EXECUTE ON FUNCTION caller_by_token TO reglament_staff;

-- A sequence is made here, since the service itself may make nothing. False: this version was installed with other bytes.
CREATE FUNCTION install_policy(
    policy_code text, policy_version integer, policy_prefix text, policy_sha256 text, policy_document bytea,
    policy_time_zone text, policy_confirmers text, at timestamptz
) RETURNS boolean
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp
AS $$
DECLARE
    sequence_name text := 'ticket_number_' || lower(policy_prefix);
BEGIN
    PERFORM pg_advisory_xact_lock(hashtextextended('reglament install policy', 0));
    IF NOT EXISTS (SELECT FROM products WHERE code = policy_code) THEN
        INSERT INTO products (code, prefix, sequence) VALUES (policy_code, policy_prefix, sequence_name);
        EXECUTE format('CREATE SEQUENCE %I', sequence_name);
        EXECUTE format('GRANT USAGE ON SEQUENCE %I TO reglament_staff, reglament_customer', sequence_name);
    END IF;
    INSERT INTO policy_versions (product, version, sha256, document, time_zone, confirmers, installed_at)
    VALUES (policy_code, policy_version, policy_sha256, policy_document, policy_time_zone, policy_confirmers, at)
    ON CONFLICT DO NOTHING;
    RETURN EXISTS (
        SELECT FROM policy_versions v JOIN products p ON p.code = v.product
         WHERE v.product = policy_code AND v.version = policy_version AND v.sha256 = policy_sha256
           AND p.prefix = policy_prefix);
END
$$;
REVOKE ALL ON FUNCTION install_policy FROM PUBLIC;
GRANT EXECUTE ON FUNCTION install_policy TO reglament_staff;

GRANT SELECT, INSERT, UPDATE (name) ON organizations TO reglament_staff;
GRANT SELECT, INSERT, UPDATE (email, name, role, organization, active) ON users TO reglament_staff;
GRANT SELECT, INSERT, UPDATE (revoked_at) ON tokens TO reglament_staff;
GRANT SELECT ON products, policy_versions, people TO reglament_staff, reglament_customer;
GRANT SELECT, INSERT,
      UPDATE (plan, valid_from, valid_to, auto_close_after_working_days, responsible_contacts)
      ON contracts TO reglament_staff;
GRANT SELECT ON organizations, users, contracts TO reglament_customer;
GRANT SELECT (id, user_id, name, created_at, expires_at, revoked_at), INSERT, UPDATE (revoked_at)
      ON tokens TO reglament_customer;

ALTER TABLE organizations ENABLE ROW LEVEL SECURITY;
ALTER TABLE users ENABLE ROW LEVEL SECURITY;
ALTER TABLE tokens ENABLE ROW LEVEL SECURITY;
ALTER TABLE contracts ENABLE ROW LEVEL SECURITY;
-- One policy a role: an OR over both would cost an index.
CREATE POLICY organizations_staff ON organizations TO reglament_staff USING (true);
CREATE POLICY organizations_customer ON organizations TO reglament_customer
    USING (code = current_setting('reglament.organization', true));
CREATE POLICY users_staff ON users TO reglament_staff USING (true);
CREATE POLICY users_customer ON users TO reglament_customer
    USING (organization = current_setting('reglament.organization', true));
CREATE POLICY tokens_staff ON tokens TO reglament_staff USING (true);
CREATE POLICY tokens_customer ON tokens TO reglament_customer
    USING (user_id = current_setting('reglament.user', true));
CREATE POLICY contracts_staff ON contracts TO reglament_staff USING (true);
CREATE POLICY contracts_customer ON contracts TO reglament_customer
    USING (organization = current_setting('reglament.organization', true));
