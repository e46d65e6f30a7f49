-- Each life of a topic on the broker (its Kafka topic id) gets the next number. Offsets begin anew when a topic is made again; a row's
-- version is number and offset, so that what the new topic says stands above everything the old one said.
CREATE TABLE IF NOT EXISTS topic_incarnation
(
    topic    String,
    topic_id String,
    ordinal  UInt16
)
ENGINE = ReplacingMergeTree
ORDER BY (topic, topic_id)
SETTINGS old_parts_lifetime = 480;
