package bench;

import java.lang.management.GarbageCollectorMXBean;
import java.lang.management.ManagementFactory;
import java.util.HashMap;
import java.util.Map;
import java.util.stream.Collectors;
import org.apache.kafka.clients.consumer.ConsumerConfig;
import org.apache.kafka.clients.producer.ProducerConfig;
import org.apache.kafka.common.serialization.StringDeserializer;
import org.apache.kafka.common.serialization.StringSerializer;
import org.apache.kafka.common.utils.AppInfoParser;
import org.springframework.kafka.core.ConsumerFactory;
import org.springframework.kafka.core.DefaultKafkaConsumerFactory;
import org.springframework.kafka.core.DefaultKafkaProducerFactory;
import org.springframework.kafka.core.KafkaTemplate;
import org.springframework.kafka.core.ProducerFactory;
import org.springframework.kafka.listener.ContainerProperties.AckMode;
import org.springframework.kafka.support.serializer.JacksonJsonDeserializer;
import org.springframework.kafka.support.serializer.JacksonJsonSerializer;

/** What both sides are configured with: defaults, but for what is set here. */
final class Settings {
    /** Spring's default: the one partition has one consumer. */
    static final int CONCURRENCY = 1;

    /** Spring's default: a commit after what each poll has brought, and the listener waits for it. */
    static final AckMode COMMITS = AckMode.BATCH;

    private Settings() {}

    static ProducerFactory<String, Note> producers() {
        return new DefaultKafkaProducerFactory<>(producer(), new StringSerializer(), new JacksonJsonSerializer<>());
    }

    static ConsumerFactory<String, Note> consumers() {
        return new DefaultKafkaConsumerFactory<>(
                consumer(), new StringDeserializer(), new JacksonJsonDeserializer<>(Note.class));
    }

    private static Map<String, Object> producer() {
        Map<String, Object> settings = new HashMap<>();
        settings.put(ProducerConfig.BOOTSTRAP_SERVERS_CONFIG, System.getProperty("bench.bootstrap"));
        settings.put(ProducerConfig.LINGER_MS_CONFIG, System.getProperty("bench.linger"));
        settings.put(ProducerConfig.ACKS_CONFIG, "all");
        return settings;
    }

    private static Map<String, Object> consumer() {
        Map<String, Object> settings = new HashMap<>();
        settings.put(ConsumerConfig.BOOTSTRAP_SERVERS_CONFIG, System.getProperty("bench.bootstrap"));
        settings.put(ConsumerConfig.AUTO_OFFSET_RESET_CONFIG, "earliest");
        return settings;
    }

    /** Says what this process runs with, the clients' defaults among it. */
    static void tell() {
        Word.setting("spring-kafka", KafkaTemplate.class.getPackage().getImplementationVersion());
        Word.setting("kafka-clients", AppInfoParser.getVersion());
        Word.setting("java", Runtime.version());
        Word.setting("heap", Runtime.getRuntime().maxMemory() / (1 << 20) + " MiB");
        Word.setting("collector", ManagementFactory.getGarbageCollectorMXBeans().stream()
                .map(GarbageCollectorMXBean::getName)
                .collect(Collectors.joining(", ")));
        var producer = producer();
        producer.put(ProducerConfig.KEY_SERIALIZER_CLASS_CONFIG, StringSerializer.class);
        producer.put(ProducerConfig.VALUE_SERIALIZER_CLASS_CONFIG, JacksonJsonSerializer.class);
        var produces = new ProducerConfig(producer).values();
        for (var name : new String[] {"linger.ms", "acks", "enable.idempotence", "batch.size", "compression.type"}) {
            Word.setting(name, produces.get(name));
        }
        var consumer = consumer();
        consumer.put(ConsumerConfig.KEY_DESERIALIZER_CLASS_CONFIG, StringDeserializer.class);
        consumer.put(ConsumerConfig.VALUE_DESERIALIZER_CLASS_CONFIG, JacksonJsonDeserializer.class);
        var consumes = new ConsumerConfig(consumer).values();
        for (var name : new String[] {"fetch.max.wait.ms", "max.poll.records"}) {
            Word.setting(name, consumes.get(name));
        }
        Word.setting("concurrency", CONCURRENCY);
        Word.setting("commits", "ack mode " + COMMITS + ", synchronous");
    }
}
