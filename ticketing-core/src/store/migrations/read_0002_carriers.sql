-- Where the projection goes on reading each partition of the carrier; moved in the same transaction as its rows.
CREATE TABLE view_offsets (
  name TEXT NOT NULL,
  carrier {key} NOT NULL,
  topic {key} NOT NULL,
  partition {int} NOT NULL,
  next_offset BIGINT NOT NULL,
  PRIMARY KEY (name, carrier, topic, partition)
);

-- Events that could not be folded, and those that wait behind one of the same stream. The event itself is in the log.
CREATE TABLE view_parked (
  name TEXT NOT NULL,
  position BIGINT NOT NULL,
  stream_id {uuid} NOT NULL,
  stream_version {int} NOT NULL,
  event_type TEXT NOT NULL,
  state TEXT NOT NULL,
  reason TEXT NOT NULL,
  tries {int} NOT NULL,
  at BIGINT NOT NULL,
  moved_at BIGINT NOT NULL,
  moved_by TEXT,
  PRIMARY KEY (name, position)
);
CREATE INDEX view_parked_open ON view_parked (stream_id, position) WHERE state IN ('dead', 'waiting');
