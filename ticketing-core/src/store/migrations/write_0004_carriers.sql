-- What only one process does at a time. Its holder beats; a lease that stands still may be taken, and its epoch grows.
CREATE TABLE leases (
  name {key} PRIMARY KEY,
  epoch BIGINT NOT NULL,
  owner {uuid},
  beat BIGINT NOT NULL,
  taken_at BIGINT NOT NULL
);

-- The processes that serve, each for as long as it beats.
CREATE TABLE processes (
  id {uuid} PRIMARY KEY,
  host TEXT NOT NULL,
  pid {int} NOT NULL,
  roles TEXT NOT NULL,
  address TEXT,
  version TEXT NOT NULL,
  started_at BIGINT NOT NULL,
  seen_at BIGINT NOT NULL
);

-- How far the log has been copied to each carrier, by which holder of the relay's lease.
CREATE TABLE outbox (
  carrier {key} PRIMARY KEY,
  position BIGINT NOT NULL,
  epoch BIGINT NOT NULL,
  moved_at BIGINT NOT NULL
);

-- How far each partition of a topic from outside has been read: every message before the offset is in the store.
CREATE TABLE inbound_cursors (
  carrier {key} NOT NULL,
  topic {key} NOT NULL,
  partition {int} NOT NULL,
  next_offset BIGINT NOT NULL,
  moved_at BIGINT NOT NULL,
  PRIMARY KEY (carrier, topic, partition)
);

-- The topics from outside where no broker is: what was published to them here.
CREATE TABLE inbound_messages (
  topic {key} NOT NULL,
  message_offset BIGINT NOT NULL,
  key TEXT,
  headers TEXT NOT NULL,
  body {bytes} NOT NULL,
  at BIGINT NOT NULL,
  PRIMARY KEY (topic, message_offset)
);

-- Messages from outside that could not be handled, and those that wait behind one of the same stream.
CREATE TABLE dead_letters (
  id {uuid} PRIMARY KEY,
  seq BIGINT NOT NULL UNIQUE,
  source {key} NOT NULL,
  partition {int} NOT NULL,
  message_offset BIGINT NOT NULL,
  stream {key} NOT NULL,
  event_type TEXT,
  message_id TEXT NOT NULL,
  headers TEXT NOT NULL,
  body {bytes} NOT NULL,
  state TEXT NOT NULL,
  code TEXT NOT NULL,
  reason TEXT NOT NULL,
  tries {int} NOT NULL,
  correlation_id TEXT NOT NULL,
  at BIGINT NOT NULL,
  moved_at BIGINT NOT NULL,
  moved_by TEXT,
  UNIQUE (source, partition, message_offset)
);
CREATE INDEX dead_letters_open ON dead_letters (stream, seq) WHERE state IN ('dead', 'waiting');

-- Long work of operators, done by whichever process takes it, and gone on with after a crash.
CREATE TABLE jobs (
  id {uuid} PRIMARY KEY,
  kind TEXT NOT NULL,
  spec TEXT NOT NULL,
  state TEXT NOT NULL,
  done BIGINT NOT NULL,
  total BIGINT,
  cursor TEXT,
  rate {int},
  outcome TEXT,
  error TEXT,
  cancel_wanted {int} NOT NULL,
  actor TEXT NOT NULL,
  reason TEXT,
  owner {uuid},
  beat BIGINT NOT NULL,
  created_at BIGINT NOT NULL,
  started_at BIGINT,
  moved_at BIGINT NOT NULL,
  ended_at BIGINT
);
CREATE INDEX jobs_open ON jobs (created_at) WHERE state IN ('waiting', 'running');
