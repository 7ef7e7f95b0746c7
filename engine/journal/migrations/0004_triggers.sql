-- What starts flows by itself, and what became of each occasion. Times are microseconds, UTC.

-- one row a trigger; it stays when its file is gone, so that a pause outlives an edit
CREATE TABLE triggers (
  name TEXT PRIMARY KEY,               -- flow:trigger
  flow TEXT NOT NULL,
  kind TEXT NOT NULL,                  -- schedule | webhook | watch | after | event
  source TEXT NOT NULL,                -- the file that it was read from
  version TEXT NOT NULL,               -- SHA-256 of that file: what it starts
  armed INTEGER NOT NULL,              -- 0 when no file has it any more
  decided INTEGER NOT NULL,            -- a schedule's moments up to here have their outcome
  data TEXT NOT NULL                   -- JSON: definition, pause, last outcome
) WITHOUT ROWID;

-- the ledger: each expected moment, file, event or delivery with its outcome
CREATE TABLE occasions (
  seq INTEGER PRIMARY KEY,
  trigger TEXT NOT NULL,
  key TEXT NOT NULL,                   -- what makes it one: nominal moment, delivery, file version
  at INTEGER NOT NULL,                 -- when it was expected, or happened
  until INTEGER NOT NULL,              -- of several that share their fate, the last one's
  times INTEGER NOT NULL,              -- how many they are
  decided INTEGER NOT NULL,
  outcome TEXT NOT NULL,               -- waiting | ran | late | skipped | missed
  reason TEXT NOT NULL,
  execution TEXT,
  data TEXT NOT NULL                   -- JSON
);
CREATE UNIQUE INDEX occasions_by_key ON occasions (trigger, key);
CREATE INDEX occasions_by_trigger ON occasions (trigger, seq);
CREATE INDEX occasions_waiting ON occasions (seq) WHERE outcome = 'waiting';
CREATE INDEX occasions_by_decision ON occasions (decided);
