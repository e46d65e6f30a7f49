-- One row a case. Unit, item and every time get corrected: they may be in no key, and in no partition. A hash of the key as partition made four
-- parts of every insert, a quarter more work for inserts and merges, and no query faster (docs/design/store.md).
-- Texts in arrays are plain: as LowCardinality they made inserts three times slower.
CREATE TABLE IF NOT EXISTS case_state
(
    case_no         String,
    status          LowCardinality(String),
    reason          LowCardinality(String),
    unit_code       LowCardinality(String),
    unit_name       LowCardinality(String),
    district_code   LowCardinality(String),
    item_code       LowCardinality(String),
    item_name       LowCardinality(String),
    main_item_code  LowCardinality(String),
    item_type       LowCardinality(String),
    source_system   LowCardinality(String),
    accepted_at     Nullable(DateTime64(3, 'Asia/Shanghai')),
    closed_at       Nullable(DateTime64(3, 'Asia/Shanghai')),
    due_at          Nullable(DateTime64(3, 'Asia/Shanghai')),
    due_provisional Bool,
    received_at     Nullable(DateTime64(3, 'Asia/Shanghai')),
    delay_ms        Nullable(Int64),
    wake_at         Nullable(DateTime64(3, 'Asia/Shanghai')),
    feed_through    Nullable(DateTime64(3, 'Asia/Shanghai')),
    due_passed      Bool,
    registered      Bool,
    build_mode      LowCardinality(String),
    archiving_mode  LowCardinality(String),
    title_hash      String,
    archives        Nested
    (
        archive_no      String,
        accepted_at     Nullable(DateTime64(3, 'Asia/Shanghai')),
        refused_at      Nullable(DateTime64(3, 'Asia/Shanghai')),
        last_refused_at Nullable(DateTime64(3, 'Asia/Shanghai')),
        receipt         String,
        unit_code       String,
        district_code   String,
        item_code       String,
        main_item_code  String,
        item_type       String,
        source_system   String,
        title_hash      String
    ),
    open_anomalies  Array(String),
    flags           Array(String),
    version         UInt64
)
ENGINE = ReplacingMergeTree(version)
ORDER BY case_no
SETTINGS old_parts_lifetime = 480;
