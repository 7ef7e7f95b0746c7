-- The journal and its projection; user_version 1. Times are microseconds since 1970, UTC.

CREATE TABLE meta (key TEXT PRIMARY KEY, value) WITHOUT ROWID;
INSERT INTO meta VALUES ('epoch', 0);

-- what happened, in order, without a hole
CREATE TABLE events (
  seq INTEGER PRIMARY KEY,
  execution INTEGER NOT NULL,          -- executions.ord
  at INTEGER NOT NULL,
  type TEXT NOT NULL,
  data TEXT NOT NULL                   -- JSON
);
CREATE INDEX events_of_execution ON events (execution, seq);

-- every version of every flow that was ever started
CREATE TABLE versions (
  version TEXT NOT NULL,               -- SHA-256 of the file
  name TEXT NOT NULL,
  source TEXT NOT NULL,                -- its path: what a file means depends on its folder, too
  text TEXT NOT NULL,                  -- the file as it was
  compiled TEXT NOT NULL,              -- JSON, see docs/protocols.md
  at INTEGER NOT NULL,
  PRIMARY KEY (version, source)
) WITHOUT ROWID;

-- one row an execution, as the events left it
CREATE TABLE executions (
  ord INTEGER PRIMARY KEY,             -- in the order of creation
  id TEXT NOT NULL,
  flow TEXT NOT NULL,
  number INTEGER NOT NULL,
  state TEXT NOT NULL,
  type TEXT NOT NULL,
  triggered_by TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  started_at INTEGER,
  ended_at INTEGER,
  duration_ms INTEGER,
  attempt INTEGER NOT NULL,
  steps_total INTEGER NOT NULL,
  steps_ended INTEGER NOT NULL,
  waiting INTEGER NOT NULL,            -- 1 while nothing moves without a timer or a person
  request_key TEXT,                    -- Idempotency-Key of the request that made it
  data TEXT NOT NULL                   -- JSON: the rest of wire.Execution
);
CREATE UNIQUE INDEX executions_by_id ON executions (id);
CREATE UNIQUE INDEX executions_by_number ON executions (flow, number);
CREATE UNIQUE INDEX executions_by_request_key ON executions (request_key) WHERE request_key IS NOT NULL;
CREATE INDEX executions_by_state ON executions (state, ord);
CREATE INDEX executions_by_flow ON executions (flow, state, ord);
CREATE INDEX executions_by_type ON executions (type, state, ord);
CREATE INDEX executions_by_suffix ON executions (substr(id, -6));
CREATE INDEX executions_by_creation ON executions (created_at);

CREATE TABLE steps (
  execution INTEGER NOT NULL,
  position INTEGER NOT NULL,
  path TEXT NOT NULL,
  state TEXT NOT NULL,
  data TEXT NOT NULL,                  -- JSON: wire.Step
  PRIMARY KEY (execution, position)
) WITHOUT ROWID;

-- every attempt starts at most once and ends at most once
CREATE TABLE attempts (
  execution INTEGER NOT NULL,
  number INTEGER NOT NULL,             -- counts all attempts of the execution
  step TEXT NOT NULL,
  try_number INTEGER NOT NULL,         -- counts the attempts of the step
  generation TEXT NOT NULL,
  PRIMARY KEY (execution, number)
) WITHOUT ROWID;
CREATE TABLE attempt_ends (
  execution INTEGER NOT NULL,
  number INTEGER NOT NULL,
  at INTEGER NOT NULL,
  state TEXT NOT NULL,
  log_bytes INTEGER,
  log_records INTEGER,
  PRIMARY KEY (execution, number)
) WITHOUT ROWID;

-- how many executions of a flow are in a state: counting a million rows is too slow
CREATE TABLE counters (
  flow TEXT NOT NULL,
  state TEXT NOT NULL,
  n INTEGER NOT NULL,
  PRIMARY KEY (flow, state)
) WITHOUT ROWID;

CREATE TABLE flows (
  name TEXT PRIMARY KEY,
  last_number INTEGER NOT NULL,
  debug TEXT NOT NULL DEFAULT 'off'    -- off | on | once
) WITHOUT ROWID;

-- who changed what; a refused request changes nothing and is not here
CREATE TABLE audit (
  seq INTEGER PRIMARY KEY,
  at INTEGER NOT NULL,
  actor TEXT NOT NULL,
  action TEXT NOT NULL,
  subject TEXT NOT NULL,
  reason TEXT NOT NULL
);
