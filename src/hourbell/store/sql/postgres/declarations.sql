-- name: declarations.facts
SELECT u.id,
       EXISTS (SELECT 1 FROM {schema}.digests d WHERE d.schedule_id = u.id AND d.digest = u.digest) AS seen_before,
       EXISTS (
           SELECT 1 FROM {schema}.declarations k JOIN {schema}.nodes n ON n.id = k.node_id
           WHERE k.schedule_id = u.id AND k.digest = u.stored AND k.node_id <> :node AND n.state = 'live'
       ) AS stored_is_live
FROM unnest(:id::text[], :digest::text[], :stored::text[]) AS u (id, digest, stored);

-- name: declarations.remember
INSERT INTO {schema}.declarations (schedule_id, node_id, digest)
SELECT u.id, :node, u.digest FROM unnest(:id::text[], :digest::text[]) AS u (id, digest)
ON CONFLICT (schedule_id, node_id) DO UPDATE SET digest = excluded.digest;

-- name: declarations.note_digest
INSERT INTO {schema}.digests (schedule_id, digest, first_seen_at)
SELECT u.id, u.digest, coalesce(:now, now()) FROM unnest(:id::text[], :digest::text[]) AS u (id, digest)
ON CONFLICT DO NOTHING;
