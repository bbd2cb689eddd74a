package bench;

import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Configuration;
import org.springframework.kafka.listener.ConcurrentMessageListenerContainer;
import org.springframework.kafka.listener.ContainerProperties;
import org.springframework.kafka.requestreply.ReplyingKafkaTemplate;

/** Asks, and waits for replies on a topic of its own. */
@Configuration
public class ClientConfig {
    @Bean
    ReplyingKafkaTemplate<String, Note, Note> template() {
        var properties = new ContainerProperties(System.getProperty("bench.replies"));
        properties.setGroupId(System.getProperty("bench.replies"));
        properties.setAckMode(Settings.COMMITS);
        var replies = new ConcurrentMessageListenerContainer<>(Settings.consumers(), properties);
        replies.setConcurrency(Settings.CONCURRENCY);
        return new ReplyingKafkaTemplate<>(Settings.producers(), replies);
    }

    @Bean
    Client client(ReplyingKafkaTemplate<String, Note, Note> template) {
        return new Client(template);
    }
}
