import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.time.Instant;
import java.util.HexFormat;
import java.util.Map;
import org.apache.avro.generic.GenericData;
import org.apache.avro.generic.GenericRecord;
import org.apache.kafka.common.header.Headers;
import org.apache.kafka.common.header.internals.RecordHeaders;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.streams.StreamsBuilder;
import org.apache.kafka.streams.kstream.Consumed;
import org.apache.kafka.streams.kstream.Produced;
import org.apache.kafka.streams.processor.api.ContextualProcessor;
import org.apache.kafka.streams.processor.api.ProcessorContext;
import org.apache.kafka.streams.processor.api.Record;
import org.apache.kafka.streams.state.KeyValueStore;
import org.apache.kafka.streams.state.Stores;

/** Running totals in a persistent store with its changelog, published after every amount. */
public final class TotalStreams {
    private static final String STORE = "totals";

    private TotalStreams() {}

    public static void main(String[] arguments) throws Exception {
        Job job = Job.read(arguments[0]);
        StreamsBuilder builder = new StreamsBuilder();
        builder.addStateStore(Stores.keyValueStoreBuilder(
                        Stores.persistentKeyValueStore(STORE), Serdes.ByteArray(), Serdes.ByteArray())
                .withCachingEnabled()
                .withLoggingEnabled(Map.of()));
        builder.stream(job.input(), Consumed.with(Serdes.ByteArray(), Serdes.ByteArray()))
                .process(() -> new Add(job), STORE)
                .to(job.output(), Produced.with(Serdes.ByteArray(), Serdes.ByteArray()));
        Streams.run(builder.build(), Streams.settings(job));
    }

    private static final class Add extends ContextualProcessor<byte[], byte[], byte[], byte[]> {
        private final Job job;
        private final Wire wire;
        private MessageDigest digest;
        private KeyValueStore<byte[], byte[]> store;

        Add(Job job) {
            this.job = job;
            wire = new Wire(job.inputSchema(), job.outputSchema(), job.outputSchemaId());
        }

        @Override
        public void init(ProcessorContext<byte[], byte[]> context) {
            super.init(context);
            store = context.getStateStore(STORE);
            try {
                digest = MessageDigest.getInstance("MD5");
            } catch (java.security.NoSuchAlgorithmException error) {
                throw new IllegalStateException(error);
            }
        }

        @Override
        public void process(Record<byte[], byte[]> record) {
            GenericRecord amount = wire.read(record.value());
            String account = amount.get("account").toString();
            long value = (Long) amount.get("value");
            if (value < 1 || account.isEmpty()) {
                throw new IllegalArgumentException("invalid amount");
            }
            byte[] key = account.getBytes(StandardCharsets.UTF_8);
            byte[] old = store.get(key);
            ByteBuffer before = old == null ? ByteBuffer.allocate(16) : ByteBuffer.wrap(old);
            long total = before.getLong(0) + value;
            long count = before.getLong(8) + 1;
            store.put(key, ByteBuffer.allocate(16).putLong(total).putLong(count).array());
            GenericRecord out = new GenericData.Record(job.outputSchema());
            out.put("account", account);
            out.put("total", total);
            out.put("count", count);
            Headers headers = headers(record.headers(), key);
            context().forward(new Record<>(key, wire.write(out), record.timestamp(), headers));
        }

        private Headers headers(Headers given, byte[] key) {
            byte[] id = given.lastHeader("ce_id").value();
            return new RecordHeaders()
                    .add("ce_specversion", bytes("1.0"))
                    .add("ce_type", bytes(job.output()))
                    .add("ce_source", bytes("/onex/node_running_total_reducer/1.0.0"))
                    .add("content-type", bytes("application/avro"))
                    .add("ce_id", bytes(HexFormat.of().formatHex(digest.digest(id))))
                    .add("ce_time", bytes(Instant.now().toString()))
                    .add("onex-correlation-id", given.lastHeader("onex-correlation-id").value())
                    .add("onex-causation-id", id)
                    .add("ce_subject", key)
                    .add("traceparent", given.lastHeader("traceparent").value());
        }

        private static byte[] bytes(String text) {
            return text.getBytes(StandardCharsets.UTF_8);
        }
    }
}
