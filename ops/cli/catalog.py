"""Every command: the module of this package that registers it, and its line in ``guidang --help``.

The modules are imported only when their command is called; a module has ``register(app: typer.Typer) -> None``.
"""

from __future__ import annotations

from dataclasses import dataclass

from ops.cli.text import t


@dataclass(frozen=True, slots=True)
class Entry:
    """One command of the catalogue."""

    module: str
    zh: str
    en: str

    @property
    def help(self) -> str:
        """Its line in the list of commands."""
        return t(self.zh, self.en)


COMMANDS: dict[str, Entry] = {
    "up": Entry("system", "启动本机上的整个系统", "Start the whole system on this machine"),
    "down": Entry("system", "停止本机上的整个系统", "Stop the whole system on this machine"),
    "status": Entry("system", "进程、积压与是否追平", "Processes, lag, and whether everything is caught up"),
    "topics": Entry("topics", "建立并核对 Kafka 主题", "Create and check the Kafka topics"),
    "rights": Entry("rights", "各进程在 Kafka 里的最小权限", "The least rights of each process in Kafka"),
    "bench": Entry("bench", "测速：与 Kafka Streams、Flink 等并列", "How fast, beside Kafka Streams, Flink and others"),
    "doctor": Entry("doctor", "检查环境、设置、Kafka 与 ClickHouse", "Check machine, settings, Kafka and ClickHouse"),
    "backup": Entry("moving", "备份本机系统", "Back up the local system"),
    "restore": Entry("moving", "从备份恢复本机系统", "Restore the local system from a backup"),
    "replay": Entry(
        "moving", "把全部输入送往另一个系统，由它从头处理", "All inputs into another system, which processes them from the beginning"
    ),
    "worker": Entry("pipeline", "一个工作进程：匹配办件与归档", "One worker: matches cases to archives"),
    "sink": Entry("processes", "把输出主题写入 ClickHouse", "Write the output topics into ClickHouse"),
    "monitor": Entry("processes", "数字与流水线状况的指标", "Figures and the state of the pipeline as metrics"),
    "store": Entry("processes", "内嵌的 ClickHouse", "The embedded ClickHouse"),
    "board": Entry("board", "看板：本机网页，不需要 Grafana", "The board: a local page, without Grafana"),
    "notify": Entry("notify", "把告警发给人：钉钉、企业微信、邮件", "Tell people of alerts: DingTalk, WeCom, mail"),
    "publish": Entry("data", "把文件发布到输入主题", "Publish a file into an input topic"),
    "import-items": Entry("importing", "导入《基础信息确认表》（附件1）", "Import the form of basic information (附件1)"),
    "import-schedule": Entry("importing", "导入归档范围和保管期限表", "Import archiving schedules"),
    "import-config": Entry("importing", "导入归档模块的实际配置", "Import what archiving modules are set to"),
    "export-items-template": Entry("importing", "导出空白表，填好即可导入", "Write the empty forms"),
    "coverage": Entry("figures", "归档覆盖率", "Archive coverage"),
    "anomalies": Entry("figures", "异常清单", "The anomalies"),
    "report": Entry("report", "定期通报：XLSX、HTML、PDF；发布为版次", "The periodic bulletin: XLSX, HTML, PDF; published as editions"),
    "todo": Entry("report", "一个单位的待办清单", "What one unit has to do"),
    "items": Entry("assessment", "事项的登记、配置与问题", "Items: registration, configuration, findings"),
    "score": Entry("assessment", "考核得分与依据", "The score, with its evidence"),
    "waive": Entry("waive", "豁免一个异常", "Set a finding aside"),
    "suggest": Entry("assessment", "孤立归档可能属于哪个办件", "Which case an orphan may belong to"),
    "simulate": Entry("data", "模拟一座城市的一年，并写下真相", "Simulate a city's year, and write down the truth"),
    "wait": Entry("pipeline", "等待追平", "Wait until everything sent has gone the whole way"),
    "explain": Entry("pipeline", "一个办件的来龙去脉", "The timeline of one case"),
    "reconcile": Entry("pipeline", "整批重算并核对", "Recompute everything in one batch and compare"),
    "dlq": Entry("dlq", "死信：列出、细看、重投", "Dead letters: list them, look at one, send them back"),
    "demo": Entry("demo", "演示：一年的模拟数据走完全程，并与真相核对", "A simulated year through everything, checked against the truth"),
}
