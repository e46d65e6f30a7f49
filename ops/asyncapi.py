"""The topics as an AsyncAPI 3.0 document, made from ``avro/`` and the topic layout: ``python -m ops.asyncapi`` writes it to ``docs/``.

It speaks for the product: inputs are *received*, outputs are *sent*. What only workers write and read is left out.
"""

from __future__ import annotations

from importlib.metadata import version
from pathlib import Path
from typing import Any

import orjson
import yaml

from ops.dlq.letter import REDRIVE_COUNT, REDRIVEN_FROM
from ops.topic_layout import WantedTopic, wanted_topics
from streams.agents.outcomes import LEFT_OUT_HEADERS, ORIGIN, WHOLE_BYTES
from streams.contracts import ANOMALY_TOPICS, DEAD_LETTER, FOLDER, INTERNAL, OUTPUTS, TopicContract, topic_contract, topic_names
from streams.settings import Settings

PATH = FOLDER.parent / "docs" / "asyncapi.yaml"
_BINDING = {"bindingVersion": "0.5.0"}
_AVRO = "application/vnd.apache.avro+json;version=1.9.0"
_NUMBERS = ("retention.ms", "max.message.bytes", "min.compaction.lag.ms")
_TEXT = {"type": "string"}
_DESCRIPTION = """\
办件归档的实时核对：业务系统写入办结与归档，下游系统订阅状态、异常与覆盖率。用法见 docs/subscribing.md。
记录体为 Confluent 格式：0x00、4 字节大端 schema id、Avro 二进制；id 与文件的对照见 avro/released.json。
主题名前可有前缀（kafka.topic_prefix）；分区数与保留时间为默认设置下的值。

Closed cases matched to their archives, as it happens. Bodies are framed as Confluent does: 0x00, 4-byte big-endian schema id, Avro
binary; avro/released.json says which file an id stands for. A prefix may stand before topic names; partitions and retention are
those of the default settings. See docs/subscribing.md.
"""
ANOMALY_HEADERS: dict[str, Any] = {
    "type": "object",
    "description": "CloudEvents 1.0，Kafka 协议绑定，二进制模式 Kafka protocol binding, binary mode",
    "properties": {
        "ce_specversion": {**_TEXT, "const": "1.0"},
        "ce_id": {
            **_TEXT,
            "pattern": "^[0-9a-f]{32}$",
            "description": "由内容算出：重复的消息 id 相同 made from the content: a message told twice has one id",
        },
        "ce_source": {**_TEXT, "description": "/guidang/主题名 topic"},
        "ce_type": {**_TEXT, "enum": ["cn.hangzhou.guidang.anomaly.opened", "cn.hangzhou.guidang.anomaly.resolved"]},
        "ce_subject": {**_TEXT, "description": "办件号，或 单位|事项 case number, or unit|item；与键相同 the same as the key"},
        "ce_time": {
            **_TEXT,
            "format": "date-time",
            "description": "所依据的业务时间；没有时间的发现不带 of the events it rests on; absent where these have no time",
        },
        "content-type": {**_TEXT, "const": "application/avro"},
    },
    "required": ["ce_specversion", "ce_id", "ce_source", "ce_type", "ce_subject", "content-type"],
}
_ORIGIN = {
    "topic": "来源主题 topic it came from",
    "partition": "来源分区 partition",
    "offset": "来源位移 offset",
    "timestamp": "来源时间，毫秒 timestamp, epoch milliseconds",
    "reason": "固定的大写名称，如 BROKEN_AVRO a constant name",
    "detail": "看到什么、应为什么 what was found and what was expected",
}
_BYTES, _SHA256 = LEFT_OUT_HEADERS
_LEFT_OUT = {
    _BYTES: f"内容没有抄来（整条记录超过 {WHOLE_BYTES} 字节）：它的字节数 the value was left out, as the record is larger: its bytes",
    _SHA256: "内容没有抄来：它的 SHA-256，十六进制 the value was left out: its SHA-256, hexadecimal",
}
_UNTOUCHED = (
    f"原始字节；key、内容与消息头合计超过 {WHOLE_BYTES} 字节的没有内容，它在来处"
    f" the untouched bytes; of a record of more than {WHOLE_BYTES}, key and headers included, they are left where it came from"
)
_REDRIVEN = {
    REDRIVEN_FROM: "曾被重投：来自哪条死信，分区:位移 it was sent back before: from the dead letter at partition:offset",
    REDRIVE_COUNT: "曾被重投：共几次 it was sent back before: how often",
}
DEAD_LETTER_HEADERS: dict[str, Any] = {
    "type": "object",
    "description": "记录原有的消息头之外，另有下列 beside the headers that the record came with",
    "properties": {
        name: {**_TEXT, "description": about}
        for name, about in {**{ORIGIN + name: about for name, about in _ORIGIN.items()}, **_LEFT_OUT, **_REDRIVEN}.items()
    },
    "required": [ORIGIN + name for name in _ORIGIN],
}


def document() -> dict[str, Any]:
    """The whole document."""
    contracts = [topic_contract(name) for name in topic_names() if name not in INTERNAL]
    layout = {topic.name: topic for topic in wanted_topics(Settings.model_construct())}  # the defaults, whatever is set here
    return {
        "asyncapi": "3.0.0",
        "info": {"title": "归档 guidang", "version": version("guidang"), "description": _DESCRIPTION},
        "defaultContentType": "application/avro",
        "servers": {"kafka": _server()},
        "channels": {contract.name: _channel(contract, layout[contract.name]) for contract in contracts},
        "operations": dict(_operation(contract) for contract in contracts),
        "components": {"messages": {contract.name: _message(contract) for contract in contracts}},
    }


def text() -> str:
    """What is committed."""
    return yaml.dump(document(), Dumper=_Plain, sort_keys=False, allow_unicode=True, width=140)


class _Plain(yaml.SafeDumper):
    """Writes everything where it stands, instead of anchors and references to them, and text of several lines as such."""

    def ignore_aliases(self, data: Any) -> bool:
        del data
        return True

    def represent_str(self, data: str) -> yaml.ScalarNode:
        return self.represent_scalar("tag:yaml.org,2002:str", data, style="|" if "\n" in data else None)


_Plain.add_representer(str, _Plain.represent_str)


def _server() -> dict[str, Any]:
    broker = {"default": "127.0.0.1:9092", "description": "kafka.bootstrap_servers；guidang up 的在 endpoints.json"}
    description = "输出主题以 read_committed 读取 Read outputs with isolation.level=read_committed"
    return {"host": "{broker}", "protocol": "kafka", "description": description, "variables": {"broker": broker}}


def _channel(contract: TopicContract, layout: WantedTopic) -> dict[str, Any]:
    config = {
        "cleanup.policy": [contract.cleanup],
        **{name: int(layout.config[name]) for name in _NUMBERS if name in layout.config},
        "message.timestamp.type": layout.config["message.timestamp.type"],
    }
    kafka = {"topic": contract.name, "partitions": layout.partitions, "topicConfiguration": config, **_BINDING}
    return {
        "address": contract.name,
        "description": contract.description,
        "messages": {contract.name: {"$ref": f"#/components/messages/{contract.name}"}},
        "bindings": {"kafka": kafka},
    }


def _operation(contract: TopicContract) -> tuple[str, dict[str, Any]]:
    action, others = ("send", contract.consumers) if contract.name in OUTPUTS else ("receive", contract.producers)
    channel = f"#/channels/{contract.name}"
    summary = ("由其读取 read by: " if action == "send" else "由其写入 written by: ") + ", ".join(others)
    messages = [{"$ref": f"{channel}/messages/{contract.name}"}]
    return f"{action}-{contract.name}", {"action": action, "channel": {"$ref": channel}, "summary": summary, "messages": messages}


def _message(contract: TopicContract) -> dict[str, Any]:
    key = {**_TEXT, "description": f"UTF-8：{contract.key}"}
    message: dict[str, Any] = {"name": contract.name, "summary": contract.description}
    if contract.name in ANOMALY_TOPICS:
        message["headers"] = ANOMALY_HEADERS
    if contract.name == DEAD_LETTER:
        message |= {"headers": DEAD_LETTER_HEADERS, "contentType": "application/octet-stream"}
        return {**message, "payload": {"description": _UNTOUCHED}, "bindings": {"kafka": {"key": key, **_BINDING}}}
    folder = FOLDER / contract.name
    files = yaml.safe_load((folder / "topic.yaml").read_text(encoding="utf-8"))["versions"]
    return {
        **message,
        "payload": {"schemaFormat": _AVRO, "schema": orjson.loads((folder / files[-1]["file"]).read_bytes())},
        "bindings": {"kafka": {"key": key, "schemaIdLocation": "payload", "schemaIdPayloadEncoding": "4", **_BINDING}},
        "examples": [_example(path) for path in sorted(folder.glob("good/*.json"))],
        "x-compatibility": contract.compatibility,
        "x-schema-ids": {str(each["id"]): f"avro/{contract.name}/{each['file']}" for each in files},
    }


def _example(path: Path) -> dict[str, Any]:
    example = orjson.loads(path.read_bytes())
    return {"name": path.stem, "summary": example["about"], "payload": example["record"]}


if __name__ == "__main__":
    PATH.write_text(text(), encoding="utf-8")
