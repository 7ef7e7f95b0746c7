-- named secrets, sealed under the key outside this directory
CREATE TABLE secrets (
  name TEXT PRIMARY KEY,
  sealed TEXT NOT NULL,
  set_at INTEGER NOT NULL,
  set_by TEXT NOT NULL
) WITHOUT ROWID;

-- values that were replaced or removed while an execution could still print them: only masked
CREATE TABLE former_secrets (
  name TEXT NOT NULL,
  sealed TEXT NOT NULL,
  until INTEGER NOT NULL
);
