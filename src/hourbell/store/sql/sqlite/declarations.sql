-- name: declarations.facts
SELECT :id AS id,
       EXISTS (SELECT 1 FROM digests WHERE schedule_id = :id AND digest = :digest) AS seen_before,
       EXISTS (
           SELECT 1 FROM declarations k JOIN nodes n ON n.id = k.node_id
           WHERE k.schedule_id = :id AND k.digest = :stored AND k.node_id <> :node AND n.state = 'live'
       ) AS stored_is_live;

-- name: declarations.remember
INSERT INTO declarations (schedule_id, node_id, digest) VALUES (:id, :node, :digest)
ON CONFLICT (schedule_id, node_id) DO UPDATE SET digest = excluded.digest;

-- name: declarations.note_digest
INSERT INTO digests (schedule_id, digest, first_seen_at) VALUES (:id, :digest, coalesce(:now, now()))
ON CONFLICT DO NOTHING;
