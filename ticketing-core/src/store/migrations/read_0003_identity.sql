-- Which read model this is: a new one for each that is folded anew, so that what others keep of one is never taken
-- for the other's.
-- How often rows were mended without an event, so that what others keep from before is not taken for what is there.
CREATE TABLE view_identity (
  id {int} PRIMARY KEY CHECK (id = 1),
  identity {uuid} NOT NULL,
  repairs BIGINT NOT NULL DEFAULT 0
);
