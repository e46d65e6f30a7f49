import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.HashMap;
import java.util.Map;
import java.util.Properties;
import org.apache.avro.Schema;
import org.apache.avro.generic.GenericDatumReader;
import org.apache.avro.generic.GenericRecord;
import org.apache.avro.io.BinaryDecoder;
import org.apache.avro.io.DecoderFactory;
import org.apache.kafka.clients.consumer.ConsumerConfig;
import org.apache.kafka.clients.producer.ProducerConfig;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.serialization.ByteArraySerializer;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.common.utils.Bytes;
import org.apache.kafka.streams.CloseOptions;
import org.apache.kafka.streams.KafkaStreams;
import org.apache.kafka.streams.StreamsConfig;
import org.apache.kafka.streams.Topology;
import org.apache.kafka.streams.errors.StreamsUncaughtExceptionHandler;
import org.apache.kafka.streams.processor.api.Processor;
import org.apache.kafka.streams.processor.api.ProcessorContext;
import org.apache.kafka.streams.processor.api.Record;
import org.apache.kafka.streams.state.KeyValueStore;
import org.apache.kafka.streams.state.Stores;

/**
 * The reduced job on Kafka Streams: one sub-topology that reads both topics, a store with changelog and record cache, a sink.
 * Arguments are {@code name=value}; what the settings rest on is said in docs/bench.md.
 */
public final class KafkaStreamsPeer {
    private static final String STORE = "cases";

    private KafkaStreamsPeer() {}

    /** Runs until it is ended. */
    public static void main(String[] arguments) {
        Map<String, String> given = new HashMap<>();
        for (String argument : arguments) {
            int equals = argument.indexOf('=');
            given.put(argument.substring(0, equals), argument.substring(equals + 1));
        }
        Schema schema = new Schema.Parser().parse(given.get("schema"));
        String closed = given.get("closed");
        Topology topology = new Topology();
        topology.addSource("events", new ByteArrayDeserializer(), new ByteArrayDeserializer(), closed, given.get("received"));
        topology.addProcessor("join", () -> new Join(schema, closed), "events");
        topology.addStateStore(
                Stores.keyValueStoreBuilder(
                                given.get("store").equals("memory")
                                        ? Stores.inMemoryKeyValueStore(STORE)
                                        : Stores.persistentKeyValueStore(STORE),
                                Serdes.Bytes(),
                                Serdes.ByteArray())
                        .withCachingEnabled(),
                "join");
        topology.addSink("verdicts", given.get("verdicts"), new ByteArraySerializer(), new ByteArraySerializer(), "join");

        KafkaStreams streams = new KafkaStreams(topology, settings(given));
        streams.setUncaughtExceptionHandler(error -> {
            error.printStackTrace();
            return StreamsUncaughtExceptionHandler.StreamThreadExceptionResponse.SHUTDOWN_APPLICATION;
        });
        // Whoever is stopped here is not coming back: the others need not wait for the end of its session.
        CloseOptions leaving = CloseOptions.groupMembershipOperation(CloseOptions.GroupMembershipOperation.LEAVE_GROUP)
                .withTimeout(Duration.ofSeconds(20));
        Runtime.getRuntime().addShutdownHook(new Thread(() -> streams.close(leaving)));
        streams.start();
    }

    private static Properties settings(Map<String, String> given) {
        Properties settings = new Properties();
        settings.put(StreamsConfig.APPLICATION_ID_CONFIG, given.get("application"));
        settings.put(StreamsConfig.BOOTSTRAP_SERVERS_CONFIG, given.get("bootstrap"));
        settings.put(StreamsConfig.STATE_DIR_CONFIG, given.get("folder"));
        settings.put(StreamsConfig.PROCESSING_GUARANTEE_CONFIG, given.get("guarantee"));
        settings.put(StreamsConfig.NUM_STREAM_THREADS_CONFIG, given.get("threads"));
        settings.put(StreamsConfig.COMMIT_INTERVAL_MS_CONFIG, given.get("commit_ms"));
        settings.put(StreamsConfig.STATESTORE_CACHE_MAX_BYTES_CONFIG, 128L * 1024 * 1024);
        settings.put(StreamsConfig.BUFFERED_RECORDS_PER_PARTITION_CONFIG, 5000);
        settings.put(StreamsConfig.consumerPrefix(ConsumerConfig.AUTO_OFFSET_RESET_CONFIG), "earliest");
        settings.put(StreamsConfig.consumerPrefix(ConsumerConfig.MAX_POLL_RECORDS_CONFIG), 10_000);
        settings.put(StreamsConfig.producerPrefix(ProducerConfig.BATCH_SIZE_CONFIG), 200_000);
        settings.put(StreamsConfig.producerPrefix(ProducerConfig.LINGER_MS_CONFIG), given.get("linger_ms"));
        settings.put(StreamsConfig.producerPrefix(ProducerConfig.COMPRESSION_TYPE_CONFIG), given.get("compression"));
        settings.put(StreamsConfig.producerPrefix(ProducerConfig.BUFFER_MEMORY_CONFIG), 128L * 1024 * 1024);
        settings.put(StreamsConfig.NUM_STANDBY_REPLICAS_CONFIG, given.get("standbys"));
        settings.put(StreamsConfig.consumerPrefix(ConsumerConfig.SESSION_TIMEOUT_MS_CONFIG), given.get("session_ms"));
        settings.put(StreamsConfig.consumerPrefix(ConsumerConfig.HEARTBEAT_INTERVAL_MS_CONFIG), 1000);
        // All tasks that are to move warm up at once, and move as soon as they have, which is looked for as often as may be: by default
        // two at a time, each ten minutes.
        settings.put(StreamsConfig.MAX_WARMUP_REPLICAS_CONFIG, given.get("partitions"));
        settings.put(StreamsConfig.PROBING_REBALANCE_INTERVAL_MS_CONFIG, 60_000L);
        if (!given.get("instance").isEmpty()) {
            settings.put(StreamsConfig.consumerPrefix(ConsumerConfig.GROUP_INSTANCE_ID_CONFIG), given.get("instance"));
        }
        return settings;
    }

    /** Decodes every record whole, keeps a state per case, emits a verdict once both sides are known. */
    private static final class Join implements Processor<byte[], byte[], byte[], byte[]> {
        private final GenericDatumReader<GenericRecord> reader;
        private final String closed;
        private BinaryDecoder decoder;
        private GenericRecord event;
        private ProcessorContext<byte[], byte[]> context;
        private KeyValueStore<Bytes, byte[]> cases;

        Join(Schema schema, String closed) {
            this.reader = new GenericDatumReader<>(schema);
            this.closed = closed;
        }

        @Override
        public void init(ProcessorContext<byte[], byte[]> context) {
            this.context = context;
            this.cases = context.getStateStore(STORE);
        }

        @Override
        public void process(Record<byte[], byte[]> record) {
            decoder = DecoderFactory.get().binaryDecoder(record.value(), decoder);
            try {
                event = reader.read(event, decoder);
            } catch (IOException error) {
                throw new UncheckedIOException(error);
            }
            Bytes key = Bytes.wrap(record.key());
            byte[] held = cases.get(key);
            long closedAt = held == null ? 0 : ByteBuffer.wrap(held).getLong(0);
            long receivedAt = held == null ? 0 : ByteBuffer.wrap(held).getLong(Long.BYTES);
            boolean both = closedAt != 0 && receivedAt != 0;
            long at = (Long) event.get("at");
            if (context.recordMetadata().orElseThrow().topic().equals(closed)) {
                closedAt = at;
            } else {
                receivedAt = at;
            }
            byte[] unit = event.get("unit_code").toString().getBytes(StandardCharsets.UTF_8);
            cases.put(key, ByteBuffer.allocate(2 * Long.BYTES + unit.length).putLong(closedAt).putLong(receivedAt).put(unit).array());
            if (closedAt != 0 && receivedAt != 0 && !both) {
                String verdict = "{\"case_no\":\"" + event.get("case_no") + "\",\"delay\":" + (receivedAt - closedAt) + "}";
                context.forward(new Record<>(record.key(), verdict.getBytes(StandardCharsets.UTF_8), record.timestamp()));
            }
        }
    }
}
