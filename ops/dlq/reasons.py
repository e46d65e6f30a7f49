"""Each reason for which a record becomes a dead letter: the rule it broke, and what to do about it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType


@dataclass(frozen=True, slots=True)
class Advice:
    """One reason, in Chinese and English.

    Parameters
    ----------
    zh, en
        The rule.
    do_zh, do_en
        What to do.
    """

    zh: str
    en: str
    do_zh: str
    do_en: str


_RESEND_ZH, _RESEND_EN = "原字节重投仍会被拒", "the same bytes would be refused again"

REASONS: Mapping[str, Advice] = MappingProxyType(
    {
        "NULL_VALUE": Advice(
            "记录必须有内容；撤销办件或归档用 deleted = true，不用空消息",
            "a record has a value; what is taken back is sent with deleted = true, never as a null",
            f"请发送方改发 deleted = true 的记录；{_RESEND_ZH}",
            f"have the sender send a record with deleted = true; {_RESEND_EN}",
        ),
        "NOT_FRAMED": Advice(
            "内容以 0x00 与 4 字节 schema id 开头（Confluent 格式），其后是 Avro",
            "a value begins with 0x00 and a 4-byte schema id (Confluent framing), then Avro",
            f"发送方发的是 JSON、文本或裸 Avro：请其改用契约的格式并重发；{_RESEND_ZH}",
            f"the sender writes JSON, text or bare Avro: have it use the contract's framing and send again; {_RESEND_EN}",
        ),
        "UNKNOWN_SCHEMA": Advice(
            "schema id 须是 avro/ 中该主题已发布的版本之一",
            "the schema id is one of the topic's released versions in avro/",
            "若是新版本而本系统尚未升级：升级后重投；若是别的主题或自行注册的 id：请发送方更正并重发",
            "a newer version than this system knows: upgrade, then redrive; another topic's or registry's id: have the sender correct it",
        ),
        "BROKEN_AVRO": Advice(
            "内容须能按其 schema 完整解码",
            "the value decodes whole with its schema",
            f"数据被截断，或字段与 schema 不符：请发送方更正并重发；{_RESEND_ZH}",
            f"it was cut off, or its fields are not the schema's: have the sender correct it and send again; {_RESEND_EN}",
        ),
        "TRAILING_BYTES": Advice(
            "一条消息只装一条记录，其后不得再有字节",
            "a message holds one record and no bytes behind it",
            f"多半把几条记录拼在一条消息里，或缓冲区未清：请发送方更正并重发；{_RESEND_ZH}",
            f"several records in one message, or a buffer that was not cleared: have the sender correct it; {_RESEND_EN}",
        ),
        "EMPTY_KEY": Advice(
            "消息的 key 是办件号的 UTF-8 字节，不能为空",
            "the key is the case number in UTF-8, never empty",
            f"请发送方带上 key 重发；{_RESEND_ZH}",
            f"have the sender send it again with its key; {_RESEND_EN}",
        ),
        "KEY_MISMATCH": Advice(
            "消息的 key 须与 case_no 逐字节相同",
            "the key is the case_no, byte by byte",
            f"看 key 与 case_no 哪个错（--value 可见）：全角、空格或取错字段；请发送方更正并重发；{_RESEND_ZH}",
            f"see which of the two is wrong (--value shows both) and have the sender correct it; {_RESEND_EN}",
        ),
        "EMPTY_EVENT_ID": Advice(
            "event_id 不能为空：重复与更正都靠它辨认",
            "event_id is not empty: repetitions and corrections are known by it",
            f"请发送方补上唯一而不变的 event_id 并重发；{_RESEND_ZH}",
            f"have the sender give each event an id that is unique and stays; {_RESEND_EN}",
        ),
        "TIME_OUT_OF_RANGE": Advice(
            "办结时间、归档接收时间须在合理年份之内，单位是毫秒",
            "closing and receiving times lie in sensible years, in milliseconds",
            f"多半把秒当毫秒，或用了占位日期：请发送方更正并重发；{_RESEND_ZH}",
            f"seconds taken for milliseconds, or a placeholder date: have the sender correct it; {_RESEND_EN}",
        ),
        "DATE_OUT_OF_RANGE": Advice(
            "参照数据的日期须在公历之内，归档计划为 0（无）或合理的年份",
            "dates of reference data are those of the calendar, a plan is 0 (none) or a sensible year",
            f"detail 写着是哪个字段：多半多打或少打了一位；请发送方更正并重发；{_RESEND_ZH}",
            f"the detail names the field: a digit too many or too few, most likely; have the sender correct it; {_RESEND_EN}",
        ),
        "FIELD_TOO_LONG": Advice(
            "除标题外，单个字段不超过 4096 字节",
            "no field but the title is longer than 4096 bytes",
            f"detail 写着是哪个字段：多半填错了列；请发送方更正并重发；{_RESEND_ZH}",
            f"the detail names the field: a wrong column, most likely; have the sender correct it; {_RESEND_EN}",
        ),
        "RECORD_TOO_LARGE": Advice(
            "一条记录里要保留的内容（各字段、材料清单）不超过 256 KiB",
            "what is kept of one record, its fields and its list of materials, is no more than 256 KiB",
            f"多半是材料清单重复或写进了别的内容；请发送方更正并重发；{_RESEND_ZH}",
            f"a list of materials repeated, or filled with something else, most likely; have the sender correct it; {_RESEND_EN}",
        ),
        "MISROUTED": Advice(
            "分区由 key 以设定的算法决定（默认 murmur2），同一办件的两类记录才在同一处",
            "the key chooses the partition by the configured partitioner (murmur2), so that a case's records meet",
            "现在就可以重投：会发到正确的分区；并请发送方改用 partitioner=murmur2_random",
            "redrive it now: it goes to the right partition; and have the sender set partitioner=murmur2_random",
        ),
        "TOO_MANY_EVENTS": Advice(
            "一个办件至多采用 1000 条归档事件，合计不超过 1.5 MB",
            "of one case no more than 1000 archive events are taken, 1.5 MB in all",
            "来源在反复发送同一办件：先让它停下；它用更高修订号撤销多余的归档之后，才可重投",
            "its source sends the same case for ever: stop it; redrive once higher revisions have taken the surplus back",
        ),
        "UNKNOWN_TOPIC": Advice(
            "心跳的 topic 须是 case-closed 或 archive-received",
            "a heartbeat speaks of case-closed or archive-received",
            f"请发送方更正心跳中的主题名；{_RESEND_ZH}",
            f"have the sender correct the topic in its heartbeat; {_RESEND_EN}",
        ),
        "EMPTY_SOURCE_SYSTEM": Advice(
            "心跳的 source_system 不能为空：要说是哪个来源发全了",
            "a heartbeat's source_system is not empty: it says whose data is complete",
            f"请发送方填上它在事件里所用的 source_system 并重发；{_RESEND_ZH}",
            f"have the sender fill in the source_system of its events and send again; {_RESEND_EN}",
        ),
    }
)
