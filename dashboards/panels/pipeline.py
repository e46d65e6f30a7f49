"""流水线: is everything read, judged, stored and told in time (rate, errors, duration; utilisation, saturation, errors)."""

from __future__ import annotations

from dashboards.model import Column, Dashboard, Panel, Prom, Section, Threshold, Unit
from dashboards.panels.shared import ANNOTATIONS, PIPELINE_UID
from streams.contracts import OUTPUTS

_VALUE = "Value"
_OF_INPUTS = f'{{topic!~"{"|".join(OUTPUTS)}"}}'
_MINUTES = (Threshold(0, "good"), Threshold(300, "warning"), Threshold(1800, "bad"))
_ONE_IS_GOOD = (Threshold(0, "bad"), Threshold(1, "good"))
_ONE_IS_BAD = (Threshold(0, "good"), Threshold(1, "bad"))


def _stat(key: str, title: str, description: str, query: str, unit: Unit, levels: tuple[Threshold, ...]) -> Panel:
    return Panel(key, title, description, "stat", (Prom(query),), unit, (Column(_VALUE, title, unit),), levels, width=4, height=5)


def _lines(key: str, title: str, description: str, unit: Unit, *queries: tuple[str, str]) -> Panel:
    return Panel(key, title, description, "line", tuple(Prom(text, legend) for text, legend in queries), unit)


def _quantiles(histogram: str) -> tuple[tuple[str, str], ...]:
    return tuple(
        (f"histogram_quantile({share}, sum by (le) (rate({histogram}_bucket[5m])))", name)
        for share, name in ((0.5, "中位"), (0.95, "95%"), (0.99, "99%"))
    )


GLANCE = Section(
    "一眼",
    (
        _stat(
            "caught-up",
            "追平",
            "1：所有输入已读到尽头、水位到了现在、结果已入库。长时间为 0 时看下面是哪个主题积压，或哪个进程没有就绪。",
            "min(guidang_caught_up)",
            "",
            _ONE_IS_GOOD,
        ),
        _stat(
            "lag-seconds",
            "最大积压",
            "各输入主题中最早一条未处理的记录已等了多久。超过几分钟：看处理速率与提交用时，不够就加工作进程（guidang up --workers）。",
            f"max(guidang_lag_seconds{_OF_INPUTS})",
            "seconds",
            _MINUTES,
        ),
        _stat(
            "watermark-age",
            "水位落后",
            "最落后的分区读到了多久以前；在它之前的期限才会判定。落后而没有积压，多半是某个分区没有属主。",
            "max(guidang_watermark_age_seconds)",
            "seconds",
            _MINUTES,
        ),
        _stat(
            "canary",
            "探针往返",
            "探针事件从写入 Kafka 到在 ClickHouse 查到所用的时间，最近一次。变慢说明整条链路变慢，即使没有业务数据。",
            "max(guidang_canary_seconds)",
            "seconds",
            (Threshold(0, "good"), Threshold(30, "warning"), Threshold(120, "bad")),
        ),
        _stat(
            "processes",
            "抓取不到的进程",
            "Prometheus 抓取不到指标的进程数。不为 0：用 guidang status 看是哪个进程、上次退出的原因。",
            "count(up == 0) or vector(0)",
            "",
            _ONE_IS_BAD,
        ),
        _stat(
            "dead-letters",
            "一天内的死信",
            "最近 24 小时新增的死信。用 guidang dlq list 看原因，请发送方更正后重新投递。",
            "sum(increase(guidang_worker_dead_letters_total[1d])) or vector(0)",
            "records",
            _ONE_IS_BAD,
        ),
    ),
)
WORKERS = Section(
    "判定（worker）：速率、错误、用时",
    (
        _lines(
            "throughput",
            "处理速率",
            "每秒读入的记录，按输入主题。突然归零而来源没有停：看分区是否有属主；突增多半是重放或补录。",
            "per_second",
            ("sum by (topic) (rate(guidang_worker_records_total[5m]))", "{{topic}}"),
        ),
        _lines(
            "commit",
            "事务提交用时",
            "一个事务从开始写到提交并存入本地状态的用时。持续超过 1 秒：看 broker 的磁盘与网络。",
            "seconds",
            *_quantiles("guidang_worker_commit_seconds"),
        ),
        _lines(
            "verdicts",
            "判定速率",
            "每秒给出的判定，按状态。到期未归档的突增说明某个来源断了或成批到期。",
            "per_second",
            ("sum by (status) (rate(guidang_worker_verdicts_total[5m]))", "{{status}}"),
        ),
        _lines(
            "anomalies",
            "异常速率",
            "每秒发布的异常，按种类与发现、解除。补录时突增属正常；平日突增先看全市总览的异常一节。",
            "per_second",
            ("sum by (kind, state) (rate(guidang_worker_anomalies_total[5m])) > 0", "{{kind}} {{state}}"),
        ),
        _lines(
            "dead-letter-rate",
            "死信速率",
            "每秒写入死信的记录，按原因。MISROUTED 是发送方的分区器不对，其余多是格式不符；请发送方更正。",
            "per_second",
            ("sum by (reason) (rate(guidang_worker_dead_letters_total[5m])) > 0", "{{reason}}"),
        ),
        _lines(
            "written",
            "写出速率",
            "每秒写出的记录：输出主题与状态日志。写出远多于读入，是参照数据变动引起的重新判定。",
            "per_second",
            ("sum by (kind) (rate(guidang_worker_written_records_total[5m]))", "写出 {{kind}}"),
            ("sum(rate(guidang_worker_revisited_keys_total[5m]))", "重新判定"),
        ),
    ),
)
SATURATION = Section(
    "饱和：积压、水位、忙碌、恢复",
    (
        _lines(
            "lag-records",
            "积压（条）",
            "各主题尚未处理的记录：输入等工作进程，输出等 sink 入库。只涨不落就是处理不过来：输入加工作进程或看提交用时，输出看入库一节。",
            "records",
            ("max by (topic) (guidang_lag_records)", "{{topic}}"),
        ),
        _lines(
            "lag-age",
            "积压与水位（时间）",
            "各主题（输入等工作进程，输出等 sink 入库）最早一条未处理的记录等了多久，以及水位落后多久。积压落到 0 后水位应随即追上。",
            "seconds",
            ("max by (topic) (guidang_lag_seconds)", "积压 {{topic}}"),
            ("max(guidang_watermark_age_seconds)", "水位"),
        ),
        _lines(
            "busy",
            "忙碌程度",
            "各进程用于提交事务、写入数据库的时间占比：工作进程按进程数平均。接近 1 就是饱和，加进程或查下游为何慢。",
            "ratio",
            ("sum(rate(guidang_worker_commit_seconds_sum[5m])) / count(guidang_worker_ready)", "worker 提交"),
            ("sum(rate(guidang_sink_insert_seconds_sum[5m])) / count(guidang_sink_ready)", "sink 写入"),
        ),
        _lines(
            "recovery",
            "恢复进度",
            "正在恢复的分区：状态日志还要读回多少、已读回多少；以及正在接管的分区数。读不动时看 broker。",
            "records",
            ("sum by (state) (guidang_worker_recovery_records)", "日志 {{state}}"),
            ('sum(guidang_worker_partitions{state="opening"})', "正在接管的分区"),
        ),
        _lines(
            "partitions",
            "分区与属主",
            "各进程持有的已打开分区，以及一小时内的重新分配、被接管的次数。反复重新分配说明有进程在反复重启。",
            "",
            ('sum by (instance) (guidang_worker_partitions{state="open"})', "{{instance}}"),
            ("sum(increase(guidang_worker_rebalances_total[1h]))", "一小时内重新分配"),
            ("sum(increase(guidang_worker_fenced_total[1h]))", "一小时内被接管"),
        ),
        _lines(
            "ready",
            "就绪的进程",
            "就绪的工作进程与 sink 的个数，以及能查到数据库的 monitor。少于应有的个数，用 guidang status 看是哪一个。",
            "",
            ("sum(guidang_worker_ready)", "worker"),
            ("sum(guidang_sink_ready)", "sink"),
            ("sum(guidang_figures_up)", "ClickHouse 可查"),
        ),
    ),
)
SINK = Section(
    "入库（sink）：速率、错误、用时、饱和",
    (
        _lines(
            "sink-rows",
            "入库速率",
            "每秒写入 ClickHouse 的行，按表；重放时重写的也计。归零而输出主题有新记录：看写入失败与就绪。",
            "per_second",
            ("sum by (table) (rate(guidang_sink_rows_total[5m]))", "{{table}}"),
        ),
        _lines(
            "sink-insert",
            "写入用时",
            "一批数据写入所有表的用时。持续变长：看 ClickHouse 的合并与磁盘。",
            "seconds",
            *_quantiles("guidang_sink_insert_seconds"),
        ),
        _lines(
            "sink-age",
            "入库的等待",
            "最早一行读到而未写入的等了多久，以及距上次提交多久（没有新数据时也会增长）。等待增长就是写不进去。",
            "seconds",
            ("max(guidang_sink_waiting_seconds)", "最早未写入的一行"),
            ("max(guidang_sink_last_commit_seconds)", "距上次提交"),
        ),
        _lines(
            "sink-failures",
            "写入失败",
            "五分钟内写入失败、稍后重试的次数。持续不为 0：ClickHouse 连不上或拒绝，看 sink 的日志。",
            "",
            ("sum(increase(guidang_sink_insert_failures_total[5m]))", "失败"),
        ),
    ),
)
SOURCES = Section(
    "来源与探针",
    (
        Panel(
            "sources",
            "各来源的静默",
            "各来源系统在各主题上静默了多久，占它可以静默的时间（由心跳间隔或它自己的节奏而定）的几成。"
            "超过 1 就是断了：联系该来源，此间不断言其办件未归档。",
            "line",
            (Prom("guidang_source_silent_seconds / guidang_source_expected_gap_seconds", "{{source}} {{topic}}"),),
            "ratio",
            thresholds=(Threshold(0, "good"), Threshold(0.8, "warning"), Threshold(1, "bad")),
        ),
        _lines(
            "canary-age",
            "探针",
            "最近一次探针往返用时、距最近一次回来多久、一小时内没有回来的次数。回不来而积压为 0：看 sink 与 ClickHouse。",
            "seconds",
            ("max(guidang_canary_seconds)", "往返用时"),
            ("max(guidang_canary_age_seconds)", "距最近一次回来"),
        ),
        _lines(
            "canary-failures",
            "探针失败",
            "一小时内没有按时回来的探针。偶尔一次可能是重启；连续不断就是链路断了。",
            "",
            ("sum(increase(guidang_canary_failures_total[1h]))", "失败"),
        ),
        Panel(
            "versions",
            "正在运行的版本",
            "各角色、各版本的进程数。同一角色有两个版本，是更替没有做完，或有旧进程没有停。",
            "table",
            (Prom("count by (role, version) (guidang_build_info)"),),
            "",
            (Column("role", "角色"), Column("version", "版本"), Column(_VALUE, "进程数")),
        ),
    ),
)
NOTIFIER = Section(
    "通知（notify）",
    (
        _lines(
            "messages",
            "消息速率",
            "每秒发往各渠道的消息：已送达、被限流与没有送到（稍后再发）、被拒绝。没有送到的查网络与对方，被拒绝的查机器人的密钥与安全设置。",
            "per_second",
            ("sum by (channel, outcome) (rate(guidang_notify_messages_total[5m]))", "{{channel}} {{outcome}}"),
        ),
        _lines(
            "notify-queue",
            "等待发送",
            "各渠道中等得最久的告警等了多久。持续增长：渠道连不上，或告警太多被限流合并。",
            "seconds",
            ("max by (channel) (guidang_notify_oldest_queued_seconds)", "{{channel}}"),
        ),
    ),
)

DASHBOARD = Dashboard(
    PIPELINE_UID,
    "归档：流水线",
    "读入、判定、入库、通知是否及时：速率、错误、用时，忙碌、饱和、恢复。",
    (),
    (GLANCE, WORKERS, SATURATION, SINK, SOURCES, NOTIFIER),
    tuple(each for each in ANNOTATIONS if isinstance(each.query, Prom)),
    span="hours",
)
