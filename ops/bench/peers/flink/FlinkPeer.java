import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.HashMap;
import java.util.Map;
import org.apache.avro.Schema;
import org.apache.avro.generic.GenericDatumReader;
import org.apache.avro.generic.GenericRecord;
import org.apache.avro.io.BinaryDecoder;
import org.apache.avro.io.DecoderFactory;
import org.apache.flink.api.common.eventtime.WatermarkStrategy;
import org.apache.flink.api.common.functions.OpenContext;
import org.apache.flink.api.common.state.ValueState;
import org.apache.flink.api.common.state.ValueStateDescriptor;
import org.apache.flink.api.common.typeinfo.TypeInformation;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.connector.base.DeliveryGuarantee;
import org.apache.flink.connector.kafka.sink.KafkaRecordSerializationSchema;
import org.apache.flink.connector.kafka.sink.KafkaSink;
import org.apache.flink.connector.kafka.source.KafkaSource;
import org.apache.flink.connector.kafka.source.enumerator.initializer.OffsetsInitializer;
import org.apache.flink.connector.kafka.source.reader.deserializer.KafkaRecordDeserializationSchema;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;
import org.apache.flink.streaming.api.functions.KeyedProcessFunction;
import org.apache.flink.util.Collector;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.producer.ProducerRecord;

/**
 * The reduced job on Flink, in an embedded mini cluster: a source of both topics, keyed state with checkpoints, a sink.
 * Arguments are {@code name=value}; what the settings rest on is said in docs/bench.md.
 */
public final class FlinkPeer {
    private FlinkPeer() {}

    /** Runs until it is ended. */
    public static void main(String[] arguments) throws Exception {
        Map<String, String> given = new HashMap<>();
        for (String argument : arguments) {
            int equals = argument.indexOf('=');
            given.put(argument.substring(0, equals), argument.substring(equals + 1));
        }
        Configuration settings = new Configuration();
        settings.setString("state.backend.type", given.get("store").equals("memory") ? "hashmap" : "rocksdb");
        settings.setString("execution.checkpointing.incremental", "true");
        settings.setString("execution.checkpointing.interval", given.get("commit_ms") + " ms");
        settings.setString("execution.checkpointing.dir", "file://" + given.get("folder") + "/checkpoints");
        settings.setString("io.tmp.dirs", given.get("folder"));
        settings.setString("pipeline.object-reuse", "true");
        settings.setString("pipeline.generic-types", "false");
        settings.setString("taskmanager.memory.managed.size", "512m");
        StreamExecutionEnvironment environment =
                StreamExecutionEnvironment.createLocalEnvironment(Integer.parseInt(given.get("threads")), settings);
        KafkaSource<Event> events =
                KafkaSource.<Event>builder()
                        .setBootstrapServers(given.get("bootstrap"))
                        .setGroupId(given.get("application"))
                        .setTopics(given.get("closed"), given.get("received"))
                        .setStartingOffsets(OffsetsInitializer.earliest())
                        .setProperty("max.poll.records", "10000")
                        .setDeserializer(new Decoder(given.get("schema"), given.get("closed")))
                        .build();
        KafkaSink<Verdict> verdicts =
                KafkaSink.<Verdict>builder()
                        .setBootstrapServers(given.get("bootstrap"))
                        .setDeliveryGuarantee(DeliveryGuarantee.AT_LEAST_ONCE)
                        .setProperty("batch.size", "200000")
                        .setProperty("linger.ms", "100")
                        .setProperty("compression.type", "lz4")
                        .setRecordSerializer(new Encoder(given.get("verdicts")))
                        .build();
        environment
                .fromSource(events, WatermarkStrategy.noWatermarks(), "events")
                .keyBy(event -> event.caseNo)
                .process(new Join())
                .sinkTo(verdicts);
        environment.execute(given.get("application"));
    }

    /** What the join needs of an event; a bean that Flink serializes field by field. */
    public static final class Event {
        public String caseNo;
        public String unit;
        public boolean closing;
        public long at;
    }

    /** State of a case; 0: not known. */
    public static final class Case {
        public String unit;
        public long closedAt;
        public long receivedAt;
    }

    /** Milliseconds from the closing to the archive. */
    public static final class Verdict {
        public String caseNo;
        public long delay;
    }

    private static final class Decoder implements KafkaRecordDeserializationSchema<Event> {
        private final String schema;
        private final String closed;
        private transient GenericDatumReader<GenericRecord> reader;
        private transient BinaryDecoder decoder;
        private transient GenericRecord read;

        Decoder(String schema, String closed) {
            this.schema = schema;
            this.closed = closed;
        }

        @Override
        public void deserialize(ConsumerRecord<byte[], byte[]> record, Collector<Event> out) throws IOException {
            if (reader == null) {
                reader = new GenericDatumReader<>(new Schema.Parser().parse(schema));
            }
            decoder = DecoderFactory.get().binaryDecoder(record.value(), decoder);
            read = reader.read(read, decoder);
            Event event = new Event();
            event.caseNo = read.get("case_no").toString();
            event.unit = read.get("unit_code").toString();
            event.closing = record.topic().equals(closed);
            event.at = (Long) read.get("at");
            out.collect(event);
        }

        @Override
        public TypeInformation<Event> getProducedType() {
            return TypeInformation.of(Event.class);
        }
    }

    private static final class Join extends KeyedProcessFunction<String, Event, Verdict> {
        private transient ValueState<Case> cases;

        @Override
        public void open(OpenContext context) {
            cases = getRuntimeContext().getState(new ValueStateDescriptor<>("cases", Case.class));
        }

        @Override
        public void processElement(Event event, Context context, Collector<Verdict> out) throws IOException {
            Case held = cases.value();
            Case state = held == null ? new Case() : held;
            boolean both = state.closedAt != 0 && state.receivedAt != 0;
            state.unit = event.unit;
            if (event.closing) {
                state.closedAt = event.at;
            } else {
                state.receivedAt = event.at;
            }
            cases.update(state);
            if (state.closedAt != 0 && state.receivedAt != 0 && !both) {
                Verdict verdict = new Verdict();
                verdict.caseNo = event.caseNo;
                verdict.delay = state.receivedAt - state.closedAt;
                out.collect(verdict);
            }
        }
    }

    private static final class Encoder implements KafkaRecordSerializationSchema<Verdict> {
        private final String topic;

        Encoder(String topic) {
            this.topic = topic;
        }

        @Override
        public ProducerRecord<byte[], byte[]> serialize(Verdict verdict, KafkaSinkContext context, Long timestamp) {
            String value = "{\"case_no\":\"" + verdict.caseNo + "\",\"delay\":" + verdict.delay + "}";
            return new ProducerRecord<>(
                    topic, verdict.caseNo.getBytes(StandardCharsets.UTF_8), value.getBytes(StandardCharsets.UTF_8));
        }
    }
}
