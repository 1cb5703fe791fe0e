-- A customer's open tickets in triage order. There was an index of everybody's queue and one of a customer's tickets by age: of three
-- million tickets, one customer's 1,900 open ones were read and sorted for each page of fifty.
SET LOCAL ROLE reglament_owner;

CREATE INDEX tickets_open_organization_triage_idx
    ON tickets (organization, triage_rank, (coalesce(due_at, 'infinity'::timestamptz)), registered_at, number, id)
    WHERE state <> 'closed';
