import io.confluent.parallelconsumer.ParallelConsumerOptions;
import io.confluent.parallelconsumer.ParallelConsumerOptions.CommitMode;
import io.confluent.parallelconsumer.ParallelConsumerOptions.ProcessingOrder;
import io.confluent.parallelconsumer.ParallelStreamProcessor;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CountDownLatch;
import org.apache.avro.generic.GenericData;
import org.apache.avro.generic.GenericRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.serialization.ByteArraySerializer;

/** Confluent Parallel Consumer, in key order, 100 at once; each call waits for two and a half milliseconds. */
public final class SlowParallel {
    private SlowParallel() {}

    public static void main(String[] arguments) throws Exception {
        Job job = Job.read(arguments[0]);
        ThreadLocal<Wire> wire = ThreadLocal.withInitial(
                () -> new Wire(job.inputSchema(), job.outputSchema(), job.outputSchemaId()));
        KafkaConsumer<byte[], byte[]> consumer = new KafkaConsumer<>(
                Map.of("bootstrap.servers", job.bootstrap(), "group.id", job.group(), "enable.auto.commit", false,
                        "auto.offset.reset", "earliest", "max.poll.records", 10_000),
                new ByteArrayDeserializer(), new ByteArrayDeserializer());
        KafkaProducer<byte[], byte[]> producer = new KafkaProducer<>(
                Map.of("bootstrap.servers", job.bootstrap(), "compression.type", "lz4", "linger.ms", 5),
                new ByteArraySerializer(), new ByteArraySerializer());
        ParallelStreamProcessor<byte[], byte[]> processor = ParallelStreamProcessor.createEosStreamProcessor(
                ParallelConsumerOptions.<byte[], byte[]>builder()
                        .ordering(ProcessingOrder.KEY)
                        .maxConcurrency(100)
                        .commitMode(CommitMode.PERIODIC_CONSUMER_SYNC)
                        .ignoreReflectiveAccessExceptionsForAutoCommitDisabledCheck(true)
                        .consumer(consumer)
                        .producer(producer)
                        .build());
        CountDownLatch stopped = new CountDownLatch(1);
        Runtime.getRuntime().addShutdownHook(new Thread(() -> {
            processor.close();
            stopped.countDown();
        }));
        processor.subscribe(List.of(job.input()));
        processor.pollAndProduce(context -> {
            GenericRecord call = wire.get().read(context.value());
            long began = System.nanoTime();
            pause();
            GenericRecord called = new GenericData.Record(job.outputSchema());
            called.put("account", call.get("account"));
            called.put("number", call.get("number"));
            called.put("began_ns", began);
            called.put("ended_ns", System.nanoTime());
            return new ProducerRecord<>(job.output(), context.key(), wire.get().write(called));
        });
        stopped.await();
    }

    private static void pause() {
        try {
            Thread.sleep(2, 500_000);
        } catch (InterruptedException error) {
            Thread.currentThread().interrupt();
        }
    }
}
