-- Who signs in. Of one that was deleted stay its id, its times and its status; `erased_at` says when nothing else of
-- the person was left anywhere.
CREATE TABLE accounts (
  id {uuid} PRIMARY KEY,
  email {key},
  username TEXT,
  username_key {key},
  first_name TEXT,
  last_name TEXT,
  search TEXT NOT NULL,
  password_hash TEXT,
  status TEXT NOT NULL,
  status_reason TEXT,
  not_before BIGINT NOT NULL,
  created_at BIGINT NOT NULL,
  updated_at BIGINT NOT NULL,
  erased_at BIGINT,
  version {int} NOT NULL
) {without_rowid};
CREATE UNIQUE INDEX accounts_email ON accounts (email) WHERE email IS NOT NULL;
CREATE UNIQUE INDEX accounts_username ON accounts (username_key) WHERE username_key IS NOT NULL;
CREATE INDEX accounts_erasing ON accounts (updated_at) WHERE status = 'DELETED' AND erased_at IS NULL;

-- Whose tokens are refused though they are signed well: accounts, and single sessions. Each change takes the next
-- number, in the order of commits, so that every process reads only what is new.
CREATE TABLE kept_out_head (
  id {int} PRIMARY KEY CHECK (id = 1),
  head BIGINT NOT NULL
);
INSERT INTO kept_out_head (id, head) VALUES (1, 0);

CREATE TABLE kept_out (
  subject {key} PRIMARY KEY,
  seq BIGINT NOT NULL,
  why TEXT NOT NULL,
  not_before BIGINT NOT NULL,
  until BIGINT NOT NULL
);
CREATE INDEX kept_out_seq ON kept_out (seq);
CREATE INDEX kept_out_until ON kept_out (until) WHERE until > 0;

-- The answers of changes to accounts, for whoever asks again with the same key; apart from the others, since they go
-- with the account.
CREATE TABLE account_answers (
  caller {key} NOT NULL,
  key {key} NOT NULL,
  request_hash {bytes} NOT NULL,
  status {int} NOT NULL,
  data TEXT NOT NULL,
  account_id {uuid} NOT NULL,
  created_at BIGINT NOT NULL,
  PRIMARY KEY (key, caller)
);
CREATE INDEX account_answers_account ON account_answers (account_id);
CREATE INDEX account_answers_time ON account_answers (created_at);
