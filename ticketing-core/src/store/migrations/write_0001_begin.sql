-- The log. `head` is the last position; positions have no gaps.
CREATE TABLE log_head (
  id {int} PRIMARY KEY CHECK (id = 1),
  head BIGINT NOT NULL CHECK (head >= 0)
);
INSERT INTO log_head (id, head) VALUES (1, 0);

CREATE TABLE events (
  position {position} PRIMARY KEY,
  stream_id {uuid} NOT NULL,
  stream_version {int} NOT NULL,
  event_type TEXT NOT NULL,
  recorded_at BIGINT NOT NULL,
  actor TEXT NOT NULL,
  correlation_id TEXT NOT NULL,
  causation_id TEXT,
  data TEXT NOT NULL
);
CREATE UNIQUE INDEX events_stream ON events (stream_id, stream_version);

-- The bookings: the fold of their events, for deciding.
CREATE TABLE bookings (
  id {uuid} PRIMARY KEY,
  offering_id {uuid} NOT NULL,
  user_id TEXT NOT NULL,
  seats TEXT NOT NULL,
  from_leg {int} NOT NULL,
  to_leg {int} NOT NULL,
  price_minor BIGINT NOT NULL,
  currency TEXT NOT NULL,
  state TEXT NOT NULL,
  hold_expires_at BIGINT NOT NULL,
  payment_id {key},
  created_at BIGINT NOT NULL,
  confirmed_at BIGINT,
  cancel_reason TEXT,
  version {int} NOT NULL
) {without_rowid};
CREATE INDEX bookings_due ON bookings (hold_expires_at) WHERE state IN ('PENDING', 'RESERVED');
CREATE UNIQUE INDEX bookings_payment ON bookings (payment_id) WHERE payment_id IS NOT NULL;

-- Who has which seat on which leg. This key is the promise that no seat is sold twice.
CREATE TABLE claims (
  offering_id {uuid} NOT NULL,
  seat_no {int} NOT NULL,
  leg {int} NOT NULL,
  booking_id {uuid} NOT NULL,
  PRIMARY KEY (offering_id, seat_no, leg)
) {without_rowid};

-- People. Not in the log, so that one can be forgotten without touching it.
CREATE TABLE passengers (
  booking_id {uuid} PRIMARY KEY,
  name TEXT NOT NULL,
  email TEXT NOT NULL,
  phone TEXT
) {without_rowid};

-- The answers of commands that did something, for whoever asks again with the same key.
CREATE TABLE idempotency (
  caller {key} NOT NULL,
  key {key} NOT NULL,
  request_hash {bytes} NOT NULL,
  status {int} NOT NULL,
  data TEXT NOT NULL,
  position BIGINT NOT NULL,
  created_at BIGINT NOT NULL,
  PRIMARY KEY (caller, key)
) {without_rowid};

-- The catalogue.
CREATE TABLE layouts (
  id {uuid} PRIMARY KEY,
  name {key} NOT NULL,
  spec TEXT NOT NULL,
  version {int} NOT NULL
);
CREATE UNIQUE INDEX layouts_name ON layouts (name);

CREATE TABLE routes (
  id {uuid} PRIMARY KEY,
  data TEXT NOT NULL,
  version {int} NOT NULL
);

CREATE TABLE patterns (
  id {uuid} PRIMARY KEY,
  calls TEXT NOT NULL,
  version {int} NOT NULL
);

CREATE TABLE offerings (
  id {uuid} PRIMARY KEY,
  kind TEXT NOT NULL,
  route_id {uuid} NOT NULL,
  pattern_id {uuid} NOT NULL,
  layout_id {uuid} NOT NULL,
  external_id TEXT,
  service_date TEXT NOT NULL,
  departs_at BIGINT NOT NULL,
  arrives_at BIGINT NOT NULL,
  fare_minor BIGINT NOT NULL,
  currency TEXT NOT NULL,
  status TEXT NOT NULL,
  version {int} NOT NULL
);

-- Who did what with the operator's tools, and why.
CREATE TABLE audit (
  id {uuid} PRIMARY KEY,
  at BIGINT NOT NULL,
  actor TEXT NOT NULL,
  action TEXT NOT NULL,
  target TEXT NOT NULL,
  reason TEXT,
  plan TEXT NOT NULL,
  result TEXT NOT NULL
);
