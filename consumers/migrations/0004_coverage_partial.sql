-- Absolute counts of one input partition's cases in one bucket. All that names a bucket is its key, and none of it ever changes.
-- By due_start first, which is never before bucket_start: a window up to now then reads the end of the table alone, for either time.
-- A year is a partition, so that what is asked of a year reads no other, and FINAL merges none with another. Years that no case can be of
-- share the first and the last: one absurd date too many in an insert would make it refused (max_partitions_per_insert_block).
CREATE TABLE IF NOT EXISTS coverage_partial
(
    granularity       LowCardinality(String),
    bucket_start      DateTime64(3, 'Asia/Shanghai'),
    due_start         DateTime64(3, 'Asia/Shanghai'),
    unit_code         LowCardinality(String),
    district_code     LowCardinality(String),
    item_type         LowCardinality(String),
    main_item_code    LowCardinality(String),
    item_code         LowCardinality(String),
    input_partition   Int32,
    archived          Int64,
    archived_late     Int64,
    unarchived        Int64,
    awaiting          Int64,
    refused           Int64,
    excluded          Map(LowCardinality(String), Int64),
    orphan            Int64,
    due               Int64,
    due_archived      Int64,
    due_awaiting      Int64,
    official_closed   Int64,
    official_archived Int64,
    unregistered      Int64,
    version           UInt64
)
ENGINE = ReplacingMergeTree(version)
PARTITION BY (granularity, least(greatest(toYear(bucket_start), 2010), 2040))
ORDER BY (granularity, due_start, bucket_start, unit_code, district_code, item_type, main_item_code, item_code, input_partition)
SETTINGS old_parts_lifetime = 480;
