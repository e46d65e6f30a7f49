import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.File;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.Set;
import org.apache.avro.Schema;
import org.apache.avro.generic.GenericDatumReader;
import org.apache.avro.generic.GenericRecord;
import org.apache.avro.io.DecoderFactory;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.ListOffsetsOptions;
import org.apache.kafka.clients.admin.OffsetSpec;
import org.apache.kafka.clients.admin.TopicDescription;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.ConsumerRecords;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.consumer.OffsetOutOfRangeException;
import org.apache.kafka.common.IsolationLevel;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.TopicPartitionInfo;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.serialization.StringDeserializer;

/**
 * A subscriber: every case's state and every open anomaly, as a view in SQLite; the Java twin of examples/python/open_anomalies.py.
 *
 * <p>What was read, and how far, is committed in one database transaction: stopped at any moment, in any way, it applies nothing twice
 * and misses nothing. It begins with the open findings in the compacted state topics, then follows the anomaly topics.
 */
public final class OpenAnomalies {
    private static final List<String> STATES = List.of("case-state", "item-state");
    private static final List<String> ANOMALIES = List.of("anomaly-unarchived", "anomaly-misconfigured", "anomaly-quality");
    private static final List<String> VIEW = List.of(
            "CREATE TABLE IF NOT EXISTS case_state"
                    + " (case_no TEXT PRIMARY KEY, status TEXT, unit_code TEXT, item_code TEXT, due_at INTEGER)",
            "CREATE TABLE IF NOT EXISTS anomaly"
                    + " (anomaly_id TEXT PRIMARY KEY, subject TEXT, kind TEXT, unit_code TEXT, state TEXT, ce_id TEXT)",
            "CREATE INDEX IF NOT EXISTS anomaly_of ON anomaly (subject)",
            "CREATE VIEW IF NOT EXISTS open_anomaly AS SELECT * FROM anomaly WHERE state = 'OPENED'",
            "CREATE TABLE IF NOT EXISTS told"
                    + " (kind TEXT, unit_code TEXT, state TEXT, times INTEGER, PRIMARY KEY (kind, unit_code, state))",
            "CREATE TABLE IF NOT EXISTS place"
                    + " (topic TEXT, partition INT, topic_id TEXT, next INT, until INT, PRIMARY KEY (topic, partition))");

    /** Where a partition is read on from, and, of the states, up to where they are looked up for what is open. */
    private record Place(TopicPartition at, long next, long until) {}

    private final Connection view;
    private final String prefix;
    private final File schemas;
    private final JsonNode released;
    private final Map<String, Schema> parsed = new HashMap<>();

    private OpenAnomalies(Connection view, String prefix, File schemas) throws IOException, SQLException {
        this.view = view;
        this.prefix = prefix;
        this.schemas = schemas;
        this.released = new ObjectMapper().readTree(new File(schemas, "released.json"));
        try (var statement = view.createStatement()) {
            statement.execute("PRAGMA journal_mode = WAL");
        }
        view.setAutoCommit(false);
        for (String definition : VIEW) {
            execute(definition);
        }
        view.commit();
    }

    /** Command line: --bootstrap HOST:PORT --view FILE [--prefix P] [--schemas DIR]. */
    public static void main(String[] arguments) throws Exception {
        System.setProperty("org.slf4j.simpleLogger.defaultLogLevel", "warn");
        Map<String, String> given = new HashMap<>(Map.of("--prefix", "", "--schemas", "avro"));
        for (int i = 0; i + 1 < arguments.length; i += 2) {
            given.put(arguments[i], arguments[i + 1]);
        }
        if (!given.containsKey("--bootstrap") || !given.containsKey("--view")) {
            System.err.println("OpenAnomalies --bootstrap HOST:PORT --view FILE [--prefix P] [--schemas DIR]");
            System.exit(2);
        }
        Properties broker = new Properties();
        broker.put("bootstrap.servers", given.get("--bootstrap"));
        Properties reading = new Properties();
        reading.putAll(broker);
        reading.putAll(Map.of(
                "isolation.level", "read_committed", // Java's default is read_uncommitted
                "enable.auto.commit", "false",
                "auto.offset.reset", "none",
                "allow.auto.create.topics", "false"));
        Connection view = DriverManager.getConnection("jdbc:sqlite:" + given.get("--view"));
        OpenAnomalies subscriber = new OpenAnomalies(view, given.get("--prefix"), new File(given.get("--schemas")));
        try (Admin admin = Admin.create(broker)) {
            subscriber.begin(admin);
        }
        try (var consumer = new KafkaConsumer<>(reading, new StringDeserializer(), new ByteArrayDeserializer())) {
            subscriber.follow(consumer);
        }
    }

    /** Find out where to begin, once; later, make sure that the topics are still the same ones. */
    private void begin(Admin admin) throws Exception {
        List<String> names = new ArrayList<>();
        STATES.forEach(name -> names.add(prefix + name));
        ANOMALIES.forEach(name -> names.add(prefix + name));
        Map<String, TopicDescription> topics = admin.describeTopics(names).allTopicNames().get();
        boolean known = false;
        try (var statement = view.createStatement(); ResultSet rows = statement.executeQuery("SELECT topic, topic_id FROM place")) {
            while (rows.next()) {
                known = true;
                TopicDescription topic = topics.get(rows.getString(1));
                if (topic == null || !topic.topicId().toString().equals(rows.getString(2))) {
                    throw new IllegalStateException("the topics were made again: begin with an empty view");
                }
            }
        }
        if (known) {
            return;
        }
        // In this order: whatever is decided on the anomaly topics has been written, if not yet decided, before these ends of the states.
        Map<TopicPartition, Long> decided = ends(admin, topics, ANOMALIES, IsolationLevel.READ_COMMITTED);
        Map<TopicPartition, Long> written = ends(admin, topics, STATES, IsolationLevel.READ_UNCOMMITTED);
        String insert = "INSERT INTO place VALUES (?, ?, ?, ?, ?)";
        for (var each : decided.entrySet()) {
            TopicPartition at = each.getKey();
            execute(insert, at.topic(), at.partition(), topics.get(at.topic()).topicId().toString(), each.getValue(), 0);
        }
        for (var each : written.entrySet()) {
            TopicPartition at = each.getKey();
            execute(insert, at.topic(), at.partition(), topics.get(at.topic()).topicId().toString(), 0, each.getValue());
        }
        view.commit();
    }

    private Map<TopicPartition, Long> ends(
            Admin admin, Map<String, TopicDescription> topics, List<String> names, IsolationLevel level) throws Exception {
        Map<TopicPartition, OffsetSpec> asked = new HashMap<>();
        for (String name : names) {
            for (TopicPartitionInfo partition : topics.get(prefix + name).partitions()) {
                asked.put(new TopicPartition(prefix + name, partition.partition()), OffsetSpec.latest());
            }
        }
        Map<TopicPartition, Long> found = new HashMap<>();
        var answers = admin.listOffsets(asked, new ListOffsetsOptions(level)).all().get();
        answers.forEach((at, answer) -> found.put(at, answer.offset()));
        return found;
    }

    /** Read for ever: first the states to the ends found at the beginning, then everything. */
    private void follow(KafkaConsumer<String, byte[]> consumer) throws Exception {
        while (true) {
            Map<TopicPartition, Place> places = places();
            List<Place> wanted = places.values().stream().filter(place -> place.next < place.until).toList();
            if (wanted.isEmpty()) {
                wanted = List.copyOf(places.values());
            }
            Set<TopicPartition> assigned = new HashSet<>();
            wanted.forEach(place -> assigned.add(place.at));
            if (!assigned.equals(consumer.assignment())) {
                consumer.assign(assigned);
                wanted.forEach(place -> consumer.seek(place.at, place.next));
            }
            ConsumerRecords<String, byte[]> records;
            try {
                records = consumer.poll(Duration.ofMillis(500));
            } catch (OffsetOutOfRangeException gone) {
                throw new IllegalStateException("away for longer than anomalies are kept: begin with an empty view", gone);
            }
            for (ConsumerRecord<String, byte[]> record : records) {
                TopicPartition at = new TopicPartition(record.topic(), record.partition());
                take(record, places.get(at).until);
            }
            for (TopicPartition at : assigned) { // behind what was given out, and behind markers and aborted records
                long next = consumer.position(at);
                if (next != places.get(at).next) {
                    execute("UPDATE place SET next = ? WHERE topic = ? AND partition = ?", next, at.topic(), at.partition());
                }
            }
            view.commit(); // one transaction: what was read, and how far
        }
    }

    private Map<TopicPartition, Place> places() throws SQLException {
        Map<TopicPartition, Place> found = new HashMap<>();
        String select = "SELECT topic, partition, next, until FROM place";
        try (var statement = view.createStatement(); ResultSet rows = statement.executeQuery(select)) {
            while (rows.next()) {
                TopicPartition at = new TopicPartition(rows.getString(1), rows.getInt(2));
                found.put(at, new Place(at, rows.getLong(3), rows.getLong(4)));
            }
        }
        return found;
    }

    private void take(ConsumerRecord<String, byte[]> message, long until) throws Exception {
        String topic = message.topic().substring(prefix.length());
        GenericRecord record = decode(topic, message.value());
        if (ANOMALIES.contains(topic)) {
            hear(record, new String(message.headers().lastHeader("ce_id").value(), StandardCharsets.UTF_8));
            return;
        }
        if (topic.equals("case-state")) {
            execute("INSERT OR REPLACE INTO case_state VALUES (?, ?, ?, ?, ?)",
                    message.key(), text(record, "status"), text(record, "unit_code"), text(record, "item_code"), record.get("due_at"));
        }
        if (message.offset() < until) {
            lookUp(record, message.key());
        }
    }

    /** A state read at the beginning: its findings are all that is open of its subject. */
    private void lookUp(GenericRecord record, String subject) throws SQLException {
        execute("DELETE FROM anomaly WHERE subject = ?", subject);
        for (Object each : (List<?>) record.get("findings")) {
            GenericRecord finding = (GenericRecord) each;
            execute("INSERT INTO anomaly VALUES (?, ?, ?, ?, 'OPENED', '')",
                    text(finding, "anomaly_id"), subject, text(finding, "kind"), text(record, "unit_code"));
        }
    }

    /** An anomaly opened, changed or resolved; one that says again what was said last is passed over. */
    private void hear(GenericRecord record, String id) throws SQLException {
        try (PreparedStatement last = prepared("SELECT 1 FROM anomaly WHERE anomaly_id = ? AND ce_id = ?", text(record, "anomaly_id"), id);
                ResultSet rows = last.executeQuery()) {
            if (rows.next()) {
                return;
            }
        }
        String kind = text(record, "kind");
        String unit = text(record, "unit_code");
        String state = text(record, "state");
        execute("INSERT OR REPLACE INTO anomaly VALUES (?, ?, ?, ?, ?, ?)",
                text(record, "anomaly_id"), text(record, "subject"), kind, unit, state, id);
        execute("INSERT INTO told VALUES (?, ?, ?, 1) ON CONFLICT DO UPDATE SET times = times + 1", kind, unit, state);
    }

    /** Read a framed record of any released version into the one that this program was written for, v1. */
    private GenericRecord decode(String topic, byte[] value) throws IOException {
        ByteBuffer frame = ByteBuffer.wrap(value);
        byte magic = frame.get();
        int id = frame.getInt();
        JsonNode writer = released.get(Integer.toString(id));
        if (magic != 0 || writer == null) {
            throw new IllegalStateException(topic + ": schema id " + id + " is not in " + schemas + "/released.json; bring that folder up to date");
        }
        var reader = new GenericDatumReader<GenericRecord>(schema(writer.get("file").asText()), schema(topic + "/v1.avsc"));
        return reader.read(null, DecoderFactory.get().binaryDecoder(value, 5, value.length - 5, null));
    }

    private Schema schema(String file) throws IOException {
        Schema known = parsed.get(file);
        if (known == null) {
            known = new Schema.Parser().parse(new File(schemas, file));
            parsed.put(file, known);
        }
        return known;
    }

    private static String text(GenericRecord record, String field) {
        return record.get(field).toString();
    }

    private void execute(String sql, Object... values) throws SQLException {
        try (PreparedStatement statement = prepared(sql, values)) {
            statement.execute();
        }
    }

    private PreparedStatement prepared(String sql, Object... values) throws SQLException {
        PreparedStatement statement = view.prepareStatement(sql);
        for (int i = 0; i < values.length; i++) {
            statement.setObject(i + 1, values[i]);
        }
        return statement;
    }
}
