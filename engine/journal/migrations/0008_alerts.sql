-- what people are told: one row a delivery, written with the end that causes it. Times are microseconds, UTC.
CREATE TABLE deliveries (
  id INTEGER PRIMARY KEY,
  key TEXT NOT NULL,                   -- what makes it one: execution, attempt, rule, occasion, channel
  channel TEXT NOT NULL,
  flow TEXT NOT NULL,                  -- empty: a test of the channel
  execution TEXT,
  occasion TEXT NOT NULL,              -- failed, recovered, long_running, not_started, …
  title TEXT NOT NULL,
  text TEXT NOT NULL,
  at INTEGER NOT NULL,
  state TEXT NOT NULL,                 -- waiting | sent | failed | acknowledged
  tries INTEGER NOT NULL,
  due INTEGER NOT NULL,                -- when it is tried next
  ended INTEGER,                       -- when it was sent, or given up
  error TEXT NOT NULL,                 -- why the last try failed
  acked_at INTEGER,
  acked_by TEXT
);
CREATE UNIQUE INDEX deliveries_by_key ON deliveries (key);
CREATE INDEX deliveries_waiting ON deliveries (due) WHERE state = 'waiting';
