-- Which read model this is: a new one for each that is folded anew, so that what others keep of one is never taken
-- for the other's.
CREATE TABLE view_identity (
  id {int} PRIMARY KEY CHECK (id = 1),
  identity {uuid} NOT NULL
);
