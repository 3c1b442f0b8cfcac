-- What passengers are told by mail: one row an event, which names no person and no address.
CREATE TABLE mails (
  id {uuid} PRIMARY KEY,
  position BIGINT NOT NULL UNIQUE,
  booking_id {uuid} NOT NULL,
  kind TEXT NOT NULL,
  message_id TEXT NOT NULL,
  state TEXT NOT NULL,
  tries {int} NOT NULL,
  next_at BIGINT,
  last_error TEXT,
  correlation_id TEXT NOT NULL,
  created_at BIGINT NOT NULL,
  moved_at BIGINT NOT NULL,
  sent_at BIGINT,
  lease_until BIGINT NOT NULL DEFAULT 0
) {without_rowid};
CREATE INDEX mails_due ON mails (next_at, created_at) WHERE state = 'queued';
CREATE INDEX mails_failed ON mails (position) WHERE state = 'failed';
CREATE INDEX mails_booking ON mails (booking_id);

-- How far the log has been read for them. It begins where the log ends now: nobody is told of what is long past.
CREATE TABLE mail_cursor (
  id {int} PRIMARY KEY CHECK (id = 1),
  position BIGINT NOT NULL
);
INSERT INTO mail_cursor (id, position) SELECT 1, head FROM log_head WHERE id = 1;
