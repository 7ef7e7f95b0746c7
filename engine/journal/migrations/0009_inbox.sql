-- failures that are alike, over executions and flows: one row a fingerprint. Times are microseconds, UTC.
-- Filled from the history when the first engine of this version starts (`engine/inbox/filling.py`).
CREATE TABLE inbox (
  id TEXT PRIMARY KEY,                 -- the fingerprint of the error
  type TEXT NOT NULL,                  -- of the error
  last INTEGER NOT NULL,               -- when it happened last
  open INTEGER NOT NULL,               -- 1 until every flow that it concerns has recovered
  acked_at INTEGER,
  acked_by TEXT,
  snoozed_until INTEGER,
  snoozed_by TEXT,
  assigned_to TEXT,
  assigned_by TEXT,
  left_at INTEGER,
  left_by TEXT                         -- who has closed it; NULL: it has recovered by itself
) WITHOUT ROWID;
CREATE INDEX inbox_by_last ON inbox (open, last);

-- where it happened, and how often
CREATE TABLE inbox_places (
  inbox TEXT NOT NULL,
  flow TEXT NOT NULL,
  step TEXT NOT NULL,                  -- its path; empty: the execution as a whole
  message TEXT NOT NULL,               -- of the newest
  open INTEGER NOT NULL,               -- 1 until the flow's next execution that completes
  times INTEGER NOT NULL,              -- since it is open
  total INTEGER NOT NULL,
  first INTEGER NOT NULL,
  since INTEGER NOT NULL,              -- the first one since it is open
  last INTEGER NOT NULL,
  execution TEXT NOT NULL,             -- the newest
  number INTEGER NOT NULL,
  PRIMARY KEY (inbox, flow, step)
) WITHOUT ROWID;
CREATE INDEX inbox_places_open ON inbox_places (flow) WHERE open;

CREATE INDEX deliveries_by_execution ON deliveries (execution);
