-- Behind which record of each partition (version: its offset, plus one) all rows before it are in the tables, by the mark of topic and table
-- (consumers/origins.py). What is set back to a snapshot takes this back with it, and the offsets that Kafka has kept are known to be too high.
CREATE TABLE IF NOT EXISTS sink_position
(
    mark      String,
    partition Int32,
    version   UInt64
)
ENGINE = ReplacingMergeTree(version)
ORDER BY (mark, partition)
SETTINGS old_parts_lifetime = 480;
