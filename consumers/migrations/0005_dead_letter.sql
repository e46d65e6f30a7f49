-- Where each dead letter lies and why; its bytes stay in Kafka, untouched. incarnation, partition and offset are those of the dead-letter topic.
CREATE TABLE IF NOT EXISTS dead_letter
(
    incarnation      UInt16,
    partition        Int32,
    offset           Int64,
    written_at       DateTime64(3, 'Asia/Shanghai'),
    source_topic     LowCardinality(String),
    source_partition Int32,
    source_offset    Int64,
    source_timestamp Nullable(DateTime64(3, 'Asia/Shanghai')),
    source_key       String,
    reason           LowCardinality(String),
    detail           String,
    value_bytes      Int64,
    version          UInt64
)
ENGINE = ReplacingMergeTree(version)
ORDER BY (incarnation, partition, offset)
SETTINGS old_parts_lifetime = 480;
