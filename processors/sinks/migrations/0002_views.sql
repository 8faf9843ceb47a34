-- A batch that a worker lost and did again bears the same revisions: of those the later answer holds.

CREATE VIEW probabilities AS
SELECT
    event, received_at, revision,
    record ->> 'status' AS status,
    (record ->> 'home_score')::integer AS home_score,
    (record ->> 'away_score')::integer AS away_score,
    record ->> 'model' AS model,
    (record #>> '{game,0}')::float8 AS home,
    (record #>> '{game,1}')::float8 AS away,
    (record #>> '{regulation,0}')::float8 AS regulation_home,
    (record #>> '{regulation,1}')::float8 AS regulation_away,
    (record #>> '{regulation,2}')::float8 AS regulation_draw,
    (record ->> 'impact')::float8 AS impact,
    record ->> 'source_event_id' AS source_event_id,
    log, partition, "offset"
FROM answers
WHERE topic = 'games.probabilities';

-- What was opened, changed and withdrawn. A withdrawn bet is on the list no more: its terms are null.
CREATE VIEW value_changes AS
SELECT
    latest.event, latest.received_at, latest.revision,
    change.id, change.change, change.reason,
    bet.basis, bet.market, bet.scope, bet.line, bet.outcome, bet.book, bet.price,
    bet.probability, bet.expected_value, bet.confidence, bet.stake_share
FROM (
    SELECT DISTINCT ON (log, event, revision) event, received_at, revision, record
    FROM answers
    WHERE topic = 'bets.value'
    ORDER BY log, event, revision, "offset" DESC
) AS latest
CROSS JOIN LATERAL jsonb_to_recordset(latest.record -> 'changes') AS change (id text, change text, reason text)
LEFT JOIN LATERAL jsonb_to_recordset(latest.record -> 'bets') AS bet (
    id text, basis text, market text, scope text, line float8, outcome integer, book text, price float8,
    probability float8, expected_value float8, confidence float8, stake_share float8
) ON bet.id = change.id;

CREATE VIEW arbitrage_changes AS
SELECT
    latest.event, latest.received_at, latest.revision,
    change.id, change.change, change.reason,
    one.kind, one.market, one.scope, one.line, one.roi, one.stake_minor, one.profit_minor, one.suspect, one.legs
FROM (
    SELECT DISTINCT ON (log, event, revision) event, received_at, revision, record
    FROM answers
    WHERE topic = 'bets.arbitrage'
    ORDER BY log, event, revision, "offset" DESC
) AS latest
CROSS JOIN LATERAL jsonb_to_recordset(latest.record -> 'changes') AS change (id text, change text, reason text)
LEFT JOIN LATERAL jsonb_to_recordset(latest.record -> 'arbitrages') AS one (
    id text, kind text, market text, scope text, line float8, roi float8, stake_minor bigint,
    profit_minor bigint, suspect jsonb, legs jsonb
) ON one.id = change.id;

-- The last word on each opportunity: a result may be taken back.
CREATE VIEW results AS
SELECT DISTINCT ON (log, key)
    event, received_at, revision,
    record ->> 'opportunity' AS id,
    record ->> 'kind' AS kind,
    record ->> 'basis' AS basis,
    record ->> 'market' AS market,
    record ->> 'scope' AS scope,
    (record ->> 'line')::float8 AS line,
    to_timestamp((record ->> 'opened_at_ms')::numeric / 1000) AS opened_at,
    to_timestamp(nullif((record ->> 'withdrawn_at_ms')::numeric, 0) / 1000) AS withdrawn_at,
    record ->> 'withdrawn_reason' AS withdrawn_reason,
    (record ->> 'profit')::float8 AS profit,
    CASE WHEN (record ->> 'closing_known')::boolean
        THEN (record ->> 'closing_line_value')::float8 END AS closing_line_value,
    record -> 'legs' AS legs
FROM answers
WHERE topic = 'bets.results'
ORDER BY log, key, revision DESC, "offset" DESC;

-- The last word on how good the probabilities of a finished game were.
CREATE VIEW scores AS
SELECT DISTINCT ON (log, event)
    event, received_at, revision,
    record ->> 'league' AS league,
    record ->> 'model' AS model,
    (record ->> 'published')::bigint AS published,
    (record ->> 'log_loss')::float8 AS log_loss,
    (record ->> 'brier')::float8 AS brier,
    (record ->> 'closing_log_loss')::float8 AS closing_log_loss,
    (record ->> 'closing_brier')::float8 AS closing_brier,
    (record ->> 'skill')::float8 AS skill
FROM answers
WHERE topic = 'games.scores'
ORDER BY log, event, revision DESC, "offset" DESC;
