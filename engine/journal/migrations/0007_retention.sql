-- executions that retention has taken out of the lists, until their rows and files are gone, too
CREATE TABLE leaving (
  ord INTEGER PRIMARY KEY,
  id TEXT NOT NULL
);
-- numbers are never given twice, also when the newest records were removed
INSERT INTO meta VALUES ('highest_seq', 0), ('highest_at', 0), ('highest_ord', 0);
