-- changes that were asked for with an Idempotency-Key: done once, over an engine's death too
CREATE TABLE taken (
  id TEXT PRIMARY KEY,                 -- a hash over who asked and their key
  request TEXT NOT NULL,               -- one over what was asked, and the key
  at INTEGER NOT NULL,
  status INTEGER,                      -- of the answer; NULL: it was done, and the engine died then
  body TEXT
) WITHOUT ROWID;
CREATE INDEX taken_at ON taken (at);
