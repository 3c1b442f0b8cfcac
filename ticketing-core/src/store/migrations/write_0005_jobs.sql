-- How often a job was taken up since it last got on: one that breaks off whoever does it is not taken up for ever.
ALTER TABLE jobs ADD COLUMN takings {int} NOT NULL DEFAULT 0;
