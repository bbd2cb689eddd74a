package bench;

import com.sun.management.OperatingSystemMXBean;
import java.io.BufferedReader;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.time.Duration;
import java.util.Locale;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicLong;
import org.HdrHistogram.ConcurrentHistogram;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.springframework.kafka.requestreply.ReplyingKafkaTemplate;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** Keeps calls in flight as it is told, line by line. */
final class Client {
    private static final int WARM_UP = 20_000;
    private static final int WARM_UP_IN_FLIGHT = 64;

    private final String topic = System.getProperty("bench.requests");
    private final ReplyingKafkaTemplate<String, Note, Note> template;

    Client(ReplyingKafkaTemplate<String, Note, Note> template) {
        this.template = template;
    }

    void serve(BufferedReader lines) throws IOException, InterruptedException {
        template.waitForAssignment(Duration.ofSeconds(30));
        new Run(WARM_UP_IN_FLIGHT, Duration.ofMinutes(5), WARM_UP).sample();
        System.out.println("{\"Ready\":null}");
        var mapper = JsonMapper.builder().build();
        for (var line = lines.readLine(); line != null; line = lines.readLine()) {
            JsonNode load = mapper.readTree(line).get("Closed");
            var span = Duration.ofSeconds(load.get("span").get("secs").asLong())
                    .plusNanos(load.get("span").get("nanos").asLong());
            System.out.println(new Run(load.get("in_flight").asInt(), span, Long.MAX_VALUE).sample());
        }
    }

    /** One load: a new call begins when one ends. */
    private final class Run {
        private final Note note = Note.ofCommonSize();
        private final ConcurrentHistogram latencies = new ConcurrentHistogram(1_000, 120_000_000_000L, 3);
        private final AtomicLong failed = new AtomicLong();
        private final AtomicLong begun = new AtomicLong();
        private final CountDownLatch open;
        private final int inFlight;
        private final long end;
        private final long most;

        Run(int inFlight, Duration span, long most) {
            this.inFlight = inFlight;
            this.open = new CountDownLatch(inFlight);
            this.end = System.nanoTime() + span.toNanos();
            this.most = most;
        }

        String sample() throws InterruptedException {
            long start = System.nanoTime();
            double cpu = cpu();
            for (int caller = 0; caller < inFlight; caller++) {
                ask();
            }
            open.await();
            return String.format(
                    Locale.ROOT,
                    "{\"Done\":{\"done\":%d,\"failed\":%d,\"failure\":null,\"seconds\":%f,\"cpu\":%f,\"longest_gap\":0,"
                            + "\"latency\":{\"p50\":%f,\"p90\":%f,\"p99\":%f,\"p999\":%f,\"max\":%f}}}",
                    latencies.getTotalCount(), failed.get(), (System.nanoTime() - start) / 1e9, cpu() - cpu,
                    at(50), at(90), at(99), at(99.9), latencies.getMaxValue() / 1e9);
        }

        private void ask() {
            begun.incrementAndGet();
            long sent = System.nanoTime();
            template.sendAndReceive(new ProducerRecord<>(topic, note)).whenComplete((reply, error) -> {
                long now = System.nanoTime();
                if (error == null && reply.value().equals(note)) {
                    latencies.recordValue(now - sent);
                } else {
                    failed.incrementAndGet();
                }
                if (now < end && begun.get() < most) {
                    ask();
                } else {
                    open.countDown();
                }
            });
        }

        private double at(double percentile) {
            return latencies.getValueAtPercentile(percentile) / 1e9;
        }
    }

    private static double cpu() {
        var system = (OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean();
        return system.getProcessCpuTime() / 1e9;
    }
}
