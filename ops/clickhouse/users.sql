-- The same two users as in users.xml, for a server whose users are kept in SQL (access_management). Each may do what it does, and no more.
-- Run as an administrator, with both passwords' SHA-256 given, so that no password stands in a command line, a log or this file:
--   clickhouse-client --param_writer=… --param_reader=… --queries-file users.sql
CREATE SETTINGS PROFILE IF NOT EXISTS guidang SETTINGS do_not_merge_across_partitions_select_final = 1;
CREATE SETTINGS PROFILE IF NOT EXISTS dashboards SETTINGS do_not_merge_across_partitions_select_final = 1, readonly = 1, max_execution_time = 60 MAX 60 CHANGEABLE_IN_READONLY, max_memory_usage = 1000000000;
CREATE USER IF NOT EXISTS guidang IDENTIFIED WITH sha256_hash BY {writer:String} SETTINGS PROFILE guidang;
CREATE USER IF NOT EXISTS dashboards IDENTIFIED WITH sha256_hash BY {reader:String} SETTINGS PROFILE dashboards;
GRANT CREATE DATABASE, CREATE TABLE, DROP VIEW, SELECT, INSERT ON guidang.* TO guidang;
GRANT SELECT ON guidang.* TO dashboards;
