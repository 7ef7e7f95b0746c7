-- What triggers on files know of each: its version that was acted on. Before, part of a trigger's data.
CREATE TABLE watched (
  trigger TEXT NOT NULL,
  path TEXT NOT NULL,                  -- or bytes: and its bytes in hex, where it is no UTF-8
  modified INTEGER NOT NULL,           -- nanoseconds
  bytes INTEGER NOT NULL,
  inode INTEGER NOT NULL,
  PRIMARY KEY (trigger, path)
) WITHOUT ROWID;
INSERT INTO watched SELECT t.name, f.key, f.value->>0, f.value->>1, f.value->>2
FROM triggers t, json_each(t.data, '$.known') f WHERE json_type(t.data, '$.known') = 'object';
UPDATE triggers SET data = json_set(json_remove(data, '$.known'), '$.has_looked', json('true'))
WHERE json_type(data, '$.known') = 'object';
