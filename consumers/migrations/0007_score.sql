-- The score of every unit and district for every year. Written by consumers/score.py, which says what it means; a test holds the two together.
CREATE OR REPLACE VIEW score AS
SELECT
    year, place.1 AS by, place.2 AS scope,
    sum(part.config_errors) AS config_errors, sum(part.unconfigured) AS unconfigured, greatest(toInt64(0), sum(part.unarchived)) AS unarchived, sum(part.closed) AS closed, sum(part.inaccurate) AS inaccurate, sum(part.missing_material) AS missing_material, sum(part.systems) AS systems, sum(part.inaccurate_by_case) AS inaccurate_by_case, sum(part.missing_material_by_case) AS missing_material_by_case, sum(part.archived) AS archived, sum(part.official_closed) AS official_closed, sum(part.official_archived) AS official_archived,
    greatest(0., 60. - 2 * config_errors - 10 * unconfigured - if(closed = 0, 0., 50 * unarchived / closed)) AS completeness,
    greatest(0., 30. - 2 * inaccurate - 2 * missing_material) AS quality,
    least(10., 5. * systems) AS bonus,
    completeness + quality + bonus AS total,
    greatest(0., 30. - 2 * inaccurate_by_case - 2 * missing_material_by_case) AS quality_by_case,
    completeness + quality_by_case + bonus AS total_by_case,
    if(official_closed = 0, NULL, official_archived / official_closed) AS official,
    official - if(closed = 0, NULL, archived / closed) AS divergence
FROM
(
    SELECT year, place, toInt64(0) AS config_errors, toInt64(0) AS unconfigured, toInt64(unarchived) AS unarchived, toInt64(closed) AS closed, toInt64(0) AS inaccurate, toInt64(0) AS missing_material, toInt64(0) AS systems, toInt64(0) AS inaccurate_by_case, toInt64(0) AS missing_material_by_case, toInt64(archived) AS archived, toInt64(official_closed) AS official_closed, toInt64(official_archived) AS official_archived FROM (
    SELECT toUInt16(toYear(bucket_start)) AS year, arrayJoin([('unit', toString(unit_code)), ('district', toString(district_code))]) AS place, sum(b.unarchived) AS unarchived,
        sum(b.archived + b.unarchived + b.awaiting) AS closed, sum(b.archived) AS archived, sum(b.official_closed) AS official_closed, sum(b.official_archived) AS official_archived
    FROM coverage_partial AS b FINAL
    WHERE granularity = 'YEAR' AND b.archived + b.unarchived + b.awaiting + b.orphan + b.official_closed + b.official_archived + arraySum(mapValues(excluded)) > 0
    GROUP BY year, place
    )
    UNION ALL
    SELECT year, place, toInt64(config_errors) AS config_errors, toInt64(unconfigured) AS unconfigured, toInt64(0) AS unarchived, toInt64(0) AS closed, toInt64(0) AS inaccurate, toInt64(0) AS missing_material, toInt64(0) AS systems, toInt64(0) AS inaccurate_by_case, toInt64(0) AS missing_material_by_case, toInt64(0) AS archived, toInt64(0) AS official_closed, toInt64(0) AS official_archived FROM (
    SELECT
        items.year AS year,
        arrayJoin([('unit', items.unit), ('district', if(district = 'UNKNOWN' AND home != '', home, district))]) AS place,
        sum(errors) AS config_errors, sum(missing) AS unconfigured
    FROM (
        SELECT arrayJoin(range(toUInt16(1992), toUInt16(2100))) AS year, unit, district, errors, missing
        FROM (
            SELECT toString(unit_code) AS unit, toString(district_code) AS district,
                countIf(kind IN ('RETENTION_MISMATCH', 'MATERIAL_MISMATCH', 'NAME_MISMATCH', 'VERSION_MISMATCH', 'MODE_MISMATCH')) AS errors, countIf(kind IN ('NOT_CONFIGURED')) AS missing
            FROM anomaly FINAL
            WHERE state = 'OPENED' AND kind IN ('RETENTION_MISMATCH', 'MATERIAL_MISMATCH', 'NAME_MISMATCH', 'VERSION_MISMATCH', 'MODE_MISMATCH', 'NOT_CONFIGURED') AND NOT waived AND item_type != ''
            GROUP BY unit, district
            UNION ALL
            SELECT DISTINCT toString(unit_code) AS unit, toString(district_code) AS district, 0 AS errors, 0 AS missing
            FROM item FINAL WHERE registered
        )
    ) AS items
    LEFT JOIN (
        SELECT year, unit, argMin(district, (-cases, district)) AS home
        FROM (
            SELECT toUInt16(toYear(bucket_start)) AS year, toString(unit_code) AS unit, toString(district_code) AS district,
                sum(b.archived + b.unarchived + b.awaiting) AS cases
            FROM coverage_partial AS b FINAL
            WHERE granularity = 'YEAR' AND district_code != 'UNKNOWN'
            GROUP BY year, unit, district
            HAVING cases > 0
        )
        GROUP BY year, unit
    ) AS homes ON homes.year = items.year AND homes.unit = items.unit
    GROUP BY items.year, place
    )
    UNION ALL
    SELECT year, place, toInt64(0) AS config_errors, toInt64(0) AS unconfigured, toInt64(unarchived) AS unarchived, toInt64(0) AS closed, toInt64(inaccurate) AS inaccurate, toInt64(missing_material) AS missing_material, toInt64(0) AS systems, toInt64(inaccurate_by_case) AS inaccurate_by_case, toInt64(missing_material_by_case) AS missing_material_by_case, toInt64(0) AS archived, toInt64(0) AS official_closed, toInt64(0) AS official_archived FROM (
    SELECT
        toUInt16(toYear(assumeNotNull(closed_at))) AS year, arrayJoin([('unit', toString(unit_code)), ('district', toString(district_code))]) AS place,
        -countIf(waived) AS unarchived,
        uniqExactIf((unit_code, item_code, kind), kind IN ('TITLE_IS_ITEM_NAME', 'TEST_CASE', 'CASE_INFO_MISMATCH', 'TIME_INVALID')) AS inaccurate,
        uniqExactIf((unit_code, item_code, kind), kind IN ('MISSING_EVIDENCE', 'MISSING_PROCEDURE', 'MISSING_RESULT')) AS missing_material,
        countIf(kind IN ('TITLE_IS_ITEM_NAME', 'TEST_CASE', 'CASE_INFO_MISMATCH', 'TIME_INVALID')) AS inaccurate_by_case,
        countIf(kind IN ('MISSING_EVIDENCE', 'MISSING_PROCEDURE', 'MISSING_RESULT')) AS missing_material_by_case
    FROM anomaly FINAL
    WHERE state = 'OPENED' AND isNotNull(closed_at) AND item_type != '' AND if(waived, kind = 'UNARCHIVED', kind IN ('TITLE_IS_ITEM_NAME', 'TEST_CASE', 'CASE_INFO_MISMATCH', 'TIME_INVALID', 'MISSING_EVIDENCE', 'MISSING_PROCEDURE', 'MISSING_RESULT'))
    GROUP BY year, place
    )
    UNION ALL
    SELECT year, place, toInt64(0) AS config_errors, toInt64(0) AS unconfigured, toInt64(0) AS unarchived, toInt64(0) AS closed, toInt64(0) AS inaccurate, toInt64(0) AS missing_material, toInt64(systems) AS systems, toInt64(0) AS inaccurate_by_case, toInt64(0) AS missing_material_by_case, toInt64(0) AS archived, toInt64(0) AS official_closed, toInt64(0) AS official_archived FROM (
    SELECT year, arrayJoin([('unit', toString(unit_code)), ('district', toString(district_code))]) AS place, uniqExact(unit_code, system) AS systems
    FROM (
        SELECT DISTINCT toUInt16(toYear(assumeNotNull(archive.1))) AS year, unit_code, district_code,
            if(archive.2 = '', toString(source_system), archive.2) AS system
        FROM case_state FINAL
        ARRAY JOIN arrayFilter((one, at) -> isNotNull(at),
            arrayZip(archives.accepted_at, archives.source_system), archives.accepted_at) AS archive
        WHERE build_mode = 'SELF_BUILT' AND archiving_mode = 'ONLINE' AND isNotNull(closed_at) AND status != 'EXCLUDED'
          AND system != ''
    )
    WHERE (year, toString(unit_code), system) NOT IN (
        SELECT DISTINCT arrayJoin(arrayPushBack(accepted.1, toUInt16(toYear(assumeNotNull(closed_at))))) AS year,
            toString(unit_code) AS unit, arrayJoin(if(empty(accepted.2), [toString(source_system)], accepted.2)) AS system
        FROM (
            SELECT closed_at, unit_code, source_system, arrayFilter(at -> isNotNull(at), archives.accepted_at) AS times,
                arrayFilter((system, at) -> isNotNull(at), archives.source_system, archives.accepted_at) AS systems,
                tuple(arrayMap(at -> toUInt16(toYear(assumeNotNull(at))), times),
                    arrayMap(system -> if(system = '', toString(source_system), system), systems)) AS accepted
            FROM case_state FINAL
            WHERE isNotNull(closed_at) AND item_type != '' AND hasAny(open_anomalies, ['TITLE_IS_ITEM_NAME', 'TEST_CASE', 'CASE_INFO_MISMATCH', 'TIME_INVALID', 'MISSING_EVIDENCE', 'MISSING_PROCEDURE', 'MISSING_RESULT'])
              AND case_no IN (SELECT subject FROM anomaly FINAL WHERE state = 'OPENED' AND NOT waived AND kind IN ('TITLE_IS_ITEM_NAME', 'TEST_CASE', 'CASE_INFO_MISMATCH', 'TIME_INVALID', 'MISSING_EVIDENCE', 'MISSING_PROCEDURE', 'MISSING_RESULT'))
        )
    )
    GROUP BY year, place
    )
) AS part
GROUP BY year, place;
