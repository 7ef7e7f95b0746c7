-- alerts that are told together, held back in quiet hours, or come again while they last
ALTER TABLE deliveries ADD COLUMN number INTEGER NOT NULL DEFAULT 0;   -- of its execution
ALTER TABLE deliveries ADD COLUMN cause TEXT NOT NULL DEFAULT '';      -- the key without the channel
ALTER TABLE deliveries ADD COLUMN bundle TEXT NOT NULL DEFAULT '';     -- what is told together; empty: alone
ALTER TABLE deliveries ADD COLUMN leader INTEGER;                      -- the delivery whose message tells it, too
ALTER TABLE deliveries ADD COLUMN begun INTEGER NOT NULL DEFAULT 0;    -- when it is due for the first time
ALTER TABLE deliveries ADD COLUMN quiet TEXT NOT NULL DEFAULT '';      -- JSON: the hours in which nothing is sent
UPDATE deliveries SET begun = at, cause = substr(key, 1, max(0, length(key) - length(channel) - 1));
CREATE INDEX deliveries_bundled ON deliveries (bundle) WHERE state = 'waiting' AND leader IS NULL AND bundle != '';

-- what people are reminded of, until it is over or acknowledged
CREATE TABLE reminders (
  key TEXT PRIMARY KEY,                -- flow, rule and channel; where one execution is meant, that, too
  flow TEXT NOT NULL,
  lasts TEXT NOT NULL,                 -- until: recovery | end | start (of that execution) | execution (any of the flow)
  execution TEXT,
  delivery TEXT NOT NULL,              -- the key of what it reminds of
  every INTEGER NOT NULL,
  next INTEGER,                        -- NULL: it was acknowledged
  times INTEGER NOT NULL,
  quiet TEXT NOT NULL,
  acked_at INTEGER,
  acked_by TEXT
) WITHOUT ROWID;
CREATE INDEX reminders_next ON reminders (next) WHERE next IS NOT NULL;
