-- Up to which execution logs or working directories are gone: a number of a flow, or, for all flows
-- together (flow ''), an ord.
CREATE TABLE stripped (
  flow TEXT NOT NULL,
  what TEXT NOT NULL,                  -- logs | work
  mark INTEGER NOT NULL,
  PRIMARY KEY (flow, what)
) WITHOUT ROWID;
