CREATE TABLE view_venues (
  id {uuid} PRIMARY KEY,
  external_id {key},
  name {key} NOT NULL,
  city {key} NOT NULL,
  data TEXT NOT NULL,
  version {int} NOT NULL
);
CREATE INDEX view_venues_name ON view_venues (name, id);
CREATE INDEX view_venues_city ON view_venues (city, name, id);

-- The offerings that people search, events and listings, with what they search them by.
-- `free_at`: from when on a listing's one ticket is free, in ms: 0 if it is, the end of its hold, or for ever once sold.
CREATE TABLE view_sales (
  id {uuid} PRIMARY KEY,
  kind TEXT NOT NULL,
  title {key} NOT NULL,
  status TEXT NOT NULL,
  seller_id {key} NOT NULL,
  venue_id {uuid},
  city {key} NOT NULL,
  event_type {key} NOT NULL,
  price_minor BIGINT NOT NULL,
  currency {key} NOT NULL,
  begins_at BIGINT NOT NULL,
  created_at BIGINT NOT NULL,
  free_at BIGINT NOT NULL DEFAULT 0,
  taken_at BIGINT NOT NULL DEFAULT 0,
  version {int} NOT NULL
);
CREATE INDEX view_sales_new ON view_sales (kind, created_at, id);
CREATE INDEX view_sales_price ON view_sales (kind, currency, price_minor, id);
CREATE INDEX view_sales_seller ON view_sales (seller_id, created_at, id);
CREATE INDEX view_sales_begins ON view_sales (kind, begins_at, id);
CREATE INDEX view_sales_city ON view_sales (kind, city, begins_at, id);

-- The words of what people search, in small letters.
CREATE TABLE view_words (
  word {key} NOT NULL,
  sale_id {uuid} NOT NULL,
  PRIMARY KEY (word, sale_id)
) {without_rowid};
CREATE INDEX view_words_sale ON view_words (sale_id);

ALTER TABLE view_departures ADD COLUMN kind TEXT NOT NULL DEFAULT 'departure';
ALTER TABLE view_departures ADD COLUMN particulars TEXT;
ALTER TABLE view_tickets ADD COLUMN kind TEXT NOT NULL DEFAULT 'departure';

-- Tables that were kept from before the last rebuild, or were being filled, have other columns.
DROP TABLE IF EXISTS before_layouts;
DROP TABLE IF EXISTS before_patterns;
DROP TABLE IF EXISTS before_routes;
DROP TABLE IF EXISTS before_departures;
DROP TABLE IF EXISTS before_tickets;
DROP TABLE IF EXISTS next_layouts;
DROP TABLE IF EXISTS next_patterns;
DROP TABLE IF EXISTS next_routes;
DROP TABLE IF EXISTS next_departures;
DROP TABLE IF EXISTS next_tickets;
DELETE FROM view_cursors WHERE name <> 'tickets';
