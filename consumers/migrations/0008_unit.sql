-- The rows of unit-registry as they are: what units and districts are called. Which row counts on a day is asked, not stored
-- (consumers/coverage_sql.py). Days are numbers since 1970, as on the topic: a validity may begin in the year 1, which no Date32 holds.
CREATE TABLE IF NOT EXISTS unit
(
    unit_code     LowCardinality(String),
    revision      Int64,
    event_id      String,
    deleted       Bool,
    valid_from    Nullable(Int32),
    valid_to      Nullable(Int32),
    unit_name     String,
    district_code LowCardinality(String),
    district_name String,
    version       UInt64
)
ENGINE = ReplacingMergeTree(version)
ORDER BY (unit_code, revision, event_id)
SETTINGS old_parts_lifetime = 480;
