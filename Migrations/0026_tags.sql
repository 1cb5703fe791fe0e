-- The tickets of a tag that few have: the list went along its order to the end to make sure that there are no more. Tickets without tags,
-- and so nearly all that are registered, are not in it.
SET LOCAL ROLE reglament_owner;

CREATE INDEX tickets_tags_idx ON tickets USING gin (tags) WITH (fastupdate = off) WHERE tags <> '{}';
