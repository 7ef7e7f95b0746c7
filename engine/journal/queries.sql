-- Every statement that runs on the journal, by name. None is built from a user's text.

-- name: epoch
SELECT value FROM meta WHERE key = 'epoch'

-- name: raise_epoch
UPDATE meta SET value = value + 1 WHERE key = 'epoch' RETURNING value

-- name: insert_events
INSERT INTO events (seq, execution, at, type, data)
SELECT value->>0, value->>1, value->>2, value->>3, value->4 FROM json_each(?1)

-- name: insert_executions
INSERT INTO executions
SELECT value->>0, value->>1, value->>2, value->>3, value->>4, value->>5, value->>6, value->>7, value->>8,
       value->>9, value->>10, value->>11, value->>12, value->>13, value->>14, value->>15, value->16
FROM json_each(?1)

-- name: update_executions
UPDATE executions SET state = value->>4, started_at = value->>8, ended_at = value->>9,
  duration_ms = value->>10, attempt = value->>11, steps_ended = value->>13, waiting = value->>14,
  data = value->16
FROM json_each(?1) WHERE ord = value->>0

-- name: update_progress
-- the state, and so every index, stays as it is
UPDATE executions SET started_at = value->>8, ended_at = value->>9, duration_ms = value->>10,
  attempt = value->>11, steps_ended = value->>13, waiting = value->>14, data = value->16
FROM json_each(?1) WHERE ord = value->>0

-- name: upsert_steps
INSERT OR REPLACE INTO steps
SELECT value->>0, value->>1, value->>2, value->>3, value->4 FROM json_each(?1)

-- name: insert_attempts
INSERT INTO attempts SELECT value->>0, value->>1, value->>2, value->>3, value->>4 FROM json_each(?1)

-- name: insert_ends
INSERT INTO attempt_ends
SELECT value->>0, value->>1, value->>2, value->>3, value->>4, value->>5 FROM json_each(?1)

-- name: insert_versions
INSERT OR IGNORE INTO versions
SELECT value->>0, value->>1, value->>2, value->>3, value->4, value->>5 FROM json_each(?1)

-- name: upsert_flows
INSERT OR REPLACE INTO flows SELECT value->>0, value->>1, value->>2 FROM json_each(?1)

-- name: add_counters
INSERT INTO counters SELECT value->>0, value->>1, value->>2 FROM json_each(?1) WHERE true
ON CONFLICT (flow, state) DO UPDATE SET n = n + excluded.n

-- name: insert_audit
INSERT INTO audit (seq, at, actor, action, subject, reason, origin, hash)
SELECT value->>0, value->>1, value->>2, value->>3, value->>4, value->>5, value->>6, value->>7
FROM json_each(?1)

-- name: insert_taken
INSERT OR IGNORE INTO taken (id, request, at)
SELECT value->>0, value->>1, value->>2 FROM json_each(?1)

-- name: answer_taken
UPDATE taken SET status = j.value->>1, body = j.value->>2
FROM json_each(?1) j WHERE taken.id = j.value->>0

-- name: forget_taken
DELETE FROM taken WHERE at < (SELECT max(value->>0) FROM json_each(?1))

-- name: find_taken
SELECT request, status, body FROM taken WHERE id = ?1

-- name: audit_head
SELECT seq, hash FROM audit ORDER BY seq DESC LIMIT 1

-- name: audit_unchained
SELECT seq FROM audit WHERE hash = '' LIMIT 1

-- name: chain_audit
UPDATE audit SET hash = ?1 WHERE seq = ?2

-- name: audit_lines
SELECT seq, at, actor, action, subject, reason, origin, hash FROM audit WHERE seq > ?1 ORDER BY seq

-- name: audit_executions
SELECT id, flow || '#' || number FROM executions WHERE id IN (SELECT value FROM json_each(?1))

-- name: audit_page
SELECT seq, at, actor, action, subject, reason, origin, hash FROM audit
WHERE seq < ?1 ORDER BY seq DESC LIMIT ?2

-- name: secrets
SELECT name, sealed, set_at, set_by FROM secrets

-- name: former_secrets
SELECT name, sealed, until FROM former_secrets

-- name: upsert_secret
INSERT OR REPLACE INTO secrets SELECT value->>0, value->>1, value->>2, value->>3 FROM json_each(?1)

-- name: delete_secret
DELETE FROM secrets WHERE name IN (SELECT value->>0 FROM json_each(?1))

-- name: insert_former_secret
INSERT INTO former_secrets SELECT value->>0, value->>1, value->>2 FROM json_each(?1)

-- name: delete_former_secrets
DELETE FROM former_secrets WHERE until < (SELECT value->>0 FROM json_each(?1))

-- name: users
SELECT name, role, set_at, set_by FROM users

-- name: upsert_user
INSERT OR REPLACE INTO users SELECT value->>0, value->>1, value->>2, value->>3 FROM json_each(?1)

-- name: delete_user
DELETE FROM users WHERE name IN (SELECT value->>0 FROM json_each(?1))

-- name: tokens
SELECT id, user, digest, label, made_at, made_by, expires_at, revoked_at, used_at FROM tokens

-- name: upsert_token
INSERT OR REPLACE INTO tokens
SELECT value->>0, value->>1, value->>2, value->>3, value->>4, value->>5, value->>6, value->>7, value->>8
FROM json_each(?1)

-- name: flow_permissions
SELECT flow, permissions FROM flow_permissions

-- name: upsert_flow_permissions
INSERT OR REPLACE INTO flow_permissions SELECT value->>0, value->1 FROM json_each(?1)

-- name: delete_flow_permissions
DELETE FROM flow_permissions WHERE flow IN (SELECT value->>0 FROM json_each(?1))

-- name: abandon_counters
INSERT INTO counters
SELECT flow, state, -count(*) FROM executions WHERE ord IN (SELECT value->>0 FROM json_each(?1))
GROUP BY flow, state
UNION ALL
SELECT flow, 'failed', count(*) FROM executions WHERE ord IN (SELECT value->>0 FROM json_each(?1))
GROUP BY flow
ON CONFLICT (flow, state) DO UPDATE SET n = n + excluded.n

-- name: abandon_steps
UPDATE steps SET state = iif(state = 'running', 'interrupted', 'cancelled'),
  data = json_set(data, '$.state', iif(state = 'running', 'interrupted', 'cancelled'),
                  '$.error', json(iif(state = 'running', j.value->2, 'null')))
FROM json_each(?1) j
WHERE steps.execution = j.value->>0 AND steps.state IN ('pending', 'waiting', 'running')

-- name: abandon_executions
UPDATE executions SET state = 'failed', ended_at = j.value->>1, waiting = 0,
  duration_ms = (j.value->>1 - iif(attempt = 1, started_at,
    CAST(unixepoch(data->>'attempt_started_at', 'subsec') * 1000000 AS INTEGER))) / 1000,
  data = json_set(data, '$.error', json(j.value->2), '$.waiting_for', NULL)
FROM json_each(?1) j WHERE executions.ord = j.value->>0

-- name: last_event
-- the highest number and time that were ever given, also to what retention has removed
SELECT max((SELECT coalesce(max(seq), 0) FROM events), (SELECT value FROM meta WHERE key = 'highest_seq')),
       max(coalesce((SELECT at FROM events ORDER BY seq DESC LIMIT 1), 0),
           (SELECT value FROM meta WHERE key = 'highest_at'))

-- name: highest_ord
SELECT max((SELECT coalesce(max(ord), 0) FROM executions), (SELECT value FROM meta WHERE key = 'highest_ord'))

-- name: last_ord
SELECT coalesce(max(ord), 0) FROM executions

-- name: open_executions
SELECT ord FROM executions WHERE state IN ('queued', 'running', 'paused') ORDER BY ord

-- name: open_at
-- of the newest that were there at a moment, those that had not ended by then
SELECT ord FROM (
  SELECT ord, ended_at FROM executions WHERE created_at <= ?1 ORDER BY created_at DESC LIMIT ?2
) WHERE ended_at IS NULL OR ended_at > ?1

-- name: events_of_until
SELECT seq, at, type, data FROM events WHERE execution = ?1 AND seq <= ?2 ORDER BY seq

-- name: events_of
SELECT seq, at, type, data FROM events WHERE execution = ?1 ORDER BY seq

-- name: first_event_of
SELECT data FROM events WHERE execution = ?1 ORDER BY seq LIMIT 1

-- name: events_after
SELECT e.seq, x.id, e.at, e.type, e.data, x.flow
FROM events e JOIN executions x ON x.ord = e.execution
WHERE e.seq > ?1 ORDER BY e.seq LIMIT ?2

-- name: events_of_after
SELECT e.seq, x.id, e.at, e.type, e.data, x.flow
FROM events e JOIN executions x ON x.ord = e.execution
WHERE e.execution = ?3 AND e.seq > ?1 ORDER BY e.seq LIMIT ?2

-- name: completed_of
-- of these ids, the executions whose working directory nobody needs any more
SELECT id FROM executions WHERE id IN (SELECT value FROM json_each(?1))
AND state = 'completed' AND NOT data->>'debug'

-- name: version
SELECT compiled FROM versions WHERE version = ?1 AND source = ?2

-- name: version_text
SELECT text FROM versions WHERE version = ?1 AND source = ?2

-- name: flows
SELECT name, last_number, debug FROM flows

-- name: counters
SELECT flow, state, n FROM counters WHERE n != 0

-- name: attempts_of
SELECT a.number, a.step, a.try_number, a.generation, e.state
FROM attempts a LEFT JOIN attempt_ends e USING (execution, number)
WHERE a.execution = ?1 AND (?2 IS NULL OR a.step = ?2) ORDER BY a.number

-- name: ended_attempts
SELECT number, a.step, a.try_number, e.state, coalesce(e.log_bytes, 0), coalesce(e.log_records, 0)
FROM attempt_ends e JOIN attempts a USING (execution, number) WHERE e.execution = ?1 ORDER BY number

-- name: logged
SELECT e.number, a.step, e.log_bytes, e.log_records
FROM attempt_ends e JOIN attempts a USING (execution, number)
WHERE e.execution = ?1 AND e.log_bytes > 0 ORDER BY e.number

-- name: execution
SELECT ord, id, flow, number, state, type, triggered_by, created_at, started_at, ended_at, duration_ms,
       attempt, steps_total, steps_ended, data FROM executions WHERE ord = ?1

-- name: steps_of
-- the steps of the file; those of batches come behind them
SELECT data FROM steps WHERE execution = ?1 AND position < ?2 ORDER BY position

-- name: odd_batches
SELECT position, data FROM steps WHERE execution = ?1 AND position >= ?2 AND position < ?3
AND state != 'completed' ORDER BY position LIMIT ?4

-- name: good_batches
SELECT position, data FROM steps WHERE execution = ?1 AND position >= ?2 AND position < ?3
AND state = 'completed' ORDER BY position LIMIT ?4

-- name: batches_of
SELECT position, data FROM steps WHERE execution = ?1 AND position >= ?2 AND position < ?3
AND (?5 IS NULL OR state = ?5) ORDER BY position LIMIT ?4

-- name: last_good
-- one that was retried did only a part of the work in its last attempt
SELECT ord, duration_ms, steps_total FROM (
  SELECT ord, duration_ms, steps_total, attempt FROM executions INDEXED BY executions_by_flow
  WHERE flow = ?1 AND state = 'completed' AND ord < ?2 ORDER BY ord DESC LIMIT 5 * ?3)
WHERE attempt = 1 LIMIT ?3

-- name: good_of_newest
SELECT duration_ms FROM (
  SELECT state, duration_ms, attempt FROM executions WHERE flow = ?1 ORDER BY number DESC LIMIT ?2)
WHERE state = 'completed' AND attempt = 1

-- name: usual_steps
-- what the steps of the file took in these executions; their batches are left out
SELECT s.path, s.data->>'duration_ms' FROM json_each(?1) j
CROSS JOIN steps s ON s.execution = j.value->>0 AND s.position < j.value->>1
WHERE s.state = 'completed'

-- name: pool_waits
-- which pools the steps of an execution have waited for
SELECT data->>'step', data->>'pool' FROM events WHERE execution = ?1 AND type = 'step.waiting'
AND data->>'kind' = 'pool' ORDER BY seq

-- name: ends_of_step
-- the newest errors of a step's attempts; null for an attempt that ended well
SELECT at, data->>'$.error.type', data->>'$.error.message' FROM events
WHERE execution = ?1 AND type IN ('attempt.ended', 'child.ended') AND data->>'step' = ?2
ORDER BY seq DESC LIMIT ?3

-- name: runs_of
-- when each try of each step began and ended, and the attempts of the execution around them
SELECT at, type, data->>'step', data->>'state', data->>'began_at_us', data->>'ended_at_us',
  data->>'$.error.type', iif(type = 'execution.retried', data->>'attempt', NULL)
FROM events WHERE execution = ?1 AND type IN ('execution.started', 'execution.ended', 'execution.retried',
  'attempt.starting', 'attempt.began', 'attempt.recalled', 'attempt.ended', 'step.waiting', 'step.ended',
  'child.starting', 'child.ended') AND NOT (type = 'step.waiting' AND data->>'kind' = 'pool')
ORDER BY seq

-- name: decisions_of
-- what people have decided about an execution, not what its steps did
SELECT at, type, data FROM events WHERE execution = ?1 AND type IN
('execution.paused', 'execution.continued', 'execution.cancelling', 'execution.retried', 'execution.debug')
ORDER BY seq

-- name: id_of
SELECT id FROM executions WHERE ord = ?1

-- name: by_id
SELECT ord FROM executions WHERE id = ?1

-- name: by_number
SELECT ord FROM executions WHERE flow = ?1 AND number = ?2

-- name: by_request_key
SELECT ord FROM executions WHERE request_key = ?1

-- name: last_of_flow
SELECT max(ord) FROM executions WHERE flow = ?1

-- name: last_failed_of_flow
SELECT max(ord) FROM executions WHERE flow = ?1 AND state = 'failed'

-- name: last_failed
SELECT max(ord) FROM executions WHERE state = 'failed'

-- name: by_prefix
SELECT ord, id, flow, number FROM executions WHERE id >= ?1 AND id < ?2 LIMIT 10

-- name: by_suffix
SELECT ord, id, flow, number FROM executions
WHERE substr(id, -6) = substr(?1, -6) AND substr(id, -length(?1)) = ?1 LIMIT 10

-- name: newest_of_flow
SELECT id, number, state, duration_ms FROM executions WHERE flow = ?1 ORDER BY number DESC LIMIT ?2

-- name: page
SELECT ord, id, flow, number, state, type, triggered_by, created_at, started_at, ended_at, duration_ms,
       attempt, steps_total, steps_ended, data
FROM executions WHERE ord < ?1 ORDER BY ord DESC LIMIT ?2

-- name: page_by_state
SELECT ord, id, flow, number, state, type, triggered_by, created_at, started_at, ended_at, duration_ms,
       attempt, steps_total, steps_ended, data
FROM executions INDEXED BY executions_by_state WHERE state = ?3 AND ord < ?1 ORDER BY ord DESC LIMIT ?2

-- name: page_by_flow
SELECT ord, id, flow, number, state, type, triggered_by, created_at, started_at, ended_at, duration_ms,
       attempt, steps_total, steps_ended, data
FROM executions INDEXED BY executions_by_flow
WHERE flow = ?4 AND state = ?3 AND ord < ?1 ORDER BY ord DESC LIMIT ?2

-- name: keys
SELECT ord FROM executions WHERE ord < ?1 ORDER BY ord DESC LIMIT ?2

-- name: keys_by_state
SELECT ord FROM executions INDEXED BY executions_by_state
WHERE state = ?3 AND ord < ?1 ORDER BY ord DESC LIMIT ?2

-- name: keys_by_flow
SELECT ord FROM executions INDEXED BY executions_by_flow
WHERE flow = ?4 AND state = ?3 AND ord < ?1 ORDER BY ord DESC LIMIT ?2

-- name: keys_by_type
SELECT ord FROM executions INDEXED BY executions_by_type
WHERE type = ?4 AND state = ?3 AND ord < ?1 ORDER BY ord DESC LIMIT ?2

-- name: executions
SELECT ord, id, flow, number, state, type, triggered_by, created_at, started_at, ended_at, duration_ms,
       attempt, steps_total, steps_ended, data
FROM executions WHERE ord IN (SELECT value FROM json_each(?1)) ORDER BY ord DESC

-- name: page_by_type
SELECT ord, id, flow, number, state, type, triggered_by, created_at, started_at, ended_at, duration_ms,
       attempt, steps_total, steps_ended, data
FROM executions INDEXED BY executions_by_type
WHERE type = ?4 AND state = ?3 AND ord < ?1 ORDER BY ord DESC LIMIT ?2

-- name: first_ord_since
SELECT ord FROM executions WHERE created_at >= ?1 ORDER BY created_at LIMIT 1

-- name: last_ord_until
SELECT ord FROM executions WHERE created_at <= ?1 ORDER BY created_at DESC LIMIT 1

-- name: ord_at_offset
SELECT ord FROM executions ORDER BY created_at DESC LIMIT 1 OFFSET ?1

-- name: ord_at_offset_by_state
SELECT ord FROM executions WHERE state = ?1 ORDER BY ord DESC LIMIT 1 OFFSET ?2

-- name: ord_at_offset_from_end
SELECT ord FROM executions ORDER BY created_at LIMIT 1 OFFSET ?1

-- name: ord_at_offset_by_state_from_end
SELECT ord FROM executions WHERE state = ?1 ORDER BY ord LIMIT 1 OFFSET ?2

-- name: ord_at_offset_by_flow
SELECT ord FROM executions INDEXED BY executions_by_number
WHERE flow = ?1 ORDER BY number DESC LIMIT 1 OFFSET ?2

-- name: ord_at_offset_by_flow_and_state
SELECT ord FROM executions INDEXED BY executions_by_flow
WHERE flow = ?1 AND state = ?2 ORDER BY ord DESC LIMIT 1 OFFSET ?3

-- name: facts
-- what a list can be sorted by
SELECT ord, flow, state, iif(attempt = 1, started_at,
    CAST(unixepoch(data->>'attempt_started_at', 'subsec') * 1000000 AS INTEGER)), duration_ms
FROM executions
WHERE ord IN (SELECT value FROM json_each(?1)) ORDER BY ord DESC

-- name: upsert_triggers
INSERT OR REPLACE INTO triggers
SELECT value->>0, value->>1, value->>2, value->>3, value->>4, value->>5, value->>6, value->7
FROM json_each(?1)

-- name: upsert_occasions
INSERT INTO occasions (trigger, key, at, until, times, decided, outcome, reason, execution, data)
SELECT value->>0, value->>1, value->>2, value->>3, value->>4, value->>5, value->>6, value->>7,
       value->>8, value->9
FROM json_each(?1) WHERE true
ON CONFLICT (trigger, key) DO UPDATE SET until = excluded.until, times = excluded.times,
  decided = excluded.decided, outcome = excluded.outcome, reason = excluded.reason,
  execution = excluded.execution, data = excluded.data

-- name: forget_occasions
-- what was decided before a moment; some at a time, so that nobody waits for it
DELETE FROM occasions WHERE outcome != 'waiting' AND seq IN (
  SELECT o.seq FROM json_each(?1) j JOIN occasions o ON o.decided < j.value->>0 LIMIT 2000)

-- name: thin_occasions
-- of a busy trigger, what was decided before a moment, but for its newest 1,000
DELETE FROM occasions WHERE outcome != 'waiting' AND seq IN (
  SELECT o.seq FROM json_each(?1) j JOIN occasions o ON o.trigger = j.value->>0
  AND o.decided < j.value->>1 AND o.seq < (SELECT newer.seq FROM occasions newer
    WHERE newer.trigger = j.value->>0 ORDER BY newer.seq DESC LIMIT 1 OFFSET 999) LIMIT 10000)

-- name: triggers
SELECT name, flow, kind, source, version, armed, decided, data FROM triggers

-- name: followers
-- the armed triggers that the end of another flow fires
SELECT name, flow, kind, source, version, armed, decided, data FROM triggers
WHERE armed AND kind = 'after'

-- name: occasions_waiting
SELECT trigger, key, at, until, times, decided, outcome, reason, execution, data FROM occasions
WHERE outcome = 'waiting' ORDER BY seq

-- name: occasions_of
SELECT seq, trigger, key, at, until, times, decided, outcome, reason, execution, data FROM occasions
WHERE trigger = ?1 AND seq < ?2 ORDER BY seq DESC LIMIT ?3

-- name: fates
-- of occasions given as [trigger, key, request key], in their order
SELECT o.outcome, o.reason, o.execution, x.id FROM json_each(?1) j
LEFT JOIN occasions o ON o.trigger = j.value->>0 AND o.key = j.value->>1
LEFT JOIN executions x ON x.request_key = j.value->>2 ORDER BY j.key

-- name: watched
SELECT path, modified, bytes, inode FROM watched WHERE trigger = ?1

-- name: know_watched
-- [trigger, [[path, modified, bytes, inode]…]]
INSERT OR REPLACE INTO watched
SELECT j.value->>0, f.value->>0, f.value->>1, f.value->>2, f.value->>3
FROM json_each(?1) j, json_each(j.value, '$[1]') f

-- name: forget_watched
DELETE FROM watched WHERE trigger IN (SELECT j.value->>0 FROM json_each(?1) j)

-- name: forget_watched_file
DELETE FROM watched WHERE (trigger, path) IN (SELECT j.value->>0, j.value->>1 FROM json_each(?1) j)

-- name: last_note
SELECT coalesce(max(id), 0) FROM notes

-- name: insert_notes
INSERT INTO notes (id, execution, step, flow, at, by, text, error_step, error_type)
SELECT value->>0, value->>1, value->>2, value->>3, value->>4, value->>5, value->>6, value->>7, value->>8
FROM json_each(?1)

-- name: edit_notes
UPDATE notes SET text = value->>1, edited_at = value->>2, edited_by = value->>3
FROM json_each(?1) WHERE id = value->>0

-- name: delete_notes
DELETE FROM notes WHERE id IN (SELECT value->>0 FROM json_each(?1))

-- name: insert_pushed
INSERT INTO pushed (path, at, flow, version, by, origin, action, reason, text, written)
SELECT value->>0, value->>1, value->>2, value->>3, value->>4, value->>5, value->>6, value->>7, value->>8, value->>9
FROM json_each(?1)

-- name: written_pushed
UPDATE pushed SET written = 1 FROM json_each(?1) WHERE path = value->>0 AND at = value->>1

-- name: forget_pushed
-- all but the newest so many of a file
DELETE FROM pushed WHERE path = (SELECT j.value->>0 FROM json_each(?1) j) AND at <= (
  SELECT p.at FROM pushed p WHERE p.path = (SELECT j.value->>0 FROM json_each(?1) j)
  ORDER BY p.at DESC LIMIT 1 OFFSET (SELECT j.value->>1 FROM json_each(?1) j)
)

-- name: pushed_of
SELECT at, version, by, origin, action, reason, length(CAST(text AS BLOB)), written
FROM pushed WHERE path = ?1 ORDER BY at DESC

-- name: pushed_text
SELECT text FROM pushed WHERE path = ?1 AND version = ?2 LIMIT 1

-- name: notes_of
SELECT n.id, x.id, n.flow, x.number, n.step, n.at, n.by, n.text, n.error_step, n.error_type, n.edited_at, n.edited_by
FROM notes n JOIN executions x ON x.ord = n.execution WHERE n.execution = ?1 ORDER BY n.id

-- name: notes_of_error
-- the newest notes about the same error of a flow's other executions
SELECT n.id, x.id, n.flow, x.number, n.step, n.at, n.by, n.text, n.error_step, n.error_type, n.edited_at, n.edited_by
FROM notes n JOIN executions x ON x.ord = n.execution
WHERE n.flow = ?1 AND n.error_type = ?2 AND n.error_step IS ?3 AND n.execution != ?4
ORDER BY n.id DESC LIMIT ?5

-- name: all_notes
-- the newest that one question looks at, with the step and who wrote them
SELECT execution, text || ' ' || coalesce(step, '') || ' ' || by FROM notes ORDER BY id DESC LIMIT 50000

-- name: notes_below
SELECT n.id, x.id, n.flow, x.number, n.step, n.at, n.by, n.text, n.error_step, n.error_type, n.edited_at, n.edited_by
FROM notes n JOIN executions x ON x.ord = n.execution WHERE n.id < ?1 ORDER BY n.id DESC LIMIT ?2

-- name: retention_rules
-- of flows, what the file of the newest execution says about retention
SELECT f.value, (SELECT v.compiled -> 'retention' FROM executions x
  JOIN versions v ON v.version = x.data->>'version' AND v.source = x.data->>'source'
  WHERE x.ord = (SELECT max(ord) FROM executions WHERE flow = f.value))
FROM json_each(?1) f

-- name: last_kept
-- the oldest of the newest ended executions of a flow that stay
SELECT ord FROM executions INDEXED BY executions_by_number
WHERE flow = ?1 AND state IN ('completed', 'partial', 'failed', 'cancelled')
ORDER BY number DESC LIMIT 1 OFFSET ?2 - 1

-- name: last_kept_of_all
SELECT ord FROM executions WHERE state IN ('completed', 'partial', 'failed', 'cancelled')
ORDER BY ord DESC LIMIT 1 OFFSET ?1 - 1

-- name: stripped_to
SELECT mark FROM stripped WHERE flow = ?1 AND what = ?2

-- name: set_stripped
INSERT OR REPLACE INTO stripped SELECT value->>0, value->>1, value->>2 FROM json_each(?1)

-- name: strippable
SELECT number, id FROM executions INDEXED BY executions_by_number
WHERE flow = ?1 AND number > ?2 AND ord < ?3
AND state IN ('completed', 'partial', 'failed', 'cancelled') AND ended_at < ?4
ORDER BY number LIMIT ?5

-- name: strippable_of_all
SELECT ord, id FROM executions WHERE ord > ?1 AND ord < ?2
AND state IN ('completed', 'partial', 'failed', 'cancelled') AND ended_at < ?3
ORDER BY ord LIMIT ?4

-- name: removable_of_all
-- the same of all flows together, the oldest first
SELECT ord, id FROM executions x
WHERE ord < ?1 AND state IN ('completed', 'partial', 'failed', 'cancelled')
AND ended_at < ?2 AND id NOT IN (SELECT value FROM json_each(?3))
AND (data->>'$.parent.execution' IS NULL
     OR NOT EXISTS (SELECT 1 FROM executions p WHERE p.id = x.data->>'$.parent.execution'))
ORDER BY ord LIMIT ?4

-- name: removable
-- ended executions of a flow below an ord, that ended before a moment and that nothing needs: what a
-- step has called stays as long as its caller
SELECT ord, id FROM executions x INDEXED BY executions_by_flow
WHERE flow = ?1 AND state IN ('completed', 'partial', 'failed', 'cancelled') AND ord < ?2
AND ended_at < ?3 AND id NOT IN (SELECT value FROM json_each(?4))
AND (data->>'$.parent.execution' IS NULL
     OR NOT EXISTS (SELECT 1 FROM executions p WHERE p.id = x.data->>'$.parent.execution'))
LIMIT ?5

-- name: leaving
SELECT ord, id FROM leaving LIMIT ?1

-- name: leaving_records
-- whether any record of these is left
SELECT EXISTS (SELECT 1 FROM events WHERE execution IN (SELECT value FROM json_each(?1)))
OR EXISTS (SELECT 1 FROM steps WHERE execution IN (SELECT value FROM json_each(?1)))
OR EXISTS (SELECT 1 FROM attempts WHERE execution IN (SELECT value FROM json_each(?1)))
OR EXISTS (SELECT 1 FROM attempt_ends WHERE execution IN (SELECT value FROM json_each(?1)))

-- name: keep_highest
UPDATE meta SET value = max(value, coalesce(CASE key
  WHEN 'highest_ord' THEN (SELECT max(j.value) FROM json_each(?1, '$[0]') j)
  WHEN 'highest_seq' THEN (SELECT max((SELECT max(seq) FROM events WHERE execution = j.value))
                           FROM json_each(?1, '$[0]') j)
  ELSE (SELECT max((SELECT at FROM events WHERE execution = j.value ORDER BY seq DESC LIMIT 1))
        FROM json_each(?1, '$[0]') j) END, 0))
WHERE key IN ('highest_ord', 'highest_seq', 'highest_at')

-- name: take_leave
-- one that was retried meanwhile stays
INSERT OR IGNORE INTO leaving SELECT ord, id FROM executions
WHERE ord IN (SELECT j.value FROM json_each(?1, '$[0]') j)
AND state IN ('completed', 'partial', 'failed', 'cancelled')

-- name: leave_counters
INSERT INTO counters SELECT flow, state, -count(*) FROM executions
WHERE ord IN (SELECT j.value FROM json_each(?1, '$[0]') j) AND ord IN (SELECT ord FROM leaving)
GROUP BY flow, state
ON CONFLICT (flow, state) DO UPDATE SET n = n + excluded.n

-- name: leave_notes
DELETE FROM notes WHERE execution IN (SELECT j.value FROM json_each(?1, '$[0]') j)
AND execution IN (SELECT ord FROM leaving)

-- name: leave_executions
DELETE FROM executions WHERE ord IN (SELECT j.value FROM json_each(?1, '$[0]') j)
AND ord IN (SELECT ord FROM leaving)

-- name: leave_events
DELETE FROM events WHERE seq IN (SELECT seq FROM events
  WHERE execution IN (SELECT j.value FROM json_each(?1, '$[0]') j) LIMIT 200)

-- name: leave_steps
DELETE FROM steps WHERE (execution, position) IN (SELECT execution, position FROM steps
  WHERE execution IN (SELECT j.value FROM json_each(?1, '$[0]') j) LIMIT 200)

-- name: leave_attempts
DELETE FROM attempts WHERE (execution, number) IN (SELECT execution, number FROM attempts
  WHERE execution IN (SELECT j.value FROM json_each(?1, '$[0]') j) LIMIT 200)

-- name: leave_ends
DELETE FROM attempt_ends WHERE (execution, number) IN (SELECT execution, number FROM attempt_ends
  WHERE execution IN (SELECT j.value FROM json_each(?1, '$[0]') j) LIMIT 200)

-- name: has_left
DELETE FROM leaving WHERE ord IN (SELECT j.value FROM json_each(?1, '$[0]') j)

-- name: insert_deliveries
-- `recovered` only where the flow's last end before was none that completed; what is told together is
-- due when the first of it is
INSERT OR IGNORE INTO deliveries
  (key, channel, flow, execution, number, occasion, title, text, at, state, tries, due, error, cause, bundle,
   begun, quiet)
SELECT value->>0, value->>1, value->>2, value->>3, value->>4, value->>6, value->>7, value->>8, value->>9,
       'waiting', 0, coalesce((SELECT min(d.due) FROM deliveries d WHERE d.bundle = j.value->>11
         AND d.state = 'waiting' AND d.leader IS NULL AND d.bundle != ''), value->>12),
       '', value->>10, value->>11, value->>12, value->>13
FROM json_each(?1) j
WHERE value->>6 != 'recovered' OR value->>5 > 1 OR (
  SELECT x.state FROM executions x INDEXED BY executions_by_number
  WHERE x.flow = j.value->>2 AND x.number < j.value->>4 AND x.state IN ('completed', 'partial', 'failed')
  ORDER BY x.number DESC LIMIT 1) IN ('partial', 'failed')

-- name: insert_test_delivery
INSERT INTO deliveries (key, channel, flow, occasion, title, text, at, state, tries, due, ended, error, addresses)
SELECT value->>0, value->>1, '', 'test', value->>2, value->>3, value->>4, value->>5, 1, value->>4,
       value->>4, value->>6, value->>7
FROM json_each(?1)

-- name: decided_delivery
-- its condition was decided after all
UPDATE deliveries SET state = iif(j.value->>1, state, 'dropped'), text = j.value->>2,
  due = iif(bundle = '', j.value->>3, due), ended = iif(j.value->>1, NULL, j.value->>3),
  error = iif(j.value->>1, '', 'its condition does not hold')
FROM json_each(?1) j WHERE cause = j.value->>0 AND state = 'waiting' AND tries = 0
AND deliveries.key > j.value->>0 || '/' AND deliveries.key < j.value->>0 || '0'

-- name: lead_deliveries
-- from now on these are one message, whatever happens
UPDATE deliveries SET leader = j.value->>0 FROM json_each(?1) j
WHERE deliveries.id IN (SELECT value FROM json_each(j.value->1)) AND state = 'waiting'

-- name: drop_deliveries
UPDATE deliveries SET state = 'dropped', ended = j.value->>1, error = 'it was over before the quiet hours were'
FROM json_each(?1) j
WHERE deliveries.id IN (SELECT value FROM json_each(j.value->0)) AND state = 'waiting'

-- name: tried_delivery
-- and those that the same message has told
UPDATE deliveries SET state = j.value->>1, tries = j.value->>2, due = j.value->>3, ended = j.value->>4,
  error = j.value->>5, addresses = j.value->>6, taken = j.value->>7
FROM json_each(?1) j
WHERE deliveries.id IN (SELECT value FROM json_each(j.value->0)) AND state = 'waiting'

-- name: hasten_deliveries
-- a channel can be reached now
UPDATE deliveries SET due = j.value->>1 FROM json_each(?1) j
WHERE channel = j.value->>0 AND state = 'waiting' AND tries > 0 AND due > j.value->>1

-- name: acknowledge_delivery
-- and what the same message, or the same alert to other channels, has told
UPDATE deliveries SET acked_at = j.value->>1, acked_by = j.value->>2,
  state = iif(state = 'waiting', 'acknowledged', state)
FROM json_each(?1) j
WHERE deliveries.id IN (SELECT value FROM json_each(j.value->0)) AND acked_at IS NULL

-- name: alike_deliveries
-- what is acknowledged with one: told by the same message, or the same alert, to whatever channel
SELECT id, cause FROM deliveries WHERE id = ?1 OR leader = (SELECT leader FROM deliveries WHERE id = ?1)
UNION SELECT d.id, d.cause FROM deliveries a JOIN deliveries d
ON d.key > a.cause || '/' AND d.key < a.cause || '0' AND a.cause != ''
WHERE a.id = ?1 OR a.leader = (SELECT leader FROM deliveries WHERE id = ?1)

-- name: forget_deliveries
DELETE FROM deliveries WHERE state != 'waiting' AND id IN (
  SELECT d.id FROM json_each(?1) j JOIN deliveries d ON d.at < j.value->>0 LIMIT 2000)

-- name: due_deliveries
-- the oldest of each channel that has nothing under way
SELECT id, key, channel, flow, occasion, title, text, begun, tries, bundle, leader, quiet, due, taken
FROM deliveries
WHERE id IN (SELECT min(id) FROM deliveries WHERE state = 'waiting' AND due <= ?1
             AND (leader IS NULL OR leader = id) AND channel NOT IN (SELECT value FROM json_each(?2))
             GROUP BY channel) ORDER BY id

-- name: bundle_of
-- what is to be told together with one
SELECT id, flow, number, occasion, title, text, at, execution FROM deliveries
WHERE bundle = ?1 AND state = 'waiting' AND leader IS NULL AND due <= ?2 ORDER BY id

-- name: led_by
SELECT id, flow, number, occasion, title, text, at, execution FROM deliveries
WHERE leader = ?1 AND state = 'waiting' ORDER BY id

-- name: is_over
-- whether a flow has completed after an execution, or that one itself has by now
SELECT EXISTS (SELECT 1 FROM executions WHERE id = ?1 AND state = 'completed')
OR EXISTS (SELECT 1 FROM executions INDEXED BY executions_by_flow WHERE flow = ?2 AND state = 'completed'
           AND ord > (SELECT ord FROM executions WHERE id = ?1))

-- name: state_of
SELECT state FROM executions WHERE id = ?1

-- name: next_delivery
SELECT min(due) FROM deliveries WHERE state = 'waiting' AND channel NOT IN (SELECT value FROM json_each(?1))

-- name: deliveries_below
SELECT id, channel, flow, execution, occasion, title, text, at, state, tries, due, ended, error,
       acked_at, acked_by, leader, addresses FROM deliveries WHERE id < ?1 ORDER BY id DESC LIMIT ?2

-- name: deliveries_about
SELECT id, channel, flow, execution, occasion, title, text, at, state, tries, due, ended, error,
       acked_at, acked_by, leader, addresses FROM deliveries WHERE execution IN (SELECT value FROM json_each(?1))
ORDER BY id DESC LIMIT ?2

-- name: delivery
SELECT id, channel, flow, execution, occasion, title, text, at, state, tries, due, ended, error,
       acked_at, acked_by, leader, addresses FROM deliveries WHERE id = ?1

-- name: open_places
-- where something has failed and not recovered: what an engine has in mind
SELECT flow, inbox, step FROM inbox_places WHERE open

-- name: upsert_inbox
INSERT INTO inbox (id, type, last, open)
SELECT value->>0, value->>1, value->>2, 1 FROM json_each(?1) WHERE true
ON CONFLICT (id) DO UPDATE SET last = max(last, excluded.last), open = 1, left_at = NULL, left_by = NULL

-- name: upsert_places
INSERT INTO inbox_places
SELECT value->>0, value->>1, value->>2, value->>3, 1, value->>4, value->>4, value->>5, value->>5, value->>6,
       value->>7, value->>8
FROM json_each(?1) WHERE true
ON CONFLICT (inbox, flow, step) DO UPDATE SET message = excluded.message, open = 1,
  times = iif(open, times + excluded.times, excluded.times), total = total + excluded.total,
  since = iif(open, since, excluded.since), last = excluded.last,
  execution = excluded.execution, number = excluded.number

-- name: recover_places
UPDATE inbox_places SET open = 0 WHERE open AND flow IN (SELECT value->>0 FROM json_each(?1))

-- name: close_places
UPDATE inbox_places SET open = 0 WHERE open AND inbox IN (SELECT value->>0 FROM json_each(?1))

-- name: leave_inbox
UPDATE inbox SET open = 0, left_at = j.value->>1, left_by = j.value->>2
FROM json_each(?1) j WHERE inbox.id = j.value->>0 AND open

-- name: acknowledge_inbox
UPDATE inbox SET acked_at = j.value->>1, acked_by = j.value->>2
FROM json_each(?1) j WHERE inbox.id = j.value->>0

-- name: snooze_inbox
UPDATE inbox SET snoozed_until = j.value->>1, snoozed_by = j.value->>2
FROM json_each(?1) j WHERE inbox.id = j.value->>0

-- name: assign_inbox
UPDATE inbox SET assigned_to = j.value->>1, assigned_by = j.value->>2
FROM json_each(?1) j WHERE inbox.id = j.value->>0

-- name: inbox_newest
SELECT id, type, last, open, acked_at, acked_by, snoozed_until, snoozed_by, assigned_to, assigned_by,
       left_at, left_by FROM inbox WHERE open = ?1 ORDER BY last DESC LIMIT ?2

-- name: inbox_entries
SELECT id, type, last, open, acked_at, acked_by, snoozed_until, snoozed_by, assigned_to, assigned_by,
       left_at, left_by FROM inbox WHERE id >= ?1 AND id < ?1 || 'g' LIMIT 10

-- name: places_of
SELECT p.inbox, p.flow, p.step, p.message, p.open, p.times, p.total, p.first, p.since, p.last, p.execution, p.number
FROM json_each(?1) j CROSS JOIN inbox_places p ON p.inbox = j.value ORDER BY p.last DESC

-- name: forget_places
DELETE FROM inbox_places WHERE inbox IN (
  SELECT i.id FROM json_each(?1) j JOIN inbox i ON NOT i.open AND i.last < j.value->>0 LIMIT 500)

-- name: forget_inbox
DELETE FROM inbox WHERE NOT open AND last < (SELECT value->>0 FROM json_each(?1))
AND NOT EXISTS (SELECT 1 FROM inbox_places p WHERE p.inbox = inbox.id)

-- name: is_inbox_filled
SELECT count(*) FROM meta WHERE key = 'inbox_filled'

-- name: inbox_is_filled
INSERT OR REPLACE INTO meta SELECT 'inbox_filled', value->>0 FROM json_each(?1)

-- name: upsert_reminders
-- a new occasion of what was acknowledged and is not over reminds nobody
INSERT INTO reminders (key, flow, lasts, execution, delivery, every, next, times, quiet)
SELECT value->>0, value->>1, value->>2, value->>3, value->>4, value->>5, value->>6, 0, value->>7
FROM json_each(?1) WHERE true
ON CONFLICT (key) DO UPDATE SET lasts = excluded.lasts, execution = excluded.execution,
  delivery = excluded.delivery, every = excluded.every, quiet = excluded.quiet,
  next = iif(acked_at IS NULL, coalesce(next, excluded.next), NULL)

-- name: reminded
-- what reminders there are: for whom an end or a start matters
SELECT flow, lasts, execution FROM reminders

-- name: next_reminder
SELECT min(next) FROM reminders WHERE next IS NOT NULL

-- name: due_reminders
SELECT r.key, r.lasts, r.execution, r.every, r.times, r.quiet, d.key, d.channel, d.flow, d.execution, d.number,
       d.occasion, d.title, d.text, d.cause, d.id,
       d.state = 'waiting' OR EXISTS (SELECT 1 FROM deliveries w
         WHERE w.key > d.key || '/again/' AND w.key < d.key || '/again0' AND w.state = 'waiting')
FROM reminders r JOIN deliveries d ON d.key = r.delivery WHERE r.next <= ?1 LIMIT 100

-- name: lost_reminders
-- what they remind of was forgotten
DELETE FROM reminders WHERE next <= (SELECT value->>0 FROM json_each(?1))
AND NOT EXISTS (SELECT 1 FROM deliveries d WHERE d.key = delivery)

-- name: insert_reminder
INSERT OR IGNORE INTO deliveries (key, channel, flow, execution, number, occasion, title, text, at, state, tries,
  due, error, cause, begun, quiet)
SELECT value->>0, value->>1, value->>2, value->>3, value->>4, value->>5, value->>6, value->>7, value->>8,
       'waiting', 0, value->>8, '', value->>9, value->>8, value->>10
FROM json_each(?1)

-- name: move_reminder
UPDATE reminders SET next = j.value->>1, times = j.value->>2
FROM json_each(?1) j WHERE reminders.key = j.value->>0 AND next IS NOT NULL

-- name: end_reminders_of_flow
DELETE FROM reminders WHERE (flow, lasts) IN (SELECT value->>0, value->>1 FROM json_each(?1))

-- name: end_reminders_of_execution
DELETE FROM reminders WHERE (execution, lasts) IN (SELECT value->>0, value->>1 FROM json_each(?1))

-- name: acknowledge_reminders
-- of these alerts
UPDATE reminders SET acked_at = j.value->>1, acked_by = j.value->>2, next = NULL
FROM json_each(?1) j WHERE acked_at IS NULL AND EXISTS (
  SELECT 1 FROM json_each(j.value->0) c WHERE substr(delivery, 1, length(c.value) + 1) = c.value || '/')

-- name: acknowledge_reminders_of_flow
UPDATE reminders SET acked_at = j.value->>1, acked_by = j.value->>2, next = NULL
FROM json_each(?1) j WHERE flow = j.value->>0 AND lasts = 'recovery' AND acked_at IS NULL

-- name: drop_reminders
-- of an alert that was none
DELETE FROM reminders WHERE substr(delivery, 1, length((SELECT value->>0 FROM json_each(?1))) + 1)
  = (SELECT value->>0 FROM json_each(?1)) || '/'

-- name: hold_delivery
-- until quiet hours end
UPDATE deliveries SET due = j.value->>1, bundle = iif(leader IS NULL, j.value->>2, bundle)
FROM json_each(?1) j WHERE deliveries.id = j.value->>0 AND state = 'waiting'
