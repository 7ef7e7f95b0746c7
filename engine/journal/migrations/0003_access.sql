-- who may reach this engine from elsewhere, and what a flow allows to whom
CREATE TABLE users (
  name TEXT PRIMARY KEY,
  role TEXT NOT NULL,
  set_at INTEGER NOT NULL,
  set_by TEXT NOT NULL
) WITHOUT ROWID;

-- of a token only the digest of its secret is kept; a revoked one stays in the list
CREATE TABLE tokens (
  id TEXT PRIMARY KEY,
  user TEXT NOT NULL,
  digest TEXT NOT NULL,
  label TEXT NOT NULL,
  made_at INTEGER NOT NULL,
  made_by TEXT NOT NULL,
  expires_at INTEGER NOT NULL,
  revoked_at INTEGER,
  used_at INTEGER
) WITHOUT ROWID;

-- `permissions` of the newest known version of each flow that has some
CREATE TABLE flow_permissions (
  flow TEXT PRIMARY KEY,
  permissions TEXT NOT NULL            -- JSON
) WITHOUT ROWID;
