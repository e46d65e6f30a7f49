-- One row a finding, in the state it was told last.
CREATE TABLE IF NOT EXISTS anomaly
(
    anomaly_id     String,
    kind           LowCardinality(String),
    state          LowCardinality(String),
    subject        String,
    reason         LowCardinality(String),
    resolution     LowCardinality(String),
    unit_code      LowCardinality(String),
    unit_name      LowCardinality(String),
    district_code  LowCardinality(String),
    item_code      LowCardinality(String),
    item_name      LowCardinality(String),
    main_item_code LowCardinality(String),
    item_type      LowCardinality(String),
    since          Nullable(DateTime64(3, 'Asia/Shanghai')),
    closed_at      Nullable(DateTime64(3, 'Asia/Shanghai')),
    due_at         Nullable(DateTime64(3, 'Asia/Shanghai')),
    received_at    Nullable(DateTime64(3, 'Asia/Shanghai')),
    late_ms        Nullable(Int64),
    detail         String,
    backfill       Bool,
    waived         Bool,
    waived_from    Nullable(Date32),
    waived_until   Nullable(Date32),
    waived_by      String,
    waived_reason  String,
    version        UInt64
)
ENGINE = ReplacingMergeTree(version)
ORDER BY anomaly_id
SETTINGS old_parts_lifetime = 480;
