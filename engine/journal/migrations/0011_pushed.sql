-- the versions that the files of flows have had, kept before a file is replaced. Times are microseconds, UTC.
CREATE TABLE pushed (
  path TEXT NOT NULL,                  -- the file
  at INTEGER NOT NULL,
  flow TEXT NOT NULL,
  version TEXT NOT NULL,               -- SHA-256 of the text
  by TEXT NOT NULL,
  origin TEXT NOT NULL,
  action TEXT NOT NULL,                -- push | rollback | save fix | found
  reason TEXT NOT NULL,
  text TEXT NOT NULL,
  written INTEGER NOT NULL,            -- 1 once it is in the file's place
  PRIMARY KEY (path, at)
) WITHOUT ROWID;
