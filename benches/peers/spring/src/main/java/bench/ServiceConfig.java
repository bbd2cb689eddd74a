package bench;

import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Configuration;
import org.springframework.kafka.annotation.EnableKafka;
import org.springframework.kafka.annotation.KafkaListener;
import org.springframework.kafka.config.ConcurrentKafkaListenerContainerFactory;
import org.springframework.kafka.core.KafkaTemplate;
import org.springframework.messaging.handler.annotation.SendTo;

/** Answers every request with its own body. */
@Configuration
@EnableKafka
public class ServiceConfig {
    @Bean
    Assignment assignment() {
        return new Assignment();
    }

    @Bean
    ConcurrentKafkaListenerContainerFactory<String, Note> kafkaListenerContainerFactory(Assignment assignment) {
        var factory = new ConcurrentKafkaListenerContainerFactory<String, Note>();
        factory.setConsumerFactory(Settings.consumers());
        factory.setReplyTemplate(new KafkaTemplate<>(Settings.producers()));
        factory.setConcurrency(Settings.CONCURRENCY);
        factory.getContainerProperties().setAckMode(Settings.COMMITS);
        factory.getContainerProperties().setConsumerRebalanceListener(assignment);
        return factory;
    }

    @Bean
    Echo echo() {
        return new Echo();
    }

    /** The listener. */
    public static class Echo {
        @KafkaListener(groupId = "${bench.requests}", topics = "${bench.requests}")
        @SendTo
        public Note echo(Note note) {
            return note;
        }
    }
}
