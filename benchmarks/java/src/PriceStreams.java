import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.time.Instant;
import java.util.HexFormat;
import org.apache.avro.generic.GenericData;
import org.apache.avro.generic.GenericRecord;
import org.apache.kafka.common.header.Headers;
import org.apache.kafka.common.header.internals.RecordHeaders;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.streams.StreamsBuilder;
import org.apache.kafka.streams.kstream.Consumed;
import org.apache.kafka.streams.kstream.Produced;
import org.apache.kafka.streams.processor.api.ContextualProcessor;
import org.apache.kafka.streams.processor.api.Record;

/** Orders in, priced orders out, with the headers that a mesh node writes. */
public final class PriceStreams {
    private PriceStreams() {}

    public static void main(String[] arguments) throws Exception {
        Job job = Job.read(arguments[0]);
        StreamsBuilder builder = new StreamsBuilder();
        builder.stream(job.input(), Consumed.with(Serdes.ByteArray(), Serdes.ByteArray()))
                .process(() -> new Price(job))
                .to(job.output(), Produced.with(Serdes.ByteArray(), Serdes.ByteArray()));
        Streams.run(builder.build(), Streams.settings(job));
    }

    private static final class Price extends ContextualProcessor<byte[], byte[], byte[], byte[]> {
        private final Job job;
        private final Wire wire;
        private final MessageDigest digest;

        Price(Job job) {
            this.job = job;
            wire = new Wire(job.inputSchema(), job.outputSchema(), job.outputSchemaId());
            try {
                digest = MessageDigest.getInstance("MD5");
            } catch (NoSuchAlgorithmException error) {
                throw new IllegalStateException(error);
            }
        }

        @Override
        public void process(Record<byte[], byte[]> record) {
            GenericRecord order = wire.read(record.value());
            long quantity = (Long) order.get("quantity");
            double price = (Double) order.get("unit_price");
            if (quantity < 1 || !(price > 0) || order.get("order_id").toString().isEmpty()) {
                throw new IllegalArgumentException("invalid order");
            }
            GenericRecord priced = new GenericData.Record(job.outputSchema());
            priced.put("order_id", order.get("order_id"));
            priced.put("customer", order.get("customer"));
            priced.put("quantity", quantity);
            priced.put("total", quantity * price);
            priced.put("placed_ms", order.get("placed_ms"));
            byte[] key = order.get("order_id").toString().getBytes(StandardCharsets.UTF_8);
            byte[] value = wire.write(priced);
            context().forward(new Record<>(key, value, record.timestamp(), headers(record.headers(), key)));
        }

        private Headers headers(Headers given, byte[] key) {
            byte[] id = given.lastHeader("ce_id").value();
            return new RecordHeaders()
                    .add("ce_specversion", bytes("1.0"))
                    .add("ce_type", bytes(job.output()))
                    .add("ce_source", bytes("/onex/node_price_compute/1.0.0"))
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
