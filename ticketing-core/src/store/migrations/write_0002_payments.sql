-- What happens to money that comes after a hold has ended and whose seats are gone.
ALTER TABLE offerings ADD COLUMN late_payment TEXT NOT NULL DEFAULT 're-reserve';

-- The payment sagas: one a booking that is paid for, with its id; one a payment that is for no booking.
CREATE TABLE sagas (
  id {uuid} PRIMARY KEY,
  booking_id {uuid},
  state TEXT NOT NULL,
  park TEXT,
  payment_id {uuid},
  attempts {int} NOT NULL,
  last_error TEXT,
  next_at BIGINT,
  correlation_id TEXT NOT NULL,
  created_at BIGINT NOT NULL,
  moved_at BIGINT NOT NULL,
  events {int} NOT NULL,
  version {int} NOT NULL
) {without_rowid};
CREATE INDEX sagas_open ON sagas (state, moved_at)
  WHERE state IN ('AWAITING_PAYMENT', 'CHARGING', 'RELEASING', 'REFUNDING', 'PARKED');

-- Each step of a saga, numbered without gaps; a saga that was only begun has none.
CREATE TABLE saga_steps (
  saga_id {uuid} NOT NULL,
  no {int} NOT NULL,
  at BIGINT NOT NULL,
  input TEXT NOT NULL,
  state TEXT NOT NULL,
  attempt_id {uuid},
  note TEXT,
  actor TEXT NOT NULL,
  correlation_id TEXT NOT NULL,
  PRIMARY KEY (saga_id, no)
) {without_rowid};

-- What outside services told, so that what is told twice is done once.
CREATE TABLE saga_inbox (
  source {key} NOT NULL,
  message_id {key} NOT NULL,
  saga_id {uuid} NOT NULL,
  at BIGINT NOT NULL,
  PRIMARY KEY (source, message_id)
) {without_rowid};

-- The payments. Never deleted.
CREATE TABLE payments (
  id {uuid} PRIMARY KEY,
  saga_id {uuid} NOT NULL,
  booking_id {uuid},
  reference {key} NOT NULL,
  user_id {key} NOT NULL,
  external_id {key},
  amount_minor BIGINT NOT NULL,
  currency TEXT NOT NULL,
  captured_minor BIGINT NOT NULL CHECK (captured_minor >= 0),
  refunded_minor BIGINT NOT NULL CHECK (refunded_minor >= 0 AND refunded_minor <= captured_minor),
  status TEXT NOT NULL,
  provider TEXT NOT NULL,
  provider_ref TEXT,
  failure TEXT,
  created_at BIGINT NOT NULL,
  updated_at BIGINT NOT NULL,
  version {int} NOT NULL
) {without_rowid};
CREATE INDEX payments_saga ON payments (saga_id);
CREATE INDEX payments_external ON payments (external_id) WHERE external_id IS NOT NULL;
CREATE INDEX payments_stripe ON payments (provider_ref) WHERE provider = 'stripe';

-- What is asked of the providers: the effects of the sagas' steps. The id is the provider's idempotency key.
CREATE TABLE payment_attempts (
  id {uuid} PRIMARY KEY,
  payment_id {uuid} NOT NULL,
  saga_id {uuid} NOT NULL,
  kind TEXT NOT NULL,
  amount_minor BIGINT NOT NULL,
  currency TEXT NOT NULL,
  token TEXT,
  state TEXT NOT NULL,
  tries {int} NOT NULL,
  in_doubt {int} NOT NULL,
  next_at BIGINT,
  provider_ref TEXT,
  error TEXT,
  reason TEXT,
  created_at BIGINT NOT NULL,
  ended_at BIGINT,
  lease_owner TEXT,
  lease_until BIGINT NOT NULL DEFAULT 0
) {without_rowid};
CREATE INDEX payment_attempts_saga ON payment_attempts (saga_id);
CREATE INDEX payment_attempts_due ON payment_attempts (next_at) WHERE state = 'due';

-- Answers by key first, so that one is found by its key alone; and their texts apart from the keys, which come
-- in no order and would scatter them.
ALTER TABLE idempotency RENAME TO idempotency_before;
CREATE TABLE idempotency (
  caller {key} NOT NULL,
  key {key} NOT NULL,
  request_hash {bytes} NOT NULL,
  status {int} NOT NULL,
  data TEXT NOT NULL,
  position BIGINT NOT NULL,
  created_at BIGINT NOT NULL,
  PRIMARY KEY (key, caller)
);
INSERT INTO idempotency (caller, key, request_hash, status, data, position, created_at)
  SELECT caller, key, request_hash, status, data, position, created_at FROM idempotency_before;
DROP TABLE idempotency_before;
