-- What the broker will never take as it is: which event stands in the way of all after it, and what to do.
ALTER TABLE outbox ADD COLUMN trouble TEXT;
