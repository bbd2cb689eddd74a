package bench;

import com.sun.management.OperatingSystemMXBean;
import java.io.BufferedReader;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.AtomicReference;
import org.HdrHistogram.ConcurrentHistogram;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.springframework.kafka.requestreply.ReplyingKafkaTemplate;
import tools.jackson.databind.JsonNode;

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
        if (!template.waitForAssignment(Duration.ofSeconds(60))) {
            throw new IllegalStateException("no partition of the reply topic was assigned within 60 s");
        }
        var warmUp = new Run(WARM_UP_IN_FLIGHT, Duration.ofMinutes(5), WARM_UP).sample();
        if (warmUp.get("failure") != null) {
            throw new IllegalStateException("warming up: " + warmUp.get("failure"));
        }
        Word.setting("warm-up", WARM_UP + " calls, " + WARM_UP_IN_FLIGHT + " in flight");
        Word.say("Ready", null);
        for (var line = lines.readLine(); line != null; line = lines.readLine()) {
            JsonNode load = Word.read(line).get("Closed");
            var span = Duration.ofSeconds(load.get("span").get("secs").asLong())
                    .plusNanos(load.get("span").get("nanos").asLong());
            Word.say("Done", new Run(load.get("in_flight").asInt(), span, Long.MAX_VALUE).sample());
        }
    }

    /** One load: a new call begins when one ends, until one fails. */
    private final class Run {
        private final Note note = Note.ofCommonSize();
        private final ConcurrentHistogram latencies = new ConcurrentHistogram(1_000, 120_000_000_000L, 3);
        private final AtomicLong failed = new AtomicLong();
        private final AtomicReference<String> failure = new AtomicReference<>();
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

        Map<String, Object> sample() throws InterruptedException {
            long start = System.nanoTime();
            double cpu = cpu();
            for (int caller = 0; caller < inFlight; caller++) {
                ask();
            }
            open.await();
            var sample = new LinkedHashMap<String, Object>();
            sample.put("done", latencies.getTotalCount());
            sample.put("failed", failed.get());
            sample.put("failure", failure.get());
            sample.put("seconds", (System.nanoTime() - start) / 1e9);
            sample.put("cpu", cpu() - cpu);
            sample.put("longest_gap", 0.0);
            sample.put("latency", Map.of(
                    "p50", at(50), "p90", at(90), "p99", at(99), "p999", at(99.9),
                    "max", latencies.getMaxValue() / 1e9));
            return sample;
        }

        private void ask() {
            begun.incrementAndGet();
            long sent = System.nanoTime();
            try {
                template.sendAndReceive(new ProducerRecord<>(topic, note)).whenComplete((reply, error) -> {
                    if (error != null) {
                        fail(error.toString());
                    } else if (!reply.value().equals(note)) {
                        fail("another body");
                    } else {
                        answered(sent);
                    }
                });
            } catch (RuntimeException error) {
                fail(error.toString());
            }
        }

        private void answered(long sent) {
            long now = System.nanoTime();
            latencies.recordValue(now - sent);
            if (now < end && begun.get() < most && failed.get() == 0) {
                ask();
            } else {
                open.countDown();
            }
        }

        private void fail(String reason) {
            failed.incrementAndGet();
            failure.compareAndSet(null, reason);
            open.countDown();
        }

        private double at(double percentile) {
            return latencies.getValueAtPercentile(percentile) / 1e9;
        }
    }

    /** The time this process has used, in seconds. */
    private static double cpu() {
        var system = (OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean();
        return system.getProcessCpuTime() / 1e9;
    }
}
