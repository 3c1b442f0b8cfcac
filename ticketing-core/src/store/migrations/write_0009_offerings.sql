-- Places where events are held.
CREATE TABLE venues (
  id {uuid} PRIMARY KEY,
  data TEXT NOT NULL,
  version {int} NOT NULL
);

-- What only some offerings have, as JSON: titles, venues, sellers, prices by category, seats that are kept back.
ALTER TABLE offerings ADD COLUMN particulars TEXT;
