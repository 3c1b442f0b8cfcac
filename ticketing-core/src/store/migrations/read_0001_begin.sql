-- How far each projection has read the log. Moved in the same transaction as its rows.
CREATE TABLE view_cursors (
  name TEXT PRIMARY KEY,
  position BIGINT NOT NULL
);
INSERT INTO view_cursors (name, position) VALUES ('tickets', 0);

CREATE TABLE view_layouts (
  id {uuid} PRIMARY KEY,
  spec TEXT NOT NULL,
  seats_total {int} NOT NULL,
  version {int} NOT NULL
);

CREATE TABLE view_patterns (
  id {uuid} PRIMARY KEY,
  calls TEXT NOT NULL,
  version {int} NOT NULL
);

CREATE TABLE view_routes (
  id {uuid} PRIMARY KEY,
  external_id {key},
  name {key} NOT NULL,
  data TEXT NOT NULL,
  version {int} NOT NULL
);
CREATE INDEX view_routes_name ON view_routes (name, id);
CREATE INDEX view_routes_external ON view_routes (external_id);

CREATE TABLE view_departures (
  id {uuid} PRIMARY KEY,
  route_id {uuid} NOT NULL,
  pattern_id {uuid} NOT NULL,
  layout_id {uuid} NOT NULL,
  external_id {key},
  service_date {key} NOT NULL,
  departs_at BIGINT NOT NULL,
  arrives_at BIGINT NOT NULL,
  fare_minor BIGINT NOT NULL,
  currency TEXT NOT NULL,
  status TEXT NOT NULL,
  version {int} NOT NULL
);
CREATE INDEX view_departures_day ON view_departures (route_id, service_date, departs_at, external_id, id);
CREATE INDEX view_departures_external ON view_departures (external_id, service_date);
CREATE INDEX view_departures_time ON view_departures (departs_at, id);

CREATE TABLE view_tickets (
  booking_id {uuid} PRIMARY KEY,
  user_id {key} NOT NULL,
  offering_id {uuid} NOT NULL,
  route_id {uuid} NOT NULL,
  route_name TEXT NOT NULL,
  departs_at BIGINT NOT NULL,
  arrives_at BIGINT NOT NULL,
  origin_stop TEXT NOT NULL,
  destination_stop TEXT NOT NULL,
  seats TEXT NOT NULL,
  from_leg {int} NOT NULL,
  to_leg {int} NOT NULL,
  price_minor BIGINT NOT NULL,
  currency TEXT NOT NULL,
  state TEXT NOT NULL,
  hold_expires_at BIGINT NOT NULL,
  payment_id TEXT,
  created_at BIGINT NOT NULL,
  confirmed_at BIGINT,
  cancel_reason TEXT,
  version {int} NOT NULL
);
CREATE INDEX view_tickets_user ON view_tickets (user_id, created_at, booking_id);
CREATE INDEX view_tickets_offering ON view_tickets (offering_id) WHERE state IN ('PENDING', 'RESERVED', 'CONFIRMED');
CREATE INDEX view_tickets_holds ON view_tickets (hold_expires_at, booking_id) WHERE state IN ('PENDING', 'RESERVED');
