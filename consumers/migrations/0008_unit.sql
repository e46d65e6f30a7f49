-- The rows of unit-registry as they are: what units and districts are called. Which row counts on a day is asked, not stored
-- (consumers/coverage_sql.py). Days are numbers since 1970, as on the topic: a validity may begin in the year 1, which no Date32 holds.
-- Of one event told with different contents the greater counts (streams/domain/facts.py: canonical), whatever order they came in: so the
-- content, which orders by its bytes as a String does, is in the key, and a later row takes the place of none but its own repetitions.
CREATE TABLE IF NOT EXISTS unit
(
    unit_code     LowCardinality(String),
    revision      Int64,
    event_id      String,
    content       String,
    deleted       Bool,
    valid_from    Nullable(Int32),
    valid_to      Nullable(Int32),
    unit_name     String,
    district_code LowCardinality(String),
    district_name String,
    version       UInt64
)
ENGINE = ReplacingMergeTree(version)
PRIMARY KEY (unit_code, revision, event_id)
ORDER BY (unit_code, revision, event_id, content)
SETTINGS old_parts_lifetime = 480;
