-- what people write beside executions and their steps; a fact of its own, which no event repeats
CREATE TABLE notes (
  id INTEGER PRIMARY KEY,
  execution INTEGER NOT NULL,          -- executions.ord
  step TEXT,                           -- its path; NULL: about the execution
  flow TEXT NOT NULL,
  at INTEGER NOT NULL,
  by TEXT NOT NULL,
  text TEXT NOT NULL,
  error_step TEXT,                     -- the error it was written about, to be found when it comes back
  error_type TEXT,
  edited_at INTEGER,
  edited_by TEXT
);
CREATE INDEX notes_of_execution ON notes (execution, id);
CREATE INDEX notes_of_error ON notes (flow, error_type, error_step, id);
