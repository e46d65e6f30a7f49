-- One row an item of a unit: registry, approved schedule and module configuration side by side.
CREATE TABLE IF NOT EXISTS item
(
    unit_code             LowCardinality(String),
    unit_name             LowCardinality(String),
    district_code         LowCardinality(String),
    item_code             String,
    item_name             String,
    main_item_code        String,
    main_item_name        String,
    item_type             LowCardinality(String),
    registered            Bool,
    build_mode            LowCardinality(String),
    plan_year             Int32,
    archiving_mode        LowCardinality(String),
    case_count_2017       Int64,
    expected_online       Bool,
    leaf                  Bool,
    configured            Bool,
    schedule_version      String,
    schedule_approved     Bool,
    schedule_retention    LowCardinality(String),
    schedule_materials    Array(String),
    config_version        String,
    config_retention      LowCardinality(String),
    config_archiving_mode LowCardinality(String),
    config_materials      Array(String),
    unregistered_cases    Bool,
    open_anomalies        Array(String),
    wake_at               Nullable(DateTime64(3, 'Asia/Shanghai')),
    version               UInt64
)
ENGINE = ReplacingMergeTree(version)
ORDER BY (unit_code, item_code)
SETTINGS old_parts_lifetime = 480;
