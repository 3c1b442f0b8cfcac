-- Faults that an operator asks for, to rehearse: in development only. Taken by whoever runs the attempt.
CREATE TABLE fault_drills (
  id {uuid} PRIMARY KEY,
  saga_id {uuid} NOT NULL,
  step TEXT NOT NULL,
  fault TEXT NOT NULL,
  times_left {int} NOT NULL CHECK (times_left >= 0),
  created_at BIGINT NOT NULL
) {without_rowid};
CREATE INDEX fault_drills_saga ON fault_drills (saga_id, step) WHERE times_left > 0;

-- A provider's statement names what it did in its own words.
CREATE INDEX payment_attempts_ref ON payment_attempts (provider_ref) WHERE provider_ref IS NOT NULL;
