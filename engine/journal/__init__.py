"""The journal: events and their projection in one SQLite file. The only room that imports apsw."""
