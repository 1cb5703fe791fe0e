-- Whose ticket it is goes into the index with the step that says so. What waits to be sorted in was read from end to end by every list of
-- somebody's tickets, up to 4 MiB of it, and whoever wrote the last of that sorted all of it in.
SET LOCAL ROLE reglament_owner;

ALTER INDEX tickets_assignees_idx SET (fastupdate = off);
ALTER INDEX tickets_closed_assignees_idx SET (fastupdate = off);
SELECT gin_clean_pending_list('tickets_assignees_idx'), gin_clean_pending_list('tickets_closed_assignees_idx');
