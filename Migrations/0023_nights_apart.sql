-- A night's run closes what belongs to the products whose night has come, and says which it left out: another instance that ends it for a
-- dead one leaves out the same.
SET LOCAL ROLE reglament_owner;

ALTER TABLE job_runs ADD COLUMN left_out text[] COLLATE "C" NOT NULL DEFAULT '{}';
